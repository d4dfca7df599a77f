"""Purchase orders of the practice SAP: what is flagged changes, what is not committed is gone."""

from __future__ import annotations

from typing import Any

from sandbox.sap.instance import SAP
from tests.sandbox.sap.caller import Client, rows, said
from tests.sandbox.sap.conftest import Open


def closing(item: str = "00010", **values: str) -> dict[str, Any]:
    """Return the tables of BAPI_PO_CHANGE that set `values` in one item."""
    flags = dict.fromkeys(values, "X")
    return {
        "POITEM": [{"PO_ITEM": item, **values}],
        "POITEMX": [{"PO_ITEM": item, "PO_ITEMX": "X", **flags}],
        "RETURN": [],
    }


def change(client: Client, number: str, **given: Any) -> Any:
    return client("BAPI_PO_CHANGE", PURCHASEORDER=number, **given)


def test_a_change_without_session_is_lost(sap: SAP, opened: Open) -> None:
    """Without a session a change is answered with success, and is gone before the commit comes."""
    order = sap.company.purchase_orders[0]
    before = sap.dump()
    client = opened("zstorno_po")

    answer = change(client, order, **closing(NO_MORE_GR="X"))
    assert ["S 06 023"] == said(answer)
    client("BAPI_TRANSACTION_COMMIT", WAIT="X")

    assert before == sap.dump()
    assert [] == sap.locks.listed()
    lines = [(line.function, line.outcome) for line in sap.ledger.lines()][1:]
    assert [("BAPI_PO_CHANGE", "rolled back"), ("BAPI_TRANSACTION_COMMIT", "done")] == lines


def test_wrapped_changes_and_commits(sap: SAP, opened: Open) -> None:
    """The customer's function changes and commits in one call; reading shows it, in both spellings."""
    order = sap.company.purchase_orders[1]
    client = opened("zstorno_po")

    answer = client("Z_STORNO_PO_CHANGE", PURCHASEORDER=order, **closing(NO_MORE_GR="X"))
    assert ["S 06 023"] == said(answer)
    read = client("BAPI_PO_GETDETAIL1", PURCHASEORDER=order, POITEM=[], RETURN=[])
    assert [("00010", "X"), ("00020", None)] == [
        (r.PO_ITEM, r.NO_MORE_GR) for r in rows(read.POITEM)
    ]
    mixed = opened("zstorno_po_mc")
    read = mixed("BapiPoGetdetail1", Purchaseorder=order, Poitem=[], Return=[])
    assert [("00010", "X"), ("00020", None)] == [(r.PoItem, r.NoMoreGr) for r in rows(read.Poitem)]
    back = client("Z_STORNO_PO_CHANGE", PURCHASEORDER=order, **closing(NO_MORE_GR=" "))
    assert ["S 06 023"] == said(back)
    assert "" == sap.db.tables["EKPO"][order, "00010"]["ELIKZ"]
    assert ["X", ""] == [row["VALUE_NEW"] for row in sap.db.rows("CDPOS", FNAME="ELIKZ")]


def test_test_run_leaves_nothing(sap: SAP, opened: Open) -> None:
    """A test run says what would be said and changes nothing."""
    order = sap.company.purchase_orders[0]
    before = sap.dump()
    answer = opened("zstorno_po")(
        "Z_STORNO_PO_CHANGE", PURCHASEORDER=order, TESTRUN="X", **closing(FINAL_INV="X")
    )
    assert ["S 06 023"] == said(answer)
    assert before == sap.dump()


def test_refusals(sap: SAP, opened: Open) -> None:
    """What SAP refuses is said in RETURN with status 200, and nothing is left behind."""
    client = opened("zstorno_po")
    before = sap.dump()
    deleted, received = sap.company.deleted_order, sap.company.delivered_order

    def wrapped(number: str, item: str = "00010", **values: str) -> list[str]:
        tables = closing(item, **values)
        return said(client("Z_STORNO_PO_CHANGE", PURCHASEORDER=number, **tables))

    assert ["E 06 019"] == wrapped("4599999999", NO_MORE_GR="X")
    assert ["E 06 042", "E BAPI 001"] == wrapped(deleted, "00090", NO_MORE_GR="X")
    assert ["E 06 020", "E BAPI 001"] == wrapped(deleted, "00020", NO_MORE_GR="X")
    assert ["E 06 115", "E BAPI 001"] == wrapped(received, DELETE_IND="L")
    sap.locks.hold("EKKO", deleted)
    assert ["E ME 006"] == wrapped(deleted, NO_MORE_GR="X")
    sap.locks.let_go()
    assert ["S 06 022"] == wrapped(deleted, DELETE_IND="")
    assert before == sap.dump()
    assert [] == sap.locks.listed()


def test_flags_decide(sap: SAP, opened: Open) -> None:
    """Only what is flagged is taken over; an item without its own flag is not looked at."""
    order = sap.company.purchase_orders[2]
    client = opened("zstorno_po")
    answer = client(
        "Z_STORNO_PO_CHANGE",
        PURCHASEORDER=order,
        POITEM=[{"PO_ITEM": "00010", "NO_MORE_GR": "X", "FINAL_INV": "X"}],
        POITEMX=[{"PO_ITEM": "00010", "PO_ITEMX": "X", "FINAL_INV": "X"}],
        RETURN=[],
    )
    assert ["S 06 023"] == said(answer)
    row = sap.db.tables["EKPO"][order, "00010"]
    assert ("", "X") == (row["ELIKZ"], row["EREKZ"])
    answer = client(
        "Z_STORNO_PO_CHANGE",
        PURCHASEORDER=order,
        POITEM=[{"PO_ITEM": "00010", "NO_MORE_GR": "X"}],
        POITEMX=[{"PO_ITEM": "00010", "NO_MORE_GR": "X"}],
        RETURN=[],
    )
    assert ["S 06 022"] == said(answer)


def test_deleted_and_taken_back(sap: SAP, opened: Open) -> None:
    """The deletion flag can be taken back, alone; then other fields may change again."""
    order = sap.company.deleted_order
    client = opened("zstorno_po")
    answer = client(
        "Z_STORNO_PO_CHANGE", PURCHASEORDER=order, **closing("00020", DELETE_IND="", FINAL_INV="X")
    )
    assert "E 06 020" in said(answer)
    answer = client("Z_STORNO_PO_CHANGE", PURCHASEORDER=order, **closing("00020", DELETE_IND=""))
    assert ["S 06 023"] == said(answer)
    assert "" == sap.db.tables["EKPO"][order, "00020"]["LOEKZ"]


def test_only_requested_tables_come_back(sap: SAP, opened: Open) -> None:
    """An optional table that was not sent does not come back, not even RETURN; a switch says otherwise."""
    order = sap.company.purchase_orders[0]
    client = opened("zstorno_po")
    read = client("BAPI_PO_GETDETAIL1", PURCHASEORDER=order)
    assert (None, None) == (read.POITEM, read.RETURN)
    assert order == read.POHEADER.PO_NUMBER
    sap.switches.echoes_all_tables = True
    assert 2 == len(rows(client("BAPI_PO_GETDETAIL1", PURCHASEORDER=order).POITEM))


def test_list(opened: Open) -> None:
    """The list BAPI leaves deleted items out unless they are asked for; nothing found is an empty table."""
    client = opened("zstorno_po")
    listed = client("BAPI_PO_GETITEMS", PURCH_ORG="1000", PO_ITEMS=[], RETURN=[])
    assert 11 == len(rows(listed.PO_ITEMS))
    listed = client("BAPI_PO_GETITEMS", PURCH_ORG="1000", DELETED_ITEMS="X", PO_ITEMS=[])
    assert 12 == len(rows(listed.PO_ITEMS))
    listed = client("BAPI_PO_GETITEMS", VENDOR="0000999999", PO_ITEMS=[])
    assert [] == rows(listed.PO_ITEMS)


def test_a_warning_stands_in_nobodys_way(sap: SAP, opened: Open) -> None:
    """A warning comes with the success, and the change is done."""
    order = sap.company.delivered_order
    client = opened("zstorno_po")
    answer = client("Z_STORNO_PO_CHANGE", PURCHASEORDER=order, **closing(FINAL_INV="X"))
    assert ["W 06 119", "S 06 023"] == said(answer)
    assert "X" == sap.db.tables["EKPO"][order, "00010"]["EREKZ"]
