"""A document that others of its plan make closable is closed only if they did, whatever was planned."""

from __future__ import annotations

from pathlib import Path

from closing.plan import plan_closing
from connectors.fake.engine import FakeERP
from connectors.fake.faults import Fault, FaultKind
from connectors.fake.sample import add_project
from connectors.fake.schema import PROJECT
from recovery.apply import run
from recovery.approval import approve
from recovery.journal import Journal
from recovery.states import ChangeSetState, OperationState
from tests.integration.recovery.scene import MEI
from tests.unit.closing.factories import TODAY, CloseWhatIsFree, closing, route, tree_system

CONFIRMED, REFUSED, DROPPED = (
    OperationState.CONFIRMED,
    OperationState.REFUSED,
    OperationState.DROPPED,
)


def closed(tmp_path: Path, *faults: str) -> tuple[ChangeSetState, dict[str, tuple[object, ...]]]:
    """Close a project with two below it, of which the ERP refuses some; return what became of all."""
    erp = FakeERP()
    top = add_project(erp, "P-1")
    keys = {number: add_project(erp, number, parent=top) for number in ("P-1.1", "P-1.2")}
    system = tree_system(erp, CloseWhatIsFree)
    journal = Journal.open(f"sqlite:///{tmp_path / 'journal.db'}")
    settings = closing(route("project.close"), kind="project")
    plan = plan_closing(journal, system, "finished", settings, actor=MEI, today=TODAY)
    for number in faults:
        erp.faults.add(Fault(FaultKind.BAD_DOCUMENT, key=keys[number], times=9))
    approve(journal, plan.id, MEI)
    done = run(journal, lambda _: system, plan.id, actor=MEI)
    found: dict[str, tuple[object, ...]] = {
        op.called: (op.state, str(op.reason), op.error_code) if op.state is DROPPED else (op.state,)
        for op in journal.operations(plan.id)
    }
    assert (erp.tables[PROJECT].get(top) or {})["state"] == (
        "closed" if found["P-1"][0] is CONFIRMED else "open"
    )
    journal.close()
    return done.state, found


def test_it_follows_when_everything_before_it_holds(tmp_path: Path) -> None:
    """The parent is closed after both of its children."""
    assert (
        ChangeSetState.APPLIED,
        {"P-1": (CONFIRMED,), "P-1.1": (CONFIRMED,), "P-1.2": (CONFIRMED,)},
    ) == closed(tmp_path)


def test_it_is_left_alone_when_one_before_it_was_refused(tmp_path: Path) -> None:
    """Also where the last one before it held: its reason is looked at again right before the write, and told."""
    state, found = closed(tmp_path, "P-1.1")
    assert ChangeSetState.PARTLY_APPLIED is state
    assert ((REFUSED,), (CONFIRMED,)) == (found["P-1.1"], found["P-1.2"])
    assert (DROPPED, "Umbau P-1.1 is still open", "open_child") == found["P-1"]
