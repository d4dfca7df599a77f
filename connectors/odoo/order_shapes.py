"""What the actions on orders share: one view of the whole order, and the steps that give its transfers back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, ClassVar, Final

from connectors.contract import Answer, Call, Image, Instruction, LaterBusiness, Remainder, Step
from connectors.judging import ids_in, root_of, rows
from connectors.odoo.actions import STAMPS, OdooAction, Server, name_of, tracking
from connectors.odoo.orders import (
    INVOICE,
    INVOICE_LINE,
    PURCHASE,
    Side,
    draft_invoices,
    later_at_transfers,
    remainder_of,
)
from connectors.odoo.transfers import (
    MOVE,
    MOVE_LINE,
    MOVE_SET,
    PICKING,
    PICKING_SET,
    TRANSFER_TRACE,
    restore_of,
)
from connectors.odoo.writing import write_in_groups, write_values
from core.encoding import Value
from core.text import N_, Text

_HEADER_DERIVED: Final = frozenset(
    {
        "receipt_status", "delivery_status", "invoice_status", "date_calendar_start", "effective_date",
        "amount_to_invoice",
    }
)  # fmt: skip
_HEADER_SET: Final = frozenset({"state", "mail_reminder_confirmed", "reference_ids", "locked"})
_LINE_DERIVED: Final = frozenset(
    {
        "state", "qty_to_invoice", "qty_invoiced", "invoice_status", "untaxed_amount_to_invoice",
        "untaxed_amount_invoiced",
    }
)  # fmt: skip
UNMARKED: Final[Mapping[str, Any]] = {"skip_is_manually_modified": True}
"""Context that keeps Odoo (18 and later) from marking a draft invoice as changed by hand: a flag that nobody sees."""

_INVOICE_DERIVED: Final = frozenset({"payment_state", "amount_residual"})


class OrderAction(OdooAction):
    """What every action on an order shares; a subclass with a `side` is one of a kind."""

    side: ClassVar[Side]
    verb: ClassVar[str]
    is_whole: ClassVar[bool] = False  # with transfers and invoices; else the order and its lines
    is_atomic_batch = True

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "side" in cls.__dict__:
            cls.declare(cls.side)

    @classmethod
    def declare(cls, side: Side) -> None:
        """Fill in what follows from the side."""
        cls.name, cls.kind, cls.model = f"{side.kind}.{cls.verb}", side.kind, side.model
        if cls.is_whole:
            cls.wanted, cls.queries = side.header | side.relations, side.whole
            cls.stamped = (side.model, MOVE, PICKING)
        else:
            cls.wanted, cls.queries, cls.stamped = side.header, side.light, (side.model,)

    def link(self, verb: str, step: Step, **arguments: Value) -> Step:
        """Return a step of another action on the same order, told alike how to treat messages."""
        if "tracking" in step.arguments:
            arguments["tracking"] = step.arguments["tracking"]
        return Step(f"{self.kind}.{verb}", step.ref, arguments)

    def press(
        self, server: Server, calls: Sequence[Call], method: str, **context: Any
    ) -> list[Answer]:
        """Call a method of the orders for the whole batch."""
        ids = [int(call.step.ref.key) for call in calls]
        return self.send(
            server, calls, self.model, method, ids, context={**context, **tracking(calls)}
        )


class WholeOrder(OrderAction):
    """An action that touches transfers: every one of these looks at the same records, so links compare."""

    is_whole = True
    trace_note = N_(
        "Odoo deletes the detailed lines of a cancelled transfer and the tax lines of a cancelled draft invoice: after"
        " a rollback they are new records with new ids, and it chooses anew which lots and packages are reserved; its"
        " messages stay for ever, write date and last writer of each changed record are new"
    )

    @classmethod
    def declare(cls, side: Side) -> None:
        super().declare(side)
        derived = {
            side.model: STAMPS | _HEADER_DERIVED,
            side.line: STAMPS | _LINE_DERIVED,
            MOVE: STAMPS | {"is_done", "move_dest_ids"},
            PICKING: STAMPS | {"state", "scheduled_date", "date_deadline"},
            INVOICE: STAMPS | _INVOICE_DERIVED,
        }
        # Since 19 a reference names its orders; it is the other end of what the order names.
        named = {"stock.reference": frozenset({"purchase_ids", "sale_ids"})}
        cls.derived = derived | named
        cls.ours = named | {
            side.model: derived[side.model] | _HEADER_SET,
            side.line: derived[side.line],
            MOVE: derived[MOVE] | MOVE_SET,
            PICKING: derived[PICKING] | PICKING_SET,
            MOVE_LINE: frozenset({"*"}),
            INVOICE: derived[INVOICE] | {"state", "auto_post"},
        }
        every = dict.fromkeys((side.model, side.line, MOVE, PICKING, INVOICE, INVOICE_LINE), STAMPS)
        cls.trace = {**TRANSFER_TRACE, **every, "mail.activity": frozenset({"*"})}

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        return later_at_transfers(self.side, step, after, now)

    def remainder(self, image: Image) -> Remainder | None:
        return remainder_of(self.target, self.side, image, is_whole=False)

    def restore_steps(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        """Return the links that give back the transfers which were open before and are cancelled after."""
        found = restore_of(before, after)
        if not found.moves:
            return ()
        was = rows(before, MOVE)
        steps = [
            self.link("draft_moves", step, moves=found.moves),
            *self.chain_steps(step, found.moves, before),
        ]
        lasting = [i for i in found.moves if was[i].get("state") != "draft"]
        free = tuple(key for key in found.pickings if key not in found.reserved)
        # Reserving confirms first, in the same call: a transfer needs only one of the two.
        for verb, transfers in (("assign_transfers", found.reserved), ("confirm_transfers", free)):
            if transfers:
                moves = tuple(i for i in lasting if was[i].get("picking_id") in transfers)
                is_partly = transfers is found.reserved and found.partly
                more = {"partly": found.partly} if is_partly else {}
                steps.append(self.link(verb, step, transfers=transfers, moves=moves, **more))
        if free:
            # Where stock came in meanwhile, confirming reserves what was not reserved before.
            steps.append(self.link("unreserve_transfers", step, transfers=free))
        return (*steps, *self.reservation_steps(step, lasting, before))

    def chain_steps(self, step: Step, moves: Sequence[int], before: Image) -> tuple[Step, ...]:
        """Return the link that makes moves wait for those which they waited for; before they are confirmed.

        Confirmed first, a move that is to be procured for would be procured for a second time.
        """
        was = rows(before, MOVE)
        waiting = tuple(i for i in moves if ids_in(was.get(i, {}).get("move_orig_ids")))
        if not waiting:
            return ()
        return (self.link("restore_chain", step, **chain_of(waiting, before)),)

    def reservation_steps(
        self, step: Step, moves: Sequence[int], before: Image
    ) -> tuple[Step, ...]:
        """Return the links that give moves the days of reservation which they had before; confirming sets today."""
        was = rows(before, MOVE)
        days: dict[date, list[int]] = {}
        for i in moves:
            day = was.get(i, {}).get("reservation_date")
            if isinstance(day, date):
                days.setdefault(day, []).append(i)
        return tuple(
            self.link("restore_moves", step, moves=tuple(members), reservation_date=day)
            for day, members in sorted(days.items())
        )


def chain_of(moves: Sequence[int], image: Image) -> dict[str, Value]:
    """Return, move by move, what it waits for and how it is procured, as arguments of a step."""
    found = rows(image, MOVE)
    origins = [ids_in(found.get(i, {}).get("move_orig_ids")) for i in moves]
    return {
        "moves": tuple(moves),
        "origins": tuple(",".join(map(str, ids)) for ids in origins),
        "methods": tuple(str(found.get(i, {}).get("procure_method")) for i in moves),
    }


def restore_order_step(action: OrderAction, step: Step, before: Image) -> Step:
    """Return the last link: the former state, and what a cancel clears where it held something."""
    root = root_of(step, before)
    wanted: dict[str, Value] = {"state": root.get("state")}
    if root.get("mail_reminder_confirmed"):
        wanted["mail_reminder_confirmed"] = True
    if root.get("reference_ids"):
        wanted["reference_ids"] = root["reference_ids"]
    return action.link("restore_order", step, **wanted)


def reset_invoices_steps(
    action: OrderAction, step: Step, before: Image, after: Image
) -> tuple[Step, ...]:
    """Return the link for draft invoices that were cancelled with the order, where there are any."""
    invoices = draft_invoices(before, after)
    return (action.link("reset_invoices", step, invoices=invoices),) if invoices else ()


def wanted_of(step: Step) -> Mapping[str, Value]:
    """Return the fields that a step wants the order to hold."""
    return {name: value for name, value in step.arguments.items() if name != "tracking"}


def holds(step: Step, image: Image) -> bool:
    """Whether the order holds what the step wants."""
    root = root_of(step, image)
    return bool(root) and all(root.get(name) == value for name, value in wanted_of(step).items())


def write_back(action: OrderAction, server: Server, calls: Sequence[Call]) -> list[Answer]:
    """Write to each order what its step wants and it does not hold, orders with equal values together."""

    def values(call: Call) -> dict[str, Any]:
        now = root_of(call.step, call.before)
        return write_values(
            action.target, action.model, now, wanted_of(call.step), ours=action.ours[action.model]
        )

    def key(call: Call) -> str | None:
        found = values(call)
        return repr(sorted(found.items())) if found else None

    def send(_key: str, members: Sequence[Call]) -> None:
        ids = [int(call.step.ref.key) for call in members]
        action.send(
            server,
            members,
            action.model,
            "write",
            ids,
            values(members[0]),
            context=tracking(members),
        )

    return write_in_groups(server, calls, key, send)


def order_instruction(side: Side, step: Step, image: Image, press: str, reason: str) -> Instruction:
    """Return what a person does, in the words of Odoo's own menus."""
    menu = (
        N_("Purchase > Orders > Purchase Orders, {name}")
        if side is PURCHASE
        else N_("Sales > Orders > Orders, {name}")
    )
    return Instruction(
        screen=Text(menu, {"name": name_of(step, image)}), press=Text(press), reason=Text(reason)
    )
