"""Orders, transfers, counts and productions of an Odoo company, made by a colleague; any Odoo from 16 on will do.

Several documents at once, because Odoo needs for ten hardly more time than for one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from itertools import count
from typing import Any, Final

from core import clock
from core.ids import new_id
from tests.contract.odoo_colleague import Colleague, Values

NEGOTIATED_PRICE: Final = 77.5
"""What was agreed for the first line; the vendor's list says less."""

LIST_PRICE: Final = 5.0
PLANNED: Final = "2027-03-01 10:00:00"
_PURCHASE_BUTTONS: Final[Mapping[str, tuple[str, ...]]] = {
    "draft": (),
    "purchase": ("button_confirm",),
    "locked": ("button_confirm", "lock"),
    "cancel": ("button_cancel",),
    "confirmed_cancel": ("button_confirm", "button_cancel"),
}
_SALE_BUTTONS: Final[Mapping[str, tuple[str, ...]]] = {
    "draft": (),
    "sale": ("action_confirm",),
    "locked": ("action_confirm", "lock"),
    "cancel": ("action_cancel",),
    "confirmed_cancel": ("action_confirm", "action_cancel"),
}


class GoodsOffice:
    """A colleague who buys, sells and makes; each call makes `at_once` documents unless told otherwise."""

    def __init__(self, colleague: Colleague, *, at_once: int) -> None:
        self.colleague = colleague
        self.call = colleague.call
        self.version = colleague.version
        self.at_once = at_once
        # Runs on the same server follow one another, and their names must not meet.
        self._run = new_id()[-6:].upper()
        self._numbers = count(1)
        self._ids: dict[str, int] = {}
        (user,) = self.call("res.users", "read", [colleague.uid], ["company_id"])
        self.company = int(user["company_id"][0])
        self.today = clock.now().astimezone(UTC).date()

    def word(self) -> str:
        """Return a text that nothing else in the ERP holds."""
        return f"W-{self._run}-{next(self._numbers):05}"

    def read(self, model: str, keys: Sequence[int], *fields: str) -> list[Values]:
        """Read records in the order of their keys, archived ones too."""
        rows = self.call(model, "read", list(keys), list(fields), load="")
        by_key = {row["id"]: row for row in rows}
        return [by_key[key] for key in keys]

    def many(self, model: str, values: Sequence[Values], **named: Any) -> list[int]:
        """Create records and return their ids."""
        found: list[int] = self.call(model, "create", list(values), **named)
        return found

    def one(self, name: str, model: str, values: Values, **named: Any) -> int:
        """Return the record of this name, made on first use."""
        if name not in self._ids:
            (self._ids[name],) = self.many(model, [values], **named)
        return self._ids[name]

    # --- what documents are made of -----------------------------------------------------------------------

    def vendor(self) -> int:
        """Return the vendor of all purchases."""
        return self.one("vendor", "res.partner", {"name": f"Vendor {self.word()}"})

    def customer(self) -> int:
        """Return the customer of all sales."""
        return self.one("customer", "res.partner", {"name": f"Customer {self.word()}"})

    def goods(self, name: str = "goods") -> int:
        """Return an item that is kept in stock, of which there is plenty, and that the vendor lists cheaply."""
        if name not in self._ids:
            seller = {"partner_id": self.vendor(), "price": LIST_PRICE}
            values = {
                "name": f"Item {self.word()}",
                "default_code": self.word(),
                "list_price": 30.0,
                "standard_price": 4.0,
                "seller_ids": [[0, 0, seller]],
                **self._storable(),
            }
            (self._ids[name],) = self.many("product.product", [values])
            self._count([(self._ids[name], 10_000.0)], is_applied=True)
        return self._ids[name]

    def new_item(self) -> int:
        """Make an item that is kept in stock, of which there is none yet."""
        values = {"name": f"Item {self.word()}", "default_code": self.word(), **self._storable()}
        (found,) = self.many("product.product", [values])
        return found

    def receive(self, item: int, quantity: float) -> int:
        """Order and receive so many of an item; return the receipt."""
        line = self._purchase_line(item, quantity, 1.0)
        values = {"partner_id": self.vendor(), "order_line": [[0, 0, line]]}
        orders = self.many("purchase.order", [values])
        self.call("purchase.order", "button_confirm", orders)
        (row,) = self.read("purchase.order", orders, "picking_ids")
        self.validate(row["picking_ids"])
        return int(row["picking_ids"][0])

    def sell(self, item: int, quantity: float, **more: Any) -> int:
        """Sell so many of an item, which reserves what is there; return the issue."""
        line = {"product_id": item, "product_uom_qty": quantity, "price_unit": 2.0}
        values = {"partner_id": self.customer(), "order_line": [[0, 0, line]], **more}
        orders = self.many("sale.order", [values])
        self.call("sale.order", "action_confirm", orders)
        (row,) = self.read("sale.order", orders, "picking_ids")
        return int(row["picking_ids"][0])

    def _storable(self) -> Values:
        fields = self.colleague.fields("product.product")
        if "is_storable" in fields:
            return {"type": "consu", "is_storable": True}
        return {"detailed_type" if "detailed_type" in fields else "type": "product"}

    def warehouse(self) -> Values:
        """Return the warehouse of the company: its stock's location and its types of transfers."""
        fields = ["lot_stock_id", "in_type_id", "out_type_id"]
        domain = [["company_id", "=", self.company]]
        (found,) = self.call("stock.warehouse", "search_read", domain, fields, limit=1, load="")
        return dict(found)

    # --- orders -------------------------------------------------------------------------------------------

    def purchases(self, state: str, how_many: int | None = None) -> list[int]:
        """Make purchase orders with a negotiated price and a star."""
        item, other, unit = self.goods(), self.goods("other goods"), "product_uom_qty"
        del unit
        lines = [(item, 5.0, NEGOTIATED_PRICE), (other, 3.0, 12.25)]
        found = self.many(
            "purchase.order",
            [
                {
                    "partner_id": self.vendor(),
                    "partner_ref": self.word(),
                    "priority": "1",
                    "order_line": [
                        [0, 0, self._purchase_line(product, quantity, price)]
                        for product, quantity, price in lines
                    ],
                }
                for _ in range(how_many or self.at_once)
            ],
        )
        lock = "button_lock" if self.version >= 19 else "button_done"
        for button in _PURCHASE_BUTTONS[state]:
            self.call("purchase.order", lock if button == "lock" else button, found)
        return found

    def _purchase_line(self, product: int, quantity: float, price: float) -> Values:
        return {
            "product_id": product,
            "product_qty": quantity,
            "price_unit": price,
            "name": f"as agreed {self.word()}",
            "date_planned": PLANNED,
        }

    def sales(self, state: str, how_many: int | None = None) -> list[int]:
        """Make sales orders with a price of their own."""
        item = self.goods()
        found = self.many(
            "sale.order",
            [
                {
                    "partner_id": self.customer(),
                    "client_order_ref": self.word(),
                    "order_line": [
                        [0, 0, {"product_id": item, "product_uom_qty": 4.0, "price_unit": 41.5}],
                        [0, 0, {"product_id": item, "product_uom_qty": 2.0}],
                    ],
                }
                for _ in range(how_many or self.at_once)
            ],
        )
        lock = "action_lock" if self.version >= 17 else "action_done"
        for button in _SALE_BUTTONS[state]:
            context = {"disable_cancel_warning": True} if button == "action_cancel" else {}
            method = lock if button == "lock" else button
            self.call("sale.order", method, found, context=context)
        return found

    # --- goods --------------------------------------------------------------------------------------------

    def receipts(self, state: str = "assigned", how_many: int | None = None) -> list[int]:
        """Make receipts of the goods of one order each: `assigned` (to come) or `done`."""
        orders = self.purchases("purchase", how_many)
        found = [
            row["picking_ids"][0] for row in self.read("purchase.order", orders, "picking_ids")
        ]
        if state == "done":
            self.validate(found)
        return found

    def issues(self, state: str = "assigned", how_many: int | None = None) -> list[int]:
        """Make issues of the goods of one order each."""
        orders = self.sales("sale", how_many)
        found = [row["picking_ids"][0] for row in self.read("sale.order", orders, "picking_ids")]
        if state == "done":
            self.validate(found)
        return found

    def validate(self, pickings: Sequence[int]) -> None:
        """Carry transfers out in full."""
        moves = self.moves(pickings)
        for key, row in zip(moves, self.read("stock.move", moves, "product_uom_qty"), strict=True):
            done: Values = {"quantity": row["product_uom_qty"], "picked": True}
            if self.version < 17:
                done = {"quantity_done": row["product_uom_qty"]}
            self.call("stock.move", "write", [key], done)
        self.call("stock.picking", "button_validate", list(pickings))
        states = {row["state"] for row in self.read("stock.picking", pickings, "state")}
        assert states == {"done"}, states

    def receive_half(self, picking: int) -> None:
        """Receive the first move of a transfer only, with the rest to come later."""
        (key, *_) = self.moves([picking])
        (row,) = self.read("stock.move", [key], "product_uom_qty")
        half = row["product_uom_qty"] / 2
        done: Values = {"quantity": half, "picked": True}
        self.call(
            "stock.move", "write", [key], {"quantity_done": half} if self.version < 17 else done
        )
        asked = self.call("stock.picking", "button_validate", [picking])
        context = asked["context"]
        (wizard,) = self.many("stock.backorder.confirmation", [{}], context=context)
        self.call("stock.backorder.confirmation", "process", [wizard], context=context)

    def moves(self, pickings: Sequence[int]) -> list[int]:
        """Return the moves of transfers."""
        found: list[int] = self.call(
            "stock.move", "search", [["picking_id", "in", list(pickings)]], order="id"
        )
        return found

    def counts(self, how_many: int | None = None) -> list[int]:
        """Make counts of items: what was found is entered and not applied yet."""
        items = self.many(
            "product.product",
            [
                {"name": f"Counted {self.word()}", "default_code": self.word(), **self._storable()}
                for _ in range(how_many or self.at_once)
            ],
        )
        self._count([(item, 10.0) for item in items], is_applied=True)
        return self._count([(item, 12.0) for item in items], is_applied=False)

    def _count(self, items: Sequence[tuple[int, float]], *, is_applied: bool) -> list[int]:
        place = self.warehouse()["lot_stock_id"]
        rows = [
            {"product_id": item, "location_id": place, "inventory_quantity": quantity}
            for item, quantity in items
        ]
        found = self.many("stock.quant", rows, context={"inventory_mode": True})
        if is_applied:
            self.call("stock.quant", "action_apply_inventory", found)
        return found

    def productions(self, state: str = "confirmed", how_many: int | None = None) -> list[int]:
        """Make manufacturing orders: `draft`, `confirmed` or `done`."""
        if "recipe" not in self._ids:
            named = {"name": f"Product {self.word()}", "default_code": self.word()}
            made = self.one("product", "product.product", named | self._storable())
            (row,) = self.read("product.product", [made], "product_tmpl_id")
            line: Values = {"product_id": self.goods(), "product_qty": 2.0}
            recipe = {"product_tmpl_id": row["product_tmpl_id"], "product_qty": 1.0}
            self.one("recipe", "mrp.bom", recipe | {"bom_line_ids": [[0, 0, line]]})
        values = {"product_id": self._ids["product"], "product_qty": 3.0}
        found = self.many(
            "mrp.production",
            [
                values | {"bom_id": self._ids["recipe"], "origin": self.word()}
                for _ in range(how_many or self.at_once)
            ],
        )
        if state != "draft":
            self.call("mrp.production", "action_confirm", found)
        if state == "done":
            for key in found:
                self.call("mrp.production", "write", [key], {"qty_producing": 3.0})
                skip = {"skip_consumption": True, "skip_backorder": True}
                self._finish(key, skip | {"skip_immediate": True})
        return found

    def _finish(self, key: int, context: Values) -> None:
        (row,) = self.read("mrp.production", [key], "move_raw_ids")
        for move in row["move_raw_ids"]:
            done: Values = {"quantity": 6.0, "picked": True}
            self.call(
                "stock.move", "write", [move], {"quantity_done": 6.0} if self.version < 17 else done
            )
        self.call("mrp.production", "button_mark_done", [key], context=context)
