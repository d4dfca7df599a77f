"""Is a document still what was approved? An operation whose document moved since is dropped, never guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from connectors.contract import Action, Image, Problem, Record, Ref
from core.text import N_, Text
from recovery.at_rest.redaction import MASK
from recovery.conflicts.targets import moved_since_resolved
from recovery.images import WHOLE_RECORD, differences, footprint_key
from recovery.journal import Journal
from recovery.model import FieldDifference, Operation
from recovery.states import ALREADY, OperationState

SHOWN_FIELDS = 3

CONDITIONS: Final = "conditions"
"""Detail of an operation: codes of the problems that earlier operations of its plan were planned to remove."""


def known_images(
    journal: Journal, actions: Mapping[str, Action], operations: Sequence[Operation]
) -> list[Image | None]:
    """Return, per operation of one action, what the link before it left, where both look at the same records.

    Capturing with it tells a record that the link before cut loose (it is read, and as it was left) from one
    that somebody deleted since (it is read as missing).
    """
    earlier = _earlier(journal, operations)
    wanted = [
        _expected_hash(operation, earlier)
        if operation.approved_hash is None and _is_same_view(actions, operation, earlier)
        else None
        for operation in operations
    ]
    images = journal.images([each for each in wanted if each is not None])
    return [None if each is None else images[each] for each in wanted]


def moved_fields(
    journal: Journal,
    actions: Mapping[str, Action],
    operations: Sequence[Operation],
    before: Sequence[Image],
    hashes: Sequence[str],
) -> list[list[FieldDifference]]:
    """Return, per operation of one action, what moved since it was approved; nothing when nothing did.

    The first link of a chain is compared with the approved image, a later one with what the link before it
    left. A difference that another confirmed operation of the same change set made is ours, not a move.
    """
    earlier = _earlier(journal, operations)
    expected = [_expected_hash(operation, earlier) for operation in operations]
    suspects = [
        i for i, wanted in enumerate(expected) if wanted is not None and wanted != hashes[i]
    ]
    if not suspects:
        return [[] for _ in operations]
    images = journal.images([expected[i] for i in suspects])
    moved: list[list[FieldDifference]] = [[] for _ in operations]
    for i in suspects:
        operation = operations[i]
        action = actions[operation.step.action]
        # Where the evidence comes from another view (the link before worked on another document), records
        # that only one of the two looks at say nothing.
        found = differences(
            images[str(expected[i])],
            before[i],
            ignore=action.trace,
            common_only=not _is_same_view(actions, operation, earlier),
            form=action.normal_form,
        )
        if operation.approved_hash is None:
            # What the link before cut loose for another view is not looked at any more: that is no move.
            found = [
                each
                for each in found
                if each.field != WHOLE_RECORD or before[i].get(each.ref) is not None
            ]
        if found:
            moved[i] = _unexplained(journal, actions, operation, found, before[i])
    return moved


def unmet_condition(action: Action, operation: Operation, image: Image) -> Problem | None:
    """Return what still stands in the way of an operation that was planned because others of its plan remove it.

    They were carried out before; one of them may have been refused, or somebody made a new reason since.
    So does a field whose conflict was resolved, and that somebody changed again after that.
    """
    moved = moved_since_resolved(operation, image, action.normal_form)
    if moved is not None:
        return moved
    codes = operation.details.get(CONDITIONS)
    if not codes:
        return None
    found = action.problems(operation.step, image)
    return next((problem for problem in found if problem.code in codes), None)


def _earlier(journal: Journal, operations: Sequence[Operation]) -> dict[int, Operation]:
    """Return the links before those operations that have no evidence of their own, by position."""
    waiting = {
        operation.after_position
        for operation in operations
        if operation.approved_hash is None and operation.after_position is not None
    }
    if not waiting:
        return {}
    found = journal.operations(operations[0].change_set_id, positions=waiting)
    return {operation.position: operation for operation in found}


def _expected_hash(operation: Operation, earlier: Mapping[int, Operation]) -> str | None:
    if operation.approved_hash is not None:
        return operation.approved_hash
    link = earlier.get(operation.after_position or 0)
    if link is None:
        return None
    holds = link.state is OperationState.CONFIRMED or link.error_code == ALREADY
    return link.after_hash if holds else None


def _is_same_view(
    actions: Mapping[str, Action], operation: Operation, earlier: Mapping[int, Operation]
) -> bool:
    if operation.approved_hash is not None:
        return True
    link = earlier.get(operation.after_position or 0)
    return (
        link is not None
        and link.ref == operation.ref
        and footprint_key(actions[link.step.action])
        == footprint_key(actions[operation.step.action])
    )


def _unexplained(
    journal: Journal,
    actions: Mapping[str, Action],
    operation: Operation,
    found: list[FieldDifference],
    before: Image,
) -> list[FieldDifference]:
    """Leave out what other operations of the change set did to shared records, field by field.

    A field is explained when such an operation may set it, did change it, and it is still as the newest of
    them left it. What somebody else changed between that operation's two images is in both, and is not its own.
    """
    explained: set[tuple[Ref, str]] = set()
    for ref in {difference.ref for difference in found}:
        wanted = {difference.field for difference in found if difference.ref == ref}
        newest: Image | None = None
        for other in journal.operations_on_record(operation.change_set_id, ref):
            if other.after_hash is None or other.system != operation.system:
                continue
            action = actions[other.step.action]
            images = journal.images([other.before_hash, other.after_hash])
            was = _record(images[str(other.before_hash)], ref)
            left = _record(images[other.after_hash], ref)
            if newest is None:
                newest = left
                # What is not as the newest of them left it, nobody explains.
                since = differences(newest, _record(before, ref), ignore=action.trace)
                wanted -= {difference.field for difference in since}
            own = action.ours.get(ref.model, ())
            changed = {d.field for d in differences(was, left)} & wanted & {*own}
            explained |= {(ref, name) for name in changed}
            wanted -= changed
            if not wanted:
                break
    return [each for each in found if (each.ref, each.field) not in explained]


def _record(image: Image, ref: Ref) -> Image:
    """Return the image of this record alone; a record that is not there is missing in it."""
    return Image((image.get(ref) or Record(ref, None),))


def moved_text(found: Sequence[FieldDifference]) -> Text:
    """Say what moved, for the reason of a dropped operation."""
    shown = "; ".join(
        f"{d.ref} {d.field}: {_moved(d.before, d.after)}" for d in found[:SHOWN_FIELDS]
    )
    return Text(
        N_("changed in the ERP since it was approved ({count} fields): {fields}"),
        {"count": len(found), "fields": shown},
    )


def _moved(before: object, after: object) -> str:
    """Return both values, texts in quotes where nobody would see what tells them apart."""
    shown = _short(before), _short(after)
    is_blank = any(isinstance(each, str) and not each.strip() for each in (before, after))
    is_alike = shown[0].strip() == shown[1].strip() and MASK not in shown
    if is_blank or is_alike:
        shown = (
            f'"{shown[0]}"' if isinstance(before, str) else shown[0],
            f'"{shown[1]}"' if isinstance(after, str) else shown[1],
        )
    return " -> ".join(shown)


def _short(value: object) -> str:
    written = str(value)
    return written if len(written) <= 40 else written[:37] + "..."
