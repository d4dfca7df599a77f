"""What the ERP itself does for each action: its business rules, inside one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from connectors.fake.errors import ERPError
from connectors.fake.schema import (
    DERIVED,
    INVOICE,
    LINE,
    MESSAGE,
    MOVE,
    ORDER,
    PERIOD,
    PERIOD_JOURNAL,
    PROJECT,
    SALE,
    SALE_LINE,
    SCHEMA,
    STAMPS,
    TASK,
)
from connectors.fake.table import Row, Table

ZERO: Final = Decimal(0)
_LINES_OF: Final[Mapping[str, str]] = {ORDER: LINE, SALE: SALE_LINE}
_HEADER_OF: Final[Mapping[str, str]] = {LINE: ORDER, SALE_LINE: SALE}


class Transaction:
    """Changes of one call or one batch: stamped as the ERP stamps them, undone as a whole if need be."""

    def __init__(self, tables: Mapping[str, Table], user: str, moment: datetime) -> None:
        self._tables = tables
        self._undo: list[tuple[Table, str, Any]] = []
        self._shared: dict[tuple[Any, ...], Row] = {}
        self.user = user
        self.moment = moment
        self.operation_id = ""  # of the call that is being carried out, with its arguments
        self.arguments: Mapping[str, Any] = {}

    def get(self, model: str, key: str) -> Row:
        """Return a row. Raises `ERPError` when it does not exist."""
        row = self._tables[model].get(key)
        if row is None:
            raise ERPError("missing", f"{model} {key} does not exist.")
        return row

    def children(self, model: str, name: str, value: str) -> list[tuple[str, Row]]:
        """Return the rows whose relation `name` holds `value`, with their keys."""
        table = self._tables[model]
        return [(key, self.get(model, key)) for key in table.children(name, value)]

    def write(self, model: str, key: str, changes: Mapping[str, Any]) -> None:
        """Change fields of a row; the ERP's stamps move with them."""
        table = self._tables[model]
        row = self.get(model, key)
        self._undo.append((table, key, table.state_of(key)))
        version = row["version"] + 1
        overlay = table.overlay(key)
        if overlay is None:
            table.replace(key, {**row, **changes, **self._stamp(version)})
            return
        # Populated rows that got the same changes in one request share one dict: 100,000 cancelled
        # orders cost a thousand dicts, not a hundred thousand.
        shape = (id(overlay) if overlay else 0, version, *changes.items())
        shared = self._shared.get(shape)
        if shared is None:
            shared = {**overlay, **changes, **self._stamp(version)}
            self._shared[shape] = shared
        table.put_overlay(key, shared)

    def insert(self, model: str, fields: Mapping[str, Any]) -> str:
        """Make a row; fields that are not given are empty. Returns its key."""
        table = self._tables[model]
        key = table.next_key()
        self._undo.append((table, key, table.state_of(key)))
        empty = dict.fromkeys(SCHEMA[model])
        table.insert(key, {**empty, **fields, **self._stamp(1)})
        return key

    def delete(self, model: str, key: str) -> None:
        """Take a row out."""
        self.get(model, key)
        table = self._tables[model]
        self._undo.append((table, key, table.state_of(key)))
        table.delete(key)

    def undo(self, mark: int = 0) -> None:
        """Take back everything since `mark`."""
        while len(self._undo) > mark:
            table, key, state = self._undo.pop()
            table.restore(key, state)

    @property
    def mark(self) -> int:
        """A place to undo to."""
        return len(self._undo)

    def _stamp(self, version: int) -> Row:
        return {"write_date": self.moment, "write_user": self.user, "version": version}


Rule = Callable[[Transaction, str], None]
"""What the ERP does to the document of a key. Raises `ERPError` when its rules forbid it."""


def recompute(tx: Transaction, model: str, key: str) -> None:
    """Derive amounts of an order from its lines, as the ERP does after every change."""
    amount = remaining = ZERO
    for _, line in tx.children(_LINES_OF[model], "order", key):
        amount += line["amount"]
        remaining += max(_open_quantity(line), ZERO) * line["unit_price"]
    header = tx.get(model, key)
    if (header["amount"], header["remaining_amount"]) != (amount, remaining):
        tx.write(model, key, {"amount": amount, "remaining_amount": remaining})


def write_fields(tx: Transaction, model: str, key: str, changes: Mapping[str, Any]) -> None:
    """Write fields of any record as a person with all rights may, and derive what follows."""
    forbidden = changes.keys() & (STAMPS | DERIVED.get(model, frozenset()))
    if forbidden or not changes.keys() <= SCHEMA[model].keys():
        names = ", ".join(sorted(forbidden or changes.keys() - SCHEMA[model].keys()))
        raise ERPError("rejected", f"{model}: {names} cannot be written.")
    header_model = _HEADER_OF.get(model)
    if header_model is None:
        tx.write(model, key, changes)
        return
    line = {**tx.get(model, key), **changes}
    tx.write(model, key, {**changes, "amount": line["quantity"] * line["unit_price"]})
    recompute(tx, header_model, line["order"])


def _open_quantity(line: Row) -> Decimal:
    quantity: Decimal = line["quantity"] - line["received_quantity"] - line["cancelled_quantity"]
    return quantity


def _need(row: Row, field: str, *allowed: str) -> None:
    if row[field] not in allowed:
        raise ERPError("state", f"{field} is {row[field]!r}, not {' or '.join(allowed)}.")


def _closed(tx: Transaction, state: str) -> Row:
    return {
        "state": state,
        "closed_by": tx.user,
        "closed_at": tx.moment,
        "closed_how": "by_hand",
    }


_OPEN: Final = {"closed_by": None, "closed_at": None, "closed_how": None}


def _cancel_order(tx: Transaction, key: str) -> None:
    _need(tx.get(ORDER, key), "state", "draft", "quotation")
    tx.write(ORDER, key, _closed(tx, "cancelled"))


def _restore(model: str) -> Rule:
    def restore(tx: Transaction, key: str) -> None:
        by_record: dict[tuple[str, str], Row] = {}
        for name, value in tx.arguments.items():
            record, _, field = name.rpartition(":")
            child_model, _, child_key = record.partition(",")
            by_record.setdefault((child_model or model, child_key or key), {})[field] = value
        for (target, target_key), changes in by_record.items():
            write_fields(tx, target, target_key, changes)

    return restore


def _guarded(rule: Rule, model: str, *states: str) -> Rule:
    def guarded(tx: Transaction, key: str) -> None:
        _need(tx.get(model, key), "state", *states)
        rule(tx, key)

    return guarded


def _cancel_remainder(tx: Transaction, key: str) -> None:
    _need(tx.get(ORDER, key), "state", "processing")
    for move_key, move in tx.children(MOVE, "order", key):
        if move["state"] == "draft":
            tx.write(MOVE, move_key, {"state": "cancelled"})
    for line_key, line in tx.children(LINE, "order", key):
        if _open_quantity(line) > 0:
            cancelled = line["quantity"] - line["received_quantity"]
            tx.write(LINE, line_key, {"cancelled_quantity": cancelled})
    recompute(tx, ORDER, key)


def _restore_remainder(tx: Transaction, key: str) -> None:
    if any(line["state"] == "settled" for _, line in tx.children(LINE, "order", key)):
        raise ERPError("state", "The lines are settled.")
    _restore(ORDER)(tx, key)
    recompute(tx, ORDER, key)


def _settle_lines(tx: Transaction, key: str) -> None:
    _need(tx.get(ORDER, key), "state", "processing")
    for _, move in tx.children(MOVE, "order", key):
        if move["state"] == "draft":
            raise ERPError("state", "Goods are still expected.")
    for line_key, line in tx.children(LINE, "order", key):
        if line["state"] != "settled":
            tx.write(LINE, line_key, {"state": "settled"})


def _close_header(tx: Transaction, key: str) -> None:
    _need(tx.get(ORDER, key), "state", "processing")
    if any(line["state"] != "settled" for _, line in tx.children(LINE, "order", key)):
        raise ERPError("state", "A line is not settled.")
    tx.write(ORDER, key, _closed(tx, "closed"))


def _give_up(tx: Transaction, key: str) -> None:
    _need(tx.get(ORDER, key), "state", "processing")
    for move_key, move in tx.children(MOVE, "order", key):
        if move["state"] == "draft":
            tx.delete(MOVE, move_key)
    tx.write(ORDER, key, _closed(tx, "given_up"))


def _by_hand_only(_tx: Transaction, _key: str) -> None:
    raise ERPError("access_denied", "Only a person may do this, on the screen.")


def approve_by_hand(tx: Transaction, key: str) -> None:
    """A person approves a quotation on the screen."""
    _need(tx.get(ORDER, key), "state", "quotation")
    tx.write(ORDER, key, {"state": "approved", "approved_by": tx.user})


def withdraw_by_hand(tx: Transaction, key: str) -> None:
    """A person takes an approval back on the screen."""
    _need(tx.get(ORDER, key), "state", "approved")
    tx.write(ORDER, key, {"state": "quotation", "approved_by": None})


def _send_reminder(tx: Transaction, key: str) -> None:
    order = tx.get(ORDER, key)
    tx.insert(MESSAGE, {"text": f"Please deliver {order['number']}.", "sent_at": tx.moment})


def _update(tx: Transaction, key: str) -> None:
    model, _, record = key.partition(",")
    write_fields(tx, model, record, tx.arguments)


def _reverse_invoice(tx: Transaction, key: str) -> None:
    invoice = tx.get(INVOICE, key)
    _need(invoice, "state", "posted")
    period = tx.get(PERIOD, invoice["period"])
    if period["state"] == "closed":
        raise ERPError("period_locked", f"Period {period['number']} is closed.")
    counter = tx.insert(
        INVOICE,
        {
            **{name: invoice[name] for name in SCHEMA[INVOICE] if name not in STAMPS},
            "reference": tx.operation_id,
            "reversed_entry": key,
            "amount": -invoice["amount"],
        },
    )
    tx.write(INVOICE, counter, {"number": f"RINV{int(counter):05}"})
    tx.write(INVOICE, key, {"state": "reversed"})


def _close_period(tx: Transaction, key: str) -> None:
    _need(tx.get(PERIOD, key), "state", "open")
    _close_journals(tx, key)
    tx.write(PERIOD, key, _closed(tx, "closed"))


def _close_journals(tx: Transaction, key: str) -> None:
    for journal_key, journal in tx.children(PERIOD_JOURNAL, "period", key):
        if journal["state"] == "open":
            tx.write(PERIOD_JOURNAL, journal_key, {"state": "closed"})


def _reopen_period(tx: Transaction, key: str) -> None:
    # As in many ERPs, reopening the period leaves its journals closed.
    _need(tx.get(PERIOD, key), "state", "closed")
    tx.write(PERIOD, key, {"state": "open", **_OPEN})


def _reopen_journals(tx: Transaction, key: str) -> None:
    _need(tx.get(PERIOD, key), "state", "open")
    for journal_key in tx.arguments["journals"]:
        tx.write(PERIOD_JOURNAL, journal_key, {"state": "open"})


def _close_project(tx: Transaction, key: str) -> None:
    _need(tx.get(PROJECT, key), "state", "open")
    for model, name in ((TASK, "project"), (PROJECT, "parent")):
        if any(child["state"] == "open" for _, child in tx.children(model, name, key)):
            raise ERPError("state", "Something below it is still open.")
    tx.write(PROJECT, key, {**_closed(tx, "closed"), "progress": Decimal("1.00")})


def _reopen_project(tx: Transaction, key: str) -> None:
    project = tx.get(PROJECT, key)
    if project["parent"] is not None:
        _need(tx.get(PROJECT, project["parent"]), "state", "open")
    _restore(PROJECT)(tx, key)


def _close_task(tx: Transaction, key: str) -> None:
    _need(tx.get(TASK, key), "state", "open")
    tx.write(TASK, key, _closed(tx, "closed"))


def _reopen_task(tx: Transaction, key: str) -> None:
    _need(tx.get(PROJECT, tx.get(TASK, key)["project"]), "state", "open")
    _restore(TASK)(tx, key)


def _close_sale(tx: Transaction, key: str) -> None:
    _need(tx.get(SALE, key), "state", "quotation", "processing")
    tx.write(SALE, key, _closed(tx, "closed"))


RULES: Final[Mapping[str, tuple[str, Rule]]] = {
    "purchase_order.cancel": (ORDER, _cancel_order),
    "purchase_order.restore": (ORDER, _restore(ORDER)),
    "purchase_order.cancel_remainder": (ORDER, _cancel_remainder),
    "purchase_order.restore_remainder": (ORDER, _restore_remainder),
    "purchase_order.settle_lines": (ORDER, _settle_lines),
    "purchase_order.reopen_lines": (ORDER, _guarded(_restore(ORDER), ORDER, "processing")),
    "purchase_order.close_header": (ORDER, _close_header),
    "purchase_order.reopen_header": (ORDER, _restore(ORDER)),
    "purchase_order.give_up": (ORDER, _give_up),
    "purchase_order.approve_by_hand": (ORDER, _by_hand_only),
    "purchase_order.withdraw_by_hand": (ORDER, _by_hand_only),
    "purchase_order.send_reminder": (ORDER, _send_reminder),
    "record.update": ("", _update),
    "supplier_invoice.reverse": (INVOICE, _reverse_invoice),
    "accounting_period.close": (PERIOD, _close_period),
    "accounting_period.reopen": (PERIOD, _reopen_period),
    "accounting_period.close_journals": (PERIOD, _close_journals),
    "accounting_period.reopen_journals": (PERIOD, _reopen_journals),
    "project.close": (PROJECT, _close_project),
    "project.reopen": (PROJECT, _reopen_project),
    "project_task.close": (TASK, _close_task),
    "project_task.reopen": (TASK, _reopen_task),
    "sales_order.close": (SALE, _close_sale),
    "sales_order.restore": (SALE, _restore(SALE)),
}
"""The model that each action works on (empty: any), and what the ERP does."""
