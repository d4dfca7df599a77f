"""ERPs of which Storno only reads: nothing is written there, and it is said why and where to go instead."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from tests.integration.odbc.desk import command_line, forget_everything

B1: Final = (
    """create table OPOR (DocEntry int primary key, DocNum int, CardCode varchar(15), CardName varchar(100),
    NumAtCard varchar(100), DocDate datetime, DocDueDate datetime, DocCur varchar(3), DocTotal decimal(19,6),
    DocStatus varchar(1), CANCELED varchar(1))""",
    """create table POR1 (DocEntry int, LineNum int, ItemCode varchar(50), Dscription varchar(100),
    Quantity decimal(19,6), OpenQty decimal(19,6), Price decimal(19,6), LineTotal decimal(19,6), ShipDate datetime,
    LineStatus varchar(1), primary key (DocEntry, LineNum))""",
    """insert into OPOR values (1, 1001, 'V1', 'Acme', null, '2026-10-01', '2026-11-01', 'EUR', 100, 'O', 'N')""",
    """insert into POR1 values (1, 0, 'A', 'Bolt', 10, 4, 10, 100, '2026-11-01', 'O')""",
)


def sqlite_file(path: Path, statements: Sequence[str]) -> Path:
    with closing(sqlite3.connect(path)) as session:
        for statement in statements:
            session.execute(statement)
        session.commit()
    return path


def test_the_vendor_forbids_sql(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """SAP Business One: nothing is written, whatever storno.yaml says; a person closes, and is told where instead."""
    file = sqlite_file(tmp_path / "b1.db", B1)
    before = file.read_bytes()
    system = {
        "kind": "odbc",
        "driver": "SQLite3",
        "database": str(file),
        "recipe": "sap_business_one",
    }
    try:
        storno = command_line(tmp_path / "desk", system, monkeypatch, capsys)
        checked = storno("systems", "check", "erp").out
        plan = storno("close", "plan", "remainders", "--json").json
        shown = storno("close", "plan", "remainders").out
        plan_id = plan["change_set"]["id"]
        storno.done("close", "approve", plan_id)
        storno("close", "run", plan_id, "--yes")
        worklist = storno.done("close", "worklist", plan_id).out
        by_hand = storno("rollback", plan_id, "--preview")
    finally:
        forget_everything()

    assert "writing by SQL is forbidden here" in checked
    assert "SAP does not allow any change of its tables by SQL" in checked
    assert "Service Layer (POST /PurchaseOrders(n)/Close)" in checked
    assert ["by_person"] == [row["executor"] for row in plan["documents"]]
    assert "by a person, from the worklist" in shown
    assert "Purchasing - A/P > Purchase Order: 1001" in worklist
    assert "Data > Close" in worklist
    assert 0 != by_hand.code
    assert before == file.read_bytes()


NAV: Final = (
    """create table "CRONUS$Purchase Header" ("Document Type" int, "No_" varchar(20), "Buy-from Vendor No_" varchar(20),
    "Buy-from Vendor Name" varchar(50), "Order Date" datetime, "Status" int, "Currency Code" varchar(10),
    "timestamp" blob, primary key ("Document Type", "No_"))""",
    """create table "CRONUS$Purchase Line" ("Document Type" int, "Document No_" varchar(20), "Line No_" int,
    "No_" varchar(20), Description varchar(50), Quantity decimal(38,20), "Quantity Received" decimal(38,20),
    "Quantity Invoiced" decimal(38,20), "Outstanding Quantity" decimal(38,20), "Direct Unit Cost" decimal(38,20),
    "Expected Receipt Date" datetime, "timestamp" blob, primary key ("Document Type", "Document No_", "Line No_"))""",
    """insert into "CRONUS$Purchase Header" values (1, 'PO-1', 'V1', 'Acme', '2026-10-01', 1, '', null)""",
)


def test_an_erp_without_a_closed_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """NAV: its orders are read, nothing closes or opens them, and it is said why and where to go instead."""
    file = sqlite_file(tmp_path / "nav.db", NAV)
    before = file.read_bytes()
    system = {"kind": "odbc", "driver": "SQLite3", "database": str(file), "recipe": "nav"}
    try:
        storno = command_line(tmp_path / "desk", system, monkeypatch, capsys)
        checked = storno.done("systems", "check", "erp").out
        listed = storno.done("documents", "erp", "purchase_order").out
        plan = storno("close", "plan", "remainders")
        words = ("close", "reopen", "erp", "purchase_order", "PO-1", "--reason", "x", "--preview")
        reopened = storno(*words)
    finally:
        forget_everything()

    assert "NAV's rules are in its own code and do not run when SQL writes" in checked
    assert "its web services or OData" in checked
    assert "Nothing can be closed or opened here" in checked
    assert "PO-1" in listed
    assert (2, 2) == (plan.code, reopened.code)
    assert "nothing closes or opens purchase order on this system" in plan.err
    assert before == file.read_bytes()
