"""Keys and hidden fields in storno.yaml: what cannot work is refused, with what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from config.secrets import redact
from config.settings import load
from config.storage import key_bytes
from core.errors import ConfigError

Write = Callable[[str], Path]

KEY = "A" * 43 + "="
SETTINGS = """\
systems: {erp: {kind: fake}}
journal:
  keys:
    - {name: "2026", key: "${NEW}"}
    - {name: "2025", key: "${OLD}"}
"""
RULE = "redaction:\n  - {system: erp, model: hr.contract, fields: [wage]}\n"
ENVIRONMENT = {"NEW": KEY, "OLD": "B" * 43 + "="}


def problem(path: Path, environment: dict[str, str]) -> str:
    """Return what is wrong with the settings."""
    with pytest.raises(ConfigError) as caught:
        load(path, environment=environment)
    return str(caught.value)


def test_keys_and_rules_are_read(write: Write) -> None:
    """The first key is the one that seals; no key is ever shown."""
    settings = load(write(SETTINGS + RULE), environment=ENVIRONMENT)

    assert ["2026", "2025"] == [each.name for each in settings.journal.keys]
    assert bytes(32) == settings.journal.keys[0].secret
    assert ("erp", "hr.contract", ("wage",)) == (
        settings.redaction[0].system,
        settings.redaction[0].model,
        settings.redaction[0].fields,
    )
    assert KEY not in repr(settings)
    assert KEY not in redact(f"the key is {KEY}")


@pytest.mark.parametrize("written", ["", "hunter2", "A" * 42 + "==", KEY + "AAAA", "-" * 44])
def test_a_key_that_is_none_is_refused(write: Write, written: str) -> None:
    """With the command that makes one, and without the value."""
    said = problem(write(SETTINGS), {**ENVIRONMENT, "NEW": written})

    assert "journal.keys" in said
    assert "storno journal new-key" in said
    assert "hunter2" not in said
    assert key_bytes(written) is None


def test_a_key_does_not_stand_in_the_file(write: Write) -> None:
    """Whoever reads the settings would have it."""
    said = problem(write(SETTINGS.replace("${NEW}", KEY)), ENVIRONMENT)

    assert "does not stand in this file" in said
    assert KEY not in said


def test_two_keys_have_two_names(write: Write) -> None:
    """The journal knows them by name."""
    assert "the same name" in problem(write(SETTINGS.replace("2025", "2026")), ENVIRONMENT)


def test_without_a_key_nothing_is_hidden(write: Write) -> None:
    """The values would stand in the journal for everybody: it says what to do."""
    said = problem(write("systems: {erp: {kind: fake}}\n" + RULE), {})

    assert "redaction" in said
    assert "storno journal new-key" in said


def test_a_rule_of_an_unknown_system_is_refused(write: Write) -> None:
    """It would hide nothing."""
    said = problem(write(SETTINGS + RULE.replace("erp", "epr")), ENVIRONMENT)

    assert "redaction" in said
    assert "erp" in said


@pytest.mark.parametrize("rule", ["{model: a.b}", "{model: a.b, fields: []}", "{fields: [a]}"])
def test_a_rule_names_model_and_fields(write: Write, rule: str) -> None:
    """A rule without them hides nothing, and whoever wrote it believes otherwise."""
    assert "redaction" in problem(write(f"{SETTINGS}redaction:\n  - {rule}\n"), ENVIRONMENT)
