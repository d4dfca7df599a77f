"""The colleague keeps the books as each ERP does, so that a test may hold Storno against them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from sandbox.legacy.build import Practice, build
from sandbox.legacy.data import ODD, Order
from sandbox.legacy.databases import LegacyError
from sandbox.legacy.dump import compare, dump
from sandbox.legacy.office import open_office


def test_a_close_and_its_reopening(practice: Practice) -> None:
    """After both, only what the ERP keeps of the two moves differs: never a quantity."""
    order = practice.story.odd("plain")
    before = dump(practice)
    with open_office(practice) as office:
        assert not any(held.closed for held in office.lines(order).values())
        office.close(order)
        assert all(held.closed for held in office.lines(order).values())
        office.reopen(order)
        assert not any(held.closed for held in office.lines(order).values())
    left = {difference.column for difference in compare(before, dump(practice))}
    traces = {
        "u8": {"ufts"},
        "k3": {"FMRPAutoClosed"},
        "digiwin": {"FLAG", "MODIFIER", "MODI_AP", "MODI_DATE", "MODI_PRID", "MODI_TIME"},
        "tiptop": {"pmm27"},
    }

    # U8 had '' or NULL where it now has NULL.
    assert traces[practice.erp.NAME] >= left - {"cCloser", "cbCloser"}


@pytest.mark.parametrize("side", ["purchase", "sale"])
def test_goods_and_an_invoice_after_a_close(practice: Practice, side: str) -> None:
    """Quantities move, the close stays, and an invoice covers what came."""
    order = _odd(practice, "plain", side)
    with open_office(practice) as office:
        office.close(order)
        office.receive(order, {1: Decimal("0.5")})
        first = office.lines(order)[1]
        assert (first.closed, first.received, first.invoiced) == (
            True,
            Decimal("0.5"),
            Decimal(0),
        )
        office.invoice(order)
        assert Decimal("0.5") == office.lines(order)[1].invoiced
        with pytest.raises(LegacyError, match="nothing to invoice"):
            office.invoice(order)


@pytest.mark.parametrize("side", ["purchase", "sale"])
def test_the_rest_of_the_goods(books: Practice, side: str) -> None:
    """Without quantities all that is missing comes, and the stock knows."""
    order = _odd(books, "partly", side)
    before = dump(books)
    with open_office(books) as office:
        office.receive(order)
        assert all(held.received >= held.ordered for held in office.lines(order).values())
    stock = {"u8": "CurrentStock", "k3": "ICInventory", "digiwin": "INVMC", "tiptop": "img_file"}

    assert stock[books.erp.NAME] in {d.table for d in compare(before, dump(books))}


def test_what_closes_by_itself(books: Practice) -> None:
    """K3, Workflow and TIPTOP close a purchase line when all has come; U8 leaves it open."""
    order = books.story.odd("plain")
    with open_office(books) as office:
        office.receive(order)
        closed = {held.closed for held in office.lines(order).values()}

    assert {books.erp.NAME != "u8"} == closed


def test_unjudged_goods_do_not_count(books: Practice) -> None:
    """What is inspected or not confirmed changes no received quantity."""
    order = books.story.odd("plain")
    with open_office(books) as office:
        before = office.lines(order)
        office.receive(order, {1: Decimal(1)}, inspecting=True)
        office.receive(order, {1: Decimal(1)}, confirmed=False)

        assert before == office.lines(order)


def test_k3_works_the_header_out_from_the_lines(tmp_path: Path) -> None:
    """1 nothing done, 2 a part, 3 all; FClosed when every line is done or closed by hand."""
    practice = build("k3", tmp_path / "k3.sqlite")
    order = practice.story.odd("partial_date")
    (order_id,) = practice.key(order)

    def header() -> tuple[str, str]:
        row = dump(practice)["POOrder"][str(order_id)]
        return row["FStatus"], row["FClosed"]

    with open_office(practice) as office:
        assert header() == ("1", "0")
        office.receive(order, {1: order.lines[0].quantity})
        assert header() == ("2", "0")
        office.close(order)
        assert header() == ("3", "1")
        office.reopen(order)
        assert header() == ("2", "0")


def test_tiptop_refuses_what_its_closing_program_refuses(tmp_path: Path) -> None:
    """Goods in inspection and an open change order."""
    practice = build("tiptop", tmp_path / "tiptop.sqlite")
    before = dump(practice)
    with open_office(practice) as office:
        with pytest.raises(LegacyError, match="inspection"):
            office.close(practice.story.odd("inspection"))
        with pytest.raises(LegacyError, match="change"):
            office.close(practice.story.odd("change_order"))

    assert [] == compare(before, dump(practice))


def test_tiptop_counts_the_difference_anew(tmp_path: Path) -> None:
    """Closed short is 8; what comes later makes it 7 with the difference."""
    practice = build("tiptop", tmp_path / "tiptop.sqlite")
    order = practice.story.odd("plain")
    line = order.lines[0]

    def mark() -> tuple[str, Decimal]:
        row = dump(practice)["pmn_file"][f"{_quoted(practice.number(order))}|1"]
        return row["pmn16"], Decimal(row["pmn57"])

    with open_office(practice) as office:
        office.close(order)
        assert mark() == ("'8'", -line.quantity)
        office.receive(order, {1: line.quantity + 2})
        assert mark() == ("'7'", Decimal(2))


def test_a_period_is_posted_and_opened_again(books: Practice) -> None:
    """Both ways, and back to where it was."""
    before = dump(books)
    with open_office(books) as office:
        office.post_period(10)
        assert compare(before, dump(books))
        office.reopen_period(10)

    left = {d.column for d in compare(before, dump(books))}
    assert set() == left


def test_a_colleague_holds_the_rows(books: Practice) -> None:
    """While the colleague sits at the order another's change fails after its wait; then it goes through."""
    order = books.story.odd("plain")
    with open_office(books) as office:
        # psycopg's, sqlite3's and MariaDB's own errors have no common class.
        with (
            office.at_desk(order),
            open_office(books, person=2, wait_seconds=1) as other,
            pytest.raises(Exception, match=r"(?i)lock"),
        ):
            other.write_memo(order, "while held")
        office.write_memo(order, "free again")


def _quoted(text: str) -> str:
    return f"'{text}'"


def _odd(practice: Practice, odd: str, side: str) -> Order:
    assert odd in ODD
    return next(o for o in practice.story.orders if o.odd == odd and o.side == side)
