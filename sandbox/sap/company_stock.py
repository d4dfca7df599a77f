"""The practice company's receipts, invoices, ledger documents, counts and periods."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.sap.company import Company
    from sandbox.sap.instance import SAP

_DAY = "2026-11-02"


def found_stock(sap: SAP, company: Company, seed: int) -> None:
    """Write them, and tell the company their numbers."""
    put = sap.db.put
    # November is open, October for stock as well; the ledger has the whole year.
    put("MARV", {"BUKRS": "1000", "LFGJA": "2026", "LFMON": "11", "XRUEM": "X"})
    period = {"FRYE1": "2026", "FRPE1": "001", "TOYE1": "2026", "TOPE1": "012"}
    put("T001B", {"BUKRS": "1000", **period})
    for material in ("BOLT-M8", "NUT-M8", "SHEET-2MM", "PAINT-RED", "GEARBOX-4"):
        place = {"MATNR": material, "WERKS": "1000", "LGORT": "0001"}
        put("MARD", {**place, "LABST": Decimal("100.000")})
    order = company.delivered_order
    number = str(5000000001 + seed)
    company.receipt, company.used_up_receipt = number, str(5000000501 + seed)
    company.old_receipt = str(5000000801 + seed)
    item = sap.db.tables["EKPO"][order, "00010"]
    goods_receipt(sap, number, str(item["MATNR"]), Decimal("3.000"), order=(order, "00010"))
    goods_receipt(sap, company.used_up_receipt, "PAINT-RED", Decimal("500.000"))
    goods_receipt(sap, company.old_receipt, "NUT-M8", Decimal("4.000"), day="2026-03-10")
    company.invoices = tuple(supplier_invoice(sap, 5105600001 + seed * 10 + n) for n in range(3))
    first = 100000001 + seed * 100
    made = [ledger_document(sap, f"{first + n:010d}") for n in range(4)]
    company.ledger_documents, company.cleared_ledger_document = tuple(made[:3]), made[3]
    sap.db.tables["BSEG"]["1000", made[3][:10], "2026", "001"]["AUGBL"] = "0002000001"
    company.counts = tuple(stock_count(sap, f"{100000101 + seed * 100 + n:010d}") for n in range(3))


def goods_receipt(
    sap: SAP,
    number: str,
    material: str,
    quantity: Decimal,
    *,
    order: tuple[str, str] = ("", "00000"),
    day: str = _DAY,
    kind: str = "WE",
) -> None:
    """Write a material document of one item that brought goods in; of another kind it took them out."""
    head = {"MBLNR": number, "MJAHR": "2026", "VGART": kind, "BLART": "WE", "BLDAT": day}
    sap.db.put("MKPF", {**head, "BUDAT": day, "CPUDT": day, "USNAM": "MUELLER"})
    item = {"MBLNR": number, "MJAHR": "2026", "ZEILE": "0001"}
    item |= {"BWART": "101", "SHKZG": "S"} if kind == "WE" else {"BWART": "201", "SHKZG": "H"}
    item |= {"MATNR": material, "WERKS": "1000", "LGORT": "0001", "MEINS": "PC"}
    sap.db.put("MSEG", {**item, "MENGE": quantity, "EBELN": order[0], "EBELP": order[1]})


def supplier_invoice(sap: SAP, number: int) -> str:
    """Write a posted invoice with its document in the ledger."""
    amount = Decimal("1190.0000")
    head = {"BELNR": str(number), "GJAHR": "2026", "BLART": "RE", "BLDAT": _DAY, "BUDAT": _DAY}
    head |= {"USNAM": "MUELLER", "BUKRS": "1000", "LIFNR": "0000100001", "WAERS": "EUR"}
    sap.db.put("RBKP", {**head, "RMWWR": amount, "XRECH": "X", "RBSTAT": "5"})
    item = {"BELNR": str(number), "GJAHR": "2026", "BUZEI": "000001", "SHKZG": "S"}
    sap.db.put("RSEG", {**item, "WRBTR": Decimal("1000.0000"), "BSTME": "PC"})
    ledger = f"{5100000000 + number % 1000:010d}"
    ledger_document(sap, ledger, source=("RMRP", f"{number}2026"), kind="RE")
    return str(number)


def ledger_document(
    sap: SAP, number: str, *, source: tuple[str, str] = ("BKPFF", ""), kind: str = "SA"
) -> str:
    """Write a posted document of two lines, an expense and a debt; return its key as the interface has it."""
    key = source[1] or f"{number}10002026"
    place = {"BUKRS": "1000", "BELNR": number, "GJAHR": "2026"}
    head = {**place, "BLART": kind, "BLDAT": _DAY, "BUDAT": _DAY, "MONAT": "11", "WAERS": "EUR"}
    origin = {"AWTYP": source[0], "AWKEY": key, "AWSYS": "STOCLNT100", "GLVOR": "RFBU"}
    sap.db.put("BKPF", {**head, **origin, "USNAM": "MUELLER"})
    amount = Decimal("1190.00")
    for line, (side, account) in enumerate((("S", "0000400000"), ("H", "0000160000")), 1):
        item = {**place, "BUZEI": f"{line:03d}", "SHKZG": side, "HKONT": account}
        owed = {"LIFNR": "0000100001"} if side == "H" else {}
        sap.db.put("BSEG", {**item, **owed, "DMBTR": amount, "WRBTR": amount})
    return f"{number}10002026"


def stock_count(sap: SAP, number: str) -> str:
    """Write a physical inventory document of two items that nobody counted yet."""
    head = {"IBLNR": number, "GJAHR": "2026", "VGART": "IB", "WERKS": "1000", "LGORT": "0001"}
    sap.db.put("IKPF", {**head, "BLDAT": _DAY, "GIDAT": _DAY, "USNAM": "MUELLER"})
    for line, material in enumerate(("BOLT-M8", "SHEET-2MM"), 1):
        item = {"IBLNR": number, "GJAHR": "2026", "ZEILI": f"{line:03d}", "MATNR": material}
        item |= {"WERKS": "1000", "LGORT": "0001", "MEINS": "PC"}
        sap.db.put("ISEG", {**item, "BUCHM": Decimal("100.000")})
    return number
