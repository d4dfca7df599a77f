"""SOAP over HTTP: log on, find the session, run the function, roll back what nobody committed."""

from __future__ import annotations

import time
import traceback
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from sandbox.sap.arrival import Arrival, log_on
from sandbox.sap.call import Call, ClassicError, DumpError
from sandbox.sap.envelope import SOAP_11, EnvelopeError, Request, Wire, fault, shown
from sandbox.sap.failing import after, arrange, before, settle
from sandbox.sap.faults import Fault, FaultKind
from sandbox.sap.ledger import LedgerLine
from sandbox.sap.pages import XML, Answer, page
from sandbox.sap.services import Service
from sandbox.sap.sessions import COOKIE, Session
from sandbox.sap.wsdl import wsdl

if TYPE_CHECKING:
    from sandbox.sap.instance import SAP, User

_SOAP_12_TYPE: Final = "application/soap+xml; charset=utf-8"
# Parameters and columns whose values name the documents of a call.
_RECORDS: Final = (
    "PURCHASEORDER",
    "SALESDOCUMENT",
    "NUMBER",
    "MATERIALDOCUMENT",
    "INVOICEDOCNUMBER",
    "PHYSINVENTORY",
    "PROJECT_DEFINITION",
)
_RECORD_TABLES: Final = {
    "ORDERS": "ORDER_NUMBER",
    "SALES_DOCUMENTS": "VBELN",
    "REVERSAL": "OBJ_KEY_R",
    "I_WBS_SYSTEM_STATUS": "WBS_ELEMENT",
}


def answer(sap: SAP, line: LedgerLine, arrival: Arrival, service: Service) -> Answer:
    """Answer a request to a service. Raises `SpoiledError` where a fault was ordered."""
    line.service = service.name
    language = arrival.language or "EN"
    user = log_on(sap, arrival)
    if user is None:
        line.outcome = "failed"
        return page(401, language)
    line.user = user.name
    language = arrival.language or user.language
    if not user.may_call:
        line.outcome = "failed"
        return page(403, language)
    if "close" in parse_qs(arrival.query).get("sap-sessioncmd", []):
        return _close(sap, line, arrival, language)
    if arrival.verb != "POST":
        line.outcome = "failed"
        return page(405, language)
    return _post(sap, line, arrival, service, user, language)


def answer_wsdl(sap: SAP, line: LedgerLine, arrival: Arrival, service: Service) -> Answer:
    """Answer a request for a service's WSDL."""
    line.service, line.function = service.name, "WSDL"
    if log_on(sap, arrival) is None:
        line.outcome = "failed"
        return page(401, arrival.language or "EN")
    url = f"{arrival.base_url}{service.path}"
    return Answer(200, XML, wsdl(service.contract, sap.dictionary, url=url))


def _close(sap: SAP, line: LedgerLine, arrival: Arrival, language: str) -> Answer:
    line.function, line.session = "CLOSE", arrival.cookie(COOKIE)
    with sap.mutex:
        was_open = sap.sessions.close(line.session)
    made = page(200 if was_open else 400, language)
    made.headers.append(("Set-Cookie", f"{COOKIE}=0; path={arrival.path}; Max-Age=0"))
    line.outcome = "done" if was_open else "failed"
    return made


def _post(
    sap: SAP, line: LedgerLine, arrival: Arrival, service: Service, user: User, language: str
) -> Answer:
    wire = Wire(sap.dictionary, service.style)
    try:
        request = wire.read(
            arrival.body, service.functions, checks_lengths=sap.switches.checks_lengths
        )
    except EnvelopeError as error:
        line.outcome, line.said = "failed", str(error)
        return Answer(500, XML, fault(SOAP_11, str(error)))
    line.function, line.records = request.function.name, records(request)
    faults = sap.faults.met(line.function, line.records)
    line.faults = tuple(str(each.kind) for each in faults)
    early = before(sap, line, arrival, faults, language)
    if early is not None:
        return early
    if sap.latency > 0:
        time.sleep(sap.latency)
    with sap.mutex:
        context = arrival.cookie(COOKIE)
        if service.is_stateful:
            session = sap.sessions.find(context, arrival.path, user) if context else None
            if session is None and context:
                line.outcome = "failed"
                return page(400, language)
            session = session or sap.sessions.open(arrival.path, user, language)
            line.session = session.context
            made = _run(sap, line, request, wire, session, faults)
        else:
            made = _run(
                sap, line, request, wire, Session("", "", sap.work(user, language), 0), faults
            )
    if line.outcome == "failed":
        return made
    if service.is_stateful and not context:
        path = service.path
        made.headers.append(("Set-Cookie", f"{COOKIE}={line.session}; path={path}; HttpOnly"))
    made.headers.append(("Set-Cookie", f"sap-usercontext=sap-client={service.client}; path=/"))
    after(faults, made)
    return made


def _run(
    sap: SAP,
    line: LedgerLine,
    request: Request,
    wire: Wire,
    session: Session,
    faults: tuple[Fault, ...],
) -> Answer:
    work = session.work
    call = Call(sap, work, request.function, request.given, request.sent)
    refused = arrange(sap, work, records(request), faults)
    call.messages += refused
    try:
        _dump(faults, is_applied=False)
        if not refused:
            sap.run(call)
        _dump(faults, is_applied=True)
        told = call.answer()
        parts = shown(request.function, request.sent, echoes_all=sap.switches.echoes_all_tables)
        made = Answer(200, _type(request), wire.write(request.soap, request.function, told, parts))
    except ClassicError as error:
        line.outcome, line.said = "refused", error.name
        said = error.message
        body = wire.exception(
            request.soap,
            request.function,
            error.name,
            said.text(work.language),
            said.id,
            said.number,
        )
        made = Answer(500, _type(request), body)
    except DumpError:
        sap.sessions.close(session.context)
        work.roll_back()
        line.outcome = "failed"
        return page(500, work.language, "SYSTEM_FAILURE")
    except Exception:  # noqa: BLE001 - an error in the simulator must show in the test, not in the thread
        sap.problems.append(traceback.format_exc())
        work.roll_back()
        line.outcome = "failed"
        return page(500, work.language, "MESSAGE_TYPE_X")
    finally:
        settle(sap, faults)
    if line.outcome != "refused" and any(m.is_error for m in call.messages):
        line.outcome = "refused"
    errors = [m for m in call.messages if m.is_error]
    line.said = " ".join(f"{m.id}{m.number}" for m in errors) or line.said
    # Without a session, the end of the call is the end of the work: what was not committed is gone.
    if not session.context and work.roll_back() and line.outcome == "done":
        line.outcome = "rolled back"
    return made


def _dump(faults: tuple[Fault, ...], *, is_applied: bool) -> None:
    if any(each.kind is FaultKind.DUMP and each.is_applied == is_applied for each in faults):
        raise DumpError


def _type(request: Request) -> str:
    return XML if request.soap == SOAP_11 else _SOAP_12_TYPE


def records(request: Request) -> tuple[str, ...]:
    """Return the numbers of the documents that a request names."""
    found = [str(request.given[name]) for name in _RECORDS if request.given.get(name)]
    for name, column in _RECORD_TABLES.items():
        value = request.given.get(name) or []
        rows = [value] if isinstance(value, dict) else value
        found += [str(row[column]) for row in rows if row[column]]
    return tuple(found)
