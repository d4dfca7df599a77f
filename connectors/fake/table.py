"""The rows of one model: copy on write, indexed by relation, lazily made where they are many and unchanged.

A row is a dict that is never changed once it is stored; a write puts a new one in its place. So a row may be
handed out without a copy, and an undo is the row that was there before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from connectors.fake.schema import FIELDS, INDEXED

Row = dict[str, Any]


class Source(Protocol):
    """Makes rows on demand that were populated and never changed."""

    def make(self, key: str) -> Row | None:
        """Return the row of `key`, the same at every call; None when it is not one of ours."""

    def all_keys(self, after: str | None) -> Iterable[str]:
        """Return every key behind `after`, in order."""

    def children(self, name: str, value: str) -> Iterable[str]:
        """Return the keys of the rows whose indexed field `name` holds `value`."""


class Table:
    """The rows of one model."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.source: Source | None = None
        self._rows: dict[str, Row] = {}
        self._overlays: dict[
            str, Row | None
        ] = {}  # of populated rows: what differs; None when deleted
        self._indexes: dict[str, dict[Any, dict[str, None]]] = {name: {} for name in INDEXED[model]}
        self._fields = FIELDS[model]
        self._last_key = 0

    def get(self, key: str) -> Row | None:
        """Return the row, or None; it must not be changed."""
        row = self._rows.get(key)
        if row is not None or self.source is None:
            return row
        if key in self._overlays:
            overlay = self._overlays[key]
            made = None if overlay is None else self.source.make(key)
            return None if made is None or overlay is None else {**made, **overlay}
        return self.source.make(key)

    def all_keys(self, after: str | None = None) -> Iterator[str]:
        """Yield every key behind `after`: populated ones first, then the others in the order they were made."""
        if self.source is not None and after not in self._rows:
            for key in self.source.all_keys(after):
                if self._overlays.get(key, {}) is not None:
                    yield key
            after = None
        inserted = iter(tuple(self._rows))
        if after is not None:
            for key in inserted:
                if key == after:
                    break
        yield from inserted

    def children(self, name: str, value: str) -> list[str]:
        """Return the keys of the rows whose indexed field `name` holds `value`."""
        found = list(self._indexes[name].get(value, ()))
        if self.source is not None:
            found += [
                key
                for key in self.source.children(name, value)
                if self._overlays.get(key, {}) is not None
            ]
        return found

    def next_key(self) -> str:
        """Return a key that no row of this table ever had."""
        self._last_key += 1
        return str(self._last_key)

    def reserve_keys(self, last: int) -> None:
        """Let new keys start after `last`."""
        self._last_key = max(self._last_key, last)

    def insert(self, key: str, row: Row) -> None:
        """Store a new row with exactly the fields of the model."""
        if row.keys() != self._fields:
            msg = f"{self.model}: {sorted(row.keys() ^ self._fields)}"
            raise ValueError(msg)
        self._rows[key] = row
        for name, index in self._indexes.items():
            index.setdefault(row[name], {})[key] = None

    def overlay(self, key: str) -> Row | None:
        """Return what differs from a populated row so far; None for any other row."""
        return None if key in self._rows else self._overlays.get(key, {})

    def put_overlay(self, key: str, overlay: Row) -> None:
        """Store what differs from a populated row; many rows may share one dict."""
        self._overlays[key] = overlay

    def replace(self, key: str, row: Row) -> None:
        """Put `row` in the place of a row that was inserted before."""
        previous = self._rows[key]
        self._rows[key] = row
        for name, index in self._indexes.items():
            if previous[name] != row[name]:
                index[previous[name]].pop(key, None)
                index.setdefault(row[name], {})[key] = None

    def delete(self, key: str) -> None:
        """Take a row out."""
        row = self._rows.pop(key, None)
        if row is None:
            self._overlays[key] = None
            return
        for name, index in self._indexes.items():
            index[row[name]].pop(key, None)

    def is_inserted(self, key: str) -> bool:
        """Whether the row was inserted (not populated)."""
        return key in self._rows

    def state_of(self, key: str) -> tuple[Row | None, Row | None, bool]:
        """Return what `restore` needs to bring this key back to where it is now."""
        return self._rows.get(key), self._overlays.get(key), key in self._overlays

    def restore(self, key: str, state: tuple[Row | None, Row | None, bool]) -> None:
        """Bring a key back to an earlier state."""
        row, overlay, had_overlay = state
        if key in self._rows:
            self.delete(key)
        if row is not None:
            self.insert(key, row)
        if had_overlay:
            self._overlays[key] = overlay
        else:
            self._overlays.pop(key, None)
