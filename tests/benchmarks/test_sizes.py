"""Benchmarks run at all: tiny sizes, nothing is timed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from tests.benchmarks import journal, journal_size, preview_run, startup
from tests.benchmarks.journal_run import measure, measure_erp
from tests.benchmarks.report import Requirement, print_environment, print_verdicts
from tests.benchmarks.tryton_script import Request

KEPT: Final = Requirement("kept", "< 2", "1", is_met=True)
MISSED: Final = Requirement("missed", "< 2", "3", is_met=False)


def test_journal_is_measured(tmp_path: Path) -> None:
    """Every operation is planned, approved, confirmed and stored, and the figures tell of it."""
    found = measure(25, 10, tmp_path)

    assert (found.size, found.batch_size) == (25, 10)
    assert min(found.plan_seconds, found.approve_seconds, found.run_seconds) > 0
    assert found.peak_bytes >= found.start_bytes > 0
    assert found.journal_bytes == (tmp_path / "journal.db").stat().st_size


def test_erp_alone_is_measured() -> None:
    """The ERP gets the same calls without a journal, so that its memory can be told apart."""
    found = measure_erp(25, 10)

    assert (found.size, found.journal_bytes) == (25, 0)
    assert found.peak_bytes >= found.start_bytes > 0


def test_journal_benchmark_ends_with_verdicts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each size is measured in a process of its own; there is a verdict on each rate, and one on memory."""
    found = journal.measure(tmp_path, {20: 1})

    assert len(found) == 2
    assert "run/s" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_journal_of_years_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is filled, pruned and backed up while another process writes; there is a verdict on each promise."""
    found = journal_size.measure(tmp_path, 40)

    assert 4 == len(found)
    assert "their commits" in capsys.readouterr().out
    assert [] == list(tmp_path.iterdir())


def test_previews_are_measured(tmp_path: Path) -> None:
    """Change sets are shown and previewed, and one large one is held in little memory."""
    found = preview_run.measure(30, 10, tmp_path, large=20)

    assert (found.total, found.one, found.large) == (30, 10, 20)
    assert min(found.preview_seconds, found.show_seconds, found.show_text_seconds) > 0
    assert found.large_bytes > 0


def test_start_is_measured() -> None:
    """The command really runs, and its processor time is seen."""
    assert startup.cpu_seconds() > 0


@pytest.mark.parametrize("found, code", [([KEPT], 0), ([KEPT, MISSED], 1), ([MISSED, KEPT], 1)])
def test_missed_promise_fails(
    found: list[Requirement], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """One missed promise is enough for an exit code that fails."""
    assert code == print_verdicts(found)
    assert ("MISSED" in capsys.readouterr().out) == bool(code)


def test_environment_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Figures are worth nothing without the machine and the versions."""
    print_environment(tmp_path)

    said = capsys.readouterr().out
    assert "SQLite" in said
    assert "fsync" in said


def test_request_for_one_record() -> None:
    """The loop sends what the batch sent, for one record and without the stamps of the others."""
    asked = {
        "id": 1,
        "method": "m",
        "params": [[1, 2, 3], {"_timestamp": {"a,1": "x"}, "company": 1}],
    }
    request = Request("m", json.dumps(asked).encode(), is_write=True)

    assert json.loads(request.for_one(2).body)["params"] == [[2], {"company": 1}]
