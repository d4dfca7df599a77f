"""Goods movements, invoices, ledger documents and counts: taken back by documents with numbers of their own."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import sandbox.sap
from sandbox.sap.instance import SAP
from sandbox.sap.messages import Message, known
from tests.sandbox.sap.caller import Client, rows, said
from tests.sandbox.sap.conftest import Open


def stock(sap: SAP, material: str) -> Decimal:
    level: Decimal = sap.db.tables["MARD"][material, "1000", "0001"]["LABST"]
    return level


def cancel(client: Client, number: str, **more: Any) -> Any:
    return client(
        "Z_STORNO_GOODSMVT_CANCEL",
        MATERIALDOCUMENT=number,
        MATDOCUMENTYEAR="2026",
        **{"RETURN": [], **more},
    )


def test_receipt_is_cancelled(sap: SAP, opened: Open) -> None:
    """The counter-document takes stock and order back; success is its number, without a message."""
    client, order = opened("zstorno_mm"), sap.company.delivered_order
    material = sap.db.tables["MSEG"][sap.company.receipt, "2026", "0001"]["MATNR"]
    was = stock(sap, material)

    answer = cancel(client, sap.company.receipt)
    assert [] == said(answer)
    number = answer.GOODSMVT_HEADRET.MAT_DOC
    assert was - 3 == stock(sap, material)
    read = client(
        "BAPI_GOODSMVT_GETDETAIL",
        MATERIALDOCUMENT=number,
        MATDOCUMENTYEAR="2026",
        GOODSMVT_ITEMS=[],
        RETURN=[],
    )
    assert [("102", sap.company.receipt)] == [
        (row.MOVE_TYPE, row.REF_DOC) for row in rows(read.GOODSMVT_ITEMS)
    ]
    assert {"S", "H"} == {row["SHKZG"] for row in sap.db.rows("EKBE", EBELN=order)}
    assert ["E M7 122"] == said(cancel(client, sap.company.receipt))
    assert ["E M7 122"] == said(cancel(client, number))


def test_receipt_refused(sap: SAP, opened: Open) -> None:
    """Stock that is gone, a closed period, an item or document that is not there: nothing is posted."""
    client, before = opened("zstorno_mm"), sap.dump()
    assert ["E M7 021"] == said(cancel(client, sap.company.used_up_receipt))
    assert ["E M7 001"] == said(cancel(client, "5999999999"))
    wrong = [{"MATDOC_ITEM": "0009"}]
    assert ["E M7 123"] == said(cancel(client, sap.company.receipt, GOODSMVT_MATDOCITEM=wrong))
    day = {"GOODSMVT_PSTNG_DATE": "2026-08-01"}
    assert ["E M7 053"] == said(cancel(client, sap.company.receipt, **day))
    assert before == sap.dump()


def test_a_number_is_not_a_document(sap: SAP, opened: Open) -> None:
    """Without a session the new number is told and used up, and no document is there."""
    client = opened("zstorno_mm")
    given = {"MATERIALDOCUMENT": sap.company.receipt, "MATDOCUMENTYEAR": "2026", "RETURN": []}
    first = client("BAPI_GOODSMVT_CANCEL", **given).GOODSMVT_HEADRET.MAT_DOC
    client("BAPI_TRANSACTION_COMMIT", WAIT="X")
    assert [] == list(sap.db.rows("MKPF", MBLNR=first))
    second = client("BAPI_GOODSMVT_CANCEL", **given).GOODSMVT_HEADRET.MAT_DOC
    assert int(first) + 1 == int(second)


def test_invoice_is_cancelled(sap: SAP, opened: Open) -> None:
    """Invoice and ledger each get a counter-document; a second time, a wrong reason and a closed period are refused."""
    client, invoices = opened("zstorno_iv"), sap.company.invoices

    def cancel_invoice(number: str, **more: str) -> Any:
        given = {"FISCALYEAR": "2026", "REASONREVERSAL": "01", "RETURN": [], **more}
        return client("Z_STORNO_INCOMINGINVOICE_CANCEL", INVOICEDOCNUMBER=number, **given)

    answer = cancel_invoice(invoices[0])
    assert [] == said(answer)
    read = client(
        "BAPI_INCOMINGINVOICE_GETDETAIL", INVOICEDOCNUMBER=invoices[0], FISCALYEAR="2026", RETURN=[]
    )
    assert answer.INVOICEDOCNUMBER_REVERSAL == read.HEADERDATA.REVERSED_BY
    ledger = list(sap.db.rows("BKPF", AWTYP="RMRP", AWKEY=f"{invoices[0]}2026"))
    assert [True] == [row["STBLG"] != "" for row in ledger]
    assert ["E M8 396"] == said(cancel_invoice(invoices[0]))
    assert ["E M8 397"] == said(cancel_invoice(invoices[1], REASONREVERSAL="99"))
    assert ["E F5 201"] == said(cancel_invoice(invoices[1], POSTINGDATE="2025-12-31"))
    assert ["E M8 108"] == said(cancel_invoice("5199999999"))
    years = [{"SIGN": "I", "OPTION": "EQ", "LOW": "2026"}]
    listed = client("BAPI_INCOMINGINVOICE_GETLIST", FISCALYEAR_RA=years, HEADERLIST=[])
    assert 4 == len(rows(listed.HEADERLIST))


def test_ledger_document_is_reversed(sap: SAP, opened: Open) -> None:
    """Each document names the other; what is cleared, foreign or reversed is refused; a check leaves nothing."""
    client, keys = opened("zstorno_fi"), sap.company.ledger_documents

    def reverse(key: str, what: str = "Z_STORNO_ACC_DOCUMENT_REV_POST", **more: str) -> Any:
        wanted = {"OBJ_TYPE": "BKPFF", "OBJ_KEY_R": key, "OBJ_SYS": "STOCLNT100"}
        wanted |= {"REASON_REV": "01", **more}
        return client(what, REVERSAL=wanted, BUS_ACT="RFBU", RETURN=[])

    before = sap.dump()
    assert ["S RW 614"] == said(reverse(keys[0], "BAPI_ACC_DOCUMENT_REV_CHECK"))
    cleared = sap.company.cleared_ledger_document
    assert ["E RW 609", "E F5A 062"] == said(reverse(cleared))
    assert ["E RW 602"] == said(reverse(keys[0], OBJ_SYS="OTHER"))
    assert ["E RW 609", "E F5 201"] == said(reverse(keys[0], PSTNG_DATE="2025-01-01"))
    assert before == sap.dump()

    answer = reverse(keys[0])
    assert ["S RW 605"] == said(answer)
    old, new = keys[0][:10], answer.OBJ_KEY[:10]
    table = sap.db.tables["BKPF"]
    assert (new, old) == (table["1000", old, "2026"]["STBLG"], table["1000", new, "2026"]["STBLG"])
    assert ["E RW 609", "E F5A 061"] == said(reverse(keys[0]))


def test_counted_and_posted(sap: SAP, opened: Open) -> None:
    """A count is made once, changed until it is posted, and posts the difference to the stock."""
    client, number = opened("zstorno_pi"), sap.company.counts[0]
    was = stock(sap, "BOLT-M8")

    def do(what: str, *items: dict[str, Any]) -> list[str]:
        given = {"PHYSINVENTORY": number, "FISCALYEAR": "2026", "ITEMS": list(items), "RETURN": []}
        return said(client(f"Z_STORNO_MATPHYSINV_{what}", **given))

    one = {"ITEM": "001", "ENTRY_QNT": Decimal("97.000"), "ENTRY_UOM": "PC"}
    assert ["E M3 712"] == do("CHANGECOUNT", one)
    assert ["S M3 715"] == do("COUNT", one)
    assert ["E M3 711"] == do("COUNT", one)
    assert ["S M3 715"] == do("CHANGECOUNT", {**one, "ENTRY_QNT": Decimal("98.000")})
    assert ["S M3 716"] == do("POSTDIFF")
    assert was - 2 == stock(sap, "BOLT-M8")
    assert ["E M3 713"] == do("CHANGECOUNT", one)
    read = client(
        "BAPI_MATPHYSINV_GETDETAIL", PHYSINVENTORY=number, FISCALYEAR="2026", ITEMS=[], RETURN=[]
    )
    assert [("X", "X"), (None, None)] == [(r.COUNTED, r.DIFF_POSTED) for r in rows(read.ITEMS)]


def test_every_message_has_its_text() -> None:
    """Whatever the business says has a text in both languages."""
    pattern = re.compile(r'"[SIWEA]",\s*"([0-9A-Z&_]{2,12})",\s*"(\d{3})"')
    found = set()
    for path in sorted(Path(sandbox.sap.__path__[0]).glob("*.py")):
        found |= set(pattern.findall(path.read_text(encoding="utf-8")))
    found = {each for each in found if each[0] != "DA"}
    assert 40 < len(found)
    assert [] == [each for each in sorted(found) if not known(Message("E", *each))]
    for id_, number in found:
        message = Message("E", id_, number, ("a", "b", "c"))
        assert message.text("EN") != message.text("ZH")
