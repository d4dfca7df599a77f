"""What its users see: hundreds of orders closed, business goes on, one preview, one command back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal

import pytest

from sandbox.legacy.build import Practice
from sandbox.legacy.data import Order
from sandbox.legacy.dump import dump
from sandbox.legacy.office import open_office
from tests.integration.odbc.desk import RECIPES, Desks, desks


@dataclass(frozen=True)
class Plot:
    """How many orders there are, are closed, received after it, received in full, invoiced."""

    side: Literal["purchase", "sale"]
    size: int
    closed: int
    received: int
    in_full: int
    invoiced: int

    @property
    def closing(self) -> str:
        return "remainders" if self.side == "purchase" else "deliveries"


PLOTS: Final = (Plot("purchase", 800, 300, 60, 20, 5), Plot("sale", 400, 60, 14, 6, 3))
WHO_WROTE: Final = frozenset({"MODIFIER", "MODI_DATE", "MODI_TIME", "MODI_AP", "MODI_PRID"})


@pytest.fixture(params=["postgresql", "mariadb"])
def set_up(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Desks]:
    with desks(request, request.param, tmp_path, monkeypatch, capsys) as made:
        yield made


def business(practice: Practice, received: list[Order], plot: Plot) -> list[Order]:
    """The ERP's own people receive these orders, the first in full, and invoice a few; return the invoiced ones."""
    invoiced = [*received[:2], *received[plot.in_full : plot.in_full + plot.invoiced - 2]]
    with open_office(practice) as office:
        for number, order in enumerate(received):
            missing = {no: held.ordered - held.received for no, held in office.lines(order).items()}
            open_lines = {no: left for no, left in missing.items() if left > 0}
            if number < plot.in_full:
                office.receive(order, open_lines)
            else:
                no, left = next(iter(open_lines.items()))
                office.receive(order, {no: (left / 2).quantize(Decimal("0.001"))})
            if order in invoiced:
                office.invoice(order)
    return invoiced


def by_sort(preview: Mapping[str, Any]) -> Counter[str]:
    found: Counter[str] = Counter()
    for each in preview["totals"]:
        found[each["sort"]] += each["count"]
    return found


@pytest.mark.timeout(600)
@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.side)
@pytest.mark.parametrize("erp", RECIPES)
def test_three_hundred_orders(set_up: Desks, erp: str, plot: Plot) -> None:
    """300 closed, 60 received (20 in full), 5 invoiced: one preview with totals, one command takes 295 back.

    What comes out is what stands in a twin of the ERP where nobody closed and the same business came.
    """
    desk = set_up.set_up(erp, plot.size)
    orders = desk.orders(plot.side)
    twin = set_up.practice(erp, plot.size, "twin")
    before = dump(desk.practice)
    numbers = desk.ready(plot.closing)[: plot.closed]
    plain = [
        number
        for number in numbers
        if orders[number].odd is None and not any(line.received for line in orders[number].lines)
    ]
    received = [orders[number] for number in plain[: plot.received]]
    closed = desk.close(numbers, plot.closing)
    invoiced = business(desk.practice, received, plot)
    in_twin = {twin.number(order).rstrip(): order for order in twin.story.side(plot.side)}
    business(twin, [in_twin[desk.practice.number(order).rstrip()] for order in received], plot)
    between = dump(desk.practice)

    assert (plot.closed, plot.received) == (len(numbers), len(received))

    preview = desk.done("rollback", closed, "--preview", "--json", code=1).json
    shown = desk.done("rollback", closed, "--preview", code=1).out

    assert {
        "as_before": plot.closed - plot.received,
        "recomputed": plot.received - plot.invoiced,
        "blocked": plot.invoiced,
    } == by_sort(preview)
    assert plot.closed == sum(each["count"] for each in preview["totals"])
    left = plot.closed - plot.invoiced
    assert f"{left} of {plot.closed} documents can be taken back." in shown
    assert between == dump(desk.practice)

    desk.done("rollback", closed, "--reason", "closed too early", "--yes", code=1)
    after = dump(desk.practice)
    blocked = {desk.practice.number(order).rstrip() for order in invoiced}
    back = [orders[number] for number in numbers if number not in blocked]
    untouched = [order for order in back if order not in received]
    others = [order for number, order in orders.items() if number not in numbers]

    assert desk.rows(before, untouched) == desk.rows(after, untouched)
    assert desk.rows(between, invoiced) == desk.rows(after, invoiced)
    assert desk.rows(before, others) == desk.rows(after, others)
    assert _without(desk.rows(dump(twin), back)) == _without(desk.rows(after, back))
    assert len(desk.rows(after, back)) > 2 * len(back)
    with open_office(desk.practice) as office:
        for order in back:
            office.recompute(order)
    assert after == dump(desk.practice)


OWN_TRACE: Final = WHO_WROTE | {"cbCloser", "cbCloseTime", "cbCloseDate", "cCloser", "pmm27"}
"""Names, dates and moments: each program writes its own."""
NOT_AS_BEFORE: Final = frozenset({"FMRPAutoClosed"})
"""K/3's own reopening leaves its mark of a hand on the line; a rollback puts back what stood there."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("erp", RECIPES)
def test_one_line_of_an_order(set_up: Desks, erp: str) -> None:
    """One line of a closed order taken back: the header follows, as when the ERP's own people open that line.

    The other lines stay closed. A person closes the line again; a later rollback of the rest leaves it so.
    """
    desk = set_up.set_up(erp, 120)
    twin = set_up.practice(erp, 120, "twin")
    before = dump(desk.practice)
    ready = set(desk.ready())
    number, order = next(
        (number, order)
        for number, order in desk.orders().items()
        if number in ready
        and order.odd is None
        and len(order.lines) > 2
        and not any(line.received for line in order.lines)
    )
    in_twin = next(each for each in twin.story.orders if twin.number(each).rstrip() == number)
    closed = desk.close([number])

    assert [True] * len(order.lines) == closed_lines(desk.practice, order)

    preview = desk.done("rollback", closed, "--only", number, "--lines", "2", "--preview").out

    assert "1 of 1 documents can be taken back." in preview

    words = ("rollback", "--documents", number, "--lines", "2", "--reason", "still to come", "-y")
    desk.done(*words)
    with open_office(twin) as office:
        office.close(in_twin)
        office.reopen(in_twin, [2])
    part = dump(desk.practice)

    assert [no != 2 for no in range(1, len(order.lines) + 1)] == closed_lines(desk.practice, order)
    own = OWN_TRACE | NOT_AS_BEFORE
    assert _without(desk.rows(dump(twin), [order]), own) == _without(desk.rows(part, [order]), own)
    with open_office(desk.practice) as office:
        office.recompute(order)
    assert part == dump(desk.practice)

    with open_office(desk.practice) as office:
        office.close(order, [2])
    way = ("--on-conflict", "recompute")
    (again,) = desk.done("rollback", closed, *way, "--preview", "--json").json["documents"]
    desk.done("rollback", closed, *way, "--reason", "all of it", "-y")
    after = desk.rows(dump(desk.practice), [order])
    was = desk.rows(before, [order])
    with open_office(desk.practice) as office:
        office.recompute(order)

    assert "clean" == again["status"]
    assert [no == 2 for no in range(1, len(order.lines) + 1)] == closed_lines(desk.practice, order)
    assert after == desk.rows(dump(desk.practice), [order])
    assert len(order.lines) - 1 <= sum(after[place] == was[place] for place in was)

    desk.done("rollback", "--documents", number, "--lines", "99", "--preview", code=2)


def closed_lines(practice: Practice, order: Order) -> list[bool]:
    with open_office(practice) as office:
        return [held.closed for held in office.lines(order).values()]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("erp", RECIPES)
def test_a_period_that_was_closed(set_up: Desks, erp: str) -> None:
    """The month was closed after the close: nothing of it goes back, and nothing in it can be closed."""
    desk = set_up.set_up(erp, 200)
    orders = desk.orders()
    numbers = desk.ready()
    october = [number for number in numbers if orders[number].day.month == 10]
    rest = [number for number in numbers if number not in october]
    closed = desk.close([*october[1:], *rest])
    with open_office(desk.practice) as office:
        office.post_period(10)
    between = dump(desk.practice)
    preview = desk.done("rollback", closed, "--preview", "--json", code=1).json
    plan = desk("close", "plan", "remainders", october[0], "--json").json
    desk.done("rollback", closed, "--reason", "too early", "-y", code=1)
    after = dump(desk.practice)
    locked = [orders[number] for number in october[1:]]

    assert {"blocked": len(october) - 1, "as_before": len(rest)} == by_sort(preview)
    assert {"its period was closed meanwhile"} == {
        each["happened"][0]["text"] for each in preview["totals"] if each["sort"] == "blocked"
    }
    assert ["period_closed"] == [code for row in plan["documents"] for code in row["codes"]]
    assert desk.rows(between, locked) == desk.rows(after, locked)
    assert not set(rest) & {
        row["number"]
        for row in desk("close", "plan", "remainders", "--json").json["documents"]
        if not row["is_ready"]
    }


def _without(rows: dict[tuple[str, str], Any], names: frozenset[str] = WHO_WROTE) -> Any:
    """Leave out who wrote last: in the twin, the ERP's own program wrote the mark."""
    return {
        place: {name: value for name, value in row.items() if name not in names}
        for place, row in rows.items()
    }
