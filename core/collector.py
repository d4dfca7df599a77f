"""Python's cyclic garbage collector during long work that makes no cycles."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

SELDOM: Final = (50_000, 20, 100)


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Inside, cycles are looked for seldom.

    Images and operations are trees: they are freed as soon as nobody holds them, and walking thousands of them
    again and again to find no cycle costs a fifth of a run.
    """
    before = gc.get_threshold()
    gc.set_threshold(*SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)
