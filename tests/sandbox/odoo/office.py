"""Brings documents of the practice Odoo into a state, with its own methods, for one replay."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import Any

from sandbox.odoo.engine import Env
from sandbox.odoo.instance import Odoo

PO, SO, INVOICE = "purchase.order", "sale.order", "account.move"
PICKING, MOVE, QUANT, MO = "stock.picking", "stock.move", "stock.quant", "mrp.production"


class Office:
    """One transaction of the administrator, who makes what a recording acts on."""

    def __init__(self, odoo: Odoo, env: Env) -> None:
        self.odoo, self.env, self.company = odoo, env, odoo.company
        self.version = odoo.version
        self.names: list[str] = []
        self._day = count(1)

    def _noted(self, model: str, ids: Iterable[int]) -> list[int]:
        found = list(ids)
        self.names += [str(self.env[model].get(each, "name")) for each in found]
        return found

    # --- orders --------------------------------------------------------------------------------------------

    def purchases(self, number: int = 1, state: str = "purchase", **vals: Any) -> list[int]:
        """Make purchase orders of three lines, up to a state: draft purchase locked cancel."""
        made = []
        for _ in range(number):
            lines = [
                (0, 0, {"product_id": self.company.products["goods"], "product_qty": quantity,
                        "price_unit": price, "name": "line", "date_planned": "2026-12-01 10:00:00"})
                for quantity, price in ((5, 10.0), (3, 20.0), (2, 32.5))
            ]  # fmt: skip
            asked = {"partner_id": self.company.partners["vendor"], "order_line": lines, **vals}
            made.append(self.env[PO].create(asked))
        if state != "draft":
            self.env[PO].call("button_confirm", made)
        if state == "locked":
            self.lock(made)
        if state == "cancel":
            self.env[PO].call("button_cancel", made)
        return self._noted(PO, made)

    def lock(self, orders: list[int]) -> None:
        """Lock purchase orders, by the version's own method."""
        self.env[PO].call("button_lock" if self.version >= 19 else "button_done", orders)

    def receive(self, order: int) -> int:
        """Receive all of an order, and return the transfer."""
        picking: int = self.env[PO].get(order, "picking_ids")[0]
        self.fill(picking)
        self.env[PICKING].call("button_validate", [picking])
        return picking

    def bill(self, order: int) -> int:
        """Make a draft bill of an order's first line, and return it."""
        line = self.env[PO].get(order, "order_line")[0]
        bill = {
            "move_type": "in_invoice",
            "partner_id": self.company.partners["vendor"],
            "invoice_date": "2026-11-10",
            "invoice_line_ids": [(0, 0, {
                "name": "x", "quantity": 1, "price_unit": 10.0, "purchase_line_id": line,
                "account_id": self.company.accounts["expense"], "tax_ids": [(6, 0, [])]})],
        }  # fmt: skip
        made: int = self.env[INVOICE].create(bill)
        return made

    def sales(self, number: int = 1, state: str = "sale") -> list[int]:
        """Make sales orders of two lines, up to a state: draft sale locked cancel."""
        made = []
        for _ in range(number):
            lines = [
                (0, 0, {"product_id": self.company.products["goods"], "product_uom_qty": quantity})
                for quantity in (4, 2)
            ]
            asked = {"partner_id": self.company.partners["customer"], "order_line": lines}
            made.append(self.env[SO].create(asked))
        if state != "draft":
            self.env[SO].call("action_confirm", made)
        if state == "locked":
            self.env[SO].call("action_lock" if self.version >= 17 else "action_done", made)
        if state == "cancel":
            quiet = self.env.with_context(disable_cancel_warning=True)
            for each in made:
                quiet[SO].call("action_cancel", [each])
        return self._noted(SO, made)

    # --- invoices ------------------------------------------------------------------------------------------

    def invoices(
        self, number: int = 1, state: str = "draft", day: str = "2026-11-10", **vals: Any
    ) -> list[int]:
        """Make customer invoices over 100.00, up to a state: draft posted."""
        made = []
        for _ in range(number):
            line = {
                "name": "x", "quantity": 1, "price_unit": 100.0, "tax_ids": [(6, 0, [])],
                "account_id": self.company.accounts["income"],
            }  # fmt: skip
            asked = {
                "move_type": "out_invoice", "partner_id": self.company.partners["customer"],
                "invoice_date": day, "invoice_line_ids": [(0, 0, line)], **vals,
            }  # fmt: skip
            made.append(self.env[INVOICE].create(asked))
        if state == "posted":
            self.env[INVOICE].call("action_post", made)
        return self._noted(INVOICE, made)

    def credit_note(self) -> int:
        """Make a posted credit note."""
        (made,) = self.invoices(move_type="out_refund")
        self.env[INVOICE].call("action_post", [made])
        self._noted(INVOICE, [made])
        return made

    def unlocked(self) -> None:
        """Take every lock date away, also the one that Odoo never gives back."""
        fields = self.env["res.company"].model.fields
        dates = {
            name: False for name in fields if name.endswith("_lock_date") and fields[name].is_column
        }
        self.env["res.company"].update([self.company.company], dates)

    # --- stock ---------------------------------------------------------------------------------------------

    def fill(self, picking: int, share: float = 1.0) -> None:
        """Say how much was really moved."""
        for move in self.env[PICKING].get(picking, "move_ids"):
            asked = self.env[MOVE].get(move, "product_uom_qty") * share
            done = {"quantity_done": asked}
            if self.version >= 17:
                done = {"quantity": asked, "picked": True}
            self.env[MOVE].write([move], done)

    def transfer(self, state: str = "assigned") -> int:
        """Make a receipt by a purchase order, up to a state: assigned filled short done."""
        (order,) = self.purchases()
        (picking,) = self.env[PO].get(order, "picking_ids")
        if state in ("filled", "done"):
            self.fill(picking)
        if state == "short":
            self.fill(picking, 0.5)
        if state == "done":
            self.env[PICKING].call("button_validate", [picking])
        return self._noted(PICKING, [picking])[0]

    def counted(self, quantity: float = 10.0) -> int:
        """Make a quant with a count that is entered and not applied."""
        product = self.env["product.product"].insert(
            {"product_tmpl_id": self.company.templates["goods"], "active": True}
        )
        counting = self.env.with_context(inventory_mode=True)
        made = counting[QUANT].call(
            "create",
            {
                "product_id": product,
                "location_id": self.company.locations["stock"],
                "inventory_quantity": quantity,
            },
        )
        return int(made[0] if isinstance(made, list) else made)

    # --- production, projects ------------------------------------------------------------------------------

    def production(self, state: str = "draft") -> int:
        """Make a manufacturing order over three shelves, up to a state: draft confirmed done."""
        asked = {
            "product_id": self.company.products["kit"], "product_qty": 3.0,
            "bom_id": self.company.bom, "product_uom_id": self.company.uoms["unit"],
        }  # fmt: skip
        made = self.env[MO].create(asked)
        if state != "draft":
            self.env[MO].call("action_confirm", [made])
        if state == "done":
            self.env[MO].write([made], {"qty_producing": 3.0})
            for move in self.env[MO].get(made, "move_raw_ids"):
                asked_quantity = self.env[MOVE].get(move, "product_uom_qty")
                done: dict[str, Any] = {"quantity_done": asked_quantity}
                if self.version >= 17:
                    done = {"quantity": asked_quantity, "picked": True}
                self.env[MOVE].write([move], done)
            self.env.with_context(skip_consumption=True, skip_backorder=True)[MO].call(
                "button_mark_done", [made]
            )
        return self._noted(MO, [made])[0]

    def project(self, *, is_active: bool = True) -> int:
        """Make a project with two tasks."""
        made = self.env["project.project"].create({"name": "Move of the shop"})
        for name in ("Pack", "Carry"):
            self.env["project.task"].create({"name": name, "project_id": made})
        if not is_active:
            self.env["project.project"].call("action_archive", [made])
        return made
