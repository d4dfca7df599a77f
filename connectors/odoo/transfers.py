"""Cancelled transfers and the exact way back: which moves and pickings are set back, and to what.

Odoo has no button for it. What was measured in 16, 17, 18 and 19 gives back the same records: the moves are
written to draft, their picking is confirmed, and reserved again where it was. Used by transfers as documents and
by the orders that own transfers. Pure functions of images.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from connectors.contract import Image, Kind, Problem
from connectors.judging import ids_in, number_in, rows
from connectors.odoo.actions import STAMPS
from core.encoding import Value
from core.text import N_, Text

PICKING: Final = "stock.picking"
MOVE: Final = "stock.move"
MOVE_LINE: Final = "stock.move.line"
QUANT: Final = "stock.quant"

MOVE_FIELDS: Final = STAMPS | frozenset(
    {
        "state", "picking_id", "product_id", "product_uom", "product_uom_qty", "product_qty", "location_id", "location_dest_id",
        "date", "date_deadline", "procure_method", "propagate_cancel", "move_orig_ids", "move_dest_ids",
        "reservation_date", "price_unit", "priority", "origin_returned_move_id",
        "quantity", "picked", "is_done",  # 17 and later; is_done until 18
        "quantity_done",  # 16
        "purchase_line_id", "sale_line_id",
    }
)  # fmt: skip
PICKING_FIELDS: Final = STAMPS | frozenset(
    {
        "name", "state", "picking_type_id", "partner_id", "origin", "company_id", "location_id", "location_dest_id",
        "scheduled_date", "date_deadline", "date_done", "is_locked", "backorder_id", "move_ids", "priority",
        "return_id", "user_id",
    }
)  # fmt: skip

MOVE_SET: Final = frozenset(
    {"state", "quantity", "quantity_done", "picked", "is_done", "procure_method", "move_orig_ids", "reservation_date"}
)  # fmt: skip
"""What a cancel and its way back change on a move."""

PICKING_SET: Final = frozenset({"state", "is_locked", "scheduled_date", "date_deadline"})
"""What they change on a picking."""

TRANSFER_TRACE: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        MOVE: STAMPS | {"reservation_date"},
        PICKING: STAMPS,
        MOVE_LINE: frozenset({"*"}),
        QUANT: STAMPS | {"*", "reserved_quantity", "user_id"},
    }
)
"""What is not as before after an exact restore: move lines are new records, reservations are made anew."""

TRANSFER_NOTE: Final = N_(
    "Odoo deletes the detailed lines of a cancelled transfer: after a rollback they are new records with new ids,"
    " and it reserves anew, also which lots and packages; its messages stay for ever"
)

OPEN: Final = ("draft", "waiting", "confirmed", "partially_available", "assigned")
RESERVED: Final = ("partially_available", "assigned")


@dataclass(frozen=True, slots=True)
class Restore:
    """What an exact restore must do; empty tuples where there is nothing to do.

    `states` are those of `moves`, in the same order, as they were before the cancel.
    """

    moves: tuple[int, ...] = ()
    states: tuple[str, ...] = ()
    pickings: tuple[int, ...] = ()  # to be confirmed
    reserved: tuple[int, ...] = ()  # of those, to be reserved again

    partly: tuple[int, ...] = ()  # of those, which did not hold all that they need

    def arguments(self) -> dict[str, Value]:
        """Return it as arguments of a step, which are stored with the plan."""
        return {
            "moves": self.moves,
            "states": self.states,
            "pickings": self.pickings,
            "reserved": self.reserved,
            "partly": self.partly,
        }

    @classmethod
    def of(cls, arguments: Mapping[str, Value]) -> Restore:
        """Read it back from the arguments of a step."""
        states = arguments.get("states")
        return cls(
            ids_in(arguments.get("moves")),
            tuple(str(each) for each in states) if isinstance(states, tuple) else (),
            ids_in(arguments.get("pickings")),
            ids_in(arguments.get("reserved")),
            ids_in(arguments.get("partly")),
        )


def restore_of(before: Image, after: Image) -> Restore:
    """Return what gives back the transfers that were open before and are cancelled after."""
    was, is_now = rows(before, MOVE), rows(after, MOVE)
    moves = tuple(
        i
        for i in sorted(was)
        if was[i].get("state") in OPEN and i in is_now and is_now[i].get("state") == "cancel"
    )
    confirmed = [i for i in moves if was[i].get("state") != "draft"]
    reserved = pickings_of(before, (i for i in moves if was[i].get("state") in RESERVED))
    short = pickings_of(before, (i for i in confirmed if was[i].get("state") != "assigned"))
    return Restore(
        moves,
        tuple(str(was[i].get("state")) for i in moves),
        pickings_of(before, confirmed),
        reserved,
        tuple(key for key in short if key in reserved),
    )


def pickings_of(image: Image, moves: Iterable[int]) -> tuple[int, ...]:
    """Return the pickings of these moves, sorted."""
    found = rows(image, MOVE)
    keys = {found[i].get("picking_id") for i in moves if i in found}
    return tuple(sorted(key for key in keys if isinstance(key, int)))


def open_moves(image: Image) -> tuple[int, ...]:
    """Return the moves that are neither done nor cancelled, sorted."""
    return tuple(sorted(i for i, row in rows(image, MOVE).items() if row.get("state") in OPEN))


def done_moves(image: Image) -> tuple[int, ...]:
    """Return the moves whose goods have moved, sorted."""
    return tuple(sorted(i for i, row in rows(image, MOVE).items() if row.get("state") == "done"))


def done_quantity(row: Mapping[str, Value]) -> Decimal:
    """Return what a move has moved, in the product's own unit."""
    name = "quantity" if "quantity" in row else "quantity_done"
    quantity, ordered = number_in(row.get(name)), number_in(row.get("product_uom_qty"))
    return quantity * number_in(row.get("product_qty")) / ordered if ordered else quantity


def are_drafted(restore: Restore, image: Image) -> bool:
    """Whether the moves of a restore are set back: in draft, or further on the way already."""
    found = rows(image, MOVE)
    return all(i in found and found[i].get("state") in OPEN for i in restore.moves)


def are_confirmed(restore: Restore, image: Image) -> bool:
    """Whether every move that was not a draft before is open again, and none is a draft."""
    found = rows(image, MOVE)
    return all(
        i in found and found[i].get("state") in (OPEN if state == "draft" else OPEN[1:])
        for i, state in zip(restore.moves, restore.states, strict=True)
    )


def are_reserved(restore: Restore, image: Image) -> bool:
    """Whether every move that was fully or partly reserved before is so again."""
    found = rows(image, MOVE)
    wanted = {"partially_available": RESERVED, "assigned": ("assigned",)}
    return all(
        i in found and found[i].get("state") in wanted.get(state, OPEN)
        for i, state in zip(restore.moves, restore.states, strict=True)
    )


def is_restored(before: Image, now: Image) -> bool:
    """Whether every move that was open before is again what it was: state, quantities, place in its chain."""
    was, is_now = rows(before, MOVE), rows(now, MOVE)
    kept = ("state", "product_uom_qty", "procure_method", "move_orig_ids", "picking_id")
    return all(
        i in is_now and all(was[i].get(name) == is_now[i].get(name) for name in kept)
        for i in open_moves(before)
    )


def is_chained(image: Image) -> bool:
    """Whether an open move waits for another move or feeds one, or was to be procured for."""
    found = rows(image, MOVE)
    return any(
        found[i].get("procure_method") == "make_to_order"
        or ids_in(found[i].get("move_orig_ids"))
        or ids_in(found[i].get("move_dest_ids"))
        for i in open_moves(image)
    )


def cancel_problems(image: Image) -> tuple[Problem, ...]:
    """Say what cancelling the open moves would lose for good: chains, and quantities entered by hand."""
    found = rows(image, MOVE)
    problems: tuple[Problem, ...] = ()
    if is_chained(image):
        text = Text(
            N_(
                "its transfers wait for others or feed others; cancelling breaks that chain for good"
            )
        )
        problems = (Problem("transfer.chained", text),)
    entered = [i for i in open_moves(image) if _is_entered(found[i])]
    if entered:
        text = Text(
            N_("quantities were entered on {count} moves; cancelling loses them"),
            {"count": len(entered)},
        )
        problems = (*problems, Problem("transfer.entered", text))
    return problems


def _is_entered(row: Mapping[str, Value]) -> bool:
    return bool(row.get("picked")) or number_in(row.get("quantity_done")) > Decimal(0)


PICKING_CODES: Final[Mapping[Kind, str]] = MappingProxyType(
    {Kind.GOODS_RECEIPT: "incoming", Kind.GOODS_ISSUE: "outgoing"}
)


def kind_problem(kind: Kind, root: Mapping[str, Value]) -> tuple[Problem, ...]:
    """Say that a transfer is of another kind: receipts, issues and internal ones are one model in Odoo."""
    code = root.get("picking_type_code")
    if not root or code is None or code == PICKING_CODES.get(kind):
        return ()
    return (Problem("kind.wrong", Text(N_("it is a transfer of another kind"))),)
