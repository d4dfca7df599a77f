"""What must hold in a world at any moment, and once everything in it came to rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from connectors.contract import Reversibility
from connectors.fake.actions import FakeAction
from connectors.fake.others import OTHER_ACTIONS
from connectors.fake.purchase import PURCHASE_ACTIONS
from connectors.fake.purchase_chain import CHAIN_ACTIONS
from connectors.fake.schema import DERIVED, STAMPS
from recovery.model import Operation
from recovery.reversing.preview import RollbackPreview, Status
from recovery.reversing.rollback_item import RollbackItem
from recovery.states import ALREADY, SETTLED, ChangeSetState, OperationState
from tests.chaos.checks import locked_records, sent_again_blindly
from tests.chaos.witness import Place, WatchedERP

if TYPE_CHECKING:
    from tests.chaos.world import World

_ACTIONS: Final[dict[str, type[FakeAction]]] = {
    action.name: action for action in (*PURCHASE_ACTIONS, *CHAIN_ACTIONS, *OTHER_ACTIONS)
}
_WORKING: Final = {ChangeSetState.RUNNING, ChangeSetState.PAUSED}
_AT_REST: Final = set(ChangeSetState) - _WORKING - {ChangeSetState.APPROVED}


def judge_preview(erp: WatchedERP, found: RollbackPreview) -> None:
    """A conflict that is told is one, and none that is one is passed over in silence."""
    witness, rows = erp.witness, erp.rows()
    for item in found.items:
        if any(operation.id not in witness.deeds for operation in item.operations):
            continue  # a person said that it happened; the ERP's own books do not
        left: dict[Place, object] = {}
        was: dict[Place, object] = {}
        for operation in item.operations:
            deed, ours = witness.deeds[operation.id], _ACTIONS[operation.step.action].ours
            for ref, row in deed.after.items():
                left |= {(ref, name): value for name, value in row.items()}
            for place, (before, _) in deed.changed().items():
                if place[1] in ours.get(place[0].model, ()):
                    was.setdefault(place, before)
        now = {(ref, name): value for ref, row in rows.items() for name, value in row.items()}
        if item.status is Status.CONFLICT:
            for conflict in item.conflicts:
                place = conflict.ref, conflict.field
                if place in left and left[place] == now.get(place):
                    witness.breaks(f"{item.last.called}: {place} is told as a conflict and is none")
        elif item.status is Status.CLEAN and not item.lines:
            moved = [
                place
                for place, before in was.items()
                if now.get(place) not in (left[place], before)
                and place[1] not in DERIVED.get(place[0].model, ())
                and place not in witness.overrun
            ]
            # Written by somebody between our call and our look at what it did: nobody can tell that from our own
            # work, and the after image, which says what is ours, has it.
            taken = _in_after_images(erp, item, now) if moved else set()
            witness.overrun |= taken & set(moved)
            moved = [place for place in moved if place not in taken]
            if moved:
                witness.breaks(f"{item.last.called}: {moved} were changed, and no conflict is told")
        elif item.status is Status.ALREADY_BACK:
            away = [
                place
                for place, before in was.items()
                if now.get(place) != before and place not in witness.overrun
            ]
            if away and not item.lines:
                witness.breaks(f"{item.last.called}: {away} is not back, but is told to be")


def _in_after_images(
    erp: WatchedERP, item: RollbackItem, now: Mapping[Place, object]
) -> set[Place]:
    """Return the fields that the journal's after images hold as they are now."""
    images = erp.witness.observer.images([operation.after_hash for operation in item.operations])
    return {
        (record.ref, name)
        for image in images.values()
        for record in image.records
        for name, value in (record.fields or {}).items()
        if now.get((record.ref, name)) == value
    }


def problems_of(world: World, *, is_calm: bool) -> list[str]:
    """Return every broken promise: what the witness saw, what the journal says, what the ledger says."""
    found = list(world.witness.broken)
    found += _twice(world)
    report = world.observer.verify()
    found += [f"the journal: {problem}" for problem in report.problems]
    states = {change_set.state for change_set in world.change_sets()}
    is_working = not states.isdisjoint(_WORKING)
    if is_working != (locked_records(world.observer) > 0):
        found.append(f"records are {'not ' if is_working else ''}locked, change sets are {states}")
    if is_calm and not found:
        found += _unsettled(world)
        found += _not_back(world)
    return found


def _twice(world: World) -> list[str]:
    lines = world.erp.ledger.lines()
    requests: dict[str, set[str]] = {}
    for line in lines:
        for operation in line.applied:
            requests.setdefault(operation, set()).add(line.request_id)
    found = [
        f"{operation} was done by {len(made)} requests"
        for operation, made in requests.items()
        if len(made) > 1
    ]
    if world.has_zombies:
        return found
    return found + [f"{each} was sent again blindly" for each in sent_again_blindly(lines)]


def _unsettled(world: World) -> list[str]:
    """Every operation has an end, and it is the one that the ERP's books tell."""
    found = [
        f"change set {change_set.short_id} is {change_set.state}"
        for change_set in world.change_sets()
        if change_set.state not in _AT_REST
    ]
    at_rest = {
        change_set.id for change_set in world.change_sets() if change_set.started_at is not None
    }
    for operation in world.operations():
        if operation.change_set_id not in at_rest:
            if operation.id in world.witness.deeds:
                found.append(f"{operation.id} was done before it was approved")
            continue
        if operation.state not in SETTLED:
            found.append(f"{operation.id} ends as {operation.state}")
        if operation.id in world.excused:
            continue
        is_done = operation.id in world.witness.deeds
        is_confirmed = operation.state is OperationState.CONFIRMED
        if _ACTIONS[operation.step.action].creates_untraceably and not is_done:
            continue  # nothing but the ERP's yes can tell, and it lied
        if is_done != is_confirmed and not _somebody_came_between(world, operation):
            found.append(
                f"{operation.id} ({operation.step.action}) is {operation.state}"
                f" ({operation.reason}), but the ERP {'did' if is_done else 'did not do'} it"
            )
        if is_confirmed and (operation.before_hash is None or operation.after_hash is None):
            found.append(f"{operation.id} is confirmed without both of its images")
    return found


def _somebody_came_between(world: World, operation: Operation) -> bool:
    """Whether somebody else wrote the document after the operation: then reading tells their work, not ours."""
    deed = world.witness.deeds.get(operation.id)
    since = 0 if deed is None else deed.moment
    return any(
        moment > since for (ref, _), moment in world.witness.foreign.items() if ref == operation.ref
    )


def _not_back(world: World) -> list[str]:
    """Where nothing of ours stands, a document is what it was, and what others made of it."""
    confirmed = [
        operation
        for operation in world.operations()
        if operation.state is OperationState.CONFIRMED or operation.error_code == ALREADY
    ]
    standing = set(world.observer.standing([operation.id for operation in confirmed]))
    # A rollback stands as what it is; what it took back does not stand any more.
    held = {
        operation.ref
        for operation in confirmed
        if operation.id in standing
        and operation.reverses_operation_id is None
        and operation.error_code != ALREADY
    }
    held |= {
        operation.ref
        for operation in world.operations()
        if operation.id in world.excused or operation.reversibility is not Reversibility.EXACT
    }
    rows, found = world.erp.rows(), []
    for (ref, name), value in world.witness.base.items():
        row = rows.get(ref)
        root = _root(ref, row)
        if root in held or name in STAMPS or name in DERIVED.get(ref.model, ()):
            continue
        if (ref, name) in world.witness.overrun:
            continue
        if row is None or row[name] != value:
            is_now = None if row is None else row[name]
            found.append(f"{ref} {name} is {is_now!r}, it should be {value!r} again")
    return found


def _root(ref: object, row: object) -> object:
    from connectors.contract import Ref
    from connectors.fake.schema import LINE, MOVE, ORDER, SALE, SALE_LINE

    if isinstance(ref, Ref) and isinstance(row, dict):
        if ref.model in (LINE, MOVE):
            return Ref(ORDER, row["order"])
        if ref.model == SALE_LINE:
            return Ref(SALE, row["order"])
    return ref
