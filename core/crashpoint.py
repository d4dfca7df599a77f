"""Named places between two durable steps where a test may stop the process.

`crashpoint("apply.after_call")` does nothing unless the environment arms it. Armed with
`STORNO_CRASHPOINT=apply.after_call#3` and `STORNO_CRASHPOINT_FILE=path`, the third pass writes the
file and then waits for ever: the test sees the file and kills the process from outside, which is a
true kill on every platform (no exit handler runs, nothing is flushed).

Inside `watched`, a test of this process is told of every pass and may end it there with an error of its own:
thousands of random deaths cost no process each.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

CRASH_POINTS: Final[tuple[str, ...]] = (
    "journal.before_commit",
    "journal.after_commit",
    "plan.before_commit",
    "plan.after_commit",
    "approve.after_commit",
    "start.before_commit",
    "start.after_commit",
    "apply.after_capture",
    "apply.after_intent",
    "apply.after_fence",
    "apply.after_call",
    "apply.after_read_back",
    "apply.after_outcome",
    "settle.before_commit",
    "settle.after_commit",
    "finish.before_commit",
    "finish.after_commit",
)
"""The closed list; a rollback is a change set, so it passes the same points."""

_armed, _, _nth = os.environ.get("STORNO_CRASHPOINT", "").partition("#")
_passes_left = int(_nth or 1)
_watch: Callable[[str], None] | None = None


def crashpoint(name: str) -> None:
    """Stop here for ever when this point is armed; else do nothing."""
    if _watch is not None:
        _watch(name)
    if not _armed or name != _armed:
        return
    global _passes_left  # noqa: PLW0603 - counts the passes of the one armed point
    _passes_left -= 1
    if _passes_left == 0:
        Path(os.environ["STORNO_CRASHPOINT_FILE"]).write_text(name, encoding="utf-8")
        while True:
            time.sleep(60)


@contextmanager
def watched(watch: Callable[[str], None]) -> Iterator[None]:
    """Tell `watch` of every point that is passed inside the block; what it raises, the point raises."""
    global _watch  # noqa: PLW0603 - the one watcher of the process
    previous, _watch = _watch, watch
    try:
        yield
    finally:
        _watch = previous
