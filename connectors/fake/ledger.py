"""The ledger: one line for every request that the ERP received, whatever became of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from core.encoding import encode_json, loads


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One arrival of one request.

    `applied` names the operations whose effect is in the ERP because of this arrival; `answered` is `ok`,
    a code of connectors.fake.errors, or `nothing` when no readable answer went back.
    """

    request_id: str
    do: str
    action: str | None = None
    operations: tuple[str, ...] = ()
    applied: tuple[str, ...] = ()
    answered: str = "ok"
    faults: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> LedgerLine:
        """Read back what `to_json` wrote."""
        lists = {name: tuple(stored[name]) for name in ("operations", "applied", "faults")}
        return cls(**{**stored, **lists})


class Ledger(Protocol):
    """Where lines go."""

    def write(self, line: LedgerLine) -> None:
        """Keep one line; it is safe when this returns."""

    def lines(self) -> list[LedgerLine]:
        """Return every line, oldest first."""


class MemoryLedger:
    """Keeps lines in memory."""

    def __init__(self) -> None:
        self._lines: list[LedgerLine] = []

    def write(self, line: LedgerLine) -> None:
        self._lines.append(line)

    def lines(self) -> list[LedgerLine]:
        return list(self._lines)


class CountingLedger:
    """Keeps no lines, only how many came: for measuring memory."""

    def __init__(self) -> None:
        self.count = 0

    def write(self, line: LedgerLine) -> None:
        self.count += 1

    def lines(self) -> list[LedgerLine]:
        return []


class FileLedger:
    """Appends lines to a file and syncs each, so that they survive the death of any process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("ab")

    def write(self, line: LedgerLine) -> None:
        self._file.write(encode_json(line.to_json()) + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def lines(self) -> list[LedgerLine]:
        return list(read_ledger(self.path))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_ledger(path: Path) -> Iterator[LedgerLine]:
    """Yield the lines of a ledger file; a last line that was cut by a kill is left out."""
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield LedgerLine.from_json(loads(line))


def applied_counts(lines: list[LedgerLine]) -> dict[str, int]:
    """Return how often each operation was applied; a chaos test wants 1 everywhere."""
    counts: dict[str, int] = {}
    for line in lines:
        for operation in line.applied:
            counts[operation] = counts.get(operation, 0) + 1
    return counts
