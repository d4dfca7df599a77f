"""Documents of the practice company, made by a colleague over Tryton's own interface.

Several at once, because Tryton needs for ten hardly more time than for one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import count, product
from typing import Any, Final

from sandbox.tryton.colleague import Colleague

Values = dict[str, Any]

_OLDEST_DAY: Final = date(1990, 1, 1)
_PARTIES: Final = {
    "purchase": ("purchase_date", {}),
    "sale": ("sale_date", {"shipment_method": "order"}),
}
_BUTTONS: Final[Mapping[str, tuple[str, ...]]] = {
    "draft": (),
    "quotation": ("quote",),
    "cancelled": ("quote", "cancel"),
    "processing": ("quote", "confirm"),
}
_ORDER_COPIED: Final = ("party", "invoice_address", "currency", "warehouse", "payment_term")
_INVOICE_COPIED: Final = (
    "party", "invoice_address", "account", "journal", "currency", "payment_term",
)  # fmt: skip
_LINE_COPIED: Final = ("product", "unit", "account", "currency", "taxes")
_MOVE_COPIED: Final = (
    "product", "quantity", "unit", "from_location", "to_location", "currency", "unit_price",
)  # fmt: skip


class Office:
    """One colleague who makes documents, on one running practice ERP; each call makes `at_once` of them."""

    def __init__(self, colleague: Colleague, *, at_once: int) -> None:
        self.colleague = colleague
        self.at_once = at_once
        self._numbers = count(1)
        self._years = count(_OLDEST_DAY.year, -1)
        self._templates: dict[str, Values] = {}
        (user,) = self.call(
            "res.user", "search_read", [["login", "=", "colleague"]], 0, 1, None, ["company"]
        )
        self.company = int(user["company"])
        self.today: Values = self.call("ir.date", "today")

    def call(self, model: str, method: str, *parameters: Any) -> Any:
        """Call a method of a model."""
        return self.colleague.call(f"model.{model}.{method}", *parameters)

    def read(self, model: str, keys: Sequence[int], *fields: str) -> list[Values]:
        """Read records in the order of their keys."""
        rows = {row["id"]: row for row in self.call(model, "read", list(keys), list(fields))}
        return [rows[key] for key in keys]

    def word(self) -> str:
        """Return a text that nothing else in the ERP holds."""
        return f"W-{next(self._numbers):05}"

    # --- orders -------------------------------------------------------------------------------------------

    def orders(self, side: str, state: str, how_many: int | None = None) -> list[int]:
        """Make orders; beyond `processing` there is `exception` (nothing will come) and `given_up`."""
        model, (dated, more) = f"{side}.{side}", _PARTIES[side]
        old = self._template(model, ["state", "=", "processing"], *_ORDER_COPIED)
        values = {name: old[name] for name in _ORDER_COPIED} | more
        if side == "sale":
            values["shipment_address"] = old["invoice_address"]
        found = self._create(
            model,
            [
                values
                | {dated: self.today, "reference": self.word(), "company": self.company}
                | {"invoice_method": "fulfillment", "lines": [["create", self._order_lines()]]}
                for _ in range(how_many or self.at_once)
            ],
        )
        for button in _BUTTONS.get(state, _BUTTONS["processing"]):
            self.call(model, button, found)
        if state in ("exception", "given_up"):
            self._cancel_what_is_open(side, found)
        if state == "given_up":
            for key in found:
                self._give_up(side, key)
        return found

    def moves(self, side: str, keys: Sequence[int]) -> list[list[int]]:
        """Return the moves of each order."""
        return [row["moves"] for row in self.read(f"{side}.{side}", keys, "moves")]

    def _order_lines(self) -> list[Values]:
        found = self._template("product.product", ["default_uom.digits", "=", 0], "default_uom")
        fine = self._template("product.product", ["default_uom.digits", ">", 0], "default_uom")
        return [
            {
                "type": "line",
                "product": item["id"],
                "unit": item["default_uom"],
                "quantity": quantity,
                "unit_price": decimal("19.5000"),
            }
            for item, quantity in ((found, 12.0), (fine, 3.5))
        ]

    def _cancel_what_is_open(self, side: str, keys: Sequence[int]) -> None:
        if side == "purchase":
            moves = [move for each in self.moves(side, keys) for move in each]
            self.call("stock.move", "cancel", moves)
            return
        rows = self.read("sale.sale", keys, "shipments")
        self.call("stock.shipment.out", "cancel", [s for row in rows for s in row["shipments"]])

    def _give_up(self, side: str, key: int) -> None:
        (moves,) = self.moves(side, [key])
        wizard = f"wizard.{side}.handle.shipment.exception"
        where = {"active_model": f"{side}.{side}", "active_id": key, "active_ids": [key]}
        made, *_ = self.colleague.call(f"{wizard}.create", context=where)
        answers = {"domain_moves": moves, "ignore_moves": moves, "recreate_moves": []}
        self.colleague.call(f"{wizard}.execute", made, {"ask": answers}, "handle", context=where)
        self.colleague.call(f"{wizard}.delete", made, context=where)

    def forget_decisions(self, move: int) -> None:
        """Take a cancelled move out of those on which somebody has decided."""
        for side, name in product(("purchase", "sale"), ("moves_ignored", "moves_recreated")):
            lines = self.call(f"{side}.line", "search", [[name, "=", move]], 0, None, None)
            if lines:
                self.call(f"{side}.line", "write", lines, {name: [["remove", [move]]]})

    # --- invoices -----------------------------------------------------------------------------------------

    def invoices(self, type_: str, state: str, how_many: int | None = None) -> list[int]:
        """Make invoices that no order made: `draft`, `validated` or `posted`."""
        model = "account.invoice"
        paths = (*_INVOICE_COPIED, *(f"lines.{name}" for name in _LINE_COPIED))
        old = self._template(model, [["type", "=", type_], ["lines.taxes", "!=", None]], *paths)
        line = {name: old["lines."][0][name] for name in _LINE_COPIED}
        line |= {"taxes": [["add", line["taxes"]]], "type": "line", "quantity": 2.0}
        values = {name: old[name] for name in _INVOICE_COPIED} | {
            "type": type_,
            "company": self.company,
            "invoice_date": self.today,
            "payment_term_date": self.today,
            "lines": [["create", [line | {"unit_price": decimal("12.3400")}]]],
        }
        found = self._create(
            model, [values | {"reference": self.word()} for _ in range(how_many or self.at_once)]
        )
        buttons = {"draft": (), "validated": ("validate_invoice",), "posted": ("post",)}
        for button in buttons[state]:
            self.call(model, button, found)
        return found

    # --- goods --------------------------------------------------------------------------------------------

    def receipts(self, how_many: int | None = None) -> list[int]:
        """Make draft receipts, each for the goods of one order."""
        orders = self.orders("purchase", "processing", how_many)
        place = "warehouse", "warehouse.input_location", "warehouse.storage_location"
        return self._create(
            "stock.shipment.in",
            [
                {
                    "company": self.company,
                    "supplier": row["party"],
                    "reference": self.word(),
                    "warehouse": row["warehouse"],
                    "warehouse_input": row["warehouse."]["input_location"],
                    "warehouse_storage": row["warehouse."]["storage_location"],
                    "planned_date": self.today,
                    "incoming_moves": [["add", row["moves"]]],
                }
                for row in self.read("purchase.purchase", orders, "party", "moves", *place)
            ],
        )

    def issues(self, how_many: int | None = None) -> list[int]:
        """Make waiting issues, each for the goods of one order."""
        rows = self.read("sale.sale", self.orders("sale", "processing", how_many), "shipments")
        return [row["shipments"][0] for row in rows]

    def counts(self, how_many: int | None = None) -> list[int]:
        """Make counts of two items that are not confirmed yet."""
        old = self._template("stock.inventory", [], "location", "lines.product")
        lines = [{"product": one["product"], "quantity": 40.0} for one in old["lines."][:2]]
        values = {"company": self.company, "location": old["location"], "date": self.today}
        return self._create(
            "stock.inventory",
            [values | {"lines": [["create", lines]]} for _ in range(how_many or self.at_once)],
        )

    def productions(self, how_many: int | None = None) -> list[int]:
        """Make productions that wait, with what goes in and what comes out."""
        copied = ("warehouse", "location", "product", "bom", "unit", "quantity")
        inner = [f"{side}.{name}" for side in ("inputs", "outputs") for name in _MOVE_COPIED]
        old = self._template("production", ["state", "=", "draft"], *copied, *inner)
        values = {name: old[name] for name in copied} | {
            "company": self.company,
            "planned_date": self.today,
            "planned_start_date": self.today,
        }
        for side in ("inputs", "outputs"):
            moves = [{name: one[name] for name in _MOVE_COPIED} for one in old[f"{side}."]]
            values[side] = [["create", [move | {"company": self.company} for move in moves]]]
        found = self._create(
            "production",
            [values | {"reference": self.word()} for _ in range(how_many or self.at_once)],
        )
        self.call("production", "wait", found)
        return found

    # --- projects, periods, names ---------------------------------------------------------------------------

    def works(self, *, is_done: bool = False, how_many: int | None = None) -> list[int]:
        """Make tasks whose work is finished, set to done or not."""
        values = {"company": self.company, "type": "task", "progress": 1.0}
        found = self._create(
            "project.work",
            [values | {"name": self.word()} for _ in range(how_many or self.at_once)],
        )
        if is_done:
            (done,) = self.call(
                "project.work.status", "search", [["progress", "=", 1.0]], 0, 1, None
            )
            self.call("project.work", "write", found, {"status": done})
        return found

    def status(self, name: str) -> int:
        """Return a status of works beside open and done, made where there is none."""
        model = "project.work.status"
        found = self.call(model, "search", [["name", "=", name]], 0, 1, None)
        values = {"name": name, "types": ["project", "task"], "sequence": 99}
        (key,) = found or self.call(model, "create", [values])
        return int(key)

    def year(self, *, is_closed: bool = False) -> tuple[int, list[int]]:
        """Make a year before all others, with two periods of three journals each, one of which is closed."""
        number, model = next(self._years), "account.fiscalyear"
        # A year is closed after all earlier ones and opened again after all later ones.
        closed = self.call(
            model, "search", [["state", "=", "closed"]], 0, None, [["start_date", "DESC"]]
        )
        for key in closed:
            self.call(model, "reopen", [key])
        old = self._template(model, [], "move_sequence.sequence_type")
        strict = {"name": self.word(), "company": self.company}
        strict["sequence_type"] = old["move_sequence."]["sequence_type"]
        (sequence,) = self._create("ir.sequence.strict", [strict])
        halves = (
            (date(number, 1, 1), date(number, 6, 30)),
            (date(number, 7, 1), date(number, 12, 31)),
        )
        periods = [
            {
                "name": self.word(),
                "type": "standard",
                "start_date": day(start),
                "end_date": day(end),
            }
            for start, end in halves
        ]
        values = {"name": f"Y{number}", "company": self.company, "move_sequence": sequence}
        values |= {"start_date": day(halves[0][0]), "end_date": day(halves[1][1])}
        (key,) = self._create(model, [values | {"periods": [["create", periods]]}])
        (found,) = self.read(model, [key], "periods")
        made = sorted(found["periods"])
        journals = self.call("account.journal", "search", [], 0, 3, [["id", "ASC"]])
        opened = self._create(
            "account.journal.period", [{"journal": j, "period": p} for p in made for j in journals]
        )
        self.call("account.journal.period", "close", [opened[2], opened[5]])
        if is_closed:
            self.call(model, "close", [found["id"]])
        return int(found["id"]), made

    def periods(self, *, is_closed: bool = False) -> list[int]:
        """Make two periods."""
        _, found = self.year()
        if is_closed:
            self.call("account.period", "close", found)
        return found

    def partners(self, *, is_active: bool, how_many: int | None = None) -> list[int]:
        """Make partners that are in use or not any more."""
        found = self._create(
            "party.party", [{"name": self.word()} for _ in range(how_many or self.at_once)]
        )
        if not is_active:
            self.call("party.party", "write", found, {"active": False})
        return found

    def items(self, *, is_active: bool, how_many: int | None = None) -> list[int]:
        """Make items that are in use or not any more."""
        copied = ("default_uom", "type", "list_price", "cost_price_method")
        old = self._template("product.template", [], *copied)
        values = {name: old[name] for name in copied}
        templates = self._create(
            "product.template",
            [
                values | {"name": self.word(), "products": []}
                for _ in range(how_many or self.at_once)
            ],
        )
        found = self._create(
            "product.product", [{"template": t, "suffix_code": self.word()} for t in templates]
        )
        if not is_active:
            self.call("product.product", "write", found, {"active": False})
        return found

    def _create(self, model: str, values: list[Values]) -> list[int]:
        found: list[int] = self.call(model, "create", values)
        return found

    def _template(self, model: str, condition: list[Any], *fields: str) -> Values:
        """Return a document that the practice company came with, to make others like it."""
        key = repr((model, condition))
        if key not in self._templates:
            domain = condition if not condition or isinstance(condition[0], list) else [condition]
            (found,) = self.call(model, "search_read", domain, 0, 1, [["id", "ASC"]], list(fields))
            self._templates[key] = found
        return self._templates[key]


def day(value: date) -> Values:
    """Return a date as Tryton's JSON has it."""
    return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}


def decimal(text: str) -> Values:
    """Return a decimal as Tryton's JSON has it."""
    return {"__class__": "Decimal", "decimal": text}
