"""Goods movements: a material document is cancelled by another one; stock and purchase orders follow."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from sandbox.sap.call import Call, Handler
from sandbox.sap.dictionary import Row
from sandbox.sap.messages import Message
from sandbox.sap.posting import day_of, said, stock_period_problem
from sandbox.sap.production import in_range
from sandbox.sap.schema import TABLES
from sandbox.sap.work import Work

# Each movement has its counter-movement.
_REVERSED: Final = {
    "101": "102",
    "102": "101",
    "201": "202",
    "202": "201",
    "261": "262",
    "262": "261",
    "561": "562",
    "562": "561",
    "701": "702",
    "702": "701",
}
COMPANY_OF_PLANT: Final = {"1000": "1000"}


def cancel(
    work: Work, number: str, year: str, items: list[str], day: str
) -> tuple[list[Message], tuple[str, str] | None]:
    """Leave a counter-document with the update task; return what is said, and its number and year.

    The number is drawn at once: it is told, and used up, even if nobody commits.
    """
    db = work.sap.db
    head = db.get("MKPF", number, year)
    if head is None:
        return [said("E", "M7", "001", number, year)], None
    if "MM" not in work.user.rights:
        return [said("E", "M7", "170")], None
    lock = work.lock("MKPF", number)
    if lock is not None:
        return [said("E", "M7", "022", lock.user, number)], None
    rows = [row for row in db.rows("MSEG", MBLNR=number, MJAHR=year) if row["XAUTO"] != "X"]
    if items:
        rows = [row for item in items for row in rows if row["ZEILE"] == item]
        missing = set(items) - {row["ZEILE"] for row in rows}
        if missing:
            return [said("E", "M7", "123", min(missing))], None
    problems = [p for row in rows if (p := _problem(work, row, day)) is not None]
    if problems:
        return problems, None
    made = str(work.sap.next_number("MKPF", 4900000001))
    _post(work, head, rows, (made, day[:4]), day)
    return [], (made, day[:4])


def _problem(work: Work, row: Row, day: str) -> Message | None:
    already = work.rows("MSEG", SMBLN=row["MBLNR"], SJAHR=row["MJAHR"], SMBLP=row["ZEILE"])
    if row["SMBLN"] or already:
        return said("E", "M7", "122", row["ZEILE"])
    company = COMPANY_OF_PLANT.get(str(row["WERKS"]), "1000")
    problem = stock_period_problem(work, company, day)
    if problem is not None:
        return problem
    short = -stock_after(work, row, -signed(row))
    if short > 0:
        return said("E", "M7", "021", row["MATNR"], short, row["MEINS"])
    return None


def signed(row: Row) -> Decimal:
    """Return what an item does to the stock."""
    quantity: Decimal = row["MENGE"]
    return quantity if row["SHKZG"] == "S" else -quantity


def stock_after(work: Work, row: Row, change: Decimal) -> Decimal:
    """Return the stock of an item's storage location, with what this work has done to it already, and `change`."""
    key = (row["MATNR"], row["WERKS"], row["LGORT"])
    stock = work.sap.db.get("MARD", *key)
    level: Decimal = stock["LABST"] if stock is not None else Decimal("0.000")
    for update in work.updates:
        if update.table == "MARD" and update.key == key:
            level = update.values["LABST"]
    return level + change


def _post(work: Work, head: Row, rows: list[Row], made: tuple[str, str], day: str) -> None:
    db = work.sap.db
    number, year = made
    work.insert("MKPF", document_head(work, number, year, day, str(head["VGART"])))
    for place, row in enumerate(rows, 1):
        counter = {**row, "MBLNR": number, "MJAHR": year, "ZEILE": f"{place:04d}"}
        counter |= {"BWART": _REVERSED.get(row["BWART"], row["BWART"]), "SMBLN": row["MBLNR"]}
        counter |= {"SJAHR": row["MJAHR"], "SMBLP": row["ZEILE"], "ELIKZ": ""}
        counter["SHKZG"] = "H" if row["SHKZG"] == "S" else "S"
        work.insert("MSEG", counter)
        move(work, counter)
        if row["EBELN"]:
            order = (row["EBELN"], row["EBELP"])
            history = {"EBELN": order[0], "EBELP": order[1], "VGABE": "1", "GJAHR": year}
            history |= {"BELNR": number, "BUZEI": counter["ZEILE"], "BEWTP": "E", "BUDAT": day}
            history |= {"BWART": counter["BWART"], "MENGE": row["MENGE"], "WAERS": "EUR"}
            work.insert("EKBE", TABLES["EKBE"].initial({**history, "SHKZG": counter["SHKZG"]}))
            # Who takes a receipt back expects it again: the item is no longer delivered completely.
            if row["ELIKZ"] == "X" and db.get("EKPO", *order) is not None:
                work.change("EKPO", order, ELIKZ="", AEDAT=db.today)


def move(work: Work, row: Row) -> None:
    """Leave the stock's change with the update task."""
    after = stock_after(work, row, signed(row))
    work.change("MARD", (row["MATNR"], row["WERKS"], row["LGORT"]), LABST=after)


def document_head(work: Work, number: str, year: str, day: str, event: str) -> Row:
    """Return the head of a new material document."""
    db = work.sap.db
    head = {"MBLNR": number, "MJAHR": year, "VGART": event, "BLART": "WA", "BLDAT": db.today}
    head |= {"BUDAT": day, "CPUDT": db.today, "CPUTM": db.now.strftime("%H:%M:%S")}
    return TABLES["MKPF"].initial({**head, "USNAM": work.user.name})


# ------------------------------------------------------------------------------------------- BAPIs


def goodsmvt_cancel(call: Call) -> None:
    """BAPI_GOODSMVT_CANCEL: no items are all items; success is the new number alone, RETURN stays empty."""
    day = day_of(call.work, call.text("GOODSMVT_PSTNG_DATE"))
    items = [row["MATDOC_ITEM"] for row in call.rows("GOODSMVT_MATDOCITEM")]
    number, year = call.text("MATERIALDOCUMENT"), call.text("MATDOCUMENTYEAR")
    messages, made = cancel(call.work, number, year, items, day)
    call.messages += messages
    if made is not None:
        call.put("GOODSMVT_HEADRET", {"MAT_DOC": made[0], "DOC_YEAR": made[1]})


def goodsmvt_getdetail(call: Call) -> None:
    """BAPI_GOODSMVT_GETDETAIL."""
    db = call.sap.db
    number, year = call.text("MATERIALDOCUMENT"), call.text("MATDOCUMENTYEAR")
    head = db.get("MKPF", number, year)
    if head is None:
        call.say("E", "M7", "001", number, year)
        return
    call.put("GOODSMVT_HEADER", _header(head))
    for row in db.rows("MSEG", MBLNR=number, MJAHR=year):
        call.add("GOODSMVT_ITEMS", _item(row))


def goodsmvt_getitems(call: Call) -> None:
    """BAPI_GOODSMVT_GETITEMS: documents in the ranges."""
    db = call.sap.db
    for head in db.rows("MKPF"):
        if not in_range(head["BUDAT"], call.rows("PSTNG_DATE_RA")):
            continue
        found = [
            row
            for row in db.rows("MSEG", MBLNR=head["MBLNR"], MJAHR=head["MJAHR"])
            if in_range(row["MATNR"], call.rows("MATERIAL_RA"))
            and in_range(row["WERKS"], call.rows("PLANT_RA"))
        ]
        if found:
            call.add("GOODSMVT_HEADER", _header(head))
        for row in found:
            call.add("GOODSMVT_ITEMS", _item(row))


def _header(head: Row) -> Row:
    return {
        "MAT_DOC": head["MBLNR"],
        "DOC_YEAR": head["MJAHR"],
        "TR_EV_TYPE": head["VGART"],
        "DOC_DATE": head["BLDAT"],
        "PSTNG_DATE": head["BUDAT"],
        "ENTRY_DATE": head["CPUDT"],
        "ENTRY_TIME": head["CPUTM"],
        "USERNAME": head["USNAM"],
        "REF_DOC_NO": head["XBLNR"],
        "HEADER_TXT": head["BKTXT"],
    }


def _item(row: Row) -> Row:
    return {
        "MAT_DOC": row["MBLNR"],
        "DOC_YEAR": row["MJAHR"],
        "MATDOC_ITM": row["ZEILE"],
        "MATERIAL": row["MATNR"],
        "PLANT": row["WERKS"],
        "STGE_LOC": row["LGORT"],
        "MOVE_TYPE": row["BWART"],
        "VENDOR": row["LIFNR"],
        "ENTRY_QNT": row["MENGE"],
        "ENTRY_UOM": row["MEINS"],
        "PO_NUMBER": row["EBELN"],
        "PO_ITEM": row["EBELP"],
        "NO_MORE_GR": row["ELIKZ"],
        "REF_DOC_YR": row["SJAHR"],
        "REF_DOC": row["SMBLN"],
        "REF_DOC_IT": row["SMBLP"],
        "ORDERID": row["AUFNR"],
        "X_AUTO_CRE": row["XAUTO"],
    }


FUNCTIONS: Final[dict[str, Handler]] = {
    "BAPI_GOODSMVT_CANCEL": goodsmvt_cancel,
    "BAPI_GOODSMVT_GETDETAIL": goodsmvt_getdetail,
    "BAPI_GOODSMVT_GETITEMS": goodsmvt_getitems,
}
