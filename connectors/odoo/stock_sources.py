"""Goods: receipts and issues, counts, productions and what lies in stock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from connectors.contract import Kind
from connectors.odoo.kinds import (
    Columns,
    Source,
    common,
    day,
    look_up_names,
    partner_columns,
    sum_of,
)
from connectors.odoo.lookup import Lookup, Row

MOVE: Final = "stock.move"
ZERO: Final = Decimal(0)

COUNTED: Final = ["internal", "transit"]
"""Usages of places in which goods are counted."""

DONE_QUANTITY: Final = ("quantity", "quantity_done", "product_uom_qty")
"""What was really moved, by version. On a move that is not done the first one is what is reserved."""

_MOVE_FIELDS: Final = (
    "state", "product_id", "product_uom", "product_uom_qty", "date", "date_deadline", *DONE_QUANTITY,
)  # fmt: skip


def moved(move: Row, lookup: Lookup) -> Decimal:
    """Return what a move really moved, in its own unit."""
    quantity: Decimal = move[lookup.pick(MOVE, *DONE_QUANTITY)]
    return quantity if move["state"] == "done" else ZERO


def rest(move: Row) -> Decimal:
    """Return what a move has still to bring: nothing once it is done or cancelled."""
    if move["state"] in ("done", "cancel"):
        return ZERO
    quantity: Decimal = move["product_uom_qty"]
    return max(quantity, ZERO)


def move_columns(move: Row, lookup: Lookup) -> Columns:
    """Return the columns of a move as a line."""
    return dict(lookup.item(move["product_id"])) | {
        "unit": lookup.unit(move["product_uom"]),
        "quantity": move["product_uom_qty"],
        "received_quantity": moved(move, lookup),
        "remaining_quantity": rest(move),
        "due": day(move.get("date_deadline") or move.get("date")),
        "state": move["state"],
    }


class TransferSource(Source):
    """Goods received or issued: transfers of the types that cross the company's border.

    Closed is what is done or cancelled. A transfer that moved less than was asked for is done all the same: its
    backorder is another transfer, or nobody waits for the rest.
    """

    model = "stock.picking"
    line_model = MOVE
    wanted = (
        "state", "origin", "partner_id", "scheduled_date", "date_deadline", "date_done", "user_id",
    )  # fmt: skip

    def domain(self, lookup: Lookup) -> list[Any]:
        del lookup
        code = "incoming" if self.kind is Kind.GOODS_RECEIPT else "outgoing"
        return [["picking_type_id.code", "=", code]]

    def closed(self, lookup: Lookup, *, is_closed: bool) -> list[Any]:
        del lookup
        return [["state", "in" if is_closed else "not in", ["done", "cancel"]]]

    def attach(
        self, rows: Sequence[Row], lookup: Lookup, *, with_lines: bool, native: Sequence[str] = ()
    ) -> None:
        fields = {*_MOVE_FIELDS, "scrapped", "scrap_id", *native}
        found = lookup.children(MOVE, "picking_id", [row["id"] for row in rows], fields)
        for row in rows:
            # What was scrapped out of a receipt moved once more; it was not received again.
            row["lines."] = [
                move
                for move in found[row["id"]]
                if not move.get("scrapped") and not move.get("scrap_id")
            ]
        look_up_names(rows, lookup, partner_id="res.partner", user_id="res.users")
        if with_lines:
            lookup.items({move["product_id"] for row in rows for move in row["lines."]})

    def document(self, row: Row, lookup: Lookup) -> Columns:
        wanted = [move for move in row["lines."] if move["state"] != "cancel"]
        is_closed = row["state"] in ("done", "cancel")
        return (
            common(self, row, lookup)
            | partner_columns(row, lookup)
            | {
                "reference": row.get("origin"),
                "date": day(row.get("date_done") or row.get("scheduled_date")),
                "due": day(row.get("date_deadline") or row.get("scheduled_date")),
                "ordered_quantity": sum_of(wanted, "product_uom_qty"),
                "received_quantity": sum((moved(move, lookup) for move in wanted), ZERO),
                "remaining_quantity": sum((rest(move) for move in wanted), ZERO),
                "is_closed": is_closed,
                "closed_how": "by_hand" if is_closed else None,
                "closed_at": row.get("date_done") if row["state"] == "done" else None,
                "owner": lookup.name("res.users", row.get("user_id")),
            }
        )

    def line(self, row: Row, line: Row, lookup: Lookup) -> Columns:
        del row
        return move_columns(line, lookup)


class ProductionSource(Source):
    """Manufacturing orders; the lines are what goes in.

    Closed is what is done or cancelled; `to_close` waits for somebody to say that it is done.
    """

    model = "mrp.production"
    line_model = MOVE
    wanted = (
        "state", "origin", "product_id", "product_qty", "product_uom_id", "user_id", "date_deadline",
        "date_start", "date_finished", "date_planned_start", "date_planned_finished",
    )  # fmt: skip

    def closed(self, lookup: Lookup, *, is_closed: bool) -> list[Any]:
        del lookup
        return [["state", "in" if is_closed else "not in", ["done", "cancel"]]]

    def attach(
        self, rows: Sequence[Row], lookup: Lookup, *, with_lines: bool, native: Sequence[str] = ()
    ) -> None:
        ids = [row["id"] for row in rows]
        made = lookup.children(MOVE, "production_id", ids, _MOVE_FIELDS, [["state", "=", "done"]])
        for row in rows:
            row["made."] = made[row["id"]]
        look_up_names(rows, lookup, user_id="res.users")
        if with_lines:
            used = lookup.children(
                MOVE, "raw_material_production_id", ids, {*_MOVE_FIELDS, *native}
            )
            for row in rows:
                row["lines."] = used[row["id"]]
            lookup.items({move["product_id"] for row in rows for move in row["lines."]})

    def document(self, row: Row, lookup: Lookup) -> Columns:
        made = lookup.in_unit(
            (
                (moved(move, lookup), move["product_uom"])
                for move in row["made."]
                if move["product_id"] == row["product_id"]  # by-products are made beside it
            ),
            row["product_uom_id"],
        )
        is_done, ordered = row["state"] == "done", row["product_qty"]
        is_closed = is_done or row["state"] == "cancel"
        how = "by_itself" if is_done and made >= ordered else "by_hand"
        return common(self, row, lookup) | {
            "reference": row.get("origin"),
            "date": day(row.get("date_start") or row.get("date_planned_start")),
            "due": day(
                row.get("date_deadline")
                or (None if is_done else row.get("date_finished"))
                or row.get("date_planned_finished")
            ),
            "ordered_quantity": ordered,
            "received_quantity": made,
            "remaining_quantity": max(ordered - made, ZERO),
            "is_closed": is_closed,
            "closed_how": how if is_closed else None,
            "closed_at": row.get("date_finished") if is_done else None,
            "owner": lookup.name("res.users", row.get("user_id")),
        }

    def line(self, row: Row, line: Row, lookup: Lookup) -> Columns:
        del row
        return move_columns(line, lookup)


class CountSource(Source):
    """Stock counts that were entered and not applied: one quant each, that is one product (and lot) in one place.

    Odoo has no count document: a count is a number entered on a quant, and applying it makes a goods move and
    empties it again. So this source holds what waits to be applied, always open, and `AppliedCountSource` what
    was. They have no number; a person names them by key.
    """

    model = "stock.quant"
    line_model = "stock.quant"
    number = ""
    needs = (("stock.quant", "inventory_quantity_set"),)
    wanted = (
        "product_id", "location_id", "inventory_quantity", "inventory_date", "user_id", "lot_id",
    )  # fmt: skip

    def domain(self, lookup: Lookup) -> list[Any]:
        del lookup
        return [["inventory_quantity_set", "=", True], ["location_id.usage", "in", COUNTED]]

    def filter(self, criteria: Any, lookup: Lookup) -> list[Any] | None:
        return None if criteria.is_closed is True else super().filter(criteria, lookup)

    def attach(
        self, rows: Sequence[Row], lookup: Lookup, *, with_lines: bool, native: Sequence[str] = ()
    ) -> None:
        look_up_names(rows, lookup, user_id="res.users", location_id="stock.location")
        lookup.items({row["product_id"] for row in rows})
        if with_lines:
            lookup.own_lines(rows, self.line_model, native)

    def document(self, row: Row, lookup: Lookup) -> Columns:
        return common(self, row, lookup) | {
            # Without the product an approver would sign a row of numbers: the counts of one place differ in nothing else.
            "reference": item_and_place(row, lookup),
            "date": day(row.get("inventory_date")),
            "state": "counted",
            "is_closed": False,
            "owner": lookup.name("res.users", row.get("user_id")),
        }

    def line(self, row: Row, line: Row, lookup: Lookup) -> Columns:
        del line
        return quant_columns(row, lookup) | {"quantity": row["inventory_quantity"]}


class AppliedCountSource(Source):
    """Stock counts that were applied: the goods moves that Odoo made of them. Always closed.

    `ordered_quantity` is the difference that was found, whichever way it went. They have no lines: rules join
    lines by key, and a move may have the key of a quant.
    """

    model = MOVE
    number = ""
    needs = ((MOVE, "is_inventory"),)
    wanted = ("state", "date", "product_id", *DONE_QUANTITY)

    def domain(self, lookup: Lookup) -> list[Any]:
        del lookup
        return [["is_inventory", "=", True], ["state", "=", "done"]]

    def filter(self, criteria: Any, lookup: Lookup) -> list[Any] | None:
        return None if criteria.is_closed is False else super().filter(criteria, lookup)

    def attach(
        self, rows: Sequence[Row], lookup: Lookup, *, with_lines: bool, native: Sequence[str] = ()
    ) -> None:
        look_up_names(rows, lookup)
        lookup.items({row["product_id"] for row in rows})

    def document(self, row: Row, lookup: Lookup) -> Columns:
        return common(self, row, lookup) | {
            "reference": lookup.item(row["product_id"])["item"],
            "date": day(row["date"]),
            "ordered_quantity": moved(row, lookup),
            "is_closed": True,
            "closed_how": "by_hand",
            "closed_at": row["date"],
        }


class BalanceSource(Source):
    """What lies in stock: one quant each, in the places that belong to the company. Never closed."""

    model = "stock.quant"
    line_model = "stock.quant"
    number = ""
    wanted = ("product_id", "location_id", "quantity", "reserved_quantity", "in_date", "owner_id")

    def domain(self, lookup: Lookup) -> list[Any]:
        del lookup
        return [["location_id.usage", "=", "internal"]]

    def closed(self, lookup: Lookup, *, is_closed: bool) -> list[Any]:
        del lookup
        return [["id", "=", 0]] if is_closed else [["id", "!=", 0]]

    def attach(
        self, rows: Sequence[Row], lookup: Lookup, *, with_lines: bool, native: Sequence[str] = ()
    ) -> None:
        look_up_names(rows, lookup, location_id="stock.location", owner_id="res.partner")
        lookup.items({row["product_id"] for row in rows})
        if with_lines:
            lookup.own_lines(rows, self.line_model, native)

    def document(self, row: Row, lookup: Lookup) -> Columns:
        return (
            common(self, row, lookup)
            | partner_columns(row, lookup, "owner_id")
            | {
                "reference": item_and_place(row, lookup),
                "date": day(row.get("in_date")),
                "ordered_quantity": row["quantity"],
                "is_closed": False,
            }
        )

    def line(self, row: Row, line: Row, lookup: Lookup) -> Columns:
        del line
        return quant_columns(row, lookup) | {"quantity": row["quantity"]}


def item_and_place(row: Row, lookup: Lookup) -> str | None:
    """Return what lies where: a quant has no other name."""
    names = (
        lookup.item(row["product_id"])["item"],
        lookup.name("stock.location", row["location_id"]),
    )
    return ", ".join(name for name in names if name) or None


def quant_columns(row: Row, lookup: Lookup) -> Columns:
    """Return product and unit of a quant: a quant is always in its product's own unit."""
    product: Mapping[str, Any] = lookup.items((row["product_id"],)).get(row["product_id"], {})
    return dict(lookup.item(row["product_id"])) | {"unit": lookup.unit(product.get("uom_id"))}
