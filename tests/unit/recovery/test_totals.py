"""The totals of a rollback: each document counted once, under what decides."""

from __future__ import annotations

from typing import cast

from connectors.contract import Effect, LaterBusiness, Ref, Reversibility
from core.text import Text
from recovery.model import FieldDifference, Operation
from recovery.reversing.preview import RollbackItem, Status
from recovery.reversing.totals import Sort, totals

RECEIVED = LaterBusiness(Effect.CHANGES_RESULT, Text("received"))
INVOICED = LaterBusiness(Effect.BLOCKS, Text("invoiced"))
NOTED = LaterBusiness(Effect.HARMLESS, Text("noted"))
MOVED = FieldDifference(Ref("order", "1"), "status", 1, 2)


def item(
    status: Status, *later: LaterBusiness, recomputed: tuple[FieldDifference, ...] = ()
) -> RollbackItem:
    return RollbackItem(
        operations=cast("tuple[Operation, ...]", ()),
        status=status,
        reversibility=Reversibility.EXACT,
        trace_note="",
        later=later,
        recomputed=recomputed,
    )


def test_each_document_once_under_what_decides() -> None:
    """A receipt and an invoice: blocked by the invoice; a receipt alone: recomputed; what moved is counted."""
    found = totals(
        [
            item(Status.BLOCKED, RECEIVED, INVOICED),
            item(Status.CLEAN, RECEIVED),
            item(Status.CLEAN, RECEIVED, NOTED, recomputed=(MOVED,)),
            item(Status.CLEAN, NOTED),
            item(Status.CLEAN),
            item(Status.CLEAN),
            item(Status.CONFLICT, RECEIVED),
        ]
    )

    assert [
        (Sort.AS_BEFORE, (), 2, 0),
        (Sort.HARMLESS, ("noted",), 1, 0),
        (Sort.RECOMPUTED, ("received",), 2, 1),
        (Sort.CONFLICT, (), 1, 0),
        (Sort.BLOCKED, ("invoiced",), 1, 0),
    ] == [(t.sort, tuple(map(str, t.happened)), t.count, t.differing) for t in found]
