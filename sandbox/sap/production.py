"""Production orders: technical completion and close, which no API takes back; detail and list."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from sandbox.sap.call import Call, Handler
from sandbox.sap.dictionary import Row
from sandbox.sap.messages import Message
from sandbox.sap.work import Work

CREATED, RELEASED, COMPLETED, CLOSED = "I0001", "I0002", "I0045", "I0046"
# A status has four letters in the language of the one who looks.
_SHORT: Final = {
    CREATED: ("CRTD", "创建"),
    RELEASED: ("REL", "核发"),
    COMPLETED: ("TECO", "技完"),
    CLOSED: ("CLSD", "关闭"),
    "I0009": ("CNF", "确认"),
    "I0321": ("GMPS", "货移"),
}


def statuses(work: Work, order: str) -> list[str]:
    """Return the active system statuses."""
    head = work.sap.db.get("AUFK", order)
    if head is None:
        return []
    return [r["STAT"] for r in work.rows("JEST", OBJNR=head["OBJNR"]) if r["INACT"] != "X"]


def complete(work: Work, order: str) -> list[Message]:
    """Complete technically: reservations go, the status RELEASED makes way."""
    problem, head = _opened(work, order)
    if problem is not None or head is None:
        return [problem] if problem is not None else []
    active = statuses(work, order)
    if RELEASED not in active:
        return [_said("E", "CO", "080", order, short(work, order))]
    _complete(work, head, active)
    return [_said("S", "CO", "100", order)]


def _complete(work: Work, head: Row, active: list[str]) -> None:
    db, order = work.sap.db, str(head["AUFNR"])
    _switch(work, head, off=[s for s in active if s == RELEASED], on=COMPLETED)
    work.change("AUFK", (order,), IDAT2=db.today, AEDAT=db.today)
    work.change("AFKO", (order,), CHANGED=db.stamp)
    for row in db.rows("RESB", AUFNR=order):
        work.change("RESB", (row["RSNUM"], row["RSPOS"]), XLOEK="X")


def close(work: Work, order: str) -> list[Message]:
    """Close: released or completed, settled to zero, nothing still on order; completes technically on the way."""
    problem, head = _opened(work, order)
    if problem is not None or head is None:
        return [problem] if problem is not None else []
    active = statuses(work, order)
    if CLOSED in active or not {RELEASED, COMPLETED} & set(active):
        return [_said("E", "CO", "080", order, short(work, order))]
    if head["BALANCE"] != 0:
        return [_said("E", "CO", "081", order, head["BALANCE"])]
    if head["OPEN_PO"]:
        return [_said("E", "CO", "082", order, head["OPEN_PO"])]
    if RELEASED in active:
        _complete(work, head, active)
        work.updates = [u for u in work.updates if u.key[:2] != (head["OBJNR"], COMPLETED)]
    _switch(work, head, off=[s for s in active if s in {RELEASED, COMPLETED}], on=CLOSED)
    db = work.sap.db
    work.change("AUFK", (order,), IDAT3=db.today, AEDAT=db.today)
    work.change("AFKO", (order,), CHANGED=db.stamp)
    return [_said("S", "CO", "100", order)]


def _opened(work: Work, order: str) -> tuple[Message | None, Row | None]:
    head = work.sap.db.get("AUFK", order)
    if head is None:
        return _said("E", "CO", "001", order), None
    if "PP" not in work.user.rights:
        return _said("E", "CO", "083", order), head
    lock = work.lock("AUFK", order)
    if lock is not None:
        return _said("E", "CO", "469", order, lock.user), head
    return None, head


def _switch(work: Work, head: Row, *, off: list[str], on: str) -> None:
    for status in off:
        work.change("JEST", (head["OBJNR"], status), INACT="X")
    work.change("JEST", (head["OBJNR"], on), INACT="")


def short(work: Work, order: str) -> str:
    """Return the statuses as SAP shows them: four letters each, in the user's language."""
    place = 1 if work.language == "ZH" else 0
    shown = [_SHORT[status][place] for status in statuses(work, order) if status in _SHORT]
    return "  ".join(shown)


def _said(kind: str, id_: str, number: str, *values: object) -> Message:
    return Message(kind, id_, number, tuple(str(value) for value in values))


# ------------------------------------------------------------------------------------------- BAPIs


def _for_each(call: Call, what: str) -> None:
    """Work on each order; with a group of work processes each commits by itself, at once."""
    do = complete if what == "complete" else close
    is_parallel = call.text("WORK_PROCESS_GROUP") != ""
    failed = 0
    for row in call.rows("ORDERS"):
        order = row["ORDER_NUMBER"]
        work = call.sap.work(call.work.user, call.work.language) if is_parallel else call.work
        messages = do(work, order)
        failed += any(message.is_error for message in messages)
        call.details += [(order, message) for message in messages]
        if is_parallel:
            work.roll_back() if any(m.is_error for m in messages) else work.commit(is_waiting=True)
    done = len(call.rows("ORDERS")) - failed
    call.say("E" if failed else "S", "CO", "090", done, failed)


def complete_tech(call: Call) -> None:
    """BAPI_PRODORD_COMPLETE_TECH."""
    _for_each(call, "complete")


def prodord_close(call: Call) -> None:
    """BAPI_PRODORD_CLOSE."""
    _for_each(call, "close")


def get_detail(call: Call) -> None:
    """BAPI_PRODORD_GET_DETAIL: the objects that are asked for."""
    db, order = call.sap.db, call.text("NUMBER")
    asked = call.row("ORDER_OBJECTS")
    if db.get("AUFK", order) is None:
        call.say("E", "CO", "001", order)
        return
    if asked["HEADER"] == "X":
        call.add("HEADER", _header(call.work, order))
    for row in db.rows("AFPO", AUFNR=order) if asked["POSITIONS"] == "X" else ():
        item = {"ORDER_NUMBER": order, "ORDER_ITEM_NUMBER": row["POSNR"]}
        item |= {
            "MATERIAL": row["MATNR"],
            "QUANTITY": row["PSMNG"],
            "DELIVERED_QUANTITY": row["WEMNG"],
        }
        call.add("POSITION", {**item, "DELIVERY_COMPL": row["ELIKZ"]})
    for row in db.rows("RESB", AUFNR=order) if asked["COMPONENTS"] == "X" else ():
        part = {"RESERVATION_NUMBER": row["RSNUM"], "RESERVATION_ITEM": row["RSPOS"]}
        part |= {"DELETION_INDICATOR": row["XLOEK"], "MATERIAL": row["MATNR"]}
        part |= {"PROD_PLANT": row["WERKS"], "REQ_QUAN": row["BDMNG"], "BASE_UOM": row["MEINS"]}
        call.add("COMPONENT", {**part, "WITHDRAWN_QUANTITY": row["ENMNG"]})


def get_list(call: Call) -> None:
    """BAPI_PRODORD_GET_LIST: headers of the orders in the ranges."""
    db = call.sap.db
    ranges = {
        "ORDER_NUMBER_RANGE": "AUFNR",
        "PRODPLANT_RANGE": "WERKS",
        "ORDER_TYPE_RANGE": "AUART",
    }
    for head in db.rows("AUFK"):
        if all(in_range(head[column], call.rows(name)) for name, column in ranges.items()):
            call.add("ORDER_HEADER", _header(call.work, str(head["AUFNR"])))


def in_range(value: str, rows: list[Row]) -> bool:
    """Tell whether a value is in a range of ABAP's; an empty range holds everything."""
    inside = [r for r in rows if r["SIGN"] != "E"]
    outside = [r for r in rows if r["SIGN"] == "E"]
    return (not inside or any(_meets(value, r) for r in inside)) and not any(
        _meets(value, r) for r in outside
    )


def _meets(value: str, row: Row) -> bool:
    low, high = str(row["LOW"]), str(row["HIGH"])
    return {
        "EQ": value == low,
        "NE": value != low,
        "BT": low <= value <= high,
        "GE": value >= low,
        "GT": value > low,
        "LE": value <= low,
        "LT": value < low,
    }.get(str(row["OPTION"]), False)


def _header(work: Work, order: str) -> Row:
    db = work.sap.db
    head, core = db.get("AUFK", order) or {}, db.get("AFKO", order) or {}
    confirmed: Decimal = sum(
        (row["WEMNG"] for row in db.rows("AFPO", AUFNR=order)), Decimal("0.000")
    )
    return {
        "ORDER_NUMBER": order,
        "PRODUCTION_PLANT": head["WERKS"],
        "MRP_CONTROLLER": core["DISPO"],
        "PRODUCTION_SCHEDULER": core["FEVOR"],
        "MATERIAL": core["PLNBEZ"],
        "RESERVATION_NUMBER": core["RSNUM"],
        "ROUTING_NO": core["AUFPL"],
        "FINISH_DATE": core["GLTRP"],
        "START_DATE": core["GSTRP"],
        "TARGET_QUANTITY": core["GAMNG"],
        "UNIT": core["GMEIN"],
        "ORDER_TYPE": head["AUART"],
        "ENTERED_BY": head["ERNAM"],
        "ENTER_DATE": head["ERDAT"],
        "DELETION_FLAG": head["LOEKZ"],
        "SYSTEM_STATUS": short(work, order),
        "CONFIRMED_QUANTITY": confirmed,
    }


FUNCTIONS: Final[dict[str, Handler]] = {
    "BAPI_PRODORD_COMPLETE_TECH": complete_tech,
    "BAPI_PRODORD_CLOSE": prodord_close,
    "BAPI_PRODORD_GET_DETAIL": get_detail,
    "BAPI_PRODORD_GET_LIST": get_list,
}
