"""Positions of operations as short text: `1-100,105`, so that a move of a whole batch is one row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def format_positions(positions: Iterable[int]) -> str:
    """Return ranges in the given order; only runs that go up by one are joined."""
    parts: list[str] = []
    start = last = None
    for position in positions:
        if last is not None and position == last + 1:
            last = position
            continue
        if start is not None:
            parts.append(str(start) if start == last else f"{start}-{last}")
        start = last = position
    if start is not None:
        parts.append(str(start) if start == last else f"{start}-{last}")
    return ",".join(parts)


def parse_positions(written: str) -> Iterator[int]:
    """Yield what `format_positions` was given, in the same order."""
    for part in filter(None, written.split(",")):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)
