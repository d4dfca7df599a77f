"""What goes wrong between Storno and SAP: nothing is done twice, nothing half, and no lock stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from connectors.contract import Call, Executor, Step
from connectors.sap.connector import SapSystem, open_system
from connectors.sap.envelopes import Row
from connectors.sap.services import Services
from connectors.sap.transport import Session
from core.errors import (
    AccessDenied,
    BadAnswer,
    BadInput,
    Busy,
    LoginFailed,
    NotAllowed,
    OutcomeUnknown,
    RecordMissing,
    Rejected,
    StaleRecord,
    StateRefused,
    TransientError,
)
from core.ids import new_id
from sandbox.sap.faults import Fault, FaultKind
from tests.contract.sap_fixtures import subject_fixture, system
from tests.contract.sap_subject import SapSubject, StatefulSapSubject
from tests.factories import action_of, answer_to, image_of

pytestmark = [pytest.mark.contract, pytest.mark.timeout(60)]

CHANGE = {"wrapped": "Z_STORNO_PO_CHANGE", "stateful": "BAPI_PO_CHANGE"}


__all__: Final = ["system"]  # a fixture

subject = subject_fixture(wrapped=SapSubject, stateful=StatefulSapSubject)


def committed(subject: SapSubject, step: Step) -> list[Any]:
    return [row["ELIKZ"] for row in subject.sap.db.rows("EKPO", EBELN=step.ref.key)]


@pytest.fixture
def step(subject: SapSubject) -> Step:
    return subject.make("purchase_order.close")


@pytest.mark.parametrize("kind", [FaultKind.LOST, FaultKind.CUT, FaultKind.HTML, FaultKind.GARBAGE])
def test_an_answer_lost_after_the_commit_is_in_doubt(
    subject: SapSubject, system: SapSystem, step: Step, kind: FaultKind
) -> None:
    """It was done once, nobody said so, and reading alone tells."""
    before = image_of(system, step)
    subject.sap.faults.add(Fault(kind, subject.COMMITS, is_applied=True))
    with pytest.raises(OutcomeUnknown):
        answer_to(system, step, before)
    assert ["X", "X"] == committed(subject, step)
    after = image_of(system, step, before)
    assert action_of(system, step).is_done(step, before, after)


@pytest.mark.parametrize("kind", [FaultKind.LOST, FaultKind.HTML, FaultKind.GARBAGE])
def test_a_change_lost_before_the_commit_is_no_doubt(
    subject: SapSubject, system: SapSystem, step: Step, kind: FaultKind
) -> None:
    """In a session of ours nothing stands before COMMIT: it is rolled back, the lock goes, it may be tried again."""
    if subject.MODE != "stateful":
        pytest.skip("one call changes and commits")
    before = image_of(system, step)
    subject.sap.faults.add(Fault(kind, "BAPI_PO_CHANGE", is_applied=True))
    with pytest.raises(TransientError):
        answer_to(system, step, before)
    assert ["", ""] == committed(subject, step)
    assert answer_to(system, step, before).refused is None
    assert ["X", "X"] == committed(subject, step)


@pytest.mark.parametrize(
    "said", ["E 06 020 no", "A ME 999 no", "E 06 019 no", "E XX 001 a general word"]
)
def test_a_refusal_leaves_nothing_behind(
    subject: SapSubject, system: SapSystem, step: Step, said: str
) -> None:
    """RETURN with E or A: nothing is committed, and the document is free for the next one."""
    before = image_of(system, step)
    subject.sap.faults.add(Fault(FaultKind.REFUSED, CHANGE[subject.MODE], said=said))
    refused = answer_to(system, step, before).refused
    expected = {"E 06 020 no": StateRefused, "E 06 019 no": RecordMissing}.get(said, Rejected)
    assert expected is type(refused)
    assert ["", ""] == committed(subject, step)
    assert answer_to(system, step, before).refused is None


def test_a_refusal_in_a_batch_is_its_own(subject: SapSubject, system: SapSystem) -> None:
    """One document a unit of work: the others of the batch are done."""
    steps = [subject.make("purchase_order.close") for _ in range(3)]
    before = system.capture(steps, [None] * 3)
    said = Fault(
        FaultKind.REFUSED, CHANGE[subject.MODE], record=steps[1].ref.key, said="E 06 020 x"
    )
    subject.sap.faults.add(said)
    answers = system.apply(
        [Call(new_id(), each, image) for each, image in zip(steps, before, strict=True)]
    )
    assert [None, StateRefused, None] == [a.refused and type(a.refused) for a in answers]
    assert [["X", "X"], ["", ""], ["X", "X"]] == [committed(subject, each) for each in steps]


def test_a_document_that_somebody_works_on_is_refused(
    subject: SapSubject, system: SapSystem, step: Step
) -> None:
    """SAP's lock is told as such, with the name of who holds it."""
    before = image_of(system, step)
    subject.sap.faults.add(Fault(FaultKind.LOCKED, CHANGE[subject.MODE], user="MUELLER"))
    refused = answer_to(system, step, before).refused
    assert refused is not None
    assert "ME 006" == refused.details["message"]
    assert "somebody else is working on it" in str(refused)
    assert "MUELLER" in str(refused)


def test_an_update_that_fails_is_told(subject: SapSubject, system: SapSystem, step: Step) -> None:
    """COMMIT waits for the update task, so its failure is an answer and not a surprise in SM13."""
    before = image_of(system, step)
    subject.sap.faults.add(Fault(FaultKind.UPDATE_FAILS, CHANGE[subject.MODE]))
    refused = answer_to(system, step, before).refused
    assert refused is not None
    assert "S& 101" == refused.details["message"]
    assert "the update was terminated" in str(refused)
    assert ["", ""] == committed(subject, step)


def test_a_session_that_ended_is_no_doubt(
    subject: SapSubject, system: SapSystem, step: Step
) -> None:
    """SAP does not know our session any more at COMMIT: it rolled the change back itself."""
    if subject.MODE != "stateful":
        pytest.skip("there is no session")
    before = image_of(system, step)
    subject.sap.faults.add(Fault(FaultKind.SESSION, "BAPI_TRANSACTION_COMMIT"))
    with pytest.raises(Busy):
        answer_to(system, step, before)
    assert ["", ""] == committed(subject, step)
    assert answer_to(system, step, before).refused is None


def test_a_program_that_dumps(subject: SapSubject, system: SapSystem, step: Step) -> None:
    """An error page in place of an answer: doubt where the call commits, nothing where it does not."""
    before = image_of(system, step)
    subject.sap.faults.add(Fault(FaultKind.DUMP, CHANGE[subject.MODE]))
    with pytest.raises(OutcomeUnknown if subject.MODE == "wrapped" else BadAnswer):
        answer_to(system, step, before)
    if subject.MODE == "stateful":
        assert before == image_of(system, step, before)


def test_somebody_is_quicker(subject: SapSubject, system: SapSystem, step: Step) -> None:
    """In a session the stored document is looked at once more under SAP's lock, and a stale change rolled back."""
    if subject.MODE != "stateful":
        pytest.skip("one call changes and commits")
    before = image_of(system, step)
    subject.edit(step)
    refused = answer_to(system, step, before).refused
    assert isinstance(refused, StaleRecord)
    assert ["", ""] == committed(subject, step)


def test_what_was_rolled_back_is_not_committed_with_the_next(
    subject: SapSubject, system: SapSystem
) -> None:
    """A batch shares a session: the change of a refused document must be gone before the next COMMIT."""
    if subject.MODE != "stateful":
        pytest.skip("one call changes and commits")
    steps = [subject.make("purchase_order.close") for _ in range(2)]
    before = system.capture(steps, [None] * 2)
    subject.edit(steps[0])
    answers = system.apply(
        [Call(new_id(), each, image) for each, image in zip(steps, before, strict=True)]
    )
    assert [StaleRecord, None] == [a.refused and type(a.refused) for a in answers]
    assert [["", ""], ["X", "X"]] == [committed(subject, each) for each in steps]


@pytest.mark.parametrize(
    "user, error", [(("STORNO", "wrong"), LoginFailed), (("NOBODY", "nobody"), AccessDenied)]
)
def test_who_may_not_enter_is_told_so(
    subject: SapSubject, user: tuple[str, str], error: type[Exception]
) -> None:
    """HTML pages for 401 and 403 become the errors that stop a run."""
    step = subject.make("purchase_order.close")
    known = subject.open()
    known.close()
    system = open_system("erp", subject.options(user=user[0], password=user[1]))
    with pytest.raises(error):
        system.capture([step], [None])
    system.close()


# --- without a session --------------------------------------------------------------------------------


def stateless(subject: SapSubject, folder: Path) -> SapSystem:
    services = {"po": {"wsdl": subject.wsdl("zstorno_po_mc")}}
    system = open_system("erp", subject.options(services=services, descriptions=folder))
    system.trust_as_copy()
    return system


def test_a_service_that_would_lose_the_change_is_refused(
    subject: SapSubject, step: Step, tmp_path: Path
) -> None:
    """Stateless services are for reading: the check says what to ask the SAP team for, and nothing is ever sent."""
    system = stateless(subject, tmp_path)
    support = {each.action: each for each in system.check().actions}[step.action]
    assert not support.is_available
    assert "Z_STORNO_PO_CHANGE" in str(support.note)
    assert "PURCHASEORDER, TESTRUN, RETURN, POITEM, POITEMX" in str(support.note)
    assert (Executor.BY_PERSON,) == system.actions()[step.action].executors
    before = image_of(system, step)
    sent = len(subject.sap.ledger.lines())
    with pytest.raises(NotAllowed):
        answer_to(system, step, before)
    assert sent == len(subject.sap.ledger.lines())
    system.close()


def test_raw_calls_without_a_session_lose_the_change(
    subject: SapSubject, step: Step, tmp_path: Path
) -> None:
    """Why it is refused: the change says yes, the COMMIT says yes, and nothing was kept."""
    system = stateless(subject, tmp_path)
    services: Services = system._services
    session: Session = system._session
    change, commit = (
        services.reader(name) for name in ("BAPI_PO_CHANGE", "BAPI_TRANSACTION_COMMIT")
    )
    assert change is not None
    assert commit is not None
    item = {"PO_ITEM": "00010", "NO_MORE_GR": "X"}
    parameters: dict[str, Any] = {
        "PURCHASEORDER": step.ref.key,
        "POITEM": [item],
        "POITEMX": [{**item, "PO_ITEMX": "X"}],
        "RETURN": [],
    }
    said: list[Row] = session.call(change, parameters).rows("RETURN")
    assert ["S"] == [row["TYPE"] for row in said]
    assert "" == session.call(commit, {"WAIT": "X"}).row("RETURN").get("TYPE", "")
    assert ["", ""] == committed(subject, step)
    system.close()


def test_a_service_that_only_calls_itself_stateful_is_found_out(
    subject: SapSubject, step: Step, tmp_path: Path
) -> None:
    """storno.yaml says stateful, SAP gives the session no name: refused at check, and again before a change."""
    changes = subject.sap.ledger.counts().get("BAPI_PO_CHANGE", 0)
    services = {"po": {"wsdl": subject.wsdl("zstorno_po_mc"), "mode": "stateful"}}
    system = open_system("erp", subject.options(services=services, descriptions=tmp_path))
    system.trust_as_copy()
    support = {each.action: each for each in system.check().actions}[step.action]
    assert not support.is_available
    before = image_of(system, step)
    assert isinstance(answer_to(system, step, before).refused, Rejected)
    assert changes == subject.sap.ledger.counts().get("BAPI_PO_CHANGE", 0)
    assert ["", ""] == committed(subject, step)
    system.close()


# --- descriptions that change -------------------------------------------------------------------------


def test_a_description_with_another_hash_is_refused(subject: SapSubject, tmp_path: Path) -> None:
    """A hash in storno.yaml pins what was checked."""
    services = {"po": {"wsdl": subject.wsdl("zstorno_po"), "sha256": "0" * 64}}
    system = open_system("erp", subject.options(services=services, descriptions=tmp_path))
    with pytest.raises(BadInput, match="hash"):
        system.check()
    system.close()


def test_a_description_that_changed_in_the_system_is_told(
    subject: SapSubject, tmp_path: Path
) -> None:
    """What was fetched stays in use, and the check says that the system describes itself otherwise now."""
    services = {"po": {"wsdl": subject.wsdl("zstorno_po"), "mode": subject.MODE}}
    options = subject.options(services=services, descriptions=tmp_path)
    first = open_system("erp", options)
    first.actions()
    first.close()
    kept = tmp_path / "fetched" / "po" / "part-0.xml"
    kept.write_bytes(kept.read_bytes().replace(b'value="40"', b'value="41"'))
    again = open_system("erp", options)
    notes = [str(note) for note in again.check().notes]
    assert 1 == sum("describes it otherwise" in note for note in notes)
    again.close()
