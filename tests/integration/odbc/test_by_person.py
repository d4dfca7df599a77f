"""Where Storno may not write, people do: worklist, read back, and a second worklist that takes it back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import fastexcel
import pytest
import yaml

from sandbox.legacy.data import Order
from sandbox.legacy.dump import dump
from sandbox.legacy.office import open_office
from tests.integration.odbc.desk import RECIPES, Desk, desks
from tests.integration.odbc.pairs import without_trace

ORDERS: Final = 200
BUTTONS: Final = {
    "u8": ("关闭", "打开"),
    "k3": ("行业务关闭", "行业务反关闭"),
    "digiwin": ("指定結案", "取消指定結案"),
    "tiptop": ("結案", "採購單取消結案作業"),
}

SCREENS: Final = {
    "k3": frozenset({"FMRPAutoClosed"}),  # opened by hand: closed by hand alone from now on
    "digiwin": frozenset({"MODIFIER", "MODI_DATE", "MODI_TIME", "MODI_AP", "MODI_PRID"}),
    "tiptop": frozenset({"pmm27"}),  # the day of the last change of status
}
"""What a person's reopening leaves otherwise than before: the plan says that it is not exact."""

SetUp = Callable[[str], Desk]


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def set_up(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[SetUp]:
    """Sets up a desk whose ERP nobody has proved on a copy."""
    with desks(request, request.param, tmp_path, monkeypatch, capsys) as made:
        yield lambda erp: made.set_up(erp, ORDERS, is_trusted=False)


def chosen_orders(desk: Desk, count: int) -> dict[str, Order]:
    """Return plain orders that can be closed, of which nothing has come."""
    orders = desk.orders()
    plain = {
        number: orders[number]
        for number in desk.ready()
        if orders[number].odd is None
        and len(orders[number].lines) > 1
        and not any(line.received or line.closed_by_hand for line in orders[number].lines)
    }
    assert len(plain) >= count
    return dict(list(plain.items())[:count])


def handed_out(desk: Desk, numbers: list[str]) -> str:
    """Plan, approve and run what only people may do."""
    planned = desk.done("close", "plan", "remainders", *numbers, "--json").json
    plan = str(planned["change_set"]["id"])
    assert {row["executor"] for row in planned["documents"]} == {"by_person"}
    desk.done("close", "approve", plan)
    desk.done("close", "run", plan, "--yes", code=1)
    return plan


def seen(desk: Desk, plan: str) -> dict[str, str]:
    """Return what the worklist says of each order."""
    listed = desk.done("close", "worklist", plan, "--json").json["worklist"]
    return {row["number"]: row["seen"]["text"] for row in listed}


def test_a_period_is_closed_by_a_person(set_up: SetUp, tmp_path: Path) -> None:
    """U8's month goes on the worklist in U8's words, is read back, and a second worklist opens it; Storno writes nothing."""
    desk = set_up("u8")
    settings = yaml.safe_load((desk.folder / "storno.yaml").read_text(encoding="utf-8"))
    settings["closings"]["months"] = {
        "system": "erp",
        "kind": "accounting_period",
        "routes": [{"name": "close", "when": "true", "action": "accounting_period.close"}],
    }
    text = yaml.safe_dump(settings, allow_unicode=True)
    (desk.folder / "storno.yaml").write_text(text, encoding="utf-8")
    before = dump(desk.practice)
    planned = desk.done("close", "plan", "months", "2026-10", "2026-9", "--json", code=1).json
    plan = str(planned["change_set"]["id"])
    assert [("2026-10", "by_person"), ("2026-9", None)] == [
        (row["number"], row["executor"]) for row in planned["documents"]
    ]

    desk.done("close", "approve", plan)
    desk.done("close", "run", plan, "--yes", code=1)
    assert "月末结账" in str(rows_of(desk, plan, tmp_path / "worklist.xlsx"))
    assert before == dump(desk.practice)
    with open_office(desk.practice) as office:
        office.post_period(10)
    desk.done("changes", "resume", plan)
    desk.done("rollback", plan, "--reason", "too early", "--yes", code=1)
    with open_office(desk.practice) as office:
        office.reopen_period(10)
    back = desk("changes", "list", "--limit", "1", "--json").json["change_sets"][0]["id"]
    desk.done("changes", "resume", back)
    assert before == dump(desk.practice)


@pytest.mark.parametrize("erp", RECIPES)
def test_closed_and_opened_by_people(set_up: SetUp, erp: str, tmp_path: Path) -> None:
    """Captured, handed out, done in part, read back, finished; taken back in the same way; Storno writes nothing."""
    desk = set_up(erp)
    orders = chosen_orders(desk, 3)
    one, two, three = orders
    before = dump(desk.practice)
    plan = handed_out(desk, list(orders))
    assert before == dump(desk.practice)
    assert seen(desk, plan) == dict.fromkeys(orders, "not begun")

    shown = desk.done("close", "worklist", plan).out
    sheet = rows_of(desk, plan, tmp_path / "worklist.xlsx")
    press, press_again = BUTTONS[erp]
    assert set(orders) == {row[1] for row in sheet[1:]}
    assert all(number in shown for number in orders)
    assert press in shown
    assert press in str(sheet)

    with open_office(desk.practice) as office:
        office.close(orders[one])
        office.close(orders[two], [orders[two].lines[0].no])
    assert seen(desk, plan)[one].startswith("done in the ERP")
    assert seen(desk, plan)[two].startswith("begun but not finished")
    desk.done("changes", "resume", plan, code=1)
    assert seen(desk, plan)[one] == "confirmed"

    with open_office(desk.practice) as office:
        office.close(orders[two], [line.no for line in orders[two].lines[1:]])
        office.close(orders[three])
    desk.done("changes", "resume", plan)

    preview = desk("rollback", plan, "--preview", "--json").json
    assert {row["executor"] for row in preview["documents"]} == {"by_person"}
    desk.done("rollback", plan, "--reason", "too early", "--yes", code=1)
    back = desk("changes", "list", "--limit", "1", "--json").json["change_sets"][0]["id"]
    assert seen(desk, back) == dict.fromkeys(orders, "not begun")
    shown = desk.done("close", "worklist", back).out
    assert press_again in shown

    with open_office(desk.practice) as office:
        for order in orders.values():
            office.reopen(order)
    desk.done("changes", "resume", back)
    assert states(desk)[:2] == ["applied", "rolled_back"]
    assert desk.done("audit", "verify", "--json").json["is_intact"]
    mine = SCREENS.get(erp, frozenset())
    assert without(before, mine) == without(dump(desk.practice), mine)


def rows_of(desk: Desk, plan: str, file: Path) -> list[tuple[Any, ...]]:
    """Return the rows of the worklist as Excel has them, headings first."""
    desk.done("close", "worklist", plan, "--xlsx", str(file))
    sheet = fastexcel.read_excel(file).load_sheet(0, header_row=None, dtypes="string")
    return [tuple(row.values()) for row in sheet.to_arrow().to_pylist()]


def states(desk: Desk) -> list[str]:
    return [each["state"] for each in desk("changes", "list", "--json").json["change_sets"]]


def without(content: Any, names: frozenset[str]) -> Any:
    """Leave out what the ERP's own screens write in other words, there and back."""
    return {
        table: {
            key: {name: value for name, value in row.items() if name not in names}
            for key, row in rows.items()
        }
        for table, rows in without_trace(content).items()
    }


def test_goods_that_came_meanwhile(set_up: SetUp) -> None:
    """A worklist line whose order moved since it was handed out says so; the others are confirmed."""
    desk = set_up("k3")
    orders = chosen_orders(desk, 2)
    one, two = orders
    plan = handed_out(desk, list(orders))
    with open_office(desk.practice) as office:
        office.receive(orders[one], {1: orders[one].lines[0].quantity / 2})
        office.close(orders[two])
    desk.done("changes", "resume", plan, code=1)

    assert seen(desk, plan)[two] == "confirmed"
    assert seen(desk, plan)[one].startswith("begun but not finished")

    desk.done("changes", "stop", plan, "--reason", "goods came", code=2)
    with open_office(desk.practice) as office:
        office.close(orders[one])
    desk.done("changes", "resume", plan)
