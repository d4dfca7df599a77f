"""What OData changes: the same business as the BAPIs, with statuses and codes in the place of RETURN."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sandbox.sap import maintenance, production, purchase, sales
from sandbox.sap.dictionary import Row
from sandbox.sap.messages import Message
from sandbox.sap.odata_model import EntitySet, ODataService
from sandbox.sap.odata_values import ODataError, etag, taken
from sandbox.sap.pages import JSON, Answer
from sandbox.sap.work import Work

if TYPE_CHECKING:
    from sandbox.sap.instance import SAP


def refusal(messages: list[Message], language: str) -> ODataError:
    """Return the error of the first message that is one."""
    first = next((each for each in messages if each.is_error), messages[0])
    return ODataError(400, f"{first.id}/{first.number}", first.text(language))


def check_version(sap: SAP, entities: EntitySet, row: Row, wanted: str) -> None:
    """Raise `ODataError` where the version is missing or another one, for sets that have an ETag."""
    if not entities.version:
        return
    if not wanted:
        if sap.switches.odata_needs_if_match:
            status = sap.switches.missing_version_status
            raise ODataError(status, "/IWBEP/CM_MGW_RT/102", "Precondition required")
        return
    if wanted not in {"*", etag(entities, row)}:
        raise ODataError(412, "/IWBEP/CM_MGW_RT/103", "Precondition failed")


def change(
    work: Work, service: ODataService, entities: EntitySet, key: tuple[str, ...], body: bytes
) -> None:
    """Leave the properties of `body` with the update task. Raises `ODataError`."""
    try:
        given = json.loads(body)
    except ValueError as error:
        raise ODataError(400, "005056A509B11ED199D1C1E8B4A8B78E", "Malformed payload") from error
    given = given.get("d", given) if service.version == 2 else given
    values: Row = {}
    for name, value in given.items():
        if name.startswith(("__", "@")):
            continue
        each = entities.property(name)
        if each is None:
            code = "005056A509B11EE3AEBB597BE2F0578E"
            raise ODataError(400, code, f"Property {name} is invalid")
        if name in entities.keys:
            continue
        # What may not be changed is not looked at, as Gateway does; nothing tells the caller.
        if each.is_updatable:
            values[each.column] = taken(service, each, value)
    messages = _change(work, entities, key, values)
    if any(each.is_error for each in messages):
        raise refusal(messages, work.language)


def _change(work: Work, entities: EntitySet, key: tuple[str, ...], values: Row) -> list[Message]:
    if entities.table == "EKKO":
        return purchase.change(work, purchase.Wish(key[0], header=values))
    if entities.table == "EKPO":
        return purchase.change(work, purchase.Wish(key[0], items={key[1]: values}))
    if entities.table == "VBAK":
        return sales.change(work, sales.Wish(key[0], header=values))
    if entities.table == "VBAP":
        return sales.change(work, sales.Wish(key[0], items={key[1]: values}))
    raise ODataError(501, "005056A509B11EE1B9A8FEC11C21378E", "Not implemented")


def delete(work: Work, key: tuple[str, ...]) -> None:
    """Set the deletion flag of a purchase order item: no row goes, and no request takes the flag back."""
    messages = purchase.change(work, purchase.Wish(key[0], items={key[1]: {"LOEKZ": "L"}}))
    if any(each.is_error for each in messages):
        raise refusal(messages, work.language)


def run_function(work: Work, service: ODataService, name: str, order: str) -> Answer:
    """Run a function import and tell what it tells: its message, or nothing of use."""
    if name in maintenance.FUNCTIONS:
        messages = maintenance.run(work, name, order)
    else:
        do = {"TechlyCmpltOrder": production.complete, "CloseOrder": production.close}[name]
        messages = do(work, order)
    if any(each.is_error for each in messages):
        raise refusal(messages, work.language)
    first = messages[0]
    told: dict[str, object] = {
        "SystemMessageType": first.kind,
        "SystemMessageIdentification": first.id,
        "SystemMessageNumber": first.number,
        "SystemMessageLongText": first.text(work.language),
        "SystemMessageVariable1": first.values[0],
    }
    if service.function_type != "FunctionMessage":
        told = {"IsInvalid": False}
    return Answer(200, JSON, json.dumps({"d": {name: told}}, ensure_ascii=False).encode())
