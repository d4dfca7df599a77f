"""Is a document still what was approved? An operation whose document moved since is dropped, never guessed."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract import Action, Image
from core.text import N_, Text
from recovery.images import MISSING, WHOLE_RECORD, differences
from recovery.journal import Journal
from recovery.model import FieldDifference, Operation
from recovery.states import ALREADY, OperationState

SHOWN_FIELDS = 3


def moved_fields(
    journal: Journal,
    action: Action,
    operations: Sequence[Operation],
    before: Sequence[Image],
    hashes: Sequence[str],
) -> list[list[FieldDifference]]:
    """Return, per operation, what moved since it was approved; an empty list when nothing did.

    The first link of a chain is compared with the approved image, a later one with what the link before it
    left. A difference that another confirmed operation of the same change set made is ours, not a move.
    """
    expected = _expected_hashes(journal, operations)
    suspects = [
        i for i, wanted in enumerate(expected) if wanted is not None and wanted != hashes[i]
    ]
    if not suspects:
        return [[] for _ in operations]
    images = journal.images([expected[i] for i in suspects])
    moved: list[list[FieldDifference]] = [[] for _ in operations]
    for i in suspects:
        operation = operations[i]
        approved = images[str(expected[i])]
        # A first link has evidence of its own, even where it waits for another document's operation.
        is_link = operation.approved_hash is None
        found = differences(approved, before[i], ignore=action.trace, common_only=is_link)
        if is_link:
            known = set(approved.refs())
            found += [
                FieldDifference(record.ref, WHOLE_RECORD, MISSING, "exists")
                for record in before[i].records
                if record.exists
                and record.ref not in known
                and record.ref.model in {ref.model for ref in known}
                and WHOLE_RECORD not in action.trace.get(record.ref.model, ())
            ]
        if found:
            moved[i] = _unexplained(journal, action, operation, found, before[i])
    return moved


def _expected_hashes(journal: Journal, operations: Sequence[Operation]) -> list[str | None]:
    waiting = {
        operation.after_position
        for operation in operations
        if operation.approved_hash is None and operation.after_position is not None
    }
    left: dict[int, str | None] = {}
    if waiting:
        for earlier in journal.operations(operations[0].change_set_id, positions=waiting):
            holds = earlier.state is OperationState.CONFIRMED or earlier.error_code == ALREADY
            left[earlier.position] = earlier.after_hash if holds else None
    return [
        operation.approved_hash
        if operation.approved_hash is not None
        else left.get(operation.after_position or 0)
        for operation in operations
    ]


def _unexplained(
    journal: Journal,
    action: Action,
    operation: Operation,
    found: list[FieldDifference],
    before: Image,
) -> list[FieldDifference]:
    explained = set()
    for ref in {difference.ref for difference in found}:
        for other in journal.operations_on_record(operation.change_set_id, ref):
            if other.after_hash is None or other.system != operation.system:
                continue
            theirs = journal.images([other.after_hash])[other.after_hash].get(ref)
            now = before.get(ref)
            if theirs is not None and now is not None:
                same = not differences(
                    Image((theirs,)), Image((now,)), ignore=action.trace, common_only=True
                )
                if same:
                    explained.add(ref)
            break  # only the newest operation tells what we left behind
    return [difference for difference in found if difference.ref not in explained]


def moved_text(found: Sequence[FieldDifference]) -> Text:
    """Say what moved, for the reason of a dropped operation."""
    shown = "; ".join(
        f"{d.ref} {d.field}: {_short(d.before)} -> {_short(d.after)}" for d in found[:SHOWN_FIELDS]
    )
    return Text(
        N_("changed in the ERP since it was approved ({count} fields): {fields}"),
        {"count": len(found), "fields": shown},
    )


def _short(value: object) -> str:
    written = str(value)
    return written if len(written) <= 40 else written[:37] + "..."
