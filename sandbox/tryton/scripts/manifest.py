"""The last touches on the practice company: believable change times, and the list of what there is.

Runs inside the practice venv only.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from company import CLOSED_PERIOD_ROLE, COMPANY, Company
from trytond.pool import Pool
from trytond.transaction import Transaction

# model: the column that dates it, the models of its lines with their link
_DATED = {
    "purchase.purchase": ("purchase_date", [("purchase.line", "purchase")]),
    "sale.sale": ("sale_date", [("sale.line", "sale")]),
}
_LISTED = {
    "purchase.purchase": "number",
    "sale.sale": "number",
    "account.invoice": "number",
    "stock.shipment.in": "number",
    "stock.shipment.out": "number",
    "stock.inventory": "number",
    "production": "number",
    "project.work": "number",
    "account.period": "name",
    "account.fiscalyear": "name",
    "account.journal.period": "rec_name",
}


def refresh(made: Company) -> Company:
    """The same company with records of this transaction whose values the later steps read from memory."""
    location = Pool().get("stock.location")
    made.warehouse = location(made.warehouse.id)
    _ = (
        made.warehouse.input_location,
        made.warehouse.storage_location,
        made.warehouse.production_location,
    )
    return made


def backdate(made: Company) -> None:
    """Orders were made on their day, not today; Tryton has no other way to say so than its own columns."""
    pool = Pool()
    cursor = Transaction().connection.cursor()
    for name, (column, lines) in _DATED.items():
        model = pool.get(name)
        for record in model.search([(column, "<", made.today)]):
            moment = dt.datetime.combine(getattr(record, column), dt.time(8, 30, record.id % 60))
            late = record.state in {"processing", "done"}
            changed = moment + dt.timedelta(
                days=min(30 if late else 0, (made.today - moment.date()).days), minutes=7
            )
            _stamp(cursor, model.__table__(), "id", record.id, moment, changed)
            for line_name, link in lines:
                _stamp(cursor, pool.get(line_name).__table__(), link, record.id, moment, changed)


def _stamp(
    cursor: Any, table: Any, column: str, value: int, created: dt.datetime, changed: dt.datetime
) -> None:
    where = getattr(table, column) == value
    cursor.execute(
        *table.update([table.create_date, table.write_date], [created, changed], where=where)
    )


def describe(made: Company, roles: dict[str, dict[str, list[int]]]) -> dict[str, Any]:
    """What was made: every document with its number, state and role."""
    pool = Pool()
    by_record = {
        (m, i): role for m, named in roles.items() for role, ids in named.items() for i in ids
    }
    documents = []
    for model, title in _LISTED.items():
        for record in pool.get(model).search([], order=[("id", "ASC")]):
            state = record.status.name if model == "project.work" else record.state
            role = by_record.get((model, record.id)) or _period_role(made, model, record)
            documents.append(
                {
                    "model": model,
                    "id": record.id,
                    "number": getattr(record, title),
                    "state": state,
                    "role": role,
                }
            )
    return {
        "company": {"id": made.id, "name": COMPANY},
        "today": made.today.isoformat(),
        "documents": documents,
        "statuses": {s.name: s.id for s in pool.get("project.work.status").search([])},
    }


def _period_role(made: Company, model: str, record: Any) -> str | None:
    if model == "account.fiscalyear":
        return (
            "fiscal_year_closable"
            if record.id == made.fiscal_years[0].id
            else "fiscal_year_current"
        )
    if model != "account.period":
        return None
    if record.state != "open":
        return CLOSED_PERIOD_ROLE
    if record.end_date >= made.today:
        return "period_not_over"
    drafts = (
        Pool()
        .get("account.move")
        .search([("period", "=", record.id), ("state", "!=", "posted")], count=True)
    )
    return "period_with_drafts" if drafts else "period_closable"
