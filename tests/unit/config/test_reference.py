"""The reference of settings is generated, and never stale."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import reference
from config.reference import TARGET


def test_page_is_up_to_date() -> None:
    """docs/reference/settings.md says what the models say; else: python -m config.reference."""
    assert TARGET.read_text(encoding="utf-8") == reference.reference()


def test_every_setting_is_explained() -> None:
    """Every key of every section has a sentence of its own."""
    lines = reference.reference().splitlines()
    keys = [place for place, line in enumerate(lines) if line.startswith("* `")]

    assert len(keys) > 40
    assert all(lines[place + 1].startswith("  ") for place in keys if "`: " in lines[place])


def test_page_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command writes the page and says where."""
    target = tmp_path / "docs" / "settings.md"
    monkeypatch.setattr(reference, "TARGET", target)
    reference.main()

    assert target.read_text(encoding="utf-8").startswith("# Settings\n")
