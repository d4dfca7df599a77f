"""Units of work: what a session has changed and not committed, the locks it holds, and the update task."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from threading import Timer
from typing import TYPE_CHECKING

from sandbox.sap.database import Key, Update
from sandbox.sap.dictionary import Row
from sandbox.sap.locks import Lock
from sandbox.sap.schema import KEYS, TABLES

if TYPE_CHECKING:
    from sandbox.sap.instance import SAP, User
    from sandbox.sap.projects import ProjectWork


@dataclass(slots=True)
class Work:
    """One session's unit of work. Nothing of it is seen by anybody before `commit`; all of it goes with `roll_back`."""

    sap: SAP
    owner: str
    user: User
    language: str = "EN"
    updates: list[Update] = field(default_factory=list)
    fails_in_update: bool = False
    functions: list[str] = field(default_factory=list)
    projects: ProjectWork | None = None  # the project buffer, once it is opened

    def lock(self, table: str, number: str) -> Lock | None:
        """Take the lock on a document, or return the one in the way."""
        return self.sap.locks.take(table, number, owner=self.owner, user=self.user.name)

    def row(self, table: str, *key: str) -> Row | None:
        """Return a row as this work will leave it."""
        found = self.sap.db.get(table, *key)
        for update in self.updates:
            if update.table == table and update.key == key:
                base = found or TABLES[table].initial(dict(zip(KEYS[table], key, strict=True)))
                found = {**base, **update.values}
        return found

    def rows(self, table: str, **where: object) -> list[Row]:
        """Return the rows with these values as this work will leave them, in the order of their keys."""
        mine = {update.key for update in self.updates if update.table == table}
        if not mine:
            return list(self.sap.db.rows(table, **where))
        rows = [self.row(table, *key) for key in sorted(mine | set(self.sap.db.tables[table]))]
        return [
            row
            for row in rows
            if row is not None and all(row[name] == value for name, value in where.items())
        ]

    def change(self, table: str, key: Key, **values: object) -> None:
        """Leave word with the update task to change a row."""
        self.updates.append(Update(table, key, dict(values)))

    def insert(self, table: str, row: Row) -> None:
        """Leave word with the update task to write a new row."""
        key = tuple(row[name] for name in KEYS[table])
        self.updates.append(Update(table, key, row))

    def commit(self, *, is_waiting: bool) -> bool:
        """Hand over to the update task; return False if the caller waits and the update fails."""
        updates, self.updates = self.updates, []
        fails, self.fails_in_update = self.fails_in_update, False
        functions, self.functions = self.functions, []
        delay = self.sap.update_delay
        if not updates:
            self.sap.locks.release(self.owner)
            return True
        if is_waiting or delay <= 0:
            done = self.sap.update_task(updates, self, self.owner, functions, fails=fails)
            return done or not is_waiting
        task = f"UPD {self.owner}"
        self.sap.locks.hand_over(self.owner, task)
        later = partial(self.sap.update_later, updates, self, task, functions, fails=fails)
        if delay == math.inf:
            self.sap.waiting.append(later)
            return True
        timer = Timer(delay, later)
        timer.daemon = True
        self.sap.timers.append(timer)
        timer.start()
        return True

    def roll_back(self) -> bool:
        """Forget what was not committed and give the locks back; return whether there was anything."""
        was_dirty = bool(self.updates) or bool(self.projects and self.projects.updates)
        self.projects = None
        self.updates, self.functions, self.fails_in_update = [], [], False
        self.sap.locks.release(self.owner)
        return was_dirty


def values_changed(old: Row, wanted: Iterable[tuple[str, object]]) -> Row:
    """Return those of `wanted` that are not in `old` already."""
    return {name: value for name, value in wanted if old.get(name) != value}
