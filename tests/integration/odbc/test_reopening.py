"""What people closed on the screen is opened again: by list, by a condition, with a preview and a way back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

import pytest

from sandbox.legacy.data import PEOPLE, Order
from sandbox.legacy.dump import dump
from sandbox.legacy.office import open_office
from tests.integration.odbc.desk import RECIPES, Desk, Desks, desks

KINDS: Final[dict[str, Literal["purchase", "sale"]]] = {
    "purchase_order": "purchase",
    "sales_order": "sale",
}
SIZE: Final = 160
TRACE: Final = frozenset(
    {"MODIFIER", "MODI_DATE", "MODI_TIME", "MODI_AP", "MODI_PRID", "pmm27", "cbCloseTime"}
)
"""Who wrote last, the day of a status, the second of a close: each program writes its own."""
SAID: Final = {
    "u8": None,
    "k3": "K/3 keeps no name and no date of who closed a line.",
    "digiwin": "Workflow keeps no name and no date of a close",
    "tiptop": "TIPTOP keeps no name of who closed",
}


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def set_up(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Desks]:
    with desks(request, request.param, tmp_path, monkeypatch, capsys) as made:
        yield made


def plain(desk: Desk, side: Literal["purchase", "sale"], closing: str) -> dict[str, Order]:
    """Return what can be closed now and has no history."""
    ready = set(desk.ready(closing))
    return {
        number: order
        for number, order in desk.orders(side).items()
        if number in ready and order.odd is None and not any(line.received for line in order.lines)
    }


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "set_up, kind",
    [
        ("sqlite", "purchase_order"),
        ("sqlite", "sales_order"),
        ("postgresql", "purchase_order"),
        ("mariadb", "sales_order"),
    ],
    indirect=["set_up"],
)
@pytest.mark.parametrize("erp", RECIPES)
def test_what_a_person_closed(set_up: Desks, erp: str, kind: str) -> None:
    """Six orders closed on the screen: four opened by list, two by a condition, as the ERP's own people would.

    Who closed and when stands in the preview where the ERP keeps it; where it does not, that is said. The reopening
    itself can be taken back: everything is closed again as it was.
    """
    desk = set_up.set_up(erp, SIZE)
    twin = set_up.practice(erp, SIZE, "twin")
    side = KINDS[kind]
    chosen = plain(desk, side, "remainders" if side == "purchase" else "deliveries")
    numbers = list(chosen)[:6]
    file = desk.folder / "mistakes.txt"
    file.write_text("\n".join(numbers[:4]), encoding="utf-8")
    with open_office(desk.practice, person=2) as office:
        for number in numbers:
            office.close(chosen[number])
    closed = dump(desk.practice)
    by_list = ("close", "reopen", "erp", kind, "--from", str(file), "--reason", "too early")
    wanted = ", ".join(f"'{number}'" for number in numbers[4:])
    by_sql = (
        "close",
        "reopen",
        "erp",
        kind,
        "--where",
        f"number in ({wanted})",
        "--reason",
        "too early",
    )
    preview = desk.done(*by_list, "--preview", "--json").json["documents"]
    shown = desk.done(*by_list, "--preview").out

    assert numbers[:4] == [row["number"] for row in preview]
    assert {None} == {row["remainder_quantity"] for row in preview}
    assert closed == dump(desk.practice)
    _who_and_when(erp, kind, preview, shown)

    first = desk.done(*by_list, "--yes", "--json").json["change_set"]["id"]
    desk.done(*by_sql, "--yes")
    with open_office(twin, person=2) as office:
        for number, order in desk.orders(side).items():
            if number in numbers:
                office.close(order)
                office.reopen(order)
    opened = dump(desk.practice)
    orders = [chosen[number] for number in numbers]

    assert _without(desk.rows(dump(twin), orders)) == _without(desk.rows(opened, orders))
    others = [order for order in desk.practice.story.orders if order not in orders]
    assert desk.rows(closed, others) == desk.rows(opened, others)
    desk.done(*by_list, "--yes", code=1)

    desk.done("rollback", first, "--reason", "was right after all", "--yes")

    assert desk.rows(closed, orders[:4]) == desk.rows(dump(desk.practice), orders[:4])


def _who_and_when(erp: str, kind: str, rows: list[dict[str, Any]], shown: str) -> None:
    """Say it where the ERP keeps it, and say that it does not where not."""
    keeps_name = erp == "u8"
    keeps_day = erp in {"u8", "tiptop"}
    person = PEOPLE[2][1]

    assert {person if keeps_name else None} == {row["closer"] for row in rows}
    assert [keeps_day] * len(rows) == [row["closed_at"] is not None for row in rows]
    assert keeps_name == (person in shown)
    said = SAID[erp]
    if said is not None:
        assert said in shown
    del kind


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "set_up, erp",
    [
        *(("sqlite", erp) for erp in RECIPES),
        ("postgresql", "k3"),
        ("mariadb", "digiwin"),
    ],
    indirect=["set_up"],
)
def test_one_line_alone(set_up: Desks, erp: str) -> None:
    """Of an order that a person closed one line is opened, and of another the one line that was closed.

    What follows from the lines is as the ERP's own people leave it; the other lines stay as they are. It can be taken
    back, and a line that is open is not opened.
    """
    desk = set_up.set_up(erp, SIZE)
    twin = set_up.practice(erp, SIZE, "twin")
    found = plain(desk, "purchase", "remainders").items()
    (whole, one), (part, other) = [(n, o) for n, o in found if len(o.lines) > 1][:2]
    positions = (
        [line.no for line in one.lines][:1],
        [line.no for line in other.lines][1:2],
    )
    for practice in (desk.practice, twin):
        with open_office(practice, person=2) as office:
            office.close(one)
            office.close(other, positions[1])
    closed = dump(desk.practice)
    words = ("close", "reopen", "erp", "purchase_order")
    about = ("--reason", "still to come", "--lines")
    desk.done(*words, whole, *about, str(positions[1][0]), str(positions[0][0]), "--preview")
    desk.done(*words, part, *about, str(positions[0][0]), "--preview", code=1)

    assert closed == dump(desk.practice)

    first = desk.done(*words, whole, *about, str(positions[0][0]), "--yes", "--json").json
    desk.done(*words, part, *about, str(positions[1][0]), "--yes")
    with open_office(twin, person=2) as office:
        office.reopen(one, positions[0])
        office.reopen(other, positions[1])
    orders = [one, other]

    assert _without(desk.rows(dump(twin), orders)) == _without(
        desk.rows(dump(desk.practice), orders)
    )
    desk.done("rollback", first["change_set"]["id"], "--reason", "x", "--yes")

    assert desk.rows(closed, [one]) == desk.rows(dump(desk.practice), [one])


@pytest.mark.timeout(120)
def test_closed_by_storno(set_up: Desks) -> None:
    """A document that Storno closed says so, with what gives more back; once taken back, it says so no more."""
    desk = set_up.set_up("u8", 120)
    number, order = next(iter(plain(desk, "purchase", "remainders").items()))
    closed = desk.close([number])
    words = ("close", "reopen", "erp", "purchase_order", number, "--reason", "x", "--preview")
    (ours,) = desk.done(*words, "--json").json["documents"]
    hint = desk.done(*words).out
    desk.done("rollback", closed, "--reason", "x", "--yes")
    with open_office(desk.practice) as office:
        office.close(order)
    (theirs,) = desk.done(*words, "--json").json["documents"]

    assert (closed, None) == (ours["closed_by"], theirs["closed_by"])
    assert f"storno rollback {closed[:13]}" in hint


def _without(rows: dict[tuple[str, str], Any]) -> Any:
    return {
        place: {name: value for name, value in row.items() if name not in TRACE}
        for place, row in rows.items()
    }
