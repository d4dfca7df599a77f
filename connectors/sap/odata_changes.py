"""Changes over OData: which request stands for which action, and one document's requests as one unit of work.

A property is set with PATCH, several items of one document in one changeset; a deletion mark is set with DELETE, and no
request takes it back; statuses of orders have functions of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from connectors.contract import Ref
from connectors.judging import root_of
from connectors.sap.flags import ItemAction
from connectors.sap.layouts import SEPARATOR
from connectors.sap.odata_batch import Request
from connectors.sap.odata_transport import JSON
from connectors.sap.odata_values import json_of, literal
from connectors.sap.services import ByOData, Refused, Verb
from core.encoding import encode_json
from core.errors import ContractBroken, RecordMissing, StaleRecord
from core.text import N_, Text

if TYPE_CHECKING:
    from connectors.contract import Call, Fence, Image
    from connectors.sap.actions import SapAction
    from connectors.sap.odata_reading import Marks, ODataReader
    from connectors.sap.odata_services import Catalogue, Channel, Served
    from connectors.sap.odata_transport import Gateway
    from connectors.sap.services import Way

FUNCTIONS: Final[Mapping[str, str]] = {
    "production_order.complete": "TechlyCmpltOrder",
    "production_order.close": "CloseOrder",
    "maintenance_order.complete": "SetMaintOrdToTechCompleted",
    "maintenance_order.revoke_completion": "ResetMaintOrdStsTechCompleted",
    "maintenance_order.close": "SetMaintOrderStatusToClosed",
    "maintenance_order.reopen": "ResetMaintOrderStatusClosed",
    "maintenance_order.lock": "SetMaintOrderStatusToLocked",
    "maintenance_order.unlock": "SetMaintOrderStatusToUnlocked",
    "maintenance_order.delete": "SetMaintOrdStsToMrkdForDeltn",
    "maintenance_order.undelete": "ResetMaintOrdStsMrkdForDeltn",
    "maintenance_order.cancel": "SetMaintOrderToDoNotExecute",
    "maintenance_order.restore": "ResetStatusFromDoNotExecute",
}
"""Per action the function of the service."""

DELETES: Final = "purchase_order.delete"
UNDELETES: Final = "purchase_order.undelete"


def ways(actions: Sequence[type[SapAction]], catalogue: Catalogue) -> dict[str, Way]:
    """Return per action how it is done over OData; those of which no OData service has the documents are left out."""
    found: dict[str, Way] = {}
    for action in actions:
        channel = catalogue.channel(action.layout)
        if channel is not None:
            found[action.name] = _way(action, channel)
    return found


def _way(action: type[SapAction], channel: Channel) -> Way:
    service = channel.service.name
    if not channel.service.may_change:
        text = N_(
            "the OData service {service} is for reading alone: changes: true in storno.yaml lets Storno change over it"
        )
        return Refused(Text(text, {"service": service}), None)
    if action.name in FUNCTIONS:
        return _function(action, channel)
    if not issubclass(action, ItemAction) or action.item_model not in channel.served:
        text = N_("the OData service {service} has no items of such documents")
        return Refused(Text(text, {"service": service}), None)
    if action.name == UNDELETES:
        return Refused(
            Text(
                N_(
                    "no request of an OData service takes a deletion mark back: a person does (ME22N)"
                )
            ),
            None,
        )
    served = channel.served[action.item_model]
    has_version = served.entities.has_version
    if action.name == DELETES:
        # What cannot be read back is not done.
        if served.entities.is_deletable and action.mark in served.properties:
            return ByOData(service, Verb.DELETE, served.entities.name, has_version)
        return _cannot(service, served.entities.name)
    prop = served.properties.get(action.mark)
    if prop is None or not prop.is_updatable or not served.entities.is_updatable:
        return _cannot(service, served.part.names.get(action.mark, action.mark))
    return ByOData(service, Verb.PATCH, f"{served.entities.name}.{prop.name}", has_version)


def _function(action: type[SapAction], channel: Channel) -> Way:
    name, (key, *_) = FUNCTIONS[action.name], channel.root.part.keys
    found = channel.service.description.functions.get(name)
    if found is None or found.method != "POST" or key not in found.parameters:
        return _cannot(channel.service.name, name)
    if found.parameters.keys() - found.optional - {key}:
        return _cannot(channel.service.name, name)
    # A function takes no version of the order.
    return ByOData(channel.service.name, Verb.FUNCTION, name, has_version=False)


def _cannot(service: str, name: str) -> Refused:
    text = N_(
        "the description of the OData service {service} says that {name} cannot be changed or called"
    )
    return Refused(Text(text, {"service": service, "name": name}), None)


class Changer:
    """Carries out one action over OData, one document a unit of work."""

    def __init__(
        self, gateway: Gateway, reader: ODataReader, channel: Channel, action: SapAction
    ) -> None:
        self._gateway = gateway
        self._reader = reader
        self._channel = channel
        self._action = action

    def carry_out(self, call: Call, fence: Fence) -> None:
        """Change one document, if it is still as it was approved. Raises as `Gateway.change`, and `StaleRecord`.

        What is compared and the versions that the changes are sent with come from the same reading: where records
        have versions, SAP itself refuses a change that somebody else was quicker with.
        """
        now, marks = self._reader.look(self._action, call.step, call.before)
        self._require_unchanged(call, now)
        requests = self._requests(call, marks)
        self._gateway.change(self._channel.service.place, requests, fence)

    def _require_unchanged(self, call: Call, now: Image) -> None:
        system = self._gateway.system
        if not root_of(call.step, now):
            raise RecordMissing(system=system, said=N_("it does not exist any more"))
        if now != call.before:
            raise StaleRecord(
                system=system, said=N_("somebody changed it after it was read; nothing was sent")
            )

    def _requests(self, call: Call, marks: Marks) -> list[Request]:
        action, channel = self._action, self._channel
        if action.name in FUNCTIONS:
            key = f"{channel.root.part.keys[0]}={_quoted(call.step.ref.key)}"
            return [Request("POST", f"{FUNCTIONS[action.name]}?{key}")]
        if not isinstance(action, ItemAction):
            raise ContractBroken(problem=f"{action.name} has no request over OData")
        served = channel.served[action.item_model]
        found = []
        for position in action.require_items(call):
            ref = Ref(action.item_model, f"{call.step.ref.key}{SEPARATOR}{position}")
            address = _address(served, ref)
            # Items without a version of their own: systems that want one all the same mean the document's.
            mark = marks.get(ref) or marks.get(call.step.ref)
            headers = {"If-Match": mark} if mark else {}
            if action.name == DELETES:
                found.append(Request("DELETE", address, b"", headers))
                continue
            prop = served.properties[action.mark]
            body = encode_json({prop.name: json_of(prop, action.value(call.step, position))})
            found.append(Request("PATCH", address, body, {**headers, "Content-Type": JSON}))
        return found


def _address(served: Served, ref: Ref) -> str:
    pairs = zip(served.part.keys, ref.key.split(SEPARATOR), strict=True)
    keys = ",".join(f"{name}={_quoted(value)}" for name, value in pairs)
    return f"{served.entities.name}({keys})"


def _quoted(value: str) -> str:
    return quote(literal(value), safe="'")
