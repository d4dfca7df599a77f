"""Sales orders of the practice SAP: an item is rejected, and taken back as it was."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.sap.instance import SAP
from tests.sandbox.sap.caller import Client, rows, said
from tests.sandbox.sap.conftest import Open

SAVED = ["S V4 233", "S V4 233", "S V1 311"]


@pytest.fixture
def client(opened: Open) -> Client:
    return opened("zstorno_so")


def reject(client: Client, order: str, reason: str, item: str = "000010", **more: Any) -> list[str]:
    """Set one item's reason for rejection through the customer's function."""
    given: dict[str, Any] = {
        "ORDER_HEADER_INX": {"UPDATEFLAG": "U"},
        "ORDER_ITEM_IN": [{"ITM_NUMBER": item, "REASON_REJ": reason}],
        "ORDER_ITEM_INX": [{"ITM_NUMBER": item, "UPDATEFLAG": "U", "REASON_REJ": "X"}],
        "RETURN": [],
        **more,
    }
    return said(client("Z_STORNO_SALESORDER_CHANGE", SALESDOCUMENT=order, **given))


def test_rejected_and_taken_back(sap: SAP, client: Client) -> None:
    """A rejected item is done and does not count in the order's value; taken back, all is as it was."""
    order = sap.company.sales_orders[0]
    stored = sap.db.tables
    value = stored["VBAK"][order,]["NETWR"]
    items = [stored["VBAP"][order, item]["NETWR"] for item in ("000010", "000020")]

    assert SAVED == reject(client, order, "02")
    head, item = stored["VBAK"][order,], stored["VBAP"][order, "000010"]
    assert ("02", "C") == (item["ABGRU"], item["GBSTA"])
    assert ("B", items[1]) == (head["ABSTK"], head["NETWR"])
    status = client("BAPI_SALESORDER_GETSTATUS", SALESDOCUMENT=order, STATUSINFO=[])
    assert [("02", None), (None, "A")] == [
        (r.REA_FOR_RE, r.DLV_STAT_I) for r in rows(status.STATUSINFO)
    ]
    assert status.RETURN.TYPE is None

    assert SAVED == reject(client, order, " ")
    assert ("A", value) == (stored["VBAK"][order,]["ABSTK"], stored["VBAK"][order,]["NETWR"])
    assert ("", "A") == tuple(stored["VBAP"][order, "000010"][c] for c in ("ABGRU", "GBSTA"))


def test_refusals(sap: SAP, client: Client) -> None:
    """A wrong flag, reason, item or order and a delivered item are refused; nothing changes."""
    before = sap.dump()
    order, shipped = sap.company.sales_orders[0], sap.company.shipped_sales_order
    assert ["E V1 302"] == reject(client, "0000099999", "02")
    assert ["E V1 331"] == reject(client, order, "02", "000090")
    assert ["E V1 497"] == reject(client, order, "77")
    assert ["E V1 849"] == reject(client, shipped, "02")
    assert ["E V4 248"] == reject(client, order, "02", ORDER_HEADER_INX={"DLV_BLOCK": "X"})
    sap.locks.hold("VBAK", order)
    assert ["E V1 042"] == reject(client, order, "02")
    sap.locks.let_go()
    assert ["S V4 233", "S V4 233"] == reject(client, order, "02", SIMULATION="X")
    assert before == sap.dump()


def test_old_return(client: Client) -> None:
    """GETSTATUS answers in the old shape: a code of five characters in a single structure."""
    status = client("BAPI_SALESORDER_GETSTATUS", SALESDOCUMENT="0000099999", STATUSINFO=[])
    assert ("E", "V1302") == (status.RETURN.TYPE, status.RETURN.CODE)


def test_lists(sap: SAP, client: Client) -> None:
    """Lists have every item of a customer; details only what the view asks for."""
    listed = client(
        "BAPI_SALESORDER_GETLIST",
        CUSTOMER_NUMBER=sap.company.customer,
        SALES_ORGANIZATION="1000",
        SALES_ORDERS=[],
    )
    assert 8 == len(rows(listed.SALES_ORDERS))
    detail = client(
        "BAPISDORDER_GETDETAILEDLIST",
        I_BAPI_VIEW={"HEADER": "X", "STATUS_I": "X"},
        SALES_DOCUMENTS=[{"VBELN": sap.company.shipped_sales_order}, {"VBELN": "9"}],
        ORDER_HEADERS_OUT=[],
        ORDER_ITEMS_OUT=[],
        ORDER_STATUSITEMS_OUT=[],
    )
    assert ["C", "B"] == [r.DELIV_STAT for r in rows(detail.ORDER_STATUSITEMS_OUT)]
    assert 1 == len(rows(detail.ORDER_HEADERS_OUT))
    assert [] == rows(detail.ORDER_ITEMS_OUT)
