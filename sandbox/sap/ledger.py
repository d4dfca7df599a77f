"""The ledger: one line for every request that arrived, whatever became of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from core.encoding import encode_json


@dataclass(slots=True)
class LedgerLine:
    """One arrival of one request. `outcome` is `done`, `refused` (RETURN says so), `rolled back` (a change that
    nobody committed), `failed` (no answer of the function); `is_answered` whether a readable answer went back.
    """

    number: int
    verb: str
    path: str
    service: str = ""
    function: str = ""
    records: tuple[str, ...] = ()
    user: str = ""
    session: str = ""
    status: int = 0
    outcome: str = "done"
    said: str = ""
    faults: tuple[str, ...] = ()
    is_answered: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return the line as it travels."""
        return asdict(self)


class Ledger:
    """Keeps the lines, and writes each to a file, if there is one, before the answer leaves."""

    def __init__(self, path: Path | None = None) -> None:
        self._lines: list[LedgerLine] = []
        self._lock = Lock()
        self._file = path.open("ab") if path is not None else None

    def open_line(self, verb: str, path: str) -> LedgerLine:
        """Begin the line of a request that has just arrived."""
        with self._lock:
            line = LedgerLine(len(self._lines) + 1, verb, path)
            self._lines.append(line)
            return line

    def close_line(self, line: LedgerLine) -> None:
        """Write the line out; what it says does not change any more."""
        if self._file is not None:
            with self._lock:
                self._file.write(encode_json(line.to_json()) + b"\n")
                self._file.flush()

    def lines(self) -> list[LedgerLine]:
        """Return every line, oldest first."""
        return list(self._lines)

    def counts(self) -> dict[str, int]:
        """Return how often each function was called."""
        return dict(Counter(line.function for line in self._lines if line.function))

    def clear(self) -> None:
        """Forget the lines."""
        with self._lock:
            self._lines.clear()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
