"""The lock file of the builders: one at a time, and a dead holder does not stop the next."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from sandbox.tryton import lock
from sandbox.tryton.venv import PracticeError


def test_two_builders_take_turns(tmp_path: Path) -> None:
    """While one holds the lock, the other waits."""
    file, inside, most = tmp_path / "a.lock", [0], [0]

    def build() -> None:
        with lock.build_lock(file):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0.05)
            inside[0] -= 1

    threads = [threading.Thread(target=build) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == [1]
    assert not file.exists()


def test_a_dead_holder_is_taken_over(tmp_path: Path) -> None:
    """A lock file that nobody freshens any more is taken away."""
    file = tmp_path / "a.lock"
    file.write_text("dead", encoding="utf-8")
    long_ago = time.time() - lock.STALE_SECONDS - 1
    os.utime(file, (long_ago, long_ago))

    with lock.build_lock(file, timeout_seconds=1):
        assert file.read_text(encoding="utf-8") != "dead"


def test_a_living_holder_is_waited_for_only_so_long(tmp_path: Path) -> None:
    """The error names the file that can be deleted."""
    file = tmp_path / "a.lock"

    with (
        lock.build_lock(file),
        pytest.raises(PracticeError, match=r"a\.lock"),
        lock.build_lock(file, timeout_seconds=0.1),
    ):
        pass
