"""The ledger: a document is reversed by another one, and each names the other."""

from __future__ import annotations

from typing import Final

from sandbox.sap.call import LOGICAL_SYSTEM, Call, Handler
from sandbox.sap.dictionary import Row
from sandbox.sap.messages import Message
from sandbox.sap.posting import day_of, ledger_period_problem, said
from sandbox.sap.work import Work

REASONS: Final = frozenset({"01", "02", "03", "04"})
# What was posted through the accounting interface; everything else is reversed where it came from.
_OWN_TYPE: Final = "BKPFF"


def find(work: Work, reversal: Row) -> Row | None:
    """Return the ledger document that a reversal means: by its source's key, or by company and number."""
    key, system = reversal["OBJ_KEY_R"], reversal["OBJ_SYS"] or LOGICAL_SYSTEM
    if system != LOGICAL_SYSTEM or reversal["OBJ_TYPE"] not in {"", _OWN_TYPE}:
        return None
    if key:
        return next(iter(work.rows("BKPF", AWTYP=_OWN_TYPE, AWKEY=key)), None)
    wanted = {"BUKRS": reversal["COMP_CODE"], "BELNR": reversal["AC_DOC_NO"]}
    return next(iter(work.rows("BKPF", **wanted, AWTYP=_OWN_TYPE)), None)


def check(work: Work, reversal: Row, act: str) -> tuple[list[Message], Row | None]:
    """Return what forbids a reversal, and the document. `act` is the business transaction, that of the posting."""
    named = (reversal["OBJ_TYPE"], reversal["OBJ_KEY_R"], reversal["OBJ_SYS"])
    head = find(work, reversal)
    if head is None:
        return [said("E", "RW", "602", *named)], None
    if act != head["GLVOR"]:
        return [said("E", "RW", "604", act)], head
    day = day_of(work, reversal["PSTNG_DATE"])
    problem = _problem(work, head, day, str(reversal["REASON_REV"]))
    if problem is not None:
        return [said("E", "RW", "609", *named), problem], head
    return [], head


def _problem(work: Work, head: Row, day: str, reason: str) -> Message | None:
    db = work.sap.db
    if "FI" not in work.user.rights:
        return said("E", "F5", "083")
    if reason not in REASONS:
        return said("E", "F5A", "063", reason)
    if head["STBLG"]:
        return said("E", "F5A", "061", head["BELNR"])
    place = {"BUKRS": head["BUKRS"], "BELNR": head["BELNR"], "GJAHR": head["GJAHR"]}
    if any(row["AUGBL"] for row in db.rows("BSEG", **place)):
        return said("E", "F5A", "062", head["BELNR"])
    problem = ledger_period_problem(work, str(head["BUKRS"]), day)
    if problem is not None:
        return problem
    number = f"{head['BELNR']}{head['BUKRS']}{head['GJAHR']}"
    lock = work.lock("BKPF", number)
    return said("E", "F5", "084", lock.user, number) if lock is not None else None


def reverse(work: Work, head: Row, day: str, reason: str, kind: str = _OWN_TYPE) -> str:
    """Leave the counter-document with the update task; return its key. Its number is drawn at once."""
    db = work.sap.db
    company, old, year = str(head["BUKRS"]), str(head["BELNR"]), day[:4]
    number = f"{work.sap.next_number('BKPF', 1900000001):010d}"
    key = f"{number}{company}{year}"
    counter = {**head, "BELNR": number, "GJAHR": year, "BUDAT": day, "BLDAT": db.today}
    counter |= {"MONAT": day[5:7], "USNAM": work.user.name, "STBLG": old, "STJAH": head["GJAHR"]}
    counter |= {"STGRD": reason, "AWTYP": kind, "AWKEY": key, "AWSYS": LOGICAL_SYSTEM}
    work.insert("BKPF", counter)
    work.change("BKPF", (company, old, head["GJAHR"]), STBLG=number, STJAH=year, STGRD=reason)
    for row in db.rows("BSEG", BUKRS=company, BELNR=old, GJAHR=head["GJAHR"]):
        side = "H" if row["SHKZG"] == "S" else "S"
        # Debt and counter-debt clear each other.
        cleared = {"AUGBL": number, "AUGDT": day} if row["LIFNR"] or row["KUNNR"] else {}
        work.insert("BSEG", {**row, **cleared, "BELNR": number, "GJAHR": year, "SHKZG": side})
        if cleared:
            work.change("BSEG", (company, old, head["GJAHR"], row["BUZEI"]), **cleared)
    return key


# ------------------------------------------------------------------------------------------- BAPIs


def rev_check(call: Call) -> None:
    """BAPI_ACC_DOCUMENT_REV_CHECK: what posting would say, and nothing is left."""
    reversal = call.row("REVERSAL")
    messages, _ = check(call.work, reversal, call.text("BUS_ACT"))
    named = (reversal["OBJ_TYPE"], reversal["OBJ_KEY_R"], LOGICAL_SYSTEM)
    call.messages += messages or [said("S", "RW", "614", *named)]


def rev_post(call: Call) -> None:
    """BAPI_ACC_DOCUMENT_REV_POST."""
    reversal = call.row("REVERSAL")
    messages, head = check(call.work, reversal, call.text("BUS_ACT"))
    if messages or head is None:
        call.messages += messages
        return
    day = day_of(call.work, reversal["PSTNG_DATE"])
    key = reverse(call.work, head, day, str(reversal["REASON_REV"]))
    call.put_value("OBJ_TYPE", _OWN_TYPE)
    call.put_value("OBJ_KEY", key)
    call.put_value("OBJ_SYS", LOGICAL_SYSTEM)
    call.say("S", "RW", "605", _OWN_TYPE, key, LOGICAL_SYSTEM)


FUNCTIONS: Final[dict[str, Handler]] = {
    "BAPI_ACC_DOCUMENT_REV_CHECK": rev_check,
    "BAPI_ACC_DOCUMENT_REV_POST": rev_post,
}
