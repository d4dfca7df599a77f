"""Purchase orders: items delivered completely, invoiced finally, deleted; header and list."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from sandbox.sap.call import Call, Handler
from sandbox.sap.dictionary import Row
from sandbox.sap.messages import Message
from sandbox.sap.work import Work, values_changed

HEADER: Final = {
    "PO_NUMBER": "EBELN",
    "COMP_CODE": "BUKRS",
    "DOC_TYPE": "BSART",
    "DELETE_IND": "LOEKZ",
    "CREAT_DATE": "AEDAT",
    "CREATED_BY": "ERNAM",
    "VENDOR": "LIFNR",
    "LANGU": "SPRAS",
    "PMNTTRMS": "ZTERM",
    "PURCH_ORG": "EKORG",
    "PUR_GROUP": "EKGRP",
    "CURRENCY": "WAERS",
    "EXCH_RATE": "WKURS",
    "DOC_DATE": "BEDAT",
    "PO_REL_IND": "FRGKE",
    "REL_STATUS": "FRGZU",
}
ITEM: Final = {
    "PO_ITEM": "EBELP",
    "DELETE_IND": "LOEKZ",
    "SHORT_TEXT": "TXZ01",
    "MATERIAL": "MATNR",
    "PLANT": "WERKS",
    "STGE_LOC": "LGORT",
    "MATL_GROUP": "MATKL",
    "QUANTITY": "MENGE",
    "PO_UNIT": "MEINS",
    "NET_PRICE": "NETPR",
    "PRICE_UNIT": "PEINH",
    "TAX_CODE": "MWSKZ",
    "NO_MORE_GR": "ELIKZ",
    "FINAL_INV": "EREKZ",
    "DELIV_COMPL": "EGLKZ",
    "ITEM_CAT": "PSTYP",
    "ACCTASSCAT": "KNTTP",
    "GR_IND": "WEPOS",
    "IR_IND": "REPOS",
    "GR_BASEDIV": "WEBRE",
    "OVER_DLV_TOL": "UEBTO",
    "UNDER_DLV_TOL": "UNTTO",
    "PREQ_NAME": "AFNAM",
    "TRACKINGNO": "BEDNR",
}
_FIXED: Final = frozenset({"PO_ITEM", "PO_NUMBER", "CREAT_DATE", "CREATED_BY"})


@dataclass(slots=True)
class Wish:
    """What somebody wants of one order: values by column, for the header and by item."""

    number: str
    header: Row = field(default_factory=dict)
    items: dict[str, Row] = field(default_factory=dict)


def change(work: Work, wish: Wish) -> list[Message]:
    """Check a wish and leave it with the update task if nothing is wrong; return what is to be said."""
    db = work.sap.db
    head = work.row("EKKO", wish.number)
    if head is None:
        return [_said("E", "06", "019", wish.number)]
    if "PO" not in work.user.rights:
        return [_said("E", "ME", "303", wish.number)]
    lock = work.lock("EKKO", wish.number)
    if lock is not None:
        return [_said("E", "ME", "006", lock.user, wish.number)]
    said: list[Message] = []
    warned: list[Message] = []
    header = values_changed(head, wish.header.items())
    items: dict[str, Row] = {}
    for place, (item, wanted) in enumerate(wish.items.items(), 1):
        row = work.row("EKPO", wish.number, item)
        if row is None:
            said.append(_said("E", "06", "042", wish.number, item, parameter="POITEM", row=place))
            continue
        values = values_changed(row, wanted.items())
        problem = _problem(work, row, values, place)
        if problem is not None:
            said.append(problem)
        elif values:
            items[item] = _consequences(row, values)
            warned += _warnings(work, row, values, place)
    if said:
        return [*said, _said("E", "BAPI", "001", "PurchaseOrder", wish.number)]
    if not header and not items:
        return [_said("S", "06", "022")]
    today = db.today
    work.change("EKKO", (wish.number,), **header, CHANGED=db.stamp)
    for item, values in items.items():
        work.change("EKPO", (wish.number, item), **values, AEDAT=today)
    done = [_said("S", "06", "023", _title(str(head["BSART"])), wish.number, parameter="POHEADER")]
    return [*warned, *done]


def _problem(work: Work, row: Row, values: Row, place: int) -> Message | None:
    item = row["EBELP"]
    undeletes = values.get("LOEKZ", row["LOEKZ"]) == ""
    if row["LOEKZ"] and values and not undeletes:
        return _said("E", "06", "020", item, parameter="POITEM", row=place)
    if row["LOEKZ"] and set(values) - {"LOEKZ"} and undeletes:
        # First undelete and save, then change.
        return _said("E", "06", "020", item, parameter="POITEM", row=place)
    open_receipts = received(work, str(row["EBELN"]), str(item)) - invoiced(
        work, str(row["EBELN"]), str(item)
    )
    if values.get("LOEKZ") == "L" and open_receipts != 0:
        return _said("E", "06", "115", item, parameter="POITEM", row=place)
    return None


def _warnings(work: Work, row: Row, values: Row, place: int) -> list[Message]:
    """Return what is said and does not stand in the way: a warning before the success."""
    item, number = str(row["EBELP"]), str(row["EBELN"])
    left = received(work, number, item) - invoiced(work, number, item)
    if values.get("EREKZ") != "X" or left <= 0:
        return []
    return [_said("W", "06", "119", item, left, row["MEINS"], parameter="POITEM", row=place)]


def _consequences(row: Row, values: Row) -> Row:
    if "NETPR" in values or "MENGE" in values:
        after = {**row, **values}
        net: Decimal = after["NETPR"] * after["MENGE"] / (after["PEINH"] or 1)
        return {**values, "NETWR": net.quantize(Decimal("0.01"))}
    return values


def received(work: Work, number: str, item: str) -> Decimal:
    """Return the quantity that has come in."""
    return _history(work, number, item, "1")


def invoiced(work: Work, number: str, item: str) -> Decimal:
    """Return the quantity that has been invoiced."""
    return _history(work, number, item, "2")


def _history(work: Work, number: str, item: str, kind: str) -> Decimal:
    rows = work.rows("EKBE", EBELN=number, EBELP=item, VGABE=kind)
    return sum((row["MENGE"] if row["SHKZG"] == "S" else -row["MENGE"] for row in rows), Decimal(0))


def _said(
    kind: str, id_: str, number: str, *values: object, parameter: str = "", row: int = 0
) -> Message:
    return Message(kind, id_, number, tuple(str(value) for value in values), parameter, row)


def _title(kind: str) -> str:
    return {"NB": "Standard PO"}.get(kind, kind)


# ------------------------------------------------------------------------------------------- BAPIs


def po_change(call: Call) -> None:
    """BAPI_PO_CHANGE: what is flagged in POHEADERX and POITEMX is taken over from POHEADER and POITEM."""
    wish = Wish(call.text("PURCHASEORDER"))
    flags, header = call.row("POHEADERX"), call.row("POHEADER")
    wish.header = {
        HEADER[name]: header[name]
        for name, flag in flags.items()
        if flag == "X" and name in HEADER and name not in _FIXED
    }
    values = {row["PO_ITEM"]: row for row in call.rows("POITEM")}
    for flags in call.rows("POITEMX"):
        row = values.get(flags["PO_ITEM"])
        # Without the flag for the item itself, what is flagged for it is not looked at.
        if row is None or flags["PO_ITEMX"] != "X":
            continue
        wish.items[flags["PO_ITEM"]] = {
            ITEM[name]: row[name]
            for name, flag in flags.items()
            if flag == "X" and name in ITEM and name not in _FIXED
        }
    was = len(call.work.updates)
    call.messages += change(call.work, wish)
    if call.flag("TESTRUN"):
        del call.work.updates[was:]
    head = call.sap.db.get("EKKO", wish.number)
    if head is not None:
        call.put("EXPHEADER", {name: head[column] for name, column in HEADER.items()})


def po_getdetail(call: Call) -> None:
    """BAPI_PO_GETDETAIL1: what is in the database; a change that nobody committed is not."""
    db, number = call.sap.db, call.text("PURCHASEORDER")
    head = db.get("EKKO", number)
    if head is None:
        call.say("E", "06", "019", number)
        return
    call.put("POHEADER", {name: head[column] for name, column in HEADER.items()})
    for row in db.rows("EKPO", EBELN=number):
        call.add("POITEM", {name: row[column] for name, column in ITEM.items()})
        totals = {
            "PO_ITEM": row["EBELP"],
            "DELIV_QTY": received(call.work, number, row["EBELP"]),
            "IV_QTY": invoiced(call.work, number, row["EBELP"]),
        }
        call.add("POHISTORY_TOTALS", totals)
    for row in db.rows("EKBE", EBELN=number):
        call.add(
            "POHISTORY",
            {
                "PO_ITEM": row["EBELP"],
                "PROCESS_ID": row["VGABE"],
                "DOC_YEAR": row["GJAHR"],
                "MAT_DOC": row["BELNR"],
                "MATDOC_ITM": row["BUZEI"],
                "HIST_TYPE": row["BEWTP"],
                "MOVE_TYPE": row["BWART"],
                "PSTNG_DATE": row["BUDAT"],
                "QUANTITY": row["MENGE"],
                "DB_CR_IND": row["SHKZG"],
            },
        )


def po_getitems(call: Call) -> None:
    """BAPI_PO_GETITEMS: a list by order, vendor or purchasing organisation."""
    db = call.sap.db
    wanted = {"EBELN": call.text("PURCHASEORDER"), "LIFNR": call.text("VENDOR")}
    wanted["EKORG"] = call.text("PURCH_ORG")
    for head in db.rows("EKKO", **{name: value for name, value in wanted.items() if value}):
        if call.flag("WITH_PO_HEADERS"):
            header = {name: head[column] for name, column in HEADER.items()}
            call.add("PO_HEADERS", {**header, "CO_CODE": head["BUKRS"]})
        for row in db.rows("EKPO", EBELN=head["EBELN"]):
            if row["LOEKZ"] and not call.flag("DELETED_ITEMS"):
                continue
            if row["ELIKZ"] and call.flag("ITEMS_OPEN_FOR_RECEIPT"):
                continue
            item = {name: row[column] for name, column in ITEM.items()}
            more = {"PO_NUMBER": row["EBELN"], "STORE_LOC": row["LGORT"], "UNIT": row["MEINS"]}
            more |= {"NET_VALUE": row["NETWR"], "DEL_COMPL": row["ELIKZ"]}
            call.add("PO_ITEMS", {**item, **more})


FUNCTIONS: Final[dict[str, Handler]] = {
    "BAPI_PO_CHANGE": po_change,
    "BAPI_PO_GETDETAIL1": po_getdetail,
    "BAPI_PO_GETITEMS": po_getitems,
}
