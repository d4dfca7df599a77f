"""Crash points: nothing unless armed, and then a stop that only a kill from outside ends."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core import crashpoint as module
from core.crashpoint import CRASH_POINTS, crashpoint, watched

ROOT = Path(__file__).parents[3]


class _StoppedError(Exception):
    pass


def test_unarmed_does_nothing() -> None:
    """Where no test arms them, crash points cost nothing and do nothing."""
    for name in CRASH_POINTS:
        crashpoint(name)


def test_armed_point_stops_on_its_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The armed point stops on the pass that was asked for, all others go on."""

    def stop(_seconds: float) -> None:
        raise _StoppedError

    monkeypatch.setattr(module, "_armed", "apply.after_call")
    monkeypatch.setattr(module, "_passes_left", 2)
    monkeypatch.setattr(time, "sleep", stop)
    monkeypatch.setenv("STORNO_CRASHPOINT_FILE", str(tmp_path / "reached"))

    crashpoint("apply.after_intent")
    crashpoint("apply.after_call")
    assert not (tmp_path / "reached").exists()
    with pytest.raises(_StoppedError):
        crashpoint("apply.after_call")
    assert (tmp_path / "reached").read_text() == "apply.after_call"


def test_process_waits_to_be_killed(tmp_path: Path) -> None:
    """A process at its crash point writes the file, goes no further and dies without a farewell."""
    reached, passed = tmp_path / "reached", tmp_path / "passed"
    program = (
        "import atexit, pathlib, sys\n"
        "from core.crashpoint import crashpoint\n"
        "done = pathlib.Path(sys.argv[1])\n"
        "atexit.register(done.touch)\n"
        "crashpoint('plan.before_commit')\n"
        "crashpoint('plan.after_commit')\n"
        "crashpoint('plan.after_commit')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(passed)],
        cwd=ROOT,
        env={
            "PATH": "",
            "PYTHONPATH": str(ROOT),
            "STORNO_CRASHPOINT": "plan.after_commit#2",
            "STORNO_CRASHPOINT_FILE": str(reached),
        },
    )
    try:
        while not reached.exists():
            assert process.poll() is None, "it ended before its crash point"
            time.sleep(0.01)
    finally:
        process.kill()
        code = process.wait()

    assert code != 0
    assert not passed.exists()


def test_every_point_in_the_code_is_in_the_list() -> None:
    """A crash point that is not listed would never be tested."""
    product = [ROOT / name for name in ("recovery", "closing", "connectors", "service")]
    used = {
        name
        for folder in product
        for path in folder.rglob("*.py")
        for name in re.findall(r"crashpoint\(\s*[\"']([^\"']+)", path.read_text(encoding="utf-8"))
    }

    assert used <= set(CRASH_POINTS)


def test_watcher_is_told_and_may_end_it() -> None:
    """Whoever watches hears of each pass, may raise there, and hears nothing more afterwards."""
    told: list[str] = []

    def stop_at_call(name: str) -> None:
        told.append(name)
        if name == "apply.after_call":
            raise _StoppedError

    with watched(stop_at_call):
        crashpoint("apply.after_intent")
        with pytest.raises(_StoppedError):
            crashpoint("apply.after_call")
    crashpoint("apply.after_outcome")

    assert ["apply.after_intent", "apply.after_call"] == told
