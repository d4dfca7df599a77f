"""The collector's thresholds belong to the process: several runs at once leave them as they were."""

from __future__ import annotations

import gc

from core.collector import SELDOM, seldom_collected


def test_of_several_runs_the_last_puts_them_back() -> None:
    """They overlap, and end in another order than they began."""
    before = gc.get_threshold()
    first, second = seldom_collected(), seldom_collected()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)

    assert SELDOM == gc.get_threshold()

    second.__exit__(None, None, None)

    assert before == gc.get_threshold()
