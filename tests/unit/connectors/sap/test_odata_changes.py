"""The requests that stand for actions: addresses, bodies, versions; and what no request can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from connectors.contract import Call, Fence, Image, Record, Ref, Step, no_fence
from connectors.sap.actions import SapAction, Target
from connectors.sap.connector import ACTIONS
from connectors.sap.flags import ItemAction
from connectors.sap.odata_batch import Request
from connectors.sap.odata_changes import FUNCTIONS, Changer, ways
from connectors.sap.odata_edmx import Description, EntitySet, FunctionImport, Property
from connectors.sap.odata_layouts import LAYOUTS, PARTS, PartMap
from connectors.sap.odata_services import Catalogue, Channel, ODataService, Served
from connectors.sap.odata_transport import Place
from connectors.sap.services import ByOData, Refused
from connectors.sap.shapes import Member, Structure
from connectors.sap.values import Scalar
from core.errors import RecordMissing, StaleRecord

FLAGS = frozenset({"IsCompletelyDelivered", "IsFinallyInvoiced"})


def entities(part: PartMap, **others: Any) -> EntitySet:
    names = {*part.keys, *part.names.values(), "SystemStatusText"}
    properties = {
        name: Property(
            name, "Edm.Boolean" if name in FLAGS else "Edm.String", Scalar(), name not in part.keys
        )
        for name in names
    }
    found = {"has_version": False, "is_updatable": True, "is_deletable": True, **others}
    return EntitySet(part.sets[0], part.keys, properties, frozenset(), **found)


def channels(
    *,
    may_change: bool = True,
    has_functions: bool = True,
    more: Mapping[str, bool] | None = None,
    **others: Any,
) -> dict[str, Channel]:
    """Return a channel a kind; each function takes `more` parameters, that may be left out or not."""
    found = {}
    beside = more or {}
    optional = frozenset(name for name, is_optional in beside.items() if is_optional)
    for layout in LAYOUTS:
        parts = PARTS[layout.root.model]
        key = parts[0].keys[0]
        called = (
            {
                n: FunctionImport(n, "POST", dict.fromkeys([key, *beside], Scalar()), optional)
                for n in FUNCTIONS.values()
            }
            if has_functions
            else {}
        )
        service = ODataService(
            "s", Place("/sap/opu/s", 2), may_change, Description(2, {}, called, "")
        )
        served = {part.model: Served(part, entities(part, **others)) for part in parts}
        found[layout.root.model] = Channel(layout, service, served)
    return found


class Shelf:
    """Stands for the catalogue."""

    def __init__(self, found: Mapping[str, Channel]) -> None:
        self.channels = found

    def channel(self, layout: Any) -> Channel | None:
        return self.channels.get(layout.root.model)


class Witness:
    """Stands for gateway and reader: shows what is read and keeps what is sent."""

    system = "erp"

    def __init__(self, now: Image, marks: Mapping[Ref, str]) -> None:
        self.now, self.marks = now, marks
        self.sent: list[Request] = []

    def look(self, action: Any, step: Step, known: Image | None) -> tuple[Image, Mapping[Ref, str]]:
        assert action.name == step.action
        assert known is not None
        return self.now, self.marks

    def change(self, place: Place, requests: Sequence[Request], fence: Fence) -> None:
        assert "/sap/opu/s" == place.path
        fence()
        self.sent += requests


def offered(name: str, found: Mapping[str, Channel]) -> Any:
    catalogue = cast("Catalogue", Shelf(found))
    (action,) = [each for each in ACTIONS if each.name == name]
    return ways([action], catalogue)[name]


def made(name: str, found: Mapping[str, Channel]) -> SapAction:
    structures = {model: s.structure for c in found.values() for model, s in c.served.items()}
    (action,) = [each for each in ACTIONS if each.name == name]
    over = ways(ACTIONS, cast("Catalogue", Shelf(found)))
    return action(Target("erp", structures, over_odata=over, rejection_reason="10"))


def image_for(action: SapAction, key: str) -> Image:
    records = [Record(Ref(action.model, key), dict.fromkeys(action.footprint[action.model], "x"))]
    if isinstance(action, ItemAction):
        for place in (10, 20):
            ref = Ref(action.item_model, f"{key}/{place:0{action.width}d}")
            back = action.value(Step(action.name, records[0].ref), ref.key[-action.width :])
            records.append(Record(ref, {action.mark: "" if back else "X", "DELETE_IND": ""}))
    return Image(tuple(records))


def sent(
    name: str, key: str, marks: Mapping[Ref, str] | None = None, **arguments: Any
) -> list[Request]:
    found = channels()
    action = made(name, found)
    image = image_for(action, key)
    witness = Witness(image, marks or {})
    stand_in = cast("Any", witness)
    changer = Changer(stand_in, stand_in, found[action.model], action)
    changer.carry_out(Call("1", Step(name, Ref(action.model, key), arguments), image), no_fence)
    return witness.sent


def test_marks_are_set_with_patch() -> None:
    """Only the property that changes is sent, for each item that is meant."""
    address = "A_PurchaseOrderItem(PurchaseOrder='4500000001',PurchaseOrderItem='00010')"
    (request,) = sent("purchase_order.close", "4500000001", items=("10",))
    assert ("PATCH", address, b'{"IsCompletelyDelivered":true}') == (
        request.method, request.address, request.body,
    )  # fmt: skip
    first, second = sent("purchase_order.resume_invoicing", "4500000001")
    assert (b'{"IsFinallyInvoiced":false}', b'{"IsFinallyInvoiced":false}') == (
        first.body,
        second.body,
    )
    (rejected,) = sent("sales_order.close", "0000000017", items=("10",))
    assert b'{"SalesDocumentRjcnReason":"10"}' == rejected.body
    assert "A_SalesOrderItem(SalesOrder='0000000017',SalesOrderItem='000010')" == rejected.address


def test_a_deletion_mark_is_set_with_delete() -> None:
    """No property is written for it: the service forbids that."""
    first, second = sent("purchase_order.delete", "4500000001")
    assert ["DELETE", "DELETE"] == [first.method, second.method]
    assert b"" == first.body + second.body


def test_statuses_have_functions() -> None:
    """The order is the only parameter, as text in quotes."""
    (request,) = sent("maintenance_order.complete", "000004000001")
    expected = "SetMaintOrdToTechCompleted?MaintenanceOrder='000004000001'"
    assert ("POST", expected) == (request.method, request.address)


def test_versions_are_those_that_were_read() -> None:
    """An item's own version comes before that of its document; without any nothing is claimed."""
    order, item = Ref("POHEADER", "4500000001"), Ref("POITEM", "4500000001/00010")
    own = sent("purchase_order.close", order.key, {order: "W/1", item: "W/2"})
    assert ["W/2", "W/1"] == [each.headers["If-Match"] for each in own]
    assert "If-Match" not in sent("purchase_order.close", order.key)[0].headers


@pytest.mark.parametrize("error", [StaleRecord, RecordMissing])
def test_what_is_not_as_approved_is_not_touched(error: type[Exception]) -> None:
    """Another image, or none: refused before anything is sent."""
    found = channels()
    action = made("purchase_order.close", found)
    before = image_for(action, "4500000001")
    root = before.records[0]
    fields = None if error is RecordMissing else {**(root.fields or {}), "VENDOR": "else"}
    witness = Witness(Image((Record(root.ref, fields), *before.records[1:])), {})
    stand_in = cast("Any", witness)
    changer = Changer(stand_in, stand_in, found[action.model], action)
    with pytest.raises(error):
        changer.carry_out(Call("1", Step(action.name, root.ref), before), no_fence)
    assert [] == witness.sent


@pytest.mark.parametrize(
    "name", [*FUNCTIONS, "purchase_order.close", "sales_order.reopen", "purchase_order.delete"]
)
def test_what_a_service_offers_is_done_over_it(name: str) -> None:
    """Each action of these kinds has its request; versions are told only where the changed set has them."""
    assert isinstance(offered(name, channels()), ByOData)
    has_version = offered(name, channels(has_version=True)).has_version
    assert has_version is (name not in FUNCTIONS)


@pytest.mark.parametrize(
    "name, found",
    [
        ("purchase_order.undelete", channels()),
        ("purchase_order.close", channels(may_change=False)),
        ("purchase_order.close", channels(is_updatable=False)),
        ("purchase_order.delete", channels(is_deletable=False)),
        ("production_order.close", channels(has_functions=False)),
        ("maintenance_order.close", channels(more={"MaintOrderReferenceDateTime": False})),
    ],
)
def test_what_it_does_not_offer_is_refused(name: str, found: dict[str, Channel]) -> None:
    """What the description forbids is never tried."""
    assert isinstance(offered(name, found), Refused)


def test_what_may_be_left_out_is_left_out() -> None:
    """Functions of maintenance orders take days and flags that nobody has to give."""
    found = channels(more={"AssignedMaintNotifIsToBeClosed": True})
    assert isinstance(offered("maintenance_order.close", found), ByOData)


def test_models_have_the_fields_of_both_names() -> None:
    """What a BAPI has is called as there, everything else by its property, and nothing twice."""
    part = PARTS["POHEADER"][1]
    served = Served(part, entities(part))
    assert {"NO_MORE_GR", "SystemStatusText"} <= served.structure.members.keys()
    assert "IsCompletelyDelivered" not in served.structure.members
    assert isinstance(served.structure, Structure)
    assert all(isinstance(each, Member) for each in served.structure.members.values())
