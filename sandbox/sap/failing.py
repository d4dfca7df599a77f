"""Where ordered failures meet a request: before the work, around it, and on the answer's way back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from sandbox.sap.arrival import Arrival
from sandbox.sap.envelope import SOAP_11, fault
from sandbox.sap.faults import Fault, FaultKind
from sandbox.sap.ledger import LedgerLine
from sandbox.sap.messages import Message
from sandbox.sap.pages import XML, Answer, page
from sandbox.sap.sessions import COOKIE
from sandbox.sap.work import Work

if TYPE_CHECKING:
    from sandbox.sap.instance import SAP

_SPOILING: Final = frozenset(
    {FaultKind.LOST, FaultKind.CUT, FaultKind.HTML, FaultKind.GARBAGE, FaultKind.STATUS}
)
_LOCKED_TABLES: Final = ("EKKO", "VBAK", "AUFK", "MKPF", "RBKP", "BKPF", "IKPF", "PROJ")


class SpoiledError(Exception):
    """An ordered failure meets the answer on its way back."""

    def __init__(self, fault_: Fault, body: bytes) -> None:
        super().__init__(str(fault_.kind))
        self.fault = fault_
        self.body = body


def before(
    sap: SAP, line: LedgerLine, arrival: Arrival, faults: tuple[Fault, ...], language: str
) -> Answer | None:
    """Meet the faults that keep the work from being done; return the answer, if there is one."""
    for each in faults:
        kind = FaultKind(each.kind)
        if kind is FaultKind.SLOW and not each.is_applied:
            time.sleep(each.seconds)
        elif kind is FaultKind.LOGON:
            line.outcome = "failed"
            return page(401, language)
        elif kind is FaultKind.SOAP_FAULT:
            line.outcome = "failed"
            return Answer(500, XML, fault(SOAP_11, each.said))
        elif kind is FaultKind.SESSION:
            with sap.mutex:
                sap.sessions.close(arrival.cookie(COOKIE))
            line.outcome = "failed"
            return page(400, language)
        elif kind in _SPOILING and not each.is_applied:
            line.outcome = "failed"
            raise SpoiledError(each, b"")
    return None


def arrange(
    sap: SAP, work: Work, numbers: tuple[str, ...], faults: tuple[Fault, ...]
) -> list[Message]:
    """Prepare what the work will meet; return the messages of a refusal that was ordered."""
    refused = []
    for each in faults:
        kind = FaultKind(each.kind)
        if kind is FaultKind.LOCKED:
            for number in (*numbers, *each.key):
                for table in _LOCKED_TABLES:
                    sap.locks.hold(table, number, each.user)
        elif kind is FaultKind.UPDATE_FAILS:
            work.fails_in_update = True
        elif kind is FaultKind.EDIT and not each.is_after:
            sap.edit(each.table, *each.key, user=each.user, **each.values)
        elif kind is FaultKind.REFUSED:
            parts = [*each.said.split(" ", 3), "", "", "", ""][:4]
            refused.append(Message(parts[0], parts[1], parts[2], (parts[3],)))
    return refused


def settle(sap: SAP, faults: tuple[Fault, ...]) -> None:
    """Put away what was arranged, and let those act who act last."""
    for each in faults:
        if each.kind is FaultKind.LOCKED:
            sap.locks.let_go(each.user)
        elif each.kind is FaultKind.EDIT and each.is_after:
            sap.edit(each.table, *each.key, user=each.user, **each.values)


def after(faults: tuple[Fault, ...], made: Answer) -> None:
    """Spoil the answer of work that is done. Raises `SpoiledError`."""
    for each in faults:
        kind = FaultKind(each.kind)
        if kind is FaultKind.SLOW and each.is_applied:
            time.sleep(each.seconds)
        elif kind in _SPOILING and each.is_applied:
            raise SpoiledError(each, made.body)
