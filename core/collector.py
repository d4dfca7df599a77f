"""Python's cyclic garbage collector during long work that makes no cycles."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

SELDOM: Final = (50_000, 20, 100)

_lock: Final = Lock()
_inside = 0
_before = (0, 0, 0)


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Inside, cycles are looked for seldom.

    Images and operations are trees: they are freed as soon as nobody holds them, and walking thousands of them
    again and again to find no cycle costs a fifth of a run. The thresholds belong to the whole process: with several
    runs at the same time the first sets them, and the last to end puts back what was there before the first.
    """
    global _inside, _before  # noqa: PLW0603 - one collector a process, so one count a process
    with _lock:
        if _inside == 0:
            _before = gc.get_threshold()
            gc.set_threshold(*SELDOM)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                gc.set_threshold(*_before)
