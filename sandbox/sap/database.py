"""Rows of the transparent tables, and the clock that stamps them."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sandbox.sap.dictionary import Row, Value
from sandbox.sap.schema import CHANGE_OBJECTS, KEYS, TABLES

Key = tuple[Value, ...]
Content = dict[str, dict[Key, Row]]

_DAY_ONE: Final = datetime(2026, 11, 2, 8, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Update:
    """What one update task does to one row: `values` on top of the row, which is made if it is not there."""

    table: str
    key: Key
    values: Row


class Database:
    """All rows, as committed."""

    def __init__(self) -> None:
        self.tables: Content = {name: {} for name in TABLES}
        self.now = _DAY_ONE
        self.change_number = 0

    @property
    def today(self) -> str:
        """The day of this SAP's own clock, which goes on by one second with each commit."""
        return self.now.strftime("%Y-%m-%d")

    @property
    def stamp(self) -> str:
        """The moment as SAP's long time stamps have it."""
        return self.now.strftime("%Y%m%d%H%M%S")

    def get(self, table: str, *key: Value) -> Row | None:
        """Return a row, or None; it is not to be written to."""
        return self.tables[table].get(key)

    def rows(self, table: str, **where: Value) -> Iterator[Row]:
        """Return the rows with these values, in the order of their keys."""
        found = self.tables[table]
        for key in sorted(found):
            row = found[key]
            if all(row[name] == value for name, value in where.items()):
                yield row

    def put(self, table: str, values: Row) -> Row:
        """Write a whole row at once, as the founders of the practice company do. Raises `KeyError` for a wrong column."""
        wrong = set(values) - {field.name for field in TABLES[table]}
        if wrong:
            raise KeyError(table, sorted(wrong))
        row = TABLES[table].initial(values)
        self.tables[table][tuple(row[name] for name in KEYS[table])] = row
        return row

    def apply(self, updates: list[Update], user: str) -> None:
        """Do all of one unit of work, and write its change documents."""
        self.now += timedelta(seconds=1)
        traced: dict[tuple[str, str], list[tuple[str, Key, str, Value, Value, str]]] = {}
        for update in updates:
            rows = self.tables[update.table]
            old = rows.get(update.key)
            base = old or TABLES[update.table].initial(
                dict(zip(KEYS[update.table], update.key, strict=True))
            )
            rows[update.key] = {**base, **update.values}
            owner = CHANGE_OBJECTS.get(update.table)
            if owner is not None and old is not None:
                changes = traced.setdefault((owner, update.key[0]), [])
                changes += [
                    (update.table, update.key, name, old.get(name, ""), value, "U")
                    for name, value in update.values.items()
                    if old.get(name, "") != value
                ]
        for (owner, number), changes in traced.items():
            if changes:
                self._trace(owner, number, changes, user)

    def _trace(
        self,
        owner: str,
        number: str,
        changes: list[tuple[str, Key, str, Value, Value, str]],
        user: str,
    ) -> None:
        self.change_number += 1
        change = f"{self.change_number:010d}"
        head: Row = {"OBJECTCLAS": owner, "OBJECTID": number, "CHANGENR": change}
        moment = {"UDATE": self.today, "UTIME": self.now.strftime("%H:%M:%S")}
        self.put("CDHDR", {**head, "USERNAME": user, **moment})
        for table, key, name, old, new, kind in changes:
            self.put(
                "CDPOS",
                {
                    **head,
                    "TABNAME": table,
                    "TABKEY": "".join(str(part) for part in key),
                    "FNAME": name,
                    "CHNGIND": kind,
                    "VALUE_NEW": str(new),
                    "VALUE_OLD": str(old),
                },
            )

    def snapshot(self) -> tuple[Content, datetime, int]:
        """Return all that `restore` takes back."""
        return deepcopy(self.tables), self.now, self.change_number

    def restore(self, then: tuple[Content, datetime, int]) -> None:
        """Put everything back as it was."""
        self.tables, self.now, self.change_number = deepcopy(then[0]), then[1], then[2]

    def dump(self) -> dict[str, list[dict[str, Any]]]:
        """Return every row of every table."""
        return {name: [dict(row) for row in self.rows(name)] for name in self.tables}
