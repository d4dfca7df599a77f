"""Figures and rows of a plan, the same before and after the journal."""

from __future__ import annotations

from decimal import Decimal

from closing.report import rows, summarize
from connectors.contract import Reversibility
from connectors.fake.sample import add_purchase_order
from core import encoding
from tests.unit.closing.factories import check, closing, draw, empty_erp, route

SETTINGS = closing(
    route("purchase_order.close", name="rest", when="state = 'processing'"),
    route("purchase_order.give_up", name="up", when="state = 'quotation'"),
    checks=(check("odd", "number <> 'PO3'"), check("reference", "number <> 'PO3'", "again")),
)


def company() -> object:
    """Return an ERP with an order of each sort."""
    erp = empty_erp()
    add_purchase_order(erp, "PO1", state="processing", lines=[("12", "5", "19.50")])
    add_purchase_order(erp, "PO2", state="processing", lines=[("1", "0", "0.10")])
    add_purchase_order(erp, "PO3")
    return erp


def test_the_summary_is_what_an_approver_signs() -> None:
    """Counts by route, code and reversibility, and the remainder for each currency."""
    summary = summarize(draw(company(), SETTINGS).draft.details)  # type: ignore[arg-type]

    assert (
        summary.looked_at,
        summary.ready,
        summary.exceptions,
        summary.operations,
    ) == (3, 2, 1, 6)
    assert summary.by_route == (("rest", 2), ("up", 0))
    assert summary.by_code == (("odd", 1), ("reference", 1))
    assert summary.reversibility == ((Reversibility.EXACT, 2),)
    assert (("EUR", Decimal("136.6")),) == summary.remainder
    assert [str(text) for text in summary.reversibility_texts()] == ["2 exact"]


def test_the_summary_is_the_same_from_the_journal() -> None:
    """What was stored as JSON gives the same figures, decimals again decimals."""
    details = draw(company(), SETTINGS).draft.details  # type: ignore[arg-type]

    assert summarize(details) == summarize(encoding.loads(encoding.dumps(details)))


def test_a_plan_without_figures_is_all_zero() -> None:
    """A change set that no closing made has a summary too."""
    assert summarize({}).looked_at == 0


def test_one_row_a_document() -> None:
    """A chain is one row with its remainder; several reasons are one row."""
    drawn = draw(company(), SETTINGS)  # type: ignore[arg-type]

    first, second, third = rows(drawn.operations, drawn.exceptions)

    assert ("PO1", True, "rest", Decimal(12), Decimal(5), Decimal(7)) == (
        first.number,
        first.is_ready,
        first.route,
        first.ordered,
        first.received,
        first.remainder_quantity,
    )
    assert (Decimal("136.5"), "EUR") == (first.remainder_amount, first.currency)
    assert second.number == "PO2"
    assert (third.number, third.is_ready, third.codes) == ("PO3", False, ("odd", "reference"))
    assert [str(reason) for reason in third.reasons] == ["because", "again"]


def test_rows_are_plain_data() -> None:
    """`--json` can encode every row."""
    drawn = draw(company(), SETTINGS)  # type: ignore[arg-type]

    encoded = encoding.dumps([row.as_dict() for row in rows(drawn.operations, drawn.exceptions)])

    assert len(encoding.loads(encoded)) == 3
