"""One builder at a time, on every platform: a lock file that is made exclusively and kept fresh.

A process that dies leaves the file behind; its time stamp then stops moving, and whoever waits takes the lock over.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sandbox.tryton.venv import PracticeError

FRESHEN_SECONDS: Final = 2.0
STALE_SECONDS: Final = 20.0
POLL_SECONDS: Final = 0.25


@contextmanager
def build_lock(path: Path, *, timeout_seconds: float = 1800.0) -> Iterator[None]:
    """Hold the lock file while the block runs; wait for another holder that is alive."""
    token = uuid.uuid4().hex
    deadline = time.monotonic() + timeout_seconds
    path.parent.mkdir(parents=True, exist_ok=True)
    while not _take(path, token):
        if _is_stale(path):
            _break(path)
            continue
        if time.monotonic() > deadline:
            message = f"another process has been making the practice ERP for too long; if none runs, delete {path}"
            raise PracticeError(message)
        time.sleep(POLL_SECONDS)
    done = threading.Event()
    keeper = threading.Thread(target=_keep_fresh, args=(path, token, done), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()
        if _holder(path) == token:
            path.unlink(missing_ok=True)


def _take(path: Path, token: str) -> bool:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(token)
    except (
        FileExistsError,
        PermissionError,
    ):  # Windows says "permission" while a deleted file is still open
        if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
            raise
        return False
    return True


def _holder(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None


def _is_stale(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > STALE_SECONDS
    except OSError:
        return False


def _break(path: Path) -> None:
    """Take a dead holder's file away; renaming lets exactly one of several waiters do it."""
    grave = path.with_name(f"{path.name}.{uuid.uuid4().hex}.dead")
    try:
        path.rename(grave)
    except OSError:
        return
    grave.unlink(missing_ok=True)


def _keep_fresh(path: Path, token: str, done: threading.Event) -> None:
    while not done.wait(FRESHEN_SECONDS):
        if _holder(path) == token:
            try:
                os.utime(path)
            except OSError:
                continue
