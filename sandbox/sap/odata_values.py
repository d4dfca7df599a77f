"""Values of OData: how rows become JSON in both versions and back, ETags, keys and addresses."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from sandbox.sap import maintenance
from sandbox.sap.dictionary import Row
from sandbox.sap.odata_model import EntitySet, ODataService, Property
from sandbox.sap.schema import KEYS

if TYPE_CHECKING:
    from sandbox.sap.instance import SAP

_KEY: Final = re.compile(r"(?:(\w+)=)?'((?:[^']|'')*)'(?:,|$)")


class ODataError(Exception):
    """An answer with an error: its status, SAP's code and the text."""

    def __init__(self, status: int, code: str, said: str) -> None:
        super().__init__(said)
        self.status = status
        self.code = code
        self.said = said


def whole_row(sap: SAP, entities: EntitySet, row: Row) -> Row:
    """Return the row with what stands in other tables: a header's stamp, a production order's core and statuses."""
    if entities.table == "EKPO":
        head = sap.db.get("EKKO", row["EBELN"]) or {}
        return {**row, "CHANGED": head.get("CHANGED", "")}
    if entities.table == "AFPO":
        number = row["AUFNR"]
        return {**(sap.db.get("AUFK", number) or {}), **(sap.db.get("AFKO", number) or {}), **row}
    if entities.table == "AFIH":
        active = {r["STAT"] for r in sap.db.rows("JEST", OBJNR=row["OBJNR"], INACT="")}
        made = {"@TEXT": maintenance.text_of(active), "@PHASE": maintenance.phase_of(active)}
        return {**row, **made}
    if entities.table == "AUFK":
        core = sap.db.get("AFKO", row["AUFNR"]) or {}
        active = {r["STAT"] for r in sap.db.rows("JEST", OBJNR=row["OBJNR"], INACT="")}
        flags = {
            p.column: "X" if p.column[1:] in active else ""
            for p in entities.properties
            if p.column.startswith("@")
        }
        return {**core, **row, **flags}
    return row


def etag(entities: EntitySet, row: Row) -> str:
    """Return the row's ETag, or nothing."""
    if not entities.version:
        return ""
    return f"W/\"'{row[entities.version]}'\""


def told(service: ODataService, each: Property, row: Row) -> Any:
    """Return a value as JSON has it."""
    value = row[each.column]
    if each.kind == "Boolean":
        return value == "X"
    if each.kind == "Decimal":
        scale = int(each.size.partition(".")[2] or 0)
        number = Decimal(value).quantize(Decimal(1).scaleb(-scale))
        # The older version writes numbers as text, so that no digit is lost.
        return format(number, "f") if service.version == 2 else float(number)
    if each.kind == "DateTime":
        if value in {"", "0000-00-00"}:
            return None
        if service.version == 4:
            return value
        return f"/Date({_milliseconds(datetime.fromisoformat(value))})/"
    if each.kind == "DateTimeOffset":
        if not value:
            return None
        moment = datetime.strptime(value, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        if service.version == 4:
            return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        return f"/Date({_milliseconds(moment)}+0000)/"
    return value


def _milliseconds(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp()) * 1000


def taken(service: ODataService, each: Property, value: Any) -> Any:
    """Return a value from JSON as the column has it. Raises `ODataError`."""
    if value is None:
        return "" if each.kind != "Decimal" else Decimal(0)
    if each.kind == "Boolean" and isinstance(value, bool):
        return "X" if value else ""
    if each.kind == "Decimal" and isinstance(value, str if service.version == 2 else int | float):
        try:
            return Decimal(str(value)).quantize(Decimal("0.001"))
        except InvalidOperation:
            pass
    if each.kind == "String" and isinstance(value, str) and len(value) <= int(each.size):
        return value
    raise ODataError(400, "005056A509B11EE1B9A8FEC11C21D78E", f"Invalid value for {each.name}")


def key_of(entities: EntitySet, said: str) -> tuple[str, ...]:
    """Return the key of `('1')` or `(A='1',B='2')`. Raises `ODataError`."""
    found = {}
    for name, value in _KEY.findall(said):
        found[name or entities.keys[0]] = value.replace("''", "'")
    if set(found) != set(entities.keys):
        raise ODataError(400, "005056A509B11EE1B9A8FEA8DE87F78E", "Invalid key predicate")
    return tuple(found[name] for name in entities.keys)


def address(entities: EntitySet, row: Row) -> str:
    """Return `Set('1')` or `Set(A='1',B='2')`."""
    values = [str(row[column]) for column in KEYS[entities.table]]
    if len(values) == 1:
        return f"{entities.name}('{quote(values[0])}')"
    pairs = zip(entities.keys, values, strict=True)
    return (
        f"{entities.name}({','.join(f'{name}={chr(39)}{value}{chr(39)}' for name, value in pairs)})"
    )


def entity(
    service: ODataService, entities: EntitySet, row: Row, base: str, chosen: frozenset[str]
) -> dict[str, Any]:
    """Return one entity as its version of the protocol writes it."""
    values = {
        each.name: told(service, each, row)
        for each in entities.properties
        if not chosen or each.name in chosen
    }
    mark = etag(entities, row)
    if service.version == 4:
        return ({"@odata.etag": mark} if mark else {}) | values
    uri = service.url(base=base, tail=address(entities, row))
    about = {"id": uri, "uri": uri, "type": f"{service.namespace}.{entities.type}"}
    if mark:
        about["etag"] = mark
    links = (
        {}
        if chosen
        else {name: {"__deferred": {"uri": f"{uri}/{name}"}} for name, _ in entities.many}
    )
    return {"__metadata": about, **values, **links}
