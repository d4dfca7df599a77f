"""Supplier invoices: cancelled by a credit memo with a number of its own, in the ledger as well."""

from __future__ import annotations

from typing import Final

from sandbox.sap import accounting
from sandbox.sap.call import Call, Handler
from sandbox.sap.dictionary import Row
from sandbox.sap.messages import Message
from sandbox.sap.posting import day_of, ledger_period_problem, said
from sandbox.sap.production import in_range
from sandbox.sap.schema import TABLES
from sandbox.sap.work import Work


def cancel(
    work: Work, number: str, year: str, reason: str, day: str
) -> tuple[list[Message], tuple[str, str] | None]:
    """Leave the counter-document with the update task; return what is said, and its number and year."""
    db = work.sap.db
    head = work.row("RBKP", number, year)
    if head is None:
        return [said("E", "M8", "108", number, year)], None
    problem = _problem(work, head, reason, day)
    if problem is not None:
        return [problem], None
    made = f"{work.sap.next_number('RBKP', 5105700001):010d}"
    counter = {**head, "BELNR": made, "GJAHR": day[:4], "BUDAT": day, "BLDAT": db.today}
    credit = "" if head["XRECH"] == "X" else "X"
    counter |= {"XRECH": credit, "STBLG": number, "STJAH": year, "USNAM": work.user.name}
    work.insert("RBKP", counter)
    work.change("RBKP", (number, year), STBLG=made, STJAH=day[:4])
    for row in db.rows("RSEG", BELNR=number, GJAHR=year):
        side = "H" if row["SHKZG"] == "S" else "S"
        work.insert("RSEG", {**row, "BELNR": made, "GJAHR": day[:4], "SHKZG": side})
        _tell_order(work, row, made, day, side)
    for ledger in list(db.rows("BKPF", AWTYP="RMRP", AWKEY=f"{number}{year}")):
        accounting.reverse(work, ledger, day, reason, "RMRP")
    return [], (made, day[:4])


def _problem(work: Work, head: Row, reason: str, day: str) -> Message | None:
    number = str(head["BELNR"])
    if "IV" not in work.user.rights:
        return said("E", "M8", "399")
    lock = work.lock("RBKP", number)
    if lock is not None:
        return said("E", "M8", "398", lock.user, number)
    if head["STBLG"]:
        return said("E", "M8", "396", number)
    if reason not in accounting.REASONS:
        return said("E", "M8", "397", reason)
    return ledger_period_problem(work, str(head["BUKRS"]), day)


def _tell_order(work: Work, row: Row, made: str, day: str, side: str) -> None:
    if not row["EBELN"]:
        return
    history = {"EBELN": row["EBELN"], "EBELP": row["EBELP"], "VGABE": "2", "GJAHR": day[:4]}
    history |= {"BELNR": made, "BUZEI": row["BUZEI"][-4:], "BEWTP": "Q", "BUDAT": day}
    history |= {"MENGE": row["MENGE"], "SHKZG": side, "WAERS": "EUR"}
    work.insert("EKBE", TABLES["EKBE"].initial(history))
    if row["EREKZ"] == "X":
        # The invoice that was said to be the last is gone: another one is expected.
        work.change("EKPO", (row["EBELN"], row["EBELP"]), EREKZ="", AEDAT=work.sap.db.today)


# ------------------------------------------------------------------------------------------- BAPIs


def invoice_cancel(call: Call) -> None:
    """BAPI_INCOMINGINVOICE_CANCEL: success is the new number alone; RETURN stays empty."""
    day = day_of(call.work, call.text("POSTINGDATE"))
    number, year = call.text("INVOICEDOCNUMBER"), call.text("FISCALYEAR")
    messages, made = cancel(call.work, number, year, call.text("REASONREVERSAL"), day)
    call.messages += messages
    if made is not None:
        call.put_value("INVOICEDOCNUMBER_REVERSAL", made[0])
        call.put_value("FISCALYEAR_REVERSAL", made[1])


def invoice_getdetail(call: Call) -> None:
    """BAPI_INCOMINGINVOICE_GETDETAIL."""
    db = call.sap.db
    number, year = call.text("INVOICEDOCNUMBER"), call.text("FISCALYEAR")
    head = db.get("RBKP", number, year)
    if head is None:
        call.say("E", "M8", "108", number, year)
        return
    header = {
        **_head(head),
        "INVOICE_IND": head["XRECH"],
        "DOC_DATE": head["BLDAT"],
        "USERNAME": head["USNAM"],
        "REF_DOC_NO": head["XBLNR"],
        "REVERSED_BY": head["STBLG"],
        "REVERSED_YEAR": head["STJAH"],
    }
    call.put("HEADERDATA", header)
    for row in db.rows("RSEG", BELNR=number, GJAHR=year):
        call.add(
            "ITEMDATA",
            {
                "INVOICE_DOC_ITEM": row["BUZEI"],
                "PO_NUMBER": row["EBELN"],
                "PO_ITEM": row["EBELP"],
                "DE_CRE_IND": row["SHKZG"],
                "ITEM_AMOUNT": row["WRBTR"],
                "QUANTITY": row["MENGE"],
                "PO_UNIT": row["BSTME"],
                "FINAL_INV": row["EREKZ"],
            },
        )


def invoice_getlist(call: Call) -> None:
    """BAPI_INCOMINGINVOICE_GETLIST: heads in the range of years."""
    for head in call.sap.db.rows("RBKP"):
        if in_range(head["GJAHR"], call.rows("FISCALYEAR_RA")):
            call.add("HEADERLIST", _head(head))


def _head(head: Row) -> Row:
    return {
        "INV_DOC_NO": head["BELNR"],
        "FISC_YEAR": head["GJAHR"],
        "DOC_TYPE": head["BLART"],
        "PSTNG_DATE": head["BUDAT"],
        "COMP_CODE": head["BUKRS"],
        "DIFF_INV": head["LIFNR"],
        "CURRENCY": head["WAERS"],
        "GROSS_AMNT": head["RMWWR"],
        "INVOICE_STATUS": head["RBSTAT"],
    }


FUNCTIONS: Final[dict[str, Handler]] = {
    "BAPI_INCOMINGINVOICE_CANCEL": invoice_cancel,
    "BAPI_INCOMINGINVOICE_GETDETAIL": invoice_getdetail,
    "BAPI_INCOMINGINVOICE_GETLIST": invoice_getlist,
}
