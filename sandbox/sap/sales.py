"""Sales orders: items rejected and taken back, header blocks, status and lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from sandbox.sap.call import Call, Handler
from sandbox.sap.dictionary import Row
from sandbox.sap.messages import Message
from sandbox.sap.work import Work, values_changed

# Reasons for rejection that are defined; another one is refused.
REASONS: Final = frozenset({"00", "01", "02", "10", "50", "52"})
_HEADER: Final = {"DLV_BLOCK": "LIFSK", "BILL_BLOCK": "FAKSK", "COMPL_DLV": "AUTLF"}
_ITEM: Final = {
    "REASON_REJ": "ABGRU",
    "BILL_BLOCK": "FAKSP",
    "TARGET_QTY": "KWMENG",
    "SHORT_TEXT": "ARKTX",
}


@dataclass(slots=True)
class Wish:
    """What somebody wants of one order: values by column, for the header and by item."""

    number: str
    header: Row = field(default_factory=dict)
    items: dict[str, Row] = field(default_factory=dict)


def change(work: Work, wish: Wish) -> list[Message]:
    """Check a wish and leave it with the update task if nothing is wrong; return what is to be said."""
    head = work.row("VBAK", wish.number)
    if head is None:
        return [_said("E", "V1", "302", wish.number)]
    if "SO" not in work.user.rights:
        return [_said("E", "V1", "850", wish.number)]
    lock = work.lock("VBAK", wish.number)
    if lock is not None:
        return [_said("E", "V1", "042", lock.user, wish.number)]
    said: list[Message] = []
    items: dict[str, Row] = {}
    for place, (item, wanted) in enumerate(wish.items.items(), 1):
        row = work.row("VBAP", wish.number, item)
        if row is None:
            said.append(_said("E", "V1", "331", item, parameter="ITEM_IN", row=place))
            continue
        values = values_changed(row, wanted.items())
        problem = _problem(row, values, place)
        if problem is not None:
            said.append(problem)
        elif values:
            items[item] = values
    if said:
        return said
    header = values_changed(head, wish.header.items())
    if items or header:
        _leave(work, head, header, items)
    done = [_said("S", "V4", "233", "ORDER_HEADER_IN", parameter="SALES_HEADER_IN")]
    done += [_said("S", "V4", "233", "ITEM_IN", parameter="SALES_ITEM_IN") for _ in wish.items]
    return [*done, _said("S", "V1", "311", "Standard order", wish.number)]


def _problem(row: Row, values: Row, place: int) -> Message | None:
    reason = values.get("ABGRU", "")
    if reason and reason not in REASONS:
        return _said("E", "V1", "497", reason, parameter="ITEM_IN", row=place)
    if reason and row["DELIVERED"] >= row["KWMENG"]:
        return _said("E", "V1", "849", row["POSNR"], parameter="ITEM_IN", row=place)
    return None


def _leave(work: Work, head: Row, header: Row, items: dict[str, Row]) -> None:
    """Leave the wish with the update task, and what follows from it: statuses and the order's value."""
    db = work.sap.db
    number = str(head["VBELN"])
    after = []
    for row in work.rows("VBAP", VBELN=number):
        values = dict(items.get(row["POSNR"], {}))
        merged = {**row, **values}
        statuses = item_statuses(merged)
        values |= values_changed(row, statuses.items())
        after.append({**merged, **statuses})
        if values:
            work.change("VBAP", (number, row["POSNR"]), **values, AEDAT=db.today)
    # Rejected items do not count in the order's value.
    net = sum((row["NETWR"] for row in after if not row["ABGRU"]), Decimal(0))
    statuses = header_statuses(after)
    stamp = {"AEDAT": db.today, "CHANGED": db.stamp}
    net = net.quantize(Decimal("0.01"))
    work.change("VBAK", (number,), **{**header, **statuses, **stamp, "NETWR": net})


def item_statuses(row: Row) -> Row:
    """Return overall, delivery and rejection status of an item."""
    whole, come = row["KWMENG"], row["DELIVERED"]
    delivery = "C" if come >= whole else "B" if come > 0 else "A"
    if row["ABGRU"]:
        return {"GBSTA": "C", "LFSTA": "C" if come > 0 else "", "ABSTA": "C"}
    return {"GBSTA": delivery, "LFSTA": delivery, "ABSTA": "A"}


def header_statuses(items: list[Row]) -> Row:
    """Return the header's statuses: all, some or none of the items."""

    def of(column: str) -> str:
        found = {row[column] for row in items if row[column]}
        return "" if not found else found.pop() if len(found) == 1 else "B"

    return {"GBSTK": of("GBSTA"), "LFSTK": of("LFSTA"), "ABSTK": of("ABSTA")}


def _said(
    kind: str, id_: str, number: str, *values: object, parameter: str = "", row: int = 0
) -> Message:
    return Message(kind, id_, number, tuple(str(value) for value in values), parameter, row)


# ------------------------------------------------------------------------------------------- BAPIs


def salesorder_change(call: Call) -> None:
    """BAPI_SALESORDER_CHANGE: the header's update flag must be U; items change by flag, U for each."""
    wish = Wish(call.text("SALESDOCUMENT"))
    flags, header = call.row("ORDER_HEADER_INX"), call.row("ORDER_HEADER_IN")
    if flags["UPDATEFLAG"] != "U":
        call.say("E", "V4", "248", flags["UPDATEFLAG"], "ORDER_HEADER_INX")
        return
    wish.header = {
        _HEADER[n]: header[n] for n, flag in flags.items() if flag == "X" and n in _HEADER
    }
    values = {row["ITM_NUMBER"]: row for row in call.rows("ORDER_ITEM_IN")}
    for flags in call.rows("ORDER_ITEM_INX"):
        item = flags["ITM_NUMBER"]
        row = values.get(item)
        if row is None:
            continue
        if flags["UPDATEFLAG"] != "U":
            call.say("E", "V4", "248", flags["UPDATEFLAG"], "ORDER_ITEM_INX")
            return
        wish.items[item] = {
            _ITEM[n]: row[n] for n, flag in flags.items() if flag == "X" and n in _ITEM
        }
    was = len(call.work.updates)
    messages = change(call.work, wish)
    if call.flag("SIMULATION"):
        del call.work.updates[was:]
        messages = [each for each in messages if (each.id, each.number) != ("V1", "311")]
    call.messages += messages


def salesorder_getstatus(call: Call) -> None:
    """BAPI_SALESORDER_GETSTATUS: a row for each item; RETURN is the old, single structure."""
    db, number = call.sap.db, call.text("SALESDOCUMENT")
    head = db.get("VBAK", number)
    if head is None:
        call.say("E", "V1", "302", number)
        return
    for row in db.rows("VBAP", VBELN=number):
        call.add(
            "STATUSINFO",
            {
                "DOC_NUMBER": number,
                "DOC_DATE": head["AUDAT"],
                "PURCH_NO": head["BSTNK"],
                "PURCH_NO_C": head["BSTNK"],
                "PRC_STAT_H": head["GBSTK"],
                "DLV_STAT_H": head["LFSTK"],
                "REQ_DATE_H": head["VDATU"],
                "DLV_BLOCK": head["LIFSK"],
                "ITM_NUMBER": row["POSNR"],
                "MATERIAL": row["MATNR"],
                "SHORT_TEXT": row["ARKTX"],
                "REQ_QTY": row["KWMENG"],
                "CUM_CF_QTY": Decimal("0.000") if row["ABGRU"] else row["KWMENG"],
                "SALES_UNIT": row["VRKME"],
                "NET_VALUE": row["NETWR"],
                "CURRENCY": row["WAERK"],
                "NET_PRICE": row["NETPR"],
                "DLV_STAT_I": row["LFSTA"],
                "DLV_QTY": row["DELIVERED"],
                "CREATION_DATE": head["ERDAT"],
                "REA_FOR_RE": row["ABGRU"],
            },
        )


def salesorder_getlist(call: Call) -> None:
    """BAPI_SALESORDER_GETLIST: a customer's items in a sales organisation."""
    db = call.sap.db
    wanted = {"KUNNR": call.text("CUSTOMER_NUMBER"), "VKORG": call.text("SALES_ORGANIZATION")}
    since, until = call.text("DOCUMENT_DATE"), call.text("DOCUMENT_DATE_TO")
    for head in db.rows("VBAK", **wanted):
        if head["AUDAT"] < since or (until > "0001" and head["AUDAT"] > until):
            continue
        for row in db.rows("VBAP", VBELN=head["VBELN"]):
            call.add(
                "SALES_ORDERS",
                {
                    "SD_DOC": head["VBELN"],
                    "ITM_NUMBER": row["POSNR"],
                    "MATERIAL": row["MATNR"],
                    "SHORT_TEXT": row["ARKTX"],
                    "DOC_TYPE": head["AUART"],
                    "DOC_DATE": head["AUDAT"],
                    "REQ_QTY": row["KWMENG"],
                    "REQ_DATE": head["VDATU"],
                    "PURCH_NO": head["BSTNK"],
                    "SOLD_TO": head["KUNNR"],
                    "NET_PRICE": row["NETPR"],
                    "NET_VALUE": row["NETWR"],
                    "NET_VAL_HD": head["NETWR"],
                    "DIVISION": head["SPART"],
                    "SALES_ORG": head["VKORG"],
                    "CREATED_BY": head["ERNAM"],
                    "CURRENCY": head["WAERK"],
                },
            )


def getdetailedlist(call: Call) -> None:
    """BAPISDORDER_GETDETAILEDLIST: what the view asks for; an order that is not there is left out, unsaid."""
    db, view = call.sap.db, call.row("I_BAPI_VIEW")
    for key in call.rows("SALES_DOCUMENTS"):
        number = key["VBELN"]
        head = db.get("VBAK", number)
        if head is None:
            continue
        if view["HEADER"] == "X":
            call.add("ORDER_HEADERS_OUT", _header_out(head))
        if view["STATUS_H"] == "X":
            statuses = {"SD_DOC": number, "DELIV_STAT": head["LFSTK"], "DLV_STAT_H": head["LFSTK"]}
            statuses |= {"PRC_STAT_H": head["GBSTK"], "OVERALLREJ": head["ABSTK"]}
            call.add("ORDER_STATUSHEADERS_OUT", statuses)
        for row in db.rows("VBAP", VBELN=number):
            if view["ITEM"] == "X":
                call.add("ORDER_ITEMS_OUT", _item_out(row))
            if view["STATUS_I"] == "X":
                item = {"SD_DOC": number, "ITM_NUMBER": row["POSNR"], "DELIV_STAT": row["LFSTA"]}
                item |= {"REJSTATIT": row["ABSTA"], "OVRPROCSTA": row["GBSTA"]}
                call.add("ORDER_STATUSITEMS_OUT", item)


def _header_out(head: Row) -> Row:
    return {
        "DOC_NUMBER": head["VBELN"],
        "REC_DATE": head["ERDAT"],
        "CREATED_BY": head["ERNAM"],
        "DOC_DATE": head["AUDAT"],
        "SD_DOC_CAT": head["VBTYP"],
        "DOC_TYPE": head["AUART"],
        "DLV_BLOCK": head["LIFSK"],
        "BILL_BLOCK": head["FAKSK"],
        "COMPL_DLV": head["AUTLF"],
        "NET_VAL_HD": head["NETWR"],
        "CURRENCY": head["WAERK"],
        "SALES_ORG": head["VKORG"],
        "DISTR_CHAN": head["VTWEG"],
        "DIVISION": head["SPART"],
        "REQ_DATE_H": head["VDATU"],
        "PURCH_NO": head["BSTNK"],
        "SOLD_TO": head["KUNNR"],
        "CH_ON": head["AEDAT"],
    }


def _item_out(row: Row) -> Row:
    return {
        "DOC_NUMBER": row["VBELN"],
        "ITM_NUMBER": row["POSNR"],
        "MATERIAL": row["MATNR"],
        "SHORT_TEXT": row["ARKTX"],
        "REA_FOR_RE": row["ABGRU"],
        "TARGET_QTY": row["KWMENG"],
        "REQ_QTY": row["KWMENG"],
        "SALES_UNIT": row["VRKME"],
        "NET_VALUE": row["NETWR"],
        "NET_PRICE": row["NETPR"],
        "CURRENCY": row["WAERK"],
        "PLANT": row["WERKS"],
        "BILL_BLOCK": row["FAKSP"],
        "CH_ON": row["AEDAT"],
    }


FUNCTIONS: Final[dict[str, Handler]] = {
    "BAPI_SALESORDER_CHANGE": salesorder_change,
    "BAPI_SALESORDER_GETSTATUS": salesorder_getstatus,
    "BAPI_SALESORDER_GETLIST": salesorder_getlist,
    "BAPISDORDER_GETDETAILEDLIST": getdetailedlist,
}
