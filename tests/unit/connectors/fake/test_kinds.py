"""Documents and lines of the fake ERP show in canonical columns what the ERP holds."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from connectors.contract import Criteria, Kind
from connectors.fake.engine import FakeERP
from connectors.fake.sample import add_project, add_purchase_order
from tests.factories import fake_system

LINES = (("12.000", "5.000", "19.50"), ("3.500", "3.500", "8.0000"))


def rows(erp: FakeERP, kind: Kind, *, lines: bool = False) -> list[dict[str, object]]:
    """Return what the ERP has of a kind, null columns left out."""
    system = fake_system(erp)
    face = system.lines if lines else system.documents
    return [
        {name: value for name, value in row.items() if value is not None}
        for batch in face(kind, Criteria())
        for row in batch.to_pylist()
    ]


def test_purchase_order() -> None:
    """Quantities are sums over lines, and what is not known is null."""
    erp = FakeERP()
    key = add_purchase_order(erp, "PO1", state="processing", lines=LINES)
    (row,) = rows(erp, Kind.PURCHASE_ORDER)
    expected = {
        "kind": "purchase_order",
        "model": "purchase.order",
        "key": key,
        "number": "PO1",
        "partner": "Müller & 王 GmbH",
        "due": date(2026, 2, 28),
        "currency": "EUR",
        "amount": Decimal("262.00"),
        "ordered_quantity": Decimal("15.5"),
        "received_quantity": Decimal("8.5"),
        "invoiced_quantity": Decimal(0),
        "remaining_quantity": Decimal(7),
        "remaining_amount": Decimal("136.50"),
        "state": "processing",
        "is_closed": False,
        "changed_by": "mei",
    }
    assert expected.items() <= row.items()
    assert not {"closed_at", "reference", "progress"} & row.keys()


def test_purchase_lines() -> None:
    """A line names its document and its own quantities."""
    erp = FakeERP()
    key = add_purchase_order(erp, "PO1", state="processing", lines=LINES)
    first, second = rows(erp, Kind.PURCHASE_ORDER, lines=True)
    expected = {
        "kind": "purchase_order",
        "document_key": key,
        "number": "PO1",
        "model": "purchase.line",
        "position": 1,
        "item": "BOLT-M8",
        "quantity": Decimal(12),
        "received_quantity": Decimal(5),
        "remaining_quantity": Decimal(7),
        "unit_price": Decimal("19.5"),
        "amount": Decimal(234),
        "currency": "EUR",
        "state": "open",
    }
    assert expected.items() <= first.items()
    assert (second["position"], second["remaining_quantity"]) == (2, Decimal(0))


def test_tasks_are_the_lines_of_a_project() -> None:
    """A project shows its progress, its tasks are its lines."""
    erp = FakeERP()
    add_project(erp, "P-1", tasks=("open", "closed"))
    (project,) = rows(erp, Kind.PROJECT)
    assert project["progress"] == Decimal("0.4")
    tasks = rows(erp, Kind.PROJECT, lines=True)
    assert [task["state"] for task in tasks] == ["open", "closed"]
    assert [task["number"] for task in tasks] == ["P-1", "P-1"]
