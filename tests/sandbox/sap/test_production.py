"""Production orders of the practice SAP: completed and closed, in part if so ordered, never taken back."""

from __future__ import annotations

import pytest

from sandbox.sap.instance import SAP
from tests.sandbox.sap.caller import Client, rows
from tests.sandbox.sap.conftest import Open

COMPLETE, CLOSE = "PRODORD_COMPLETE_TECH", "PRODORD_CLOSE"


@pytest.fixture
def client(opened: Open) -> Client:
    return opened("zstorno_pp")


def finish(client: Client, what: str, *orders: str, **more: str) -> tuple[str, list[str]]:
    """Return RETURN's type and DETAIL_RETURN's messages."""
    keys = [{"ORDER_NUMBER": order} for order in orders]
    name = what if what.startswith("BAPI") else f"Z_STORNO_{what}"
    answer = client(name, ORDERS=keys, DETAIL_RETURN=[], **more)
    details = [f"{r.ORDER_NUMBER} {r.ID} {r.NUMBER}" for r in rows(answer.DETAIL_RETURN)]
    return answer.RETURN.TYPE, details


def active(sap: SAP, order: str) -> list[str]:
    return [row["STAT"] for row in sap.db.rows("JEST", OBJNR=f"OR{order}", INACT="")]


def test_completed(sap: SAP, client: Client, opened: Open) -> None:
    """Completion takes the reservations, too; the status is told in the reader's language."""
    order = sap.company.production_orders[0]
    assert ("S", [f"{order} CO 100"]) == finish(client, COMPLETE, order)
    assert ["I0045"] == active(sap, order)
    assert {"X"} == {row["XLOEK"] for row in sap.db.rows("RESB", AUFNR=order)}
    told = []
    for who in (client, opened("zstorno_pp", user="LI:li")):
        read = who(
            "BAPI_PRODORD_GET_DETAIL", NUMBER=order, ORDER_OBJECTS={"HEADER": "X"}, HEADER=[]
        )
        told.append(rows(read.HEADER)[0].SYSTEM_STATUS)
    assert ["TECO", "技完"] == told
    assert ("E", [f"{order} CO 080"]) == finish(client, COMPLETE, order)


def test_closed(sap: SAP, client: Client) -> None:
    """A released order is closed with all that completion does; one with a balance is not."""
    order, costly = sap.company.production_orders[1], sap.company.costly_production_order
    assert ("S", [f"{order} CO 100"]) == finish(client, CLOSE, order)
    assert ["I0046"] == active(sap, order)
    assert {"X"} == {row["XLOEK"] for row in sap.db.rows("RESB", AUFNR=order)}
    assert ("E", [f"{costly} CO 081"]) == finish(client, CLOSE, costly)
    created = sap.company.created_production_order
    assert ("E", [f"{created} CO 080"]) == finish(client, CLOSE, created)
    assert ("E", ["000000000009 CO 001"]) == finish(client, CLOSE, "000000000009")


def test_one_fails(sap: SAP, client: Client) -> None:
    """The wrapper does all or nothing; parallel work processes commit each order by itself, without a commit."""
    first, second = sap.company.production_orders[2:4]
    sap.locks.hold("AUFK", second)
    details = [f"{first} CO 100", f"{second} CO 469"]
    assert ("E", details) == finish(client, COMPLETE, first, second)
    assert ["I0002"] == active(sap, first)
    told = finish(
        client, "BAPI_PRODORD_COMPLETE_TECH", first, second, WORK_PROCESS_GROUP="parallel"
    )
    assert ("E", details) == told
    assert (["I0045"], ["I0002"]) == (active(sap, first), active(sap, second))


def test_list(sap: SAP, client: Client) -> None:
    """The list gives the headers of the orders in the ranges."""
    first, second = sap.company.production_orders[:2]
    listed = client(
        "BAPI_PRODORD_GET_LIST",
        ORDER_NUMBER_RANGE=[{"SIGN": "I", "OPTION": "BT", "LOW": first, "HIGH": second}],
        ORDER_HEADER=[],
    )
    assert [first, second] == [row.ORDER_NUMBER for row in rows(listed.ORDER_HEADER)]
