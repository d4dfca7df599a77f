"""The OData services: read, change, delete, function imports; each request or changeset is one unit of work."""

from __future__ import annotations

import json
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, unquote

from sandbox.sap import failing, odata_change
from sandbox.sap.arrival import Arrival, log_on
from sandbox.sap.edmx import edmx
from sandbox.sap.faults import Fault
from sandbox.sap.ledger import LedgerLine
from sandbox.sap.odata_model import SERVICES, EntitySet, ODataService
from sandbox.sap.odata_query import condition, ordered
from sandbox.sap.odata_values import ODataError, entity, etag, key_of, whole_row
from sandbox.sap.pages import Answer, page
from sandbox.sap.work import Work

if TYPE_CHECKING:
    from sandbox.sap.instance import SAP, User

_SESSION_COOKIE: Final = "SAP_SESSIONID_STO_100"
_READING: Final = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Target:
    """What an address in a service means."""

    name: str
    entities: EntitySet | None = None
    key: tuple[str, ...] = ()
    navigation: str = ""

    @property
    def records(self) -> tuple[str, ...]:
        """The document's number."""
        return self.key[:1]


def service_of(path: str) -> ODataService | None:
    """Return the service at an address, or None."""
    return next((s for s in SERVICES if path == s.path or path.startswith(f"{s.path}/")), None)


def answer(sap: SAP, line: LedgerLine, arrival: Arrival, service: ODataService) -> Answer:
    """Answer a request. Raises `SpoiledError` where a fault was ordered."""
    from sandbox.sap.odata_batch import answer_batch

    line.service = service.namespace
    language = arrival.language or "EN"
    user = log_on(sap, arrival)
    if user is None:
        line.outcome = "failed"
        return page(401, language)
    line.user, language = user.name, arrival.language or user.language
    if not user.may_call:
        line.outcome = "failed"
        return page(403, language)
    refused = _check_token(sap, arrival, user)
    if refused is not None:
        line.function, line.outcome, line.said = "CSRF", "refused", "csrf"
        return refused
    tail = arrival.path.removeprefix(service.path).strip("/")
    if tail == "$batch" and arrival.verb == "POST":
        line.function = "$batch"
        made = answer_batch(sap, line, arrival, service, user, language)
    else:
        made = one(sap, line, arrival, service, user, language)
    made.headers += _token_headers(sap, arrival, user)
    made.headers.append(
        ("OData-Version", "4.0") if service.version == 4 else ("DataServiceVersion", "2.0")
    )
    return made


def one(
    sap: SAP,
    line: LedgerLine,
    arrival: Arrival,
    service: ODataService,
    user: User,
    language: str,
    work: Work | None = None,
    met: list[Fault] | None = None,
) -> Answer:
    """Do one request; in `work`, if it is part of a changeset, else in a unit of work of its own.

    With `met`, the faults that spoil the answer are left there for the one who commits.
    """
    verb = arrival.header("x-http-method") or arrival.verb
    faults: tuple[Fault, ...] = ()
    try:
        target = find(service, arrival)
        line.function, line.records = f"{verb} {target.name}".strip(), target.records
        faults = sap.faults.met(line.function, line.records)
        line.faults = tuple(str(each.kind) for each in faults)
        early = failing.before(sap, line, arrival, faults, language)
        if early is not None:
            return early
        if sap.latency > 0 and work is None:
            time.sleep(sap.latency)
        with sap.mutex:
            mine = work or sap.work(user, language)
            try:
                refused = failing.arrange(sap, mine, target.records, faults)
                if refused:
                    raise odata_change.refusal(refused, language)
                made = _do(sap, arrival, service, target, verb, mine)
                if work is None and not mine.commit(is_waiting=True):
                    raise ODataError(500, "S&/101", "The posting could not be carried out")
            finally:
                if work is None:
                    mine.roll_back()
                failing.settle(sap, faults)
    except ODataError as error:
        line.outcome, line.said = "refused", error.code
        return problem(service, error, language)
    except failing.SpoiledError:
        raise
    except Exception:  # noqa: BLE001 - an error in the simulator must show in the test, not in the thread
        sap.problems.append(traceback.format_exc())
        line.outcome = "failed"
        return page(500, language)
    if met is None:
        failing.after(faults, made)
    else:
        met += faults
    return made


def find(service: ODataService, arrival: Arrival) -> Target:
    """Return what an address means. Raises `ODataError`."""
    tail = unquote(arrival.path.removeprefix(service.path).strip("/"))
    if tail in {"", "$metadata"}:
        return Target(tail or "/")
    first, _, rest = tail.partition("/")
    name, bracket, key = first.partition("(")
    if name in service.functions:
        order = parse_qs(arrival.query).get(service.function_key, [""])[0].strip("'")
        return Target(name, key=(order,))
    entities = service.by_name.get(name)
    if entities is None or rest not in {"", "$count", *(link for link, _ in entities.many)}:
        raise ODataError(404, "005056A509B11EE1B9A8FEC11C21578E", f"Resource {tail} not found")
    found = key_of(entities, key.removesuffix(")")) if bracket else ()
    return Target(name, entities, found, rest)


def _do(
    sap: SAP, arrival: Arrival, service: ODataService, target: Target, verb: str, work: Work
) -> Answer:
    if target.name == "$metadata":
        return Answer(200, "application/xml", edmx(service))
    if target.name == "/":
        names = [each.name for each in service.sets]
        return _json(
            200, {"d": {"EntitySets": names}} if service.version == 2 else {"value": names}
        )
    entities = target.entities
    if entities is None:
        if verb != "POST":
            raise ODataError(405, "005056A509B11EE1B9A8FEC11C21378E", "Method not allowed")
        return odata_change.run_function(work, service, target.name, target.key[0])
    if verb in _READING:
        return _read(sap, arrival, service, entities, target)
    if not target.key or target.navigation:
        raise ODataError(405, "005056A509B11EE1B9A8FEC11C21378E", "Method not allowed")
    row = _row(sap, entities, target.key)
    odata_change.check_version(sap, entities, row, arrival.header("if-match"))
    if verb in {"PATCH", "MERGE", "PUT"}:
        odata_change.change(work, service, entities, target.key, arrival.body)
    elif verb == "DELETE" and entities.can_be_deleted:
        odata_change.delete(work, target.key)
    else:
        raise ODataError(405, "005056A509B11EE1B9A8FEC11C21378E", "Method not allowed")
    return Answer(204, "", b"")


def _row(sap: SAP, entities: EntitySet, key: tuple[str, ...]) -> dict[str, Any]:
    row = sap.db.get(entities.table, *key)
    if row is None:
        raise ODataError(404, "005056A509B11EE1B9A8FEC11C23578E", "Resource not found")
    return whole_row(sap, entities, row)


def _read(
    sap: SAP, arrival: Arrival, service: ODataService, entities: EntitySet, target: Target
) -> Answer:
    asked = {name: values[0] for name, values in parse_qs(arrival.query).items()}
    base = arrival.base_url
    chosen = frozenset(part.strip() for part in asked.get("$select", "").split(",") if part)
    if target.key and not target.navigation:
        row = _row(sap, entities, target.key)
        body = entity(service, entities, row, base, chosen)
        made = _json(
            200, {"d": body} if service.version == 2 else {"@odata.context": "$metadata", **body}
        )
        mark = etag(entities, row)
        made.headers += [("ETag", mark)] if mark else []
        return made
    rows = list(sap.db.rows(entities.table))
    if target.key:
        _row(sap, entities, target.key)
        entities = service.by_name[dict(entities.many)[target.navigation]]
        rows = [
            key_row
            for key, key_row in sorted(sap.db.tables[entities.table].items())
            if key[: len(target.key)] == target.key
        ]
    rows = [whole_row(sap, entities, row) for row in rows]
    meets = condition(service, entities, asked.get("$filter", ""))
    rows = ordered(entities, [row for row in rows if meets(row)], asked.get("$orderby", ""))
    if target.navigation == "$count":
        return Answer(200, "text/plain", str(len(rows)).encode())
    return _page_of(sap, arrival, service, entities, rows, asked, chosen)


def _page_of(
    sap: SAP,
    arrival: Arrival,
    service: ODataService,
    entities: EntitySet,
    rows: list[dict[str, Any]],
    asked: dict[str, str],
    chosen: frozenset[str],
) -> Answer:
    total = len(rows)
    start = int(asked.get("$skip", 0)) + int(asked.get("$skiptoken", 0))
    most = int(asked.get("$top", total))
    rest = rows[start : int(asked.get("$skip", 0)) + most]
    shown = rest[: sap.switches.odata_page]
    found = [entity(service, entities, row, arrival.base_url, chosen) for row in shown]
    following = ""
    if len(rest) > len(shown):
        kept = "&".join(p for p in arrival.query.split("&") if p and "skiptoken" not in p)
        token = int(asked.get("$skiptoken", 0)) + len(shown)
        following = (
            f"{arrival.base_url}{arrival.path}?{kept}{'&' if kept else ''}$skiptoken={token}"
        )
    if service.version == 4:
        body: dict[str, Any] = {"@odata.context": "$metadata"}
        body |= {"@odata.count": total} if asked.get("$count") == "true" else {}
        body |= {"value": found} | ({"@odata.nextLink": following} if following else {})
        return _json(200, body)
    listed: dict[str, Any] = {"__count": str(total)} if "$inlinecount" in asked else {}
    listed |= {"results": found} | ({"__next": following} if following else {})
    return _json(200, {"d": listed})


def problem(service: ODataService, error: ODataError, language: str) -> Answer:
    """Return an error as the version of the protocol writes it."""
    if service.version == 4:
        detail = {"code": error.code, "message": error.said, "@Common.numericSeverity": 4}
        return _json(
            error.status,
            {"error": {"code": error.code, "message": error.said, "details": [detail]}},
        )
    detail = {"code": error.code, "message": error.said, "severity": "error", "propertyref": ""}
    inner = {"transactionid": "0", "errordetails": [detail]}
    message = {"lang": language.lower(), "value": error.said}
    return _json(
        error.status, {"error": {"code": error.code, "message": message, "innererror": inner}}
    )


def _json(status: int, body: Any) -> Answer:
    return Answer(status, "application/json", json.dumps(body, ensure_ascii=False).encode())


# ------------------------------------------------------------------------------------------- tokens


def _check_token(sap: SAP, arrival: Arrival, user: User) -> Answer | None:
    """Return the refusal of a change that has no valid token, or None."""
    if arrival.verb in _READING:
        return None
    session = sap.tokens.get(arrival.cookie(_SESSION_COOKIE))
    given = arrival.header("x-csrf-token")
    if session is not None and session == (user.name, given):
        return None
    text = b"CSRF token validation failed"
    return Answer(403, "text/plain;charset=utf-8", text, [("x-csrf-token", "Required")])


def _token_headers(sap: SAP, arrival: Arrival, user: User) -> list[tuple[str, str]]:
    """Return token and session for those who fetch one."""
    if arrival.header("x-csrf-token").lower() != "fetch":
        return []
    with sap.mutex:
        number = sap.next_number("TOKEN", 1)
        session = f"SESSION{number:08d}%3d"
        token = f"TOKEN{number:08d}=="
        sap.tokens[session] = (user.name, token)
    return [
        ("x-csrf-token", token),
        ("Set-Cookie", f"{_SESSION_COOKIE}={session}; path=/; HttpOnly"),
        ("Set-Cookie", "sap-usercontext=sap-client=100; path=/"),
    ]
