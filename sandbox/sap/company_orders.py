"""The practice company's sales orders, production orders and projects."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Final

from sandbox.sap.sales import header_statuses, item_statuses

if TYPE_CHECKING:
    from sandbox.sap.company import Company
    from sandbox.sap.instance import SAP

_PRODUCTS: Final = ("PUMP-200", "PUMP-400", "VALVE-3")


def found_orders(sap: SAP, company: Company, seed: int, chance: Random) -> None:
    """Write them, and tell the company their numbers."""
    first = 12001 + seed * 100
    sales = [_sales_order(sap, f"{first + n:010d}", company.customer, chance) for n in range(4)]
    company.sales_orders, company.shipped_sales_order = tuple(sales[:3]), sales[3]
    items = sap.db.tables["VBAP"]
    shipped, partly = items[sales[3], "000010"], items[sales[3], "000020"]
    shipped["DELIVERED"], partly["DELIVERED"] = shipped["KWMENG"], Decimal("1.000")
    for number in sales:
        _settle(sap, number)
    first = 1000201 + seed * 100
    made = [_production_order(sap, f"{first + n:012d}", chance) for n in range(6)]
    company.production_orders = tuple(made[:4])
    company.created_production_order, company.costly_production_order = made[4:]
    status = sap.db.tables["JEST"]
    status[f"OR{made[4]}", "I0002"]["INACT"] = "X"
    sap.db.put("JEST", {"OBJNR": f"OR{made[4]}", "STAT": "I0001"})
    sap.db.tables["AUFK"][made[5],]["BALANCE"] = Decimal("120.50")
    first = 4000101 + seed * 100
    company.maintenance_orders = tuple(f"{first + n:012d}" for n in range(3))
    for number in company.maintenance_orders:
        _maintenance_order(sap, number)
    company.projects = tuple(f"P.{seed + 1:04d}.{place}" for place in (1, 2))
    company.networks = tuple(f"{4000001 + seed * 100 + place:012d}" for place in (1, 2))
    for project, network in zip(company.projects, company.networks, strict=True):
        project_with_network(sap, project, network)


def _sales_order(sap: SAP, number: str, customer: str, chance: Random) -> str:
    head = {"VBELN": number, "ERDAT": "2026-10-05", "ERNAM": "MUELLER", "AUDAT": "2026-10-05"}
    head |= {"VBTYP": "C", "AUART": "TA", "WAERK": "EUR", "VKORG": "1000", "VTWEG": "10"}
    head |= {"SPART": "00", "KUNNR": customer, "BSTNK": f"PO {number[-4:]}", "VDATU": "2026-12-01"}
    sap.db.put("VBAK", {**head, "CHANGED": "20261005080000"})
    for place in (1, 2):
        product = chance.choice(_PRODUCTS)
        quantity = Decimal(chance.randint(2, 20)).quantize(Decimal("0.001"))
        price = Decimal(chance.randint(1000, 90000)).scaleb(-2)
        item = {"VBELN": number, "POSNR": f"{place * 10:06d}", "MATNR": product, "WAERK": "EUR"}
        item |= {"ARKTX": product.title().replace("-", " "), "VRKME": "PC", "WERKS": "1000"}
        item |= {"PSTYV": "TAN"}
        values = {"KWMENG": quantity, "NETPR": price, "NETWR": (price * quantity).quantize(price)}
        sap.db.put("VBAP", {**item, **values})
    return number


def _settle(sap: SAP, number: str) -> None:
    items = list(sap.db.rows("VBAP", VBELN=number))
    for row in items:
        row.update(item_statuses(row))
    head = sap.db.tables["VBAK"][number,]
    head |= header_statuses(items)
    head["NETWR"] = sum((row["NETWR"] for row in items), Decimal(0))


def _production_order(sap: SAP, number: str, chance: Random) -> str:
    product = chance.choice(_PRODUCTS)
    quantity = Decimal(chance.randint(2, 20)).quantize(Decimal("0.001"))
    reservation = number[-10:]
    head = {"AUFNR": number, "AUART": "PP01", "ERNAM": "MUELLER", "ERDAT": "2026-10-05"}
    sap.db.put("AUFK", {**head, "WERKS": "1000", "OBJNR": f"OR{number}"})
    core = {"AUFNR": number, "PLNBEZ": product, "GAMNG": quantity, "GMEIN": "PC"}
    core |= {"GSTRP": "2026-10-12", "GLTRP": "2026-10-30", "RSNUM": reservation}
    sap.db.put("AFKO", {**core, "DISPO": "001", "FEVOR": "101", "CHANGED": "20261005080000"})
    item = {"AUFNR": number, "POSNR": "0001", "MATNR": product, "PSMNG": quantity, "AMEIN": "PC"}
    sap.db.put("AFPO", item)
    sap.db.put("JEST", {"OBJNR": f"OR{number}", "STAT": "I0002"})
    for place, part in enumerate(("BOLT-M8", "SHEET-2MM"), 1):
        row = {"RSNUM": reservation, "RSPOS": f"{place:04d}", "AUFNR": number, "MATNR": part}
        sap.db.put("RESB", {**row, "WERKS": "1000", "BDMNG": quantity * place, "MEINS": "PC"})
    return number


def _maintenance_order(sap: SAP, number: str) -> None:
    row = {"AUFNR": number, "AUART": "PM01", "KTEXT": "Inspect pump", "OBJNR": f"OR{number}"}
    row |= {"IWERK": "1000", "EQUNR": "000000000010000001", "GSTRP": "2026-11-09"}
    sap.db.put("AFIH", {**row, "ERNAM": "MUELLER", "CHANGED": "20261005080000"})
    sap.db.put("JEST", {"OBJNR": f"OR{number}", "STAT": "I0002"})


def project_with_network(sap: SAP, project: str, network: str) -> None:
    """Write a released project with two WBS elements and a network."""
    objects = [f"PD{project}", f"OR{network}"]
    sap.db.put(
        "PROJ", {"PSPID": project, "OBJNR": objects[0], "POST1": "Plant", "ERNAM": "MUELLER"}
    )
    sap.db.put("NETW", {"AUFNR": network, "PSPID": project, "OBJNR": objects[1], "KTEXT": "Works"})
    for place in (1, 2):
        element = f"{project}-{place}"
        objects.append(f"PR{element}")
        sap.db.put("PRPS", {"POSID": element, "PSPID": project, "OBJNR": objects[-1]})
    for each in objects:
        sap.db.put("JEST", {"OBJNR": each, "STAT": "I0002"})
