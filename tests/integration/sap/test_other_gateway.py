"""Storno changes documents on a Gateway that somebody else wrote (PyPI's mock-sap), and takes them back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from config.sap import SapOptions
from connectors.contract import Criteria, Image, Kind, Ref, Step
from connectors.sap.connector import SapSystem, open_system
from core.errors import OutcomeUnknown
from tests.factories import answer_to
from tests.sandbox.sap import independents
from tests.sandbox.sap.test_independent import ask, mock_sap

pytestmark = pytest.mark.timeout(600)  # the first one to ask installs it

PURCHASING = "/sap/opu/odata/sap/API_PURCHASEORDER_PROCESS_SRV"
SALES = "/sap/opu/odata/sap/API_SALES_ORDER_SRV"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Run it."""
    with mock_sap(independents.mock_sap()) as found:
        yield found


@pytest.fixture
def system(port: int) -> Iterator[SapSystem]:
    """Open it with what its services describe of themselves."""
    options = SapOptions.model_validate(
        {
            "url": f"http://127.0.0.1:{port}", "client": "100", "user": "STORNO", "password": "storno",
            "rejection_reason": "10",
            "odata": {name: {"path": path, "changes": True} for name, path in (("po", PURCHASING), ("so", SALES))},
        }
    )  # fmt: skip
    opened = open_system("erp", options)
    opened.trust_as_copy()
    yield opened
    opened.close()


def read(system: SapSystem, step: Step, known: Image | None = None) -> Image:
    (image,) = system.capture([step], [known])
    return image


def an_order(system: SapSystem, *, number: int) -> Ref:
    """Return an order with several items that are open."""
    found: dict[str, int] = {}
    for batch in system.lines(Kind.PURCHASE_ORDER, Criteria()):
        for row in batch.to_pylist():
            found[row["document_key"]] = found.get(row["document_key"], 0) + (
                row["state"] == "open"
            )
    several = sorted(key for key, count in found.items() if count > 1)
    return Ref("POHEADER", several[number])


def test_closed_and_taken_back(system: SapSystem, port: int) -> None:
    """A changeset closes every open item, the inverse opens those again, and the other server shows both."""
    step = Step("purchase_order.close", an_order(system, number=0))
    action = system.actions()[step.action]
    before = read(system, step)
    answer = answer_to(system, step, before)
    after = read(system, step, before)
    assert answer.refused is None
    assert action.is_done(step, before, after)
    address = f"{PURCHASING}/A_PurchaseOrderItem?$filter=PurchaseOrder%20eq%20'{step.ref.key}'"
    _, _, body = ask(port, "GET", address)
    assert b'"IsCompletelyDelivered": false' not in body.replace(b'":false', b'": false')
    (back,) = action.inverse(step, before, after)
    answer = answer_to(system, back, after)
    assert answer.refused is None
    assert before == read(system, step, before)


def test_one_item_is_one_request(system: SapSystem) -> None:
    """The same with a single PATCH."""
    ref = an_order(system, number=1)
    whole = read(system, Step("purchase_order.close", ref))
    action = system.actions()["purchase_order.close"]
    open_items = [r for r in whole.of_model("POITEM") if r.fields and r.fields["NO_MORE_GR"] == ""]
    position = open_items[0].ref.key.rpartition("/")[2]
    step = Step("purchase_order.close", ref, {"items": (position,)})
    answer = answer_to(system, step, whole)
    assert answer.refused is None
    assert action.is_done(step, whole, read(system, step, whole))


def test_what_its_services_lack_is_told(system: SapSystem) -> None:
    """Its items know neither final invoice, nor deletion mark, nor rejection: these actions are a person's, by name."""
    notes = {
        each.action: str(each.note) for each in system.check().actions if not each.is_available
    }
    assert {
        "purchase_order.finish_invoicing", "purchase_order.resume_invoicing", "purchase_order.delete",
        "purchase_order.undelete", "sales_order.close", "sales_order.reopen",
    } == notes.keys()  # fmt: skip
    assert "IsFinallyInvoiced" in notes["purchase_order.finish_invoicing"]
    assert "SalesDocumentRjcnReason" in notes["sales_order.close"]


def test_its_refusal_is_one(system: SapSystem) -> None:
    """An item that is not there: refused, not in doubt."""
    ref = an_order(system, number=0)
    step = Step("purchase_order.close", ref, {"items": ("99999",)})
    try:
        answer = answer_to(system, step, read(system, step))
    except OutcomeUnknown:
        pytest.fail("a refusal became doubt")
    assert answer.refused is not None
