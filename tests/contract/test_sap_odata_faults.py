"""What goes wrong between Storno and SAP's OData services: nothing is done twice, and nothing half."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from connectors.contract import Call, Executor, Reversibility, Step
from connectors.sap.connector import SapSystem, open_system
from core.errors import (
    AccessDenied,
    BadAnswer,
    BadInput,
    LoginFailed,
    NotAllowed,
    OutcomeUnknown,
    RecordMissing,
    RefusedError,
    Rejected,
    StaleRecord,
    StateRefused,
    TransientError,
)
from core.ids import new_id
from sandbox.sap.faults import Fault, FaultKind
from tests.contract.sap_fixtures import subject_fixture, system
from tests.contract.sap_odata_subject import ODataSapSubject, ODataV4SapSubject
from tests.factories import action_of, answer_to, image_of

pytestmark = [pytest.mark.contract, pytest.mark.timeout(60)]


__all__: Final = ["system"]  # a fixture

subject = subject_fixture(v2=ODataSapSubject, v4=ODataV4SapSubject)


@pytest.fixture
def step(subject: ODataSapSubject) -> Step:
    return subject.make("purchase_order.close")


def stored(subject: ODataSapSubject, step: Step) -> list[Any]:
    return [row["ELIKZ"] for row in subject.sap.db.rows("EKPO", EBELN=step.ref.key)]


def one_item(step: Step) -> Step:
    return Step(step.action, step.ref, {"items": ("10",)})


def patch(subject: ODataSapSubject) -> str:
    return f"PATCH {subject.ITEMS}"


@pytest.mark.parametrize(
    "kind", [FaultKind.LOST, FaultKind.CUT, FaultKind.HTML, FaultKind.GARBAGE, FaultKind.STATUS]
)
@pytest.mark.parametrize("is_applied", [True, False], ids=["done", "not_done"])
@pytest.mark.parametrize("is_single", [True, False], ids=["request", "changeset"])
def test_an_answer_that_is_lost_is_settled_by_reading(
    subject: ODataSapSubject,
    system: SapSystem,
    step: Step,
    kind: FaultKind,
    is_applied: bool,
    is_single: bool,
) -> None:
    """Each request commits: without its answer it is in doubt, sent once, and only reading tells."""
    step = one_item(step) if is_single else step
    before = image_of(system, step)
    subject.sap.faults.add(Fault(kind, patch(subject), is_applied=is_applied))
    sent = subject.sap.ledger.counts().get(patch(subject), 0)
    with pytest.raises(OutcomeUnknown):
        answer_to(system, step, before)
    expected = sent + (1 if is_single or not is_applied else 2)
    assert expected == subject.sap.ledger.counts()[patch(subject)]
    after = image_of(system, step, before)
    assert is_applied is action_of(system, step).is_done(step, before, after)


def test_somebody_is_quicker(subject: ODataSapSubject, system: SapSystem, step: Step) -> None:
    """What changed since the plan was approved is seen before anything is sent."""
    before = image_of(system, step)
    subject.edit(step)
    sent = subject.write_count()
    assert isinstance(answer_to(system, step, before).refused, StaleRecord)
    assert sent == subject.write_count()
    assert ["", ""] == stored(subject, step)


def test_somebody_is_quicker_between_reading_and_sending(
    subject: ODataSapSubject, system: SapSystem, step: Step
) -> None:
    """With versions SAP itself refuses the whole changeset; without, only what was sent is changed."""
    before = image_of(system, step)
    number = (step.ref.key,)
    for table, key, values in (
        ("EKPO", (*number, "00010"), {"TXZ01": "quick"}),
        ("EKKO", number, {"CHANGED": "20991231235959"}),
    ):
        subject.sap.faults.add(
            Fault(
                FaultKind.EDIT, patch(subject), table=table, key=key, user="MUELLER", values=values
            )
        )
    refused = answer_to(system, step, before).refused
    texts = [row["TXZ01"] for row in subject.sap.db.rows("EKPO", EBELN=step.ref.key)]
    assert "quick" in texts
    declared = action_of(system, step)
    assert declared.has_compare_and_set is (subject.ITEMS == "PurchaseOrderItem")
    if declared.has_compare_and_set:
        assert isinstance(refused, StaleRecord)
        assert ["", ""] == stored(subject, step)
    else:
        assert refused is None
        assert ["X", "X"] == stored(subject, step)


def test_a_token_that_expired_is_fetched_anew(
    subject: ODataSapSubject, system: SapSystem, step: Step
) -> None:
    """SAP refuses an old token before it looks at anything: a new one is fetched once, and nothing is done twice."""
    other = subject.make("purchase_order.close")
    assert answer_to(system, other, image_of(system, other)).refused is None
    subject.sap.tokens.clear()
    sent = subject.sap.ledger.counts().get(patch(subject), 0)
    assert answer_to(system, step, image_of(system, step)).refused is None
    assert sent + 2 == subject.sap.ledger.counts()[patch(subject)]
    assert ["X", "X"] == stored(subject, step)


def test_a_token_is_kept(subject: ODataSapSubject, system: SapSystem) -> None:
    """One token serves every change of a service."""
    known = len(subject.sap.tokens)
    for _ in range(3):
        step = subject.make("purchase_order.close")
        assert answer_to(system, step, image_of(system, step)).refused is None
    assert known + 1 == len(subject.sap.tokens)


def test_without_a_token_nothing_is_sent(
    subject: ODataSapSubject, system: SapSystem, step: Step
) -> None:
    """A token is fetched by reading: whatever happens to that is no doubt, and may be tried again."""
    before = image_of(system, step)
    subject.sap.faults.add(Fault(FaultKind.LOST, "GET /"))
    with pytest.raises(TransientError):
        answer_to(system, step, before)
    assert ["", ""] == stored(subject, step)
    assert answer_to(system, step, before).refused is None


@pytest.mark.parametrize("is_single", [True, False], ids=["request", "changeset"])
@pytest.mark.parametrize(
    "said, error",
    [("E 06 020 no", StateRefused), ("E 06 019 no", RecordMissing), ("E XX 001 general", Rejected)],
)
def test_a_refusal_leaves_nothing_behind(
    subject: ODataSapSubject,
    system: SapSystem,
    step: Step,
    is_single: bool,
    said: str,
    error: type[RefusedError],
) -> None:
    """A refused member takes the whole changeset back; the class comes from SAP's code."""
    step = one_item(step) if is_single else step
    before = image_of(system, step)
    subject.sap.faults.add(
        Fault(FaultKind.REFUSED, patch(subject), nth=1 if is_single else 2, said=said)
    )
    refused = answer_to(system, step, before).refused
    assert error is type(refused)
    assert ["", ""] == stored(subject, step)
    assert before == image_of(system, step, before)
    assert answer_to(system, step, before).refused is None


def test_a_refusal_in_a_batch_is_its_own(subject: ODataSapSubject, system: SapSystem) -> None:
    """One document a unit of work: the others of the batch are done."""
    steps = [subject.make("purchase_order.close") for _ in range(3)]
    before = system.capture(steps, [None] * 3)
    said = Fault(FaultKind.REFUSED, patch(subject), record=steps[1].ref.key, said="E 06 020 x")
    subject.sap.faults.add(said)
    answers = system.apply(
        [Call(new_id(), each, image) for each, image in zip(steps, before, strict=True)]
    )
    assert [None, StateRefused, None] == [a.refused and type(a.refused) for a in answers]
    assert [["X", "X"], ["", ""], ["X", "X"]] == [stored(subject, each) for each in steps]


def test_a_document_that_somebody_works_on_is_refused(
    subject: ODataSapSubject, system: SapSystem, step: Step
) -> None:
    """SAP's lock is told as such, with the name of who holds it."""
    before = image_of(system, step)
    subject.sap.faults.add(Fault(FaultKind.LOCKED, patch(subject), user="MUELLER"))
    refused = answer_to(system, step, before).refused
    assert refused is not None
    assert "ME 006" == refused.details["message"]
    assert "MUELLER" in str(refused)


def test_an_update_that_fails_is_told(
    subject: ODataSapSubject, system: SapSystem, step: Step
) -> None:
    """SAP says itself that nothing of it stands: a refusal, although the status is one of its errors."""
    before = image_of(system, step)
    subject.sap.faults.add(Fault(FaultKind.UPDATE_FAILS, patch(subject)))
    refused = answer_to(system, step, before).refused
    assert refused is not None
    assert "S& 101" == refused.details["message"]
    assert ["", ""] == stored(subject, step)


@pytest.mark.parametrize(
    "user, error", [(("STORNO", "wrong"), LoginFailed), (("NOBODY", "nobody"), AccessDenied)]
)
def test_who_may_not_enter_is_told_so(
    subject: ODataSapSubject, user: tuple[str, str], error: type[Exception]
) -> None:
    """HTML pages for 401 and 403 become the errors that stop a run."""
    step = subject.make("purchase_order.close")
    subject.open().close()  # its descriptions are kept now
    system = open_system("erp", subject.options(user=user[0], password=user[1]))
    with pytest.raises(error):
        system.capture([step], [None])
    system.close()


@pytest.mark.parametrize("kind", [FaultKind.HTML, FaultKind.GARBAGE, FaultKind.CUT])
def test_a_page_in_place_of_rows_is_no_answer(
    subject: ODataSapSubject, system: SapSystem, step: Step, kind: FaultKind
) -> None:
    """What is no OData is never read as an order without items."""
    subject.sap.faults.add(Fault(kind, f"GET {subject.ITEMS}"))
    with pytest.raises(BadAnswer):
        system.capture([step], [None])


def test_pages_are_followed(subject: ODataSapSubject, system: SapSystem) -> None:
    """However small the server cuts its pages, every item is read."""
    steps = [subject.make("purchase_order.close") for _ in range(3)]
    whole = system.capture(steps, [None] * 3)
    page, subject.sap.switches.odata_page = subject.sap.switches.odata_page, 1
    try:
        assert whole == system.capture(steps, [None] * 3)
    finally:
        subject.sap.switches.odata_page = page


# --- what is told -----------------------------------------------------------------------------------------


def test_deletion_says_that_nothing_takes_it_back(
    subject: ODataSapSubject, system: SapSystem
) -> None:
    """Over OData alone a deletion mark is final: the action says so, offers no inverse, and undelete is a person's."""
    delete = system.actions()["purchase_order.delete"]
    undelete = system.actions()["purchase_order.undelete"]
    assert Reversibility.MANUAL is delete.reversibility
    assert "ME22N" in delete.reversibility_note
    assert delete.reopen_action is None
    assert (Executor.BY_PERSON,) == undelete.executors
    step = Step("purchase_order.undelete", subject.make("purchase_order.delete").ref)
    before = image_of(system, step)
    with pytest.raises(NotAllowed):
        answer_to(system, step, before)


def test_a_bapi_takes_back_what_odata_cannot(subject: ODataSapSubject, tmp_path: Path) -> None:
    """With a service that offers the BAPI beside it, a deletion is exact again: there over OData, back by the BAPI."""
    services = {"po": {"wsdl": subject.wsdl("zstorno_po"), "mode": "wrapped"}}
    options = subject.options(services=services, descriptions=tmp_path)
    system = open_system("erp", options)
    system.trust_as_copy()
    delete = system.actions()["purchase_order.delete"]
    assert Reversibility.EXACT is delete.reversibility
    step = subject.make("purchase_order.delete")
    before = image_of(system, step)
    assert answer_to(system, step, before).refused is None
    after = image_of(system, step, before)
    (back,) = delete.inverse(step, before, after)
    assert answer_to(system, back, after).refused is None
    assert before == image_of(system, step, before)
    system.close()


def test_reading_alone_is_said(subject: ODataSapSubject, tmp_path: Path) -> None:
    """Without `changes: true` nothing is ever sent, and the check says what to write."""
    odata = {"purchasing": {"path": subject.PURCHASING}}
    system = open_system("erp", subject.options(odata=odata, descriptions=tmp_path))
    system.trust_as_copy()
    check = system.check()
    support = {each.action: each for each in check.actions}["purchase_order.close"]
    assert not support.is_available
    assert "changes: true" in str(support.note)
    assert check.transport.startswith("OData V")
    system.close()


def test_a_description_with_another_hash_is_refused(
    subject: ODataSapSubject, tmp_path: Path
) -> None:
    """A hash in storno.yaml pins what was checked; one that changed in the system is told."""
    odata: dict[str, Any] = {"purchasing": {"path": subject.PURCHASING, "sha256": "0" * 64}}
    system = open_system("erp", subject.options(odata=odata, descriptions=tmp_path))
    with pytest.raises(BadInput, match="hash"):
        system.check()
    system.close()
    kept = tmp_path / "fetched" / "purchasing" / "metadata.xml"
    kept.write_bytes(kept.read_bytes().replace(b'MaxLength="40"', b'MaxLength="41"', 1))
    del odata["purchasing"]["sha256"]
    again = open_system("erp", subject.options(odata=odata, descriptions=tmp_path))
    notes = [str(note) for note in again.check().notes]
    assert 1 == sum("describes it otherwise" in note for note in notes)
    again.close()


def test_a_user_without_rights_is_refused(subject: ODataSapSubject, step: Step) -> None:
    """Who may read and not change is refused in SAP's words, and nothing is changed."""
    subject.open().close()
    system = open_system("erp", subject.options(user="READER", password="reader"))
    system.trust_as_copy()
    before = image_of(system, step)
    assert isinstance(answer_to(system, step, before).refused, RefusedError)
    assert ["", ""] == stored(subject, step)
    system.close()
