"""`storno systems prepare`: what is installed in Odoo is shown, done as a change set, and taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from config import logging
from config.secrets import forget_secrets
from connectors.odoo.guard import CODE, MODEL, NAME
from core import encoding
from sandbox.odoo.instance import Odoo
from sandbox.odoo.server import OdooServer
from service.cli.main import main

SETTINGS = """\
systems:
  erp:
    kind: odoo
    url: {url}
    database: {database}
    user: {user}
    password: ${{ODOO_PASSWORD}}
  practice:
    kind: fake
language: en
"""

Typed = Callable[..., tuple[int, Any]]


@pytest.fixture
def odoo() -> Iterator[OdooServer]:
    """A stand-in of version 18, served."""
    with OdooServer(Odoo(18)) as server:
        yield server


@pytest.fixture
def storno(
    odoo: OdooServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Typed]:
    """Types a command with `--json`, as the given user of Odoo."""
    monkeypatch.chdir(tmp_path)

    def typed(*words: str, user: str = "admin") -> tuple[int, Any]:
        monkeypatch.setenv("ODOO_PASSWORD", user)
        settings = SETTINGS.format(url=odoo.url, database=odoo.odoo.db.name, user=user)
        (tmp_path / "storno.yaml").write_text(settings, encoding="utf-8")
        capsys.readouterr()
        code = main([*words, "--json"])
        return code, encoding.loads(capsys.readouterr().out)

    yield typed
    logging.reset()
    structlog.reset_defaults()
    forget_secrets()


def guards(odoo: OdooServer) -> list[tuple[str, str]]:
    """Return name and code of every guard."""
    rows = odoo.odoo.dump().get(MODEL, {}).values()
    return [(row["name"], row["code"]) for row in rows if str(row["name"]).startswith("Storno")]


def protected(told: Any) -> set[bool]:
    """Return whether closing a purchase order compares first, as `systems check` tells."""
    (system,) = told["systems"]
    return {
        each["has_compare_and_set"]
        for each in system["actions"]
        if each["action"] == "purchase_order.close"
    }


def test_a_preview_shows_the_code_and_installs_nothing(odoo: OdooServer, storno: Typed) -> None:
    """An administrator reads what would run in their system."""
    code, told = storno("systems", "prepare", "erp", "--preview")

    assert (0, {"name": NAME, "code": CODE}) == (code, told["contents"]["setting.install_guard"])
    assert [] == guards(odoo)


def test_installed_used_and_rolled_back(odoo: OdooServer, storno: Typed) -> None:
    """It is a change set as every other one: read back, used from then on, and taken back by a rollback."""
    assert {False} == protected(storno("systems", "check", "erp")[1])

    code, told = storno("systems", "prepare", "erp", "--yes")

    assert (0, "applied") == (code, told["change_set"]["state"])
    assert [(NAME, CODE)] == guards(odoo)
    assert {True} == protected(storno("systems", "check", "erp")[1])

    code, told = storno("rollback", "last", "--reason", "not wanted", "--yes")

    assert (0, []) == (code, guards(odoo))
    assert {False} == protected(storno("systems", "check", "erp")[1])


def test_removed_by_name(odoo: OdooServer, storno: Typed) -> None:
    """Whoever installed it, and whatever the journal knows of it."""
    storno("systems", "prepare", "erp", "--yes")
    code, _ = storno("systems", "prepare", "erp", "--remove", "--yes")

    assert (0, []) == (code, guards(odoo))


def test_installed_twice_is_an_exception(odoo: OdooServer, storno: Typed) -> None:
    """With the reason, and nothing is sent."""
    storno("systems", "prepare", "erp", "--yes")
    code, told = storno("systems", "prepare", "erp", "--yes")

    assert (1, ["installed"]) == (code, [*told["summary"]["by_code"]])
    assert [(NAME, CODE)] == guards(odoo)


def test_who_may_not_install_it_is_told(odoo: OdooServer, storno: Typed) -> None:
    """A buyer has no right to make server actions."""
    code, _ = storno("systems", "prepare", "erp", "--yes", user="buyer")

    assert 0 != code
    assert [] == guards(odoo)


def test_a_system_that_needs_nothing_says_so(storno: Typed) -> None:
    """The fake ERP compares by itself."""
    code, told = storno("systems", "prepare", "practice")

    assert 2 == code
    assert "STO-" in str(told)
