"""Cancelling transfers and giving them back exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import ClassVar, Final

from connectors.contract import (
    Answer,
    Call,
    Executor,
    Image,
    Instruction,
    Kind,
    LaterBusiness,
    Problem,
    Remainder,
    Step,
)
from connectors.judging import DELETED, number_in, root_of, rows, state_moved, state_problem
from connectors.odoo.actions import (
    STAMPS,
    MethodAction,
    OdooAction,
    Query,
    Server,
    name_of,
    quietness,
    tracking,
)
from connectors.odoo.count_actions import count_actions
from connectors.odoo.reserving import reserve_in_turn
from connectors.odoo.return_actions import return_actions
from connectors.odoo.transfers import (
    MOVE,
    MOVE_FIELDS,
    MOVE_LINE,
    MOVE_SET,
    PICKING,
    PICKING_FIELDS,
    PICKING_SET,
    QUANT,
    RESERVED,
    TRANSFER_NOTE,
    TRANSFER_TRACE,
    Restore,
    are_confirmed,
    are_drafted,
    cancel_problems,
    done_moves,
    kind_problem,
    open_moves,
    restore_of,
)
from core.text import N_, Text

_MOVES: Final = Query(MOVE, "picking_id", PICKING, MOVE_FIELDS)
_ORDERS: Final[Mapping[str, frozenset[str]]] = {
    "purchase.order": frozenset({"receipt_status"}),
    "sale.order": frozenset({"delivery_status"}),
}
"""What Odoo works out on the order from the states of its transfers."""


class _Transfer(OdooAction):
    """What a cancel of a transfer and the links of its way back share: footprint, ours, trace."""

    model = PICKING
    wanted = PICKING_FIELDS
    computed = frozenset({"picking_type_code"})
    queries = (_MOVES,)
    stamped: ClassVar[tuple[str, ...]] = (PICKING, MOVE)
    ours = MappingProxyType(
        {
            PICKING: STAMPS | PICKING_SET,
            MOVE: STAMPS | MOVE_SET,
            MOVE_LINE: frozenset({"*"}),
            QUANT: STAMPS | {"*", "reserved_quantity"},
            **_ORDERS,
        }
    )
    derived = MappingProxyType({PICKING: STAMPS, MOVE: STAMPS | {"is_done"}, **_ORDERS})
    # Working out the order's status anew leaves its stamps.
    trace = MappingProxyType({**TRANSFER_TRACE, **dict.fromkeys(_ORDERS, STAMPS)})
    trace_note = TRANSFER_NOTE
    verb: ClassVar[str]

    def __init_subclass__(cls) -> None:
        if "kind" in cls.__dict__:
            cls.name = f"{cls.kind}.{cls.verb}"
        super().__init_subclass__()

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        # A link of the way back is followed by others, which move the state on: only a deletion counts.
        if not root_of(step, now):
            return (DELETED,)
        return ()

    def instruction(self, step: Step, image: Image) -> Instruction:
        return Instruction(
            screen=Text(N_("Inventory > Transfers, {name}"), {"name": name_of(step, image)}),
            press=Text(self.title),
            reason=Text(N_("see the plan")),
        )


class _Cancel(_Transfer, MethodAction):
    """A transfer that will never happen is cancelled with its moves; its order stays as it is."""

    verb = "cancel"
    method = "action_cancel"
    title = N_("Cancel the transfer")

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        found = (
            *state_problem(step, image, "draft", "waiting", "confirmed", "assigned"),
            *kind_problem(self.kind, root_of(step, image)),
            *cancel_problems(image),
        )
        if done_moves(image):
            text = Text(N_("a part of its goods has moved: cancelling is not for that"))
            found = (*found, Problem("transfer.moved", text))
        if root_of(step, image) and not rows(image, MOVE):
            text = Text(N_("it has no moves, so nothing could set it back"))
            found = (*found, Problem("transfer.empty", text))
        return found

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return root_of(step, after).get("state") == "cancel" and not open_moves(after)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        restore = restore_of(before, after)
        if cancel_problems(before) or not restore.moves:
            return ()
        quiet = quietness(step)
        arguments = {**restore.arguments(), **quiet}
        found = [Step(f"{self.kind}.draft_moves", step.ref, arguments)]
        if restore.pickings:
            # Odoo's check of the availability confirms a draft first: one call does both.
            verb = "reserve_moves" if restore.reserved else "confirm_moves"
            found.append(Step(f"{self.kind}.{verb}", step.ref, arguments))
            if not restore.reserved and self.kind is Kind.GOODS_ISSUE:
                found.append(Step(f"{self.kind}.unreserve_moves", step.ref, arguments))
        if root_of(step, before).get("is_locked") is False:
            found.append(Step(f"{self.kind}.unlock", step.ref, quiet))
        return tuple(found)

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        return state_moved(step, after, now)

    def remainder(self, image: Image) -> Remainder | None:
        moves = [row for row in rows(image, MOVE).values() if row.get("state") != "cancel"]
        if not moves:
            return None
        quantity = sum((number_in(row.get("product_uom_qty")) for row in moves), Decimal(0))
        is_one_unit = len({row.get("product_uom") for row in moves}) == 1
        total = quantity if is_one_unit else None
        return Remainder(total, Decimal(0) if is_one_unit else None, None, total, None, None)


class _Link(_Transfer):
    """A link of the exact way back; cancelling the transfer again takes any of them back."""

    is_link = True
    executors = (Executor.INTERFACE,)  # no screen of Odoo lets a person do this

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return (Step(f"{self.kind}.cancel", step.ref, quietness(step)),)


class _DraftMoves(_Link, MethodAction):
    """The cancelled moves are drafts again. Odoo has no button for it; a write of the state does it."""

    verb = "draft_moves"
    method = "write"
    title = N_("Set the cancelled moves back to draft")

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        ids = [i for call in calls for i in Restore.of(call.step.arguments).moves]
        return self.send(
            server, calls, MOVE, "write", ids, {"state": "draft"}, context=tracking(calls)
        )

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return are_drafted(Restore.of(step.arguments), after)


class _ConfirmMoves(_Link, MethodAction):
    """The same transfer is confirmed again, with the same moves and the same number."""

    verb = "confirm_moves"
    method = "action_confirm"
    title = N_("Confirm the transfer again")

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return are_confirmed(Restore.of(step.arguments), after)


class _ReserveMoves(_Link, MethodAction):
    """The same transfer is confirmed and reserved again.

    Goods that others took meanwhile cannot be reserved again: the transfer comes back all the same, and what is
    different is told as residue.
    """

    verb = "reserve_moves"
    method = "action_assign"
    title = N_("Confirm the transfer again and reserve its goods")

    is_atomic_batch = False  # two requests: who had everything, then who had a part

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        def send(_: bool, members: Sequence[Call]) -> None:
            MethodAction.perform(self, server, members)

        return reserve_in_turn(
            server, calls, lambda call: bool(Restore.of(call.step.arguments).partly), send
        )

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return are_confirmed(Restore.of(step.arguments), after)


class _UnreserveMoves(_Link, MethodAction):
    """A transfer that held nothing before holds nothing again: confirming may have reserved what came since."""

    verb = "unreserve_moves"
    method = "do_unreserve"
    title = N_("Give free what the transfer did not hold before")

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        found = rows(after, MOVE)
        return bool(root_of(step, after)) and not any(
            found[i].get("state") in RESERVED for i in open_moves(after)
        )

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return (Step(f"{self.kind}.reserve_moves", step.ref, step.arguments),)


class _Unlock(_Link):
    """A cancel locks the transfer; it is unlocked again where it was."""

    verb = "unlock"
    title = N_("Unlock the transfer")

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        ids = [int(call.step.ref.key) for call in calls]
        return self.send(
            server, calls, PICKING, "write", ids, {"is_locked": False}, context=tracking(calls)
        )

    is_atomic_batch = True

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return root_of(step, after).get("is_locked") is False


def stock_actions() -> tuple[type[OdooAction], ...]:
    """Return every action of transfers and counts."""
    transfers = tuple(
        type(base.__name__, (base,), {"kind": kind})
        for kind in (Kind.GOODS_RECEIPT, Kind.GOODS_ISSUE)
        for base in (
            _Cancel,
            _DraftMoves,
            _ConfirmMoves,
            _ReserveMoves,
            _UnreserveMoves,
            _Unlock,
        )
    )
    return (*transfers, *return_actions(), *count_actions())
