"""An independent witness: the whole database of the practice ERP before and after, and every difference between.

The dump is made by a script in an own process that reads the tables as they lie there, through neither Tryton nor Storno.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.tryton.venv import SCRIPTS, PracticeError

DUMP_TIMEOUT_SECONDS = 300.0

Row = dict[str, Any]
Tables = dict[str, dict[str, Row]]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One value that differs, or one row that came or went (then ``column`` is None and the whole row is told)."""

    table: str
    key: str
    column: str | None
    before: Any
    after: Any

    @property
    def kind(self) -> str:
        if self.column is not None:
            return "changed"
        return "added" if self.before is None else "removed"

    def __str__(self) -> str:
        if self.column is None:
            return f"{self.table} {self.key}: row {self.kind}"
        return f"{self.table} {self.key} {self.column}: {self.before!r} -> {self.after!r}"


def dump(source: Path | str, target: Path, *, python: Path | None = None) -> Path:
    """Write the whole database to this file: a path is an SQLite file, text is a PostgreSQL address.

    PostgreSQL needs the practice venv's interpreter (``Ready.python``).
    """
    backend = "sqlite" if isinstance(source, Path) else "postgresql"
    if backend == "sqlite" and not Path(source).is_file():
        message = f"there is no database file {source}"
        raise PracticeError(message)
    command = [
        str(python or sys.executable),
        "-I",
        str(SCRIPTS / "dump.py"),
        backend,
        str(source),
        str(target),
    ]
    done = subprocess.run(command, capture_output=True, timeout=DUMP_TIMEOUT_SECONDS, check=False)
    if done.returncode:
        tail = done.stderr.decode("utf-8", "replace").strip()[-2000:]
        message = f"the database could not be dumped:\n{tail}"
        raise PracticeError(message)
    return target


def load(dumped: Path) -> Tables:
    tables: Tables = json.loads(dumped.read_text(encoding="utf-8"))
    return tables


def compare(before: Path | Tables, after: Path | Tables) -> list[Difference]:
    """Every difference between two dumps, in a fixed order; none means that both databases hold the same."""
    old = load(before) if isinstance(before, Path) else before
    new = load(after) if isinstance(after, Path) else after
    found: list[Difference] = []
    for table in sorted(old.keys() | new.keys()):
        old_rows, new_rows = old.get(table, {}), new.get(table, {})
        for key in sorted(old_rows.keys() | new_rows.keys(), key=_key_order):
            found.extend(_compare_row(table, key, old_rows.get(key), new_rows.get(key)))
    return found


def _compare_row(table: str, key: str, old: Row | None, new: Row | None) -> list[Difference]:
    if old == new:
        return []
    if old is None or new is None:
        return [Difference(table=table, key=key, column=None, before=old, after=new)]
    return [
        Difference(
            table=table, key=key, column=column, before=old.get(column), after=new.get(column)
        )
        for column in sorted(old.keys() | new.keys())
        if old.get(column) != new.get(column) or type(old.get(column)) is not type(new.get(column))
    ]


def _key_order(key: str) -> tuple[int, str]:
    return (int(key), "") if key.isdecimal() else (sys.maxsize, key)
