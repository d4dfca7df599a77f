"""What is in the fake ERP, the people who work in it, and the oracle that tells the whole content."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any, Final

from connectors.fake.errors import ERPError
from connectors.fake.population import populate
from connectors.fake.rules import (
    Transaction,
    approve_by_hand,
    recompute,
    withdraw_by_hand,
    write_fields,
)
from connectors.fake.schema import LINE, MOVE, ORDER, SALE, SALE_LINE, SCHEMA, STAMPS
from connectors.fake.table import Row, Table

EPOCH: Final = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)

_BY_HAND: Final[Mapping[str, Callable[[Transaction, str], None]]] = {
    "purchase_order.approve_by_hand": approve_by_hand,
    "purchase_order.withdraw_by_hand": withdraw_by_hand,
}


class Content:
    """The tables of one ERP. What people do here leaves no line in the ledger."""

    def __init__(self) -> None:
        self.tables = {model: Table(model) for model in SCHEMA}
        self._lock = RLock()
        self._ticks = 0

    def edit(
        self, model: str, key: str, changes: Mapping[str, Any], *, user: str = "somebody"
    ) -> None:
        """Somebody else changes fields of a record. Raises `ERPError`."""
        with self._lock:
            write_fields(Transaction(self.tables, user, self.tick()), model, key, changes)

    def delete(self, model: str, key: str, *, user: str = "somebody") -> None:
        """Somebody else deletes a record. Raises `ERPError`."""
        with self._lock:
            Transaction(self.tables, user, self.tick()).delete(model, key)

    def insert(self, model: str, fields: Mapping[str, Any], *, user: str = "somebody") -> str:
        """Somebody makes a record; an order's amounts follow its lines. Returns the key."""
        with self._lock:
            tx = Transaction(self.tables, user, self.tick())
            key = tx.insert(model, fields)
            if model in (LINE, SALE_LINE):
                recompute(tx, ORDER if model == LINE else SALE, fields["order"])
            return key

    def do_by_hand(self, action: str, key: str, *, user: str = "anna") -> None:
        """A person carries an action out on the screen. Raises `ERPError` when its rules forbid it."""
        with self._lock:
            _BY_HAND[action](Transaction(self.tables, user, self.tick()), key)

    def receive(self, move_key: str, *, user: str = "warehouse") -> None:
        """Goods of an expected move arrive: it is done, and its line knows."""
        with self._lock:
            tx = Transaction(self.tables, user, self.tick())
            move = tx.get(MOVE, move_key)
            line = tx.get(LINE, move["line"])
            tx.write(MOVE, move_key, {"state": "done"})
            received = line["received_quantity"] + move["quantity"]
            tx.write(LINE, move["line"], {"received_quantity": received})
            recompute(tx, ORDER, move["order"])

    def populate(self, *, purchase_orders: int) -> None:
        """Fill an empty ERP with many quotations that cost nothing until they are changed."""
        if any(True for _ in self.tables[ORDER].all_keys()):
            msg = "populate comes first"
            raise ValueError(msg)
        with self._lock:
            populate(self.tables, purchase_orders)

    def dump(self, *, with_trace: bool = True) -> dict[str, dict[str, Row]]:
        """Return the whole content: model -> key -> fields, without the ERP's own stamps if asked so."""
        left_out = frozenset() if with_trace else STAMPS
        with self._lock:
            return {
                model: {
                    key: {
                        name: v
                        for name, v in (table.get(key) or {}).items()
                        if name not in left_out
                    }
                    for key in table.all_keys()
                }
                for model, table in self.tables.items()
            }

    def table(self, model: str) -> Table:
        """Return the rows of a model. Raises `ERPError` when there is no such model."""
        table = self.tables.get(model)
        if table is None:
            raise ERPError("not_found", f"model {model}")
        return table

    def tick(self) -> datetime:
        """The ERP's own clock: one second later at every change, so that a run repeats exactly."""
        self._ticks += 1
        return EPOCH + timedelta(seconds=self._ticks)
