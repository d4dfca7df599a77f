"""Posted documents are cancelled by counter-documents whose numbers are kept; what SAP refuses is told before."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from connectors.contract import Image, Ref, Step
from connectors.sap.connector import SapSystem
from core.errors import RefusedError
from recovery.reversing.created import created_documents
from tests.contract.sap_subject import SapSubject
from tests.factories import answer_to

ACTIONS = (
    "goods_receipt.cancel",
    "goods_issue.cancel",
    "supplier_invoice.cancel",
    "journal_entry.reverse",
    "stock_count.apply",
)


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SapSubject]:
    made = SapSubject(tmp_path_factory.mktemp("sap"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def system(subject: SapSubject) -> Iterator[SapSystem]:
    opened = subject.open()
    yield opened
    opened.close()


def image(system: SapSystem, step: Step, known: Image | None = None) -> Image:
    (found,) = system.capture([step], [known])
    return found


def codes(system: SapSystem, step: Step) -> list[str]:
    return [p.code for p in system.actions()[step.action].problems(step, image(system, step))]


def do(system: SapSystem, step: Step) -> tuple[Image, Image]:
    before = image(system, step)
    answer = answer_to(system, step, before)
    if answer.refused is not None:
        raise answer.refused
    return before, image(system, step, before)


@pytest.mark.parametrize("action", ACTIONS)
def test_what_is_done_is_not_offered_again(
    subject: SapSubject, system: SapSystem, action: str
) -> None:
    """A document that was cancelled or posted is an exception, with its reason."""
    step = subject.make(action)
    assert [] == codes(system, step)
    do(system, step)

    assert codes(system, step) in (["cancelled"], ["posted"], ["reversed"])


@pytest.mark.parametrize("action", ACTIONS[:4])
def test_the_counter_document_is_named(subject: SapSubject, system: SapSystem, action: str) -> None:
    """Its number stands in the after image, from which `changes show` tells it."""
    step = subject.make(action)
    before, after = do(system, step)
    creates = system.actions()[action].creates
    (created,) = created_documents(list(creates), step.ref, before, after)
    name = {"BKPF": "XBLNR"}.get(created.ref.model, "REF_DOC_NO")
    (there,) = system.read([created.ref], [name])

    assert there.exists
    assert created.number == created.ref.key
    assert created.ref != step.ref


def test_a_cancellation_is_not_cancelled(subject: SapSubject, system: SapSystem) -> None:
    """What takes a movement back is no movement to take back."""
    step = subject.make("goods_receipt.cancel")
    _, after = do(system, step)
    counter = next(ref for ref in after.refs() if ref.model == step.ref.model and ref != step.ref)

    assert ["counter"] == codes(system, Step(step.action, counter))


def test_a_receipt_is_no_issue(subject: SapSubject, system: SapSystem) -> None:
    """Both are material documents; each kind has its own."""
    step = subject.make("goods_receipt.cancel")

    assert ["kind"] == codes(system, Step("goods_issue.cancel", step.ref))


def test_what_is_not_counted_is_not_posted(subject: SapSubject, system: SapSystem) -> None:
    """An item that nobody counted would be posted as nothing there."""
    step = subject.make("stock_count.apply")
    subject.sap.edit("ISEG", *step.ref.key.split("/"), "002", XZAEL="")

    assert ["uncounted"] == codes(system, step)


def test_goods_that_are_gone_stay(subject: SapSubject, system: SapSystem) -> None:
    """SAP's refusal sets the document apart, and nothing stands."""
    step = subject.make("goods_receipt.cancel")
    material = f"M{step.ref.key.partition('/')[0][-8:]}"
    subject.sap.edit("MARD", material, "1000", "0001", LABST=Decimal("1.000"))
    then = subject.sap.dump()

    with pytest.raises(RefusedError):
        do(system, step)
    assert then == subject.sap.dump()


def test_a_missing_document_is_missing(system: SapSystem) -> None:
    """A number that nobody has is told as such."""
    assert ["missing"] == codes(system, Step(ACTIONS[2], Ref("HEADERDATA", "5199999999/2026")))
    assert ["missing"] == codes(system, Step(ACTIONS[0], Ref("GOODSMVT_HEADER", "4999999999/2026")))
    assert ["missing"] == codes(system, Step(ACTIONS[3], Ref("BKPF", "1000/0199999999/2026")))
    assert ["missing"] == codes(system, Step(ACTIONS[4], Ref("HEAD", "0199999999/2026")))
