"""Rows in memory, with transactions: what a refused call did is undone."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from core import clock
from sandbox.odoo.schema import Model, Schema

Row = dict[str, Any]
NUMBERED: Final = (
    "purchase.order",
    "sale.order",
    "stock.picking.in",
    "stock.picking.out",
    "stock.picking.internal",
    "mrp.production",
)
_STAMP: Final = "%Y-%m-%d %H:%M:%S.%f"


class Store:
    """The rows of one model. Only `Database` and `Table` change it."""

    __slots__ = ("_indexes", "database", "model", "next_id", "rows")

    def __init__(self, database: Database, model: Model) -> None:
        self.database = database
        self.model = model
        self.rows: dict[int, Row] = {}
        self.next_id = 1
        self._indexes: dict[str, dict[int, set[int]]] = {}

    def put(self, record_id: int, row: Row | None) -> None:
        """Replace one row (None: delete it), and remember the old one for a rollback."""
        self.database.remember(self, record_id)
        self.set_row(record_id, row)

    def set_row(self, record_id: int, row: Row | None) -> None:
        """Replace one row without remembering."""
        old = self.rows.get(record_id)
        for name, index in self._indexes.items():
            for key in _keys(old, name):
                index[key].discard(record_id)
            for key in _keys(row, name):
                index.setdefault(key, set()).add(record_id)
        if row is None:
            self.rows.pop(record_id, None)
        else:
            self.rows[record_id] = row

    def new_id(self) -> int:
        """Return an id that was never used; like PostgreSQL's, it is not given back by a rollback."""
        new, self.next_id = self.next_id, self.next_id + 1
        return new

    def reset(self, rows: dict[int, Row]) -> None:
        """Replace all rows."""
        if rows != self.rows:
            self.rows = dict(rows)
            self._indexes.clear()

    def pointing(self, name: str, record_id: int) -> list[int]:
        """Return the rows whose relation `name` holds `record_id`, by id."""
        index = self._indexes.get(name)
        if index is None:
            index = self._indexes[name] = {}
            for other, row in self.rows.items():
                for key in _keys(row, name):
                    index.setdefault(key, set()).add(other)
        return sorted(index.get(record_id, ()))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything in a database at one moment."""

    rows: dict[str, dict[int, Row]]
    sequences: dict[str, int]


def _keys(row: Row | None, name: str) -> Iterable[int]:
    if row is None:
        return ()
    value = row.get(name)
    if isinstance(value, tuple):
        return value
    return (value,) if value else ()


class Database:
    """One database: stores, sequences, one transaction at a time."""

    def __init__(self, name: str, schema: Schema) -> None:
        self.name = name
        self.schema = schema
        self.stores = {model.name: Store(self, model) for model in schema.models.values()}
        self.sequences: dict[str, int] = {}
        self.lock = threading.RLock()
        self.stamp = ""
        self.groups: dict[int, frozenset[str]] = {}
        self.passwords: dict[int, str] = {}
        self.api_keys: dict[str, int] = {}
        self._saved: dict[tuple[str, int], Row | None] | None = None
        self._last = datetime.min.replace(tzinfo=clock.now().tzinfo)

    def shuffle(self, seed: int) -> None:
        """Begin the ids of every model somewhere else, so that nobody can count on them."""
        chance = random.Random(seed)
        for store in self.stores.values():
            store.next_id = chance.randrange(101, 900)
        self.sequences = {code: chance.randrange(100, 9000) for code in NUMBERED}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run one transaction; whatever is raised undoes all of it. No two share a time stamp."""
        with self.lock:
            if self._saved is not None:
                yield
                return
            self._saved = {}
            sequences = dict(self.sequences)
            now = clock.now()
            self._last = now if now > self._last else self._last + _TICK
            self.stamp = self._last.strftime(_STAMP)
            try:
                yield
            except BaseException:
                for (model, record_id), row in self._saved.items():
                    self.stores[model].set_row(record_id, row)
                self.sequences = sequences
                raise
            finally:
                self._saved = None

    def snapshot(self) -> Snapshot:
        """Return everything as it is now, for `restore`; rows are shared, for they are never changed in place."""
        with self.lock:
            rows = {name: dict(store.rows) for name, store in self.stores.items() if store.rows}
            return Snapshot(rows, dict(self.sequences))

    def restore(self, to: Snapshot) -> None:
        """Bring back what a snapshot holds; ids go on from where they are."""
        with self.lock:
            for name, store in self.stores.items():
                store.reset(to.rows.get(name, {}))
            self.sequences = dict(to.sequences)

    def remember(self, store: Store, record_id: int) -> None:
        """Keep a row as it was before this transaction."""
        if self._saved is None:
            return
        key = (store.model.name, record_id)
        if key not in self._saved:
            old = store.rows.get(record_id)
            self._saved[key] = None if old is None else dict(old)

    @property
    def today(self) -> str:
        """Return the date of the transaction, in UTC."""
        return self.stamp[:10]

    @property
    def now(self) -> str:
        """Return the moment of the transaction in whole seconds, as datetime fields hold it."""
        return self.stamp[:19]


_TICK: Final = datetime.resolution
