"""The practice company's documents: invented, small, and with a case for each rule."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Final

from sandbox.sap.company_orders import found_orders
from sandbox.sap.company_stock import found_stock

if TYPE_CHECKING:
    from sandbox.sap.instance import SAP

COMPANY: Final = "1000"
PLANT: Final = "1000"
_VENDORS: Final = ("0000100001", "0000100002", "0000100003")
_MATERIALS: Final = ("BOLT-M8", "NUT-M8", "SHEET-2MM", "PAINT-RED", "GEARBOX-4")


@dataclass(slots=True)
class Company:
    """The numbers of documents that stand for a case each."""

    purchase_orders: tuple[str, ...] = ()  # open, two items each
    delivered_order: str = ""  # item 00010 in part received, not invoiced
    deleted_order: str = ""  # item 00020 has the deletion flag
    more_orders: tuple[str, ...] = ()  # as many as were asked for, two items each
    sales_orders: tuple[str, ...] = ()  # open, two items each
    shipped_sales_order: str = ""  # item 000010 delivered in full, 000020 in part
    customer: str = "0000200001"  # of the first sales order
    production_orders: tuple[str, ...] = ()  # released, settled
    created_production_order: str = ""  # not released
    costly_production_order: str = ""  # has a balance: cannot be closed
    projects: tuple[str, ...] = ()  # released, each with two WBS elements (-1, -2)
    networks: tuple[str, ...] = ()  # of the first and second project, released
    maintenance_orders: tuple[str, ...] = ()  # released
    receipt: str = ""  # of the delivered order; of 2026, as all that follow
    used_up_receipt: str = ""  # its stock is gone: cannot be cancelled
    old_receipt: str = ""  # of a closed period; cancelled today, it may
    invoices: tuple[str, ...] = ()
    ledger_documents: tuple[str, ...] = ()  # number, company and year in one key
    cleared_ledger_document: str = ""  # has a cleared item: cannot be reversed
    counts: tuple[str, ...] = ()  # inventory documents, two items each, not counted


def found(sap: SAP, seed: int, more_orders: int = 0) -> Company:
    """Write the practice documents; another seed gives other numbers, quantities and prices.

    `more_orders` are purchase orders that stand for nothing but their number: for lists and long runs.
    """
    chance = Random(seed)
    company = Company()
    first = 4500000001 + seed * 100
    orders = [purchase_order(sap, str(first + n), chance) for n in range(6)]
    company.purchase_orders = tuple(orders[:4])
    company.delivered_order, company.deleted_order = orders[4], orders[5]
    sap.db.put(
        "EKBE",
        {
            "EBELN": orders[4],
            "EBELP": "00010",
            "VGABE": "1",
            "GJAHR": "2026",
            "BELNR": str(5000000001 + seed),
            "BUZEI": "0001",
            "BEWTP": "E",
            "BWART": "101",
            "BUDAT": "2026-10-12",
            "MENGE": Decimal("3.000"),
            "SHKZG": "S",
            "WAERS": "EUR",
        },
    )
    sap.db.tables["EKPO"][orders[5], "00020"]["LOEKZ"] = "L"
    found_orders(sap, company, seed, chance)
    found_stock(sap, company, seed)
    first = 4700000001 + seed * 100000
    company.more_orders = tuple(
        purchase_order(sap, str(first + n), chance) for n in range(more_orders)
    )
    return company


def purchase_order(sap: SAP, number: str, chance: Random, *, items: int = 2) -> str:
    """Write an open purchase order."""
    head = {"EBELN": number, "BUKRS": COMPANY, "BSTYP": "F", "BSART": "NB"}
    head |= {"AEDAT": "2026-10-01", "ERNAM": "MUELLER", "LIFNR": chance.choice(_VENDORS)}
    head |= {"SPRAS": "E", "ZTERM": "0001", "EKORG": "1000", "EKGRP": "001", "WAERS": "EUR"}
    sap.db.put(
        "EKKO",
        {**head, "WKURS": Decimal("1.00000"), "BEDAT": "2026-10-01", "CHANGED": "20261001080000"},
    )
    for place in range(1, items + 1):
        material = chance.choice(_MATERIALS)
        quantity = Decimal(chance.randint(5, 90)).quantize(Decimal("0.001"))
        price = Decimal(chance.randint(100, 99999)).scaleb(-2)
        item = {"EBELN": number, "EBELP": f"{place * 10:05d}", "AEDAT": "2026-10-01"}
        item |= {"TXZ01": material.title().replace("-", " "), "MATNR": material, "WERKS": PLANT}
        item |= {"BUKRS": COMPANY, "LGORT": "0001", "MATKL": "001", "MEINS": "PC", "MWSKZ": "V1"}
        item |= {"WEPOS": "X", "REPOS": "X", "PSTYP": "0"}
        numbers = {"MENGE": quantity, "NETPR": price, "PEINH": Decimal(1)}
        sap.db.put("EKPO", {**item, **numbers, "NETWR": (quantity * price).quantize(price)})
    return number
