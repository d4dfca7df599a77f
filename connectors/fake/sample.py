"""Documents made to measure, and a small company with one of everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, Protocol

from connectors.fake.schema import (
    INVOICE,
    INVOICE_LINE,
    LINE,
    MOVE,
    ORDER,
    PERIOD,
    PERIOD_JOURNAL,
    PROJECT,
    SALE,
    SALE_LINE,
    TASK,
)

USER: Final = "mei"


class Company(Protocol):
    """Where documents are put: an ERP of this process or a served one."""

    def insert(self, model: str, fields: Mapping[str, Any], *, user: str) -> str:
        """Make a record and return its key."""


_CREATED_AT: Final = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
_NOTHING: Final = Decimal("0.000")


def _header(number: str, state: str, given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "number": number,
        "reference": None,
        "note": "",
        "partner": "Müller & 王 GmbH",
        "partner_key": "17",
        "company": "Storno Trading",
        "date": date(2026, 1, 2),
        "due": date(2026, 2, 28),
        "currency": "EUR",
        "amount": Decimal(0),
        "remaining_amount": Decimal(0),
        "state": state,
        "owner": "mei",
        "priority": 1,
        "is_urgent": False,
        "created_at": _CREATED_AT,
        **given,
    }


def add_purchase_order(
    erp: Company,
    number: str,
    *,
    state: str = "quotation",
    lines: Sequence[tuple[str, str, str]] = (("12.000", "0.000", "19.50"),),
    **given: Any,
) -> str:
    """Make a purchase order; `lines` are (quantity, received, unit price). Returns its key.

    An order in processing has, for each line, a done receipt and an expected one as far as there is
    something to receive.
    """
    header = {
        **_header(number, state, given),
        "lead_time": timedelta(days=14, microseconds=1),
        "delivery_hour": time(8, 30),
        "attachment": b"\x00%PDF\xff",
        "tags": ("import", 7),
    }
    order = erp.insert(ORDER, {**header, **given}, user=USER)
    for position, (quantity, received, price) in enumerate(lines, 1):
        line = _add_line(erp, LINE, order, position, quantity, received, price)
        if state != "processing":
            continue
        expected = Decimal(quantity) - Decimal(received)
        for moved, move_state in ((Decimal(received), "done"), (expected, "draft")):
            if moved > 0:
                erp.insert(
                    MOVE,
                    {
                        "order": order,
                        "line": line,
                        "number": f"{number}/{position}/{move_state}",
                        "item": "BOLT-M8",
                        "quantity": moved,
                        "date": date(2026, 1, 20),
                        "state": move_state,
                    },
                    user=USER,
                )
    return order


def add_sales_order(erp: Company, number: str, *, state: str = "processing", **given: Any) -> str:
    """Make a sales order with one line. Returns its key."""
    order = erp.insert(SALE, _header(number, state, given), user=USER)
    _add_line(erp, SALE_LINE, order, 1, "5.000", "2.000", "100.00")
    return order


def _add_line(
    erp: Company, model: str, order: str, position: int, quantity: str, received: str, price: str
) -> str:
    return erp.insert(
        model,
        {
            "order": order,
            "position": position,
            "item": "BOLT-M8",
            "item_key": "301",
            "description": "Sechskantschraube M8 六角螺栓 🔩",
            "unit": "pc",
            "quantity": Decimal(quantity),
            "received_quantity": Decimal(received),
            "invoiced_quantity": _NOTHING,
            "cancelled_quantity": _NOTHING,
            "unit_price": Decimal(price),
            "amount": Decimal(quantity) * Decimal(price),
            "due": date(2026, 2, 28),
            "state": "open",
        },
        user=USER,
    )


def add_period(
    erp: Company, number: str, *, state: str = "open", journals: Sequence[str] = ("open", "open")
) -> str:
    """Make an accounting period; `journals` are the states of its journals. Returns its key."""
    period = erp.insert(
        PERIOD,
        {
            "number": number,
            "company": "Storno Trading",
            "date": date(2026, 1, 1),
            "due": date(2026, 1, 31),
            "state": state,
        },
        user=USER,
    )
    for position, journal_state in enumerate(journals, 1):
        fields = {"period": period, "journal": f"J{position}", "state": journal_state}
        erp.insert(PERIOD_JOURNAL, fields, user=USER)
    return period


def add_invoice(
    erp: Company,
    number: str,
    *,
    period: str,
    order: str | None = None,
    state: str = "posted",
    direction: str = "in",
    amount: str = "117.00",
) -> str:
    """Make an invoice with one line in a period. Returns its key."""
    invoice = erp.insert(
        INVOICE,
        {
            "number": number,
            "direction": direction,
            "partner": "Müller & 王 GmbH",
            "partner_key": "17",
            "company": "Storno Trading",
            "order": order,
            "period": period,
            "date": date(2026, 1, 15),
            "due": date(2026, 2, 15),
            "currency": "EUR",
            "amount": Decimal(amount),
            "state": state,
            "is_paid": False,
        },
        user=USER,
    )
    erp.insert(
        INVOICE_LINE,
        {
            "invoice": invoice,
            "position": 1,
            "item": "BOLT-M8",
            "description": "Sechskantschraube",
            "unit": "pc",
            "quantity": Decimal(1),
            "unit_price": Decimal(amount),
            "amount": Decimal(amount),
        },
        user=USER,
    )
    return invoice


def add_project(
    erp: Company, number: str, *, parent: str | None = None, tasks: Sequence[str] = ()
) -> str:
    """Make an open project; `tasks` are the states of its tasks. Returns its key."""
    project = erp.insert(
        PROJECT,
        {
            "number": number,
            "name": f"Umbau {number}",
            "parent": parent,
            "company": "Storno Trading",
            "owner": "mei",
            "date": date(2025, 11, 1),
            "due": date(2026, 3, 31),
            "progress": Decimal("0.40"),
            "state": "open",
        },
        user=USER,
    )
    for position, state in enumerate(tasks, 1):
        erp.insert(
            TASK,
            {
                "project": project,
                "position": position,
                "name": f"{number}.{position}",
                "effort": timedelta(hours=7, minutes=30),
                "state": state,
            },
            user=USER,
        )
    return project


COMPANY_ORDERS: Final = 30
"""How many purchase orders `add_company` makes."""


def add_company(erp: Company) -> None:
    """Make a small company with documents in every state, the same at every call."""
    for number in range(1, 21):
        add_purchase_order(erp, f"PO{number:05}", reference=f"Angebot {number}")
    for number in range(21, 31):
        add_purchase_order(
            erp,
            f"PO{number:05}",
            state="processing",
            lines=(("12.000", "5.000", "19.50"), ("3.500", "3.500", "8.0000")),
            approved_by="anna",
        )
    for number in range(1, 11):
        add_sales_order(erp, f"SO{number:05}")
    period = add_period(erp, "2026-01")
    add_period(erp, "2025-12", state="closed", journals=("closed", "closed"))
    for number in range(1, 6):
        add_invoice(erp, f"INV{number:05}", period=period)
        add_invoice(erp, f"OUT{number:05}", period=period, direction="out")
    above = add_project(erp, "P-1", tasks=("closed", "open"))
    add_project(erp, "P-1.1", parent=above, tasks=("closed",))
    add_project(erp, "P-2", tasks=("closed", "closed"))
