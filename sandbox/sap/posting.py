"""What every posting asks: the period, and the documents' own dates."""

from __future__ import annotations

from sandbox.sap.dictionary import Row
from sandbox.sap.messages import Message
from sandbox.sap.work import Work


def ledger_period_problem(work: Work, company: str, day: str) -> Message | None:
    """Return what is said if the ledger's period of `day` is not open."""
    row: Row = work.sap.db.get("T001B", company) or {}
    period = (day[:4], f"0{day[5:7]}")
    first = (row.get("FRYE1", "0000"), row.get("FRPE1", "000"))
    last = (row.get("TOYE1", "9999"), row.get("TOPE1", "012"))
    if first <= period <= last:
        return None
    return Message("E", "F5", "201", (period[1], period[0]))


def stock_period_problem(work: Work, company: str, day: str) -> Message | None:
    """Return what is said if stock cannot be posted on `day`: the current period, and the one before if allowed."""
    row: Row = work.sap.db.get("MARV", company) or {"LFGJA": "2026", "LFMON": "11", "XRUEM": ""}
    months = int(row["LFGJA"]) * 12 + int(row["LFMON"]) - 1
    wanted = int(day[:4]) * 12 + int(day[5:7]) - 1
    before = f"{(months - 1) % 12 + 1:02d}.{(months - 1) // 12}"
    now = f"{months % 12 + 1:02d}.{months // 12}"
    if wanted == months or (wanted == months - 1 and row["XRUEM"] == "X"):
        return None
    return Message("E", "M7", "053", (before, now, company))


def day_of(work: Work, asked: str) -> str:
    """Return the posting date that was given, or today."""
    return asked if asked > "0001" else work.sap.db.today


def said(kind: str, id_: str, number: str, *values: object, parameter: str = "") -> Message:
    """Return a message."""
    return Message(kind, id_, number, tuple(str(value) for value in values), parameter)
