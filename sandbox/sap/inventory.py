"""Physical inventory: counted, counted again, differences posted with a material document."""

from __future__ import annotations

from typing import Final

from sandbox.sap.call import Call, Handler
from sandbox.sap.dictionary import Row
from sandbox.sap.goods import COMPANY_OF_PLANT, document_head, move
from sandbox.sap.messages import Message
from sandbox.sap.posting import day_of, said, stock_period_problem
from sandbox.sap.schema import TABLES
from sandbox.sap.work import Work


def _opened(call: Call) -> tuple[Row | None, dict[str, Row]]:
    """Return the head, locked, and the items; or say why not."""
    work = call.work
    number, year = call.text("PHYSINVENTORY"), call.text("FISCALYEAR")
    head = work.row("IKPF", number, year)
    if head is None:
        call.say("E", "M3", "710", number, year)
        return None, {}
    if "MM" not in work.user.rights:
        call.say("E", "M7", "170")
        return None, {}
    lock = work.lock("IKPF", number)
    if lock is not None:
        call.say("E", "M3", "714", lock.user, number)
        return None, {}
    return head, {row["ZEILI"]: row for row in work.rows("ISEG", IBLNR=number, GJAHR=year)}


def _count(call: Call, *, again: bool) -> None:
    head, items = _opened(call)
    if head is None:
        return
    work, key = call.work, (head["IBLNR"], head["GJAHR"])
    day = day_of(work, call.text("COUNT_DATE"))
    counted = {item for item, row in items.items() if row["XZAEL"] == "X"}
    changes = []
    for wanted in call.rows("ITEMS"):
        item = wanted["ITEM"]
        row = items.get(item)
        problem = _count_problem(row, item, again=again)
        if problem is not None:
            call.messages.append(problem)
            continue
        values = {"MENGE": wanted["ENTRY_QNT"], "XNULL": wanted["ZERO_COUNT"], "XZAEL": "X"}
        changes.append((item, {**values, "ZLDAT": day, "USNAZ": work.user.name}))
        counted.add(item)
    if call.has_errors:
        return
    for item, values in changes:
        work.change("ISEG", (*key, item), **values)
    work.change("IKPF", key, ZLDAT=day, ZSTAT="X" if len(counted) == len(items) else "A")
    call.say("S", "M3", "715", head["IBLNR"])


def _count_problem(row: Row | None, item: str, *, again: bool) -> Message | None:
    if row is None:
        return said("E", "M7", "123", item)
    if row["XDIFF"] == "X":
        return said("E", "M3", "713", item)
    if again != (row["XZAEL"] == "X"):
        return said("E", "M3", "712" if again else "711", item)
    return None


def count(call: Call) -> None:
    """BAPI_MATPHYSINV_COUNT: the first count of an item."""
    _count(call, again=False)


def change_count(call: Call) -> None:
    """BAPI_MATPHYSINV_CHANGECOUNT: another count in the place of the first."""
    _count(call, again=True)


def post_difference(call: Call) -> None:
    """BAPI_MATPHYSINV_POSTDIFF: the items that are named, or all that are counted."""
    head, items = _opened(call)
    if head is None:
        return
    work, number = call.work, str(head["IBLNR"])
    day = day_of(work, call.text("PSTNG_DATE"))
    problem = stock_period_problem(work, COMPANY_OF_PLANT.get(str(head["WERKS"]), "1000"), day)
    if problem is not None:
        call.messages.append(problem)
        return
    named = [row["ITEM"] for row in call.rows("ITEMS")] or [
        item for item, row in items.items() if row["XZAEL"] == "X" and row["XDIFF"] != "X"
    ]
    for item in named:
        row = items.get(item)
        if row is None or row["XZAEL"] != "X":
            call.say("E", "M3", "712", item)
        elif row["XDIFF"] == "X":
            call.say("E", "M3", "713", item)
    if call.has_errors:
        return
    made = _post(work, head, [items[item] for item in named], day)
    left = [i for i, row in items.items() if row["XDIFF"] != "X" and i not in named]
    work.change("IKPF", (number, head["GJAHR"]), BUDAT=day, DSTAT="A" if left else "X")
    call.say("S", "M3", "716", made)


def _post(work: Work, head: Row, rows: list[Row], day: str) -> str:
    number, year = str(work.sap.next_number("MKPF", 4900000001)), day[:4]
    work.insert("MKPF", document_head(work, number, year, day, "WI"))
    for place, row in enumerate(rows, 1):
        difference = row["MENGE"] - row["BUCHM"]
        line = f"{place:04d}"
        changed = {"XDIFF": "X", "MBLNR": number, "MJAHR": year}
        work.change("ISEG", (head["IBLNR"], head["GJAHR"], row["ZEILI"]), **changed)
        if difference == 0:
            continue
        kind, side = ("701", "S") if difference > 0 else ("702", "H")
        item = {"MBLNR": number, "MJAHR": year, "ZEILE": line, "BWART": kind, "SHKZG": side}
        item |= {"MATNR": row["MATNR"], "WERKS": row["WERKS"], "LGORT": row["LGORT"]}
        item |= {"MENGE": abs(difference), "MEINS": row["MEINS"]}
        whole = TABLES["MSEG"].initial(item)
        work.insert("MSEG", whole)
        move(work, whole)
    return number


def get_detail(call: Call) -> None:
    """BAPI_MATPHYSINV_GETDETAIL."""
    db = call.sap.db
    number, year = call.text("PHYSINVENTORY"), call.text("FISCALYEAR")
    head = db.get("IKPF", number, year)
    if head is None:
        call.say("E", "M3", "710", number, year)
        return
    call.put(
        "HEAD",
        {
            "PHYSINVENTORY": number,
            "FISCALYEAR": year,
            "EVENT_TYPE": head["VGART"],
            "PLANT": head["WERKS"],
            "STGE_LOC": head["LGORT"],
            "DOC_DATE": head["BLDAT"],
            "PLAN_DATE": head["GIDAT"],
            "COUNT_DATE": head["ZLDAT"],
            "PSTNG_DATE": head["BUDAT"],
            "COUNT_STATUS": head["ZSTAT"],
            "ADJUST_STATUS": head["DSTAT"],
            "DELETE_STATUS": head["LSTAT"],
            "CHANGE_USER": head["USNAM"],
            "POST_BLOCK": head["SPERR"],
        },
    )
    for row in db.rows("ISEG", IBLNR=number, GJAHR=year):
        call.add(
            "ITEMS",
            {
                "ITEM": row["ZEILI"],
                "MATERIAL": row["MATNR"],
                "PLANT": row["WERKS"],
                "STGE_LOC": row["LGORT"],
                "COUNT_USER": row["USNAZ"],
                "COUNT_DATE": row["ZLDAT"],
                "BOOK_QTY": row["BUCHM"],
                "ZERO_COUNT": row["XNULL"],
                "QUANTITY": row["MENGE"],
                "BASE_UOM": row["MEINS"],
                "ENTRY_QNT": row["MENGE"],
                "ENTRY_UOM": row["MEINS"],
                "MAT_DOC": row["MBLNR"],
                "DOC_YEAR": row["MJAHR"],
                "COUNTED": row["XZAEL"],
                "DIFF_POSTED": row["XDIFF"],
                "DELETE_IND": row["XLOEK"],
            },
        )


FUNCTIONS: Final[dict[str, Handler]] = {
    "BAPI_MATPHYSINV_COUNT": count,
    "BAPI_MATPHYSINV_CHANGECOUNT": change_count,
    "BAPI_MATPHYSINV_POSTDIFF": post_difference,
    "BAPI_MATPHYSINV_GETDETAIL": get_detail,
}
