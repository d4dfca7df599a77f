"""Returning what a transfer has moved, and returning the return: goods that moved are only taken back by moving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar, Final

from connectors.contract import (
    Answer,
    Call,
    Effect,
    Executor,
    Image,
    Instruction,
    Kind,
    LaterBusiness,
    Problem,
    Ref,
    Reversibility,
    Step,
)
from connectors.judging import number_in, root_of, rows, state_problem
from connectors.odoo.actions import STAMPS, OdooAction, Query, Server, name_of, quietness, tracking
from connectors.odoo.return_stock import STOCK_FIELDS, STOCK_QUERIES, shortages
from connectors.odoo.transfers import (
    MOVE,
    MOVE_FIELDS,
    MOVE_LINE,
    OPEN,
    PICKING,
    PICKING_FIELDS,
    QUANT,
    done_quantity,
    kind_problem,
)
from connectors.odoo.writing import write_in_groups
from core.encoding import Value
from core.text import N_, Text

WIZARD: Final = "stock.return.picking"

_RETURNS: Final = Query(MOVE, "origin_returned_move_id", MOVE, MOVE_FIELDS)
_ANY: Final = frozenset({"*"})
_MOVED: Final[Mapping[str, frozenset[str]]] = {
    MOVE_LINE: _ANY,
    QUANT: _ANY | STAMPS | {"in_date"},
    "stock.valuation.layer": _ANY | STAMPS | {"remaining_qty", "remaining_value"},
    "account.move": _ANY,
    "account.move.line": _ANY,
    # The order lists the return among its transfers.
    "purchase.order": STAMPS | {"receipt_status", "invoice_status", "picking_ids"},
    "purchase.order.line": STAMPS | {"qty_received", "qty_to_invoice"},
    "sale.order": STAMPS | {"delivery_status", "invoice_status"},
    "sale.order.line": STAMPS | {"qty_delivered", "qty_to_invoice", "invoice_status"},
}
"""What goods that move leave outside the footprint."""

_STOCK: Final[Mapping[str, frozenset[str]]] = {**_MOVED, QUANT: _MOVED[QUANT] | {"quantity"}}
"""The same with what is given back: the quantity in each place."""

_CHAIN: Final = frozenset({"move_orig_ids", "move_dest_ids"})


class _Return(OdooAction):
    """The links of a return: the footprint holds the transfer, its returns and the returns of those."""

    model = PICKING
    wanted = PICKING_FIELDS
    computed = frozenset({"picking_type_code"})
    queries: ClassVar[tuple[Query, ...]] = (
        Query(MOVE, "picking_id", PICKING, MOVE_FIELDS),
        _RETURNS,
        _RETURNS,
        Query(PICKING, "picking_id", MOVE, PICKING_FIELDS, is_forward=True),
    )
    stamped = (PICKING, MOVE)
    ours = MappingProxyType(
        {
            PICKING: STAMPS | {"*", "state", "date_done", "is_locked", "scheduled_date", "priority"},
            MOVE: STAMPS | _CHAIN
            | {"*", "state", "quantity", "quantity_done", "picked", "is_done", "date", "procure_method",
               "reservation_date", "price_unit"},
            **_STOCK,
        }
    )  # fmt: skip
    derived = MappingProxyType({PICKING: STAMPS, MOVE: STAMPS, **_STOCK})
    trace = MappingProxyType({PICKING: STAMPS | _ANY, MOVE: STAMPS | _ANY | _CHAIN, **_MOVED})
    trace_note = N_("both transfers stay, with their moves, numbers and entries")
    creates = MappingProxyType({PICKING: N_("return")})
    reversibility = Reversibility.COMPENSATING
    reversibility_note = N_("goods that moved are taken back by another transfer")
    executors: ClassVar[tuple[Executor, ...]] = (Executor.INTERFACE,)
    verb: ClassVar[str]

    def __init_subclass__(cls) -> None:
        if "kind" in cls.__dict__:
            cls.name = f"{cls.kind}.{cls.verb}"
        super().__init_subclass__()

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        if set(rows(after, MOVE)) < set(rows(now, MOVE)):
            return (LaterBusiness(Effect.BLOCKS, Text(N_("goods were returned since"))),)
        return ()

    def instruction(self, step: Step, image: Image) -> Instruction:
        return Instruction(
            screen=Text(N_("Inventory > Transfers, {name}"), {"name": name_of(step, image)}),
            press=Text(self.title),
            reason=Text(N_("its goods go back")),
        )


class _MakeReturn(_Return):
    """Makes the transfer that moves back what was moved and has not come back yet; nothing moves so far.

    The wizard keeps nothing that a person sees; only its last call changes the books. One transfer a request.
    """

    is_link = True
    verb = "make_return"
    title = N_("Make the return")
    batch_size = 1

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        def send(_: str, members: Sequence[Call]) -> None:
            self._make(server, members[0])

        return write_in_groups(server, calls, lambda call: call.operation_id, send)

    def _make(self, server: Server, call: Call) -> None:
        picking = picking_in(call.step)
        root = rows(call.before, PICKING)[picking]
        context = {
            **tracking([call]),
            "active_model": PICKING,
            "active_id": picking,
            "active_ids": [picking],
        }
        found = rows(call.before, MOVE)
        lines = [
            (0, 0, {"product_id": found[i]["product_id"], "quantity": float(left), "move_id": i})
            for i, left in left_to_return(call.before, picking).items()
        ]
        values: dict[str, Any] = {"picking_id": picking, "product_return_moves": lines}
        if self.target.version < 17:
            values["location_id"] = root["location_id"]
            values["original_location_id"] = root["location_id"]
        wizard = server.call(WIZARD, "create", values, context=context)
        key = wizard[0] if isinstance(wizard, list) else wizard
        method = "action_create_returns" if self.target.version >= 18 else "create_returns"
        self.send(server, [call], WIZARD, method, [key], context=context)

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        return return_problems(self.kind, step, image)

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return bool(
            set(return_moves(after, picking_in(step))) - set(return_moves(before, picking_in(step)))
        )

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        made = made_returns(before, after, picking_in(step))
        if "picking" in step.arguments or not made:
            return ()  # a return of a return of a return: a person looks
        return tuple(
            Step(f"{self.kind}.drop_return", step.ref, {**quietness(step), "picking": each})
            for each in made
        )


class _FillReturn(_Return):
    """Enters the reserved quantities as done, as 16 and before want it."""

    is_link = True
    verb = "fill_return"
    title = N_("Enter the quantities of the return")
    is_atomic_batch = True
    until = 16

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        ids = [i for call in calls for i in open_returns(call.before, picking_in(call.step))]
        method = "action_set_quantities_to_reservation"
        return self.send(server, calls, PICKING, method, ids, context=tracking(calls))

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        found = rows(after, MOVE)
        return all(
            number_in(found[i].get("quantity_done")) == number_in(found[i].get("product_uom_qty"))
            for i in return_moves(after, picking_in(step))
            if found[i].get("state") in OPEN
        )

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        made = open_returns(before, picking_in(step))
        return tuple(
            Step(f"{self.kind}.drop_return", step.ref, {**quietness(step), "picking": each})
            for each in made
        )


class _ValidateReturn(_Return):
    """The goods of the return move. Odoo answers with a question where they are not all there: then nothing moves."""

    is_link = True
    verb = "validate_return"
    title = N_("Validate the return")
    is_atomic_batch = True

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        ids = [i for call in calls for i in open_returns(call.before, picking_in(call.step))]
        context = {**tracking(calls), "skip_sms": True}
        return self.send(server, calls, PICKING, "button_validate", ids, context=context)

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        wanted, found = open_returns(before, picking_in(step)), rows(after, PICKING)
        return bool(wanted) and all(i in found and found[i].get("state") == "done" for i in wanted)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        if "picking" in step.arguments:
            return ()
        return tuple(
            Step(link.action, step.ref, {**quietness(step), "picking": made})
            for made in open_returns(before, picking_in(step))
            for link in return_links(self.kind, self.target.version, step.ref, {})
        )


class _DropReturn(_Return):
    """A return that has not moved anything is cancelled; one that has and was returned itself needs nothing."""

    is_link = True
    verb = "drop_return"
    title = N_("Cancel the return")
    is_atomic_batch = True

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        ids = [picking_in(call.step) for call in calls]
        return self.send(server, calls, PICKING, "action_cancel", ids, context=tracking(calls))

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        picking = picking_in(step)
        state = rows(after, PICKING).get(picking, {}).get("state")
        return state in (None, "cancel") or (state == "done" and not left_to_return(after, picking))

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return ()


class _ReturnAll(_MakeReturn):
    """Everything that a done transfer moved goes back: a chain."""

    is_link = False
    verb = "return"
    title = N_("Return the goods")
    executors = (Executor.INTERFACE, Executor.BY_PERSON)
    batch_size = 50  # it is only ever read in batches
    queries = (*_Return.queries, *STOCK_QUERIES)
    surroundings = frozenset(STOCK_FIELDS)
    # A person who does it on the screen is not stopped by stock that moved since.
    trace = MappingProxyType({**_Return.trace, **STOCK_FIELDS})

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        found = super().problems(step, image)
        return found or shortages(image, left_to_return(image, picking_in(step)))

    def steps(self, ref: Ref, arguments: Mapping[str, Value]) -> tuple[Step, ...]:
        return return_links(self.kind, self.target.version, ref, arguments)

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        raise NotImplementedError  # a chain is never sent itself

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        made = return_moves(after, int(step.ref.key))
        return (
            bool(made)
            and not left_to_return(after, int(step.ref.key))
            and not open_returns(after, int(step.ref.key))
        )

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        """Take back what a person returned; the links of a chain have inverses of their own."""
        return tuple(
            Step(link.action, step.ref, {"picking": made})
            for made in made_returns(before, after, int(step.ref.key))
            for link in return_links(self.kind, self.target.version, step.ref, {})
        )


def return_links(
    kind: Kind, version: int, ref: Ref, arguments: Mapping[str, Value]
) -> tuple[Step, ...]:
    """Return the calls of a return, in order."""
    verbs = ("make_return", "fill_return", "validate_return")
    return tuple(
        Step(f"{kind}.{verb}", ref, arguments)
        for verb in verbs
        if verb != "fill_return" or version < 17
    )


def return_problems(kind: Kind, step: Step, image: Image) -> tuple[Problem, ...]:
    """Say why there is nothing to return."""
    found = (*state_problem(step, image, "done"), *kind_problem(kind, root_of(step, image)))
    picking = picking_in(step)
    if found:
        return found
    if open_returns(image, picking):
        return (Problem("return.open", Text(N_("a return of it waits already"))),)
    if not left_to_return(image, picking):
        return (Problem("return.nothing", Text(N_("everything was returned already"))),)
    return ()


def picking_in(step: Step) -> int:
    """Return the transfer whose goods go back: the document's own, or the return that the step names."""
    named = step.arguments.get("picking")
    return named if isinstance(named, int) else int(step.ref.key)


def return_moves(image: Image, picking: int) -> tuple[int, ...]:
    """Return the moves that return moves of this transfer and are not cancelled, sorted."""
    found = rows(image, MOVE)
    owned = {i for i, row in found.items() if row.get("picking_id") == picking}
    return tuple(
        sorted(
            i
            for i, row in found.items()
            if row.get("origin_returned_move_id") in owned and row.get("state") != "cancel"
        )
    )


def open_returns(image: Image, picking: int) -> tuple[int, ...]:
    """Return the transfers that wait to return goods of this one, sorted."""
    found = rows(image, MOVE)
    waiting = {
        found[i].get("picking_id")
        for i in return_moves(image, picking)
        if found[i].get("state") in OPEN
    }
    return tuple(sorted(i for i in waiting if isinstance(i, int)))


def made_returns(before: Image, after: Image, picking: int) -> tuple[int, ...]:
    """Return the transfers that return goods of this one and were not there before, sorted."""
    was, found = set(return_moves(before, picking)), rows(after, MOVE)
    made = {found[i].get("picking_id") for i in return_moves(after, picking) if i not in was}
    return tuple(sorted(i for i in made if isinstance(i, int)))


def left_to_return(image: Image, picking: int) -> dict[int, Decimal]:
    """Return, per done move of a transfer, how much of it has not come back, in the product's own unit."""
    found = rows(image, MOVE)
    moved = {
        i: done_quantity(row)
        for i, row in sorted(found.items())
        if row.get("picking_id") == picking and row.get("state") == "done"
    }
    for i in return_moves(image, picking):
        origin = found[i].get("origin_returned_move_id")
        if origin in moved and isinstance(origin, int):
            moved[origin] -= _still_returned(image, i)
    return {i: left for i, left in moved.items() if left > 0}


def _still_returned(image: Image, move: int) -> Decimal:
    found = rows(image, MOVE)
    if found[move].get("state") != "done":
        return number_in(found[move].get("product_qty"))
    again = [
        row
        for row in found.values()
        if row.get("origin_returned_move_id") == move and row.get("state") == "done"
    ]
    return done_quantity(found[move]) - sum((done_quantity(row) for row in again), Decimal(0))


def return_actions() -> tuple[type[OdooAction], ...]:
    """Return the actions that return goods, for receipts and for issues."""
    bases = (_ReturnAll, _MakeReturn, _FillReturn, _ValidateReturn, _DropReturn)
    return tuple(
        type(base.__name__, (base,), {"kind": kind})
        for kind in (Kind.GOODS_RECEIPT, Kind.GOODS_ISSUE)
        for base in bases
    )
