"""What must hold after any accident, read from the ERP's dump, its ledger, and the journal."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import func, select

from connectors.fake.ledger import LedgerLine, applied_counts
from connectors.fake.schema import ORDER, STAMPS
from recovery import schema
from recovery.journal import Journal
from recovery.model import Operation
from recovery.states import SETTLED, ChangeSetState, OperationState
from tests.chaos.case import CANCEL, Case, Dump
from tests.chaos.story import APPLY, closing_of, take_back

_FINAL_STATE: Final = {True: "cancelled", False: "closed"}
_MAY_HAVE_BEEN_SENT: Final = frozenset(OperationState) - {
    OperationState.PLANNED,
    OperationState.LOCKED,
}


def without_stamps(content: Mapping[str, Any]) -> Dump:
    """Return a dump without what the ERP itself writes at every change."""
    return {
        model: {
            key: {name: value for name, value in row.items() if name not in STAMPS}
            for key, row in rows.items()
        }
        for model, rows in content.items()
    }


def all_operations(journal: Journal) -> list[Operation]:
    """Return every operation of every change set."""
    return [
        operation
        for change_set in journal.change_sets()
        for operation in journal.operations(change_set.id)
    ]


def locked_records(journal: Journal) -> int:
    """Return how many records are locked by any change set."""
    with journal._database.reading() as connection:
        return int(
            connection.execute(select(func.count()).select_from(schema.record_lock)).scalar_one()
        )


def assert_locked_while_running(case: Case) -> None:
    """Records are locked from the start of a change set to its end, and only then."""
    with case.journal() as journal:
        states = {change_set.state for change_set in journal.change_sets()}
        is_running = not states.isdisjoint({ChangeSetState.RUNNING, ChangeSetState.PAUSED})
        assert is_running == (locked_records(journal) > 0)


def sent_again_blindly(lines: Sequence[LedgerLine]) -> list[str]:
    """Return the operations that arrived again although they had been applied, or without any look at the ERP."""
    applied: set[str] = set()
    last: dict[str, int] = {}
    requests: dict[str, str] = {}
    found = []
    for place, line in enumerate(lines):
        if line.do == "apply":
            for operation in line.operations:
                # The same request arriving twice is the network's doing, not ours.
                is_again = operation in last and requests[operation] != line.request_id
                if is_again and (
                    operation in applied
                    or not any(
                        between.do == "capture" for between in lines[last[operation] : place]
                    )
                ):
                    found.append(operation)
                last[operation], requests[operation] = place, line.request_id
        applied.update(line.applied)
    return found


def assert_safe(case: Case) -> None:
    """What holds at any moment: the way back is stored, and our records are locked while we work on them."""
    assert_way_back_is_stored(case)
    assert_locked_while_running(case)


def assert_way_back_is_stored(case: Case) -> None:
    """Nothing reached the ERP whose before image is not on the disk, as it really was."""
    arrived = {operation for line in case.lines() for operation in line.operations}
    with case.journal() as journal:
        known = journal.operations_by_id(arrived)
        assert known.keys() == arrived
        assert {op.state for op in known.values()} <= _MAY_HAVE_BEEN_SENT
        images = journal.images([operation.before_hash for operation in known.values()])
        closing = closing_of(journal)
        for operation in known.values():
            assert operation.before_hash is not None
            if closing is None or operation.change_set_id != closing.id:
                continue
            if operation.after_position is None:
                record = images[operation.before_hash].get(operation.ref)
                assert record is not None
                assert record.fields == case.original[ORDER][operation.ref.key]


def assert_settled(case: Case, *, states: Collection[ChangeSetState]) -> None:
    """Nothing hangs in the air, nothing was done twice, every lock is given back, the chain is whole."""
    lines = case.lines()
    assert sent_again_blindly(lines) == []
    counts = applied_counts(lines)
    assert [operation for operation, count in counts.items() if count != 1] == []
    with case.journal() as journal:
        assert [op for op in all_operations(journal) if op.state not in SETTLED] == []
        confirmed = {
            op.id for op in all_operations(journal) if op.state == OperationState.CONFIRMED
        }
        assert confirmed == counts.keys()
        assert {found.state for found in journal.change_sets()} <= set(states)
        report = journal.verify()
        assert report.is_intact, [str(problem) for problem in report.problems]
    assert_safe(case)


def assert_closed(case: Case) -> None:
    """Every document is closed once, nothing is lost, and nobody else's document moved."""
    final = _FINAL_STATE[case.task.action == CANCEL]
    assert dict.fromkeys(case.task.keys, final) == case.states()
    now, ours = case.erp.erp.dump(), set(case.task.keys)
    for model, rows in case.original.items():
        for key, row in rows.items():
            if (key if model == ORDER else row.get("order")) not in ours:
                assert row == now[model][key]
    assert_settled(case, states={ChangeSetState.APPLIED})


def assert_taken_back(case: Case) -> None:
    """The ERP holds exactly what it held before anything was closed."""
    assert without_stamps(case.original) == case.erp.erp.dump(with_trace=False)
    assert_settled(case, states={ChangeSetState.APPLIED, ChangeSetState.ROLLED_BACK})


def assert_can_be_taken_back(case: Case) -> None:
    """A rollback after the accident gives back the exact dump."""
    case.go_on("rollback")
    assert_taken_back(case)


def assert_can_be_closed_again(case: Case, closed: Dump) -> None:
    """Taking the rollback itself back closes the documents again, as they had been closed."""
    with case.journal() as journal:
        closing = closing_of(journal)
        assert closing is not None
        (rollback,) = journal.change_sets(reverses_id=closing.id)
        system = case.task.open_system()
        try:
            take_back(journal, system, case.task, rollback)
        finally:
            system.close()
    assert without_stamps(closed) == case.erp.erp.dump(with_trace=False)
    assert_settled(case, states={ChangeSetState.APPLIED, ChangeSetState.ROLLED_BACK})


def assert_phase_done(case: Case, phase: str, closed: Dump | None) -> None:
    """Check everything that must hold once a phase came to its end in spite of an accident."""
    if phase == APPLY:
        assert_closed(case)
        assert_can_be_taken_back(case)
    else:
        assert closed is not None
        assert_taken_back(case)
        assert_can_be_closed_again(case, closed)
