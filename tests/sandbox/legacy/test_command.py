"""The command that makes a practice database."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from sandbox.legacy.__main__ import main


def test_whoever_read_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`| head` ends it quietly; the database is there."""
    reading, writing = os.pipe()
    os.close(reading)
    place = tmp_path / "k3.sqlite"
    with os.fdopen(writing, "w", encoding="utf-8") as broken:
        monkeypatch.setattr(sys, "stdout", broken)

        assert main(["--erp", "k3", "--file", str(place), "--size", "test"]) == 0
    assert place.stat().st_size
