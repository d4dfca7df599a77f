"""Purchase and sales orders as Tryton keeps them: what belongs to one, and what became of its lines.

Both have one life cycle in Tryton, so both are described by the same `Side`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from connectors.contract import (
    Effect,
    Image,
    Instruction,
    Kind,
    LaterBusiness,
    Problem,
    Remainder,
    Step,
)
from connectors.judging import DELETED, ids_in, number_in, root_of, rows
from connectors.tryton.actions import STAMPS, Shape, Target, name_of
from core.encoding import Value
from core.text import N_, Text

MOVE: Final = "stock.move"
INVOICE: Final = "account.invoice"
INVOICE_LINE: Final = "account.invoice.line"
OPEN_MOVES: Final = frozenset({"draft", "assigned"})
POSTED: Final = frozenset({"posted", "paid"})

CACHES: Final = frozenset({"untaxed_amount_cache", "tax_amount_cache", "total_amount_cache"})
_HEADER: Final = STAMPS | CACHES | frozenset(
    {
        "number", "reference", "description", "comment", "state", "company", "party", "currency",
        "payment_term", "warehouse", "invoice_method", "invoice_state", "shipment_state", "quoted_by",
        "confirmed_by", "quotation_expire",
    }
)  # fmt: skip
_LINE: Final = STAMPS | frozenset(
    {"type", "sequence", "product", "description", "quantity", "unit", "unit_price"}
)
_HANDLED: Final = frozenset(
    {"actual_quantity", "moves", "invoice_lines", "moves_ignored", "moves_recreated"}
)
_MOVE: Final = STAMPS | frozenset(
    {"product", "quantity", "unit", "state", "shipment", "planned_date", "effective_date"}
)
_INVOICE_LINE: Final = frozenset({"quantity", "unit", "invoice"})
_INVOICE: Final = frozenset({"state", "number"})


@dataclass(frozen=True, slots=True)
class Side:
    """What differs between buying and selling."""

    kind: Kind
    model: str
    line: str
    date: str
    wizard: str
    finished: tuple[str, ...]  # shipment states with nothing open and nothing to decide
    given_by_quote: frozenset[str]  # what the first quotation fills, for good
    shipment: Shape | None = None  # where confirming an order makes shipments

    @property
    def header(self) -> Shape:
        """The order and its lines."""
        fields = _HEADER | {self.date} | self.given_by_quote
        return Shape(self.model, fields, {"lines": Shape(self.line, _LINE)})

    @property
    def whole(self) -> Shape:
        """The order, its lines, their moves and what was invoiced of them."""
        invoice_lines = Shape(INVOICE_LINE, _INVOICE_LINE, {"invoice": Shape(INVOICE, _INVOICE)})
        below = {"moves": Shape(MOVE, _MOVE), "invoice_lines": invoice_lines}
        beside = {"lines": Shape(self.line, _LINE | _HANDLED, below)}
        if self.shipment is not None:
            beside["shipments"] = self.shipment
        return Shape(self.model, _HEADER | {self.date}, beside)


PURCHASE: Final = Side(
    Kind.PURCHASE_ORDER,
    "purchase.purchase",
    "purchase.line",
    "purchase_date",
    "purchase.handle.shipment.exception",
    ("none", "received"),
    frozenset({"number"}),
)
SALE: Final = Side(
    Kind.SALES_ORDER,
    "sale.sale",
    "sale.line",
    "sale_date",
    "sale.handle.shipment.exception",
    ("none", "sent"),
    frozenset({"number", "quotation_date"}),
    Shape(
        "stock.shipment.out",
        STAMPS | {"number", "state", "planned_date", "effective_date", "outgoing_moves"},
    ),
)


@dataclass(frozen=True, slots=True)
class Progress:
    """What became of one line, in the line's own unit."""

    ordered: Decimal
    received: Decimal
    invoiced: Decimal
    waiting_invoice: Decimal
    open: Decimal
    price: Decimal

    @property
    def remaining(self) -> Decimal:
        """What is still to come, never below zero."""
        return max(self.ordered - self.received, Decimal(0))


def progress_of(target: Target, side: Side, image: Image) -> dict[int, Progress]:
    """Return what became of every line, from moves and invoices, never from Tryton's own percentages."""
    lines, moves = rows(image, side.line), rows(image, MOVE)
    invoice_lines, invoices = rows(image, INVOICE_LINE), rows(image, INVOICE)
    found = {}
    for key, line in lines.items():
        if line["type"] != "line":
            continue
        unit = _id(line["unit"])

        def total(
            records: Mapping[int, Mapping[str, Value]],
            ids: tuple[int, ...],
            states: frozenset[Value],
            unit: int | None = unit,
        ) -> Decimal:
            return sum(
                (
                    target.convert(number_in(r["quantity"]), _id(r["unit"]), unit)
                    for r in (records[i] for i in ids if i in records)
                    if (r["state"] if "state" in r else _state(invoices, r["invoice"])) in states
                ),
                Decimal(0),
            )

        found[key] = Progress(
            ordered=number_in(line["quantity"]),
            received=total(moves, ids_in(line["moves"]), frozenset({"done"})),
            invoiced=total(invoice_lines, ids_in(line["invoice_lines"]), frozenset(POSTED)),
            waiting_invoice=total(
                invoice_lines,
                ids_in(line["invoice_lines"]),
                frozenset({None, "draft", "validated"}),
            ),
            open=total(moves, ids_in(line["moves"]), frozenset(OPEN_MOVES)),
            price=number_in(line["unit_price"]),
        )
    return found


def _state(invoices: Mapping[int, Mapping[str, Value]], invoice: Value) -> Value:
    return invoices[invoice]["state"] if isinstance(invoice, int) and invoice in invoices else None


def _id(value: Value) -> int | None:
    return value if isinstance(value, int) else None


def open_moves(image: Image) -> tuple[int, ...]:
    """Return the moves that are still to come, sorted."""
    return tuple(sorted(i for i, move in rows(image, MOVE).items() if move["state"] in OPEN_MOVES))


def open_shipments(image: Image) -> tuple[int, ...]:
    """Return the shipments in which open moves lie, sorted."""
    found = {
        str(move["shipment"]).partition(",")[2]
        for move in rows(image, MOVE).values()
        if move["state"] in OPEN_MOVES and move["shipment"]
    }
    return tuple(sorted(int(key) for key in found))


def all_in(lines: Mapping[int, Mapping[str, Value]], name: str) -> set[int]:
    """Return the ids that a relation holds on any of the lines."""
    return {i for line in lines.values() for i in ids_in(line[name])}


def undecided_moves(side: Side, image: Image) -> tuple[int, ...]:
    """Return cancelled moves of which nobody has said yet whether they will be made again, sorted."""
    lines, moves = rows(image, side.line), rows(image, MOVE)
    decided = all_in(lines, "moves_ignored") | all_in(lines, "moves_recreated")
    mine = all_in(lines, "moves")
    return tuple(
        sorted(i for i in mine - decided if i in moves and moves[i]["state"] == "cancelled")
    )


def closing_problems(target: Target, side: Side, step: Step, image: Image) -> tuple[Problem, ...]:
    """Return why giving up the remainder would be wrong. Received goods without a posted invoice, or the
    other way round, are for a person: an invoice is never ignored here.
    """
    found = []
    progress = progress_of(target, side, image)
    header = root_of(step, image)
    if header.get("invoice_state") == "exception":
        found.append(
            Problem(
                "invoice.exception", Text(N_("one of its invoices was cancelled; a person decides"))
            )
        )
    if any(p.waiting_invoice for p in progress.values()):
        found.append(
            Problem("invoice.not_posted", Text(N_("an invoice of this order is not posted yet")))
        )
    if any(p.received > p.invoiced for p in progress.values()):
        text = (
            N_("goods were received that no posted invoice covers")
            if side is PURCHASE
            else N_("goods were delivered that no posted invoice covers")
        )
        found.append(Problem("received.not_invoiced", Text(text)))
    moved = {i for i, line in rows(image, side.line).items() if ids_in(line["moves"])}
    if any(p.invoiced > p.received for i, p in progress.items() if i in moved):
        text = (
            N_("more was invoiced than received; it needs a credit note first")
            if side is PURCHASE
            else N_("more was invoiced than delivered; it needs a credit note first")
        )
        found.append(Problem("invoiced.not_received", Text(text)))
    moves = rows(image, MOVE)
    if side is PURCHASE and any(moves[i]["shipment"] for i in open_moves(image)):
        found.append(Problem("receipt.open", Text(N_("a goods receipt for it is not finished"))))
    if side.shipment is not None and _shared_shipments(side.shipment.model, image):
        text = N_("one of its shipments also holds goods of another order")
        found.append(Problem("shipment.shared", Text(text)))
    if not open_moves(image):
        found.append(Problem("nothing.open", Text(N_("no open move is left to give up"))))
    if undecided_moves(side, image):
        found.append(
            Problem(
                "shipment.exception", Text(N_("somebody cancelled moves of it; a person decides"))
            )
        )
    return tuple(found)


def _shared_shipments(model: str, image: Image) -> set[int]:
    """Return the open shipments that hold moves of others: cancelling one would cancel those too."""
    shipments, own = rows(image, model), set(rows(image, MOVE))
    return {
        i for i in open_shipments(image) if not set(ids_in(shipments[i]["outgoing_moves"])) <= own
    }


def later_business_of(
    side: Side, step: Step, after: Image, now: Image
) -> tuple[LaterBusiness, ...]:
    """Say what happened to a closed order since."""
    if not root_of(step, now):
        return (DELETED,)
    found = []
    was_moves, now_moves = rows(after, MOVE), rows(now, MOVE)
    was_invoices, now_invoices = rows(after, INVOICE), rows(now, INVOICE)
    if now_moves.keys() - was_moves.keys():
        found.append(LaterBusiness(Effect.BLOCKS, Text(N_("new moves were made for it"))))
    for key, invoice in now_invoices.items():
        was = was_invoices.get(key)
        if was is None or (was["state"] not in POSTED and invoice["state"] in POSTED):
            text = Text(
                N_("invoice {number} came or was posted"), {"number": invoice["number"] or key}
            )
            found.append(LaterBusiness(Effect.CHANGES_RESULT, text))
        elif was["state"] != invoice["state"]:
            text = Text(N_("invoice {number} is {state} now"), dict(invoice))
            found.append(LaterBusiness(Effect.HARMLESS, text))
    lines, was_lines = rows(now, side.line), rows(after, side.line)
    if lines.keys() != was_lines.keys():
        found.append(LaterBusiness(Effect.CHANGES_RESULT, Text(N_("lines were added or removed"))))
    elif any(lines[i]["quantity"] != was_lines[i]["quantity"] for i in lines):
        found.append(LaterBusiness(Effect.CHANGES_RESULT, Text(N_("a quantity was changed"))))
    return tuple(found)


def remainder_of(target: Target, side: Side, image: Image, *, is_whole: bool) -> Remainder | None:
    """Return what closing gives up: with `is_whole` everything ordered, else what open moves would bring."""
    headers = image.of_model(side.model)
    if len(headers) != 1 or headers[0].fields is None:
        return None
    currency = headers[0].fields.get("currency")
    lines = {i: line for i, line in rows(image, side.line).items() if line["type"] == "line"}
    code = target.currencies.get(currency) if isinstance(currency, int) else None
    if is_whole:
        ordered = sum((number_in(line["quantity"]) for line in lines.values()), Decimal(0))
        amount = sum(
            (
                number_in(line["quantity"]) * number_in(line["unit_price"])
                for line in lines.values()
            ),
            Decimal(0),
        )
        zero: Decimal | None = Decimal(0)
        given, received, invoiced = ordered, zero, zero
    else:
        progress = progress_of(target, side, image)
        ordered = sum((p.ordered for p in progress.values()), Decimal(0))
        received = sum((p.received for p in progress.values()), Decimal(0))
        invoiced = sum((p.invoiced for p in progress.values()), Decimal(0))
        given = sum((p.open for p in progress.values()), Decimal(0))
        amount = sum((p.open * p.price for p in progress.values()), Decimal(0))
    if len({line["unit"] for line in lines.values()}) > 1:
        return Remainder(None, None, None, None, amount, code)
    return Remainder(ordered, received, invoiced, given, amount, code)


def order_instruction(side: Side, step: Step, image: Image, press: str, reason: str) -> Instruction:
    """Return what a person does, in the words of Tryton's own menus."""
    menu = N_("Purchase > Purchases, {name}") if side is PURCHASE else N_("Sales > Sales, {name}")
    return Instruction(
        screen=Text(menu, {"name": name_of(step, image)}), press=Text(press), reason=Text(reason)
    )
