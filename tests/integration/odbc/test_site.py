"""What differs from site to site: tables, names, users, own recipes, another year's database, old encodings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from sandbox.legacy.build import Practice
from sandbox.legacy.data import PEOPLE
from sandbox.legacy.dump import dump
from sandbox.legacy.office import open_office
from tests.integration.odbc.desk import Desk, Desks, desks

SMALL: Final = 90
MEI: Final = "Mei Lin"  # who acts, in the desk's storno.yaml


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def set_up(
    request: pytest.FixtureRequest,
    backend: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Desks]:
    with desks(request, backend, tmp_path, monkeypatch, capsys) as made:
        yield made


def alter(practice: Practice, *statements: str) -> None:
    with closing(practice.connect()) as session:
        for statement in statements:
            session.run(statement)
        session.commit()


def ready_number(desk: Desk) -> str:
    orders = desk.orders()
    return next(number for number in desk.ready() if orders[number].odd is None)


def rename(table: str, old: str, new: str) -> str:
    return f'alter table "{table}" rename column "{old}" to "{new}"'


# --- what systems check says ------------------------------------------------------------------------

LOST: Final = (
    'alter table "PU_ArrivalVouchs" rename to "zz_arrivals"',
    'alter table "Vendor" rename to "zz_vendor"',
    'alter table "GL_mend" rename to "zz_mend"',
    rename("PO_Podetails", "cbCloseTime", "zz_time"),
    rename("PO_Podetails", "iQuantity", "zz_quantity"),
    rename("PO_Pomain", "cState", "zz_state"),
    rename("SO_SOMain", "cPersonCode", "zz_person"),
)
RETYPED: Final = {
    "postgresql": (
        'alter table "PO_Podetails" alter column "cbCloser" type varchar(10)',
        'alter table "SO_SODetails" alter column "iFHQuantity" type varchar(30)',
    ),
    "mariadb": (
        "alter table `PO_Podetails` modify `cbCloser` varchar(10)",
        "alter table `SO_SODetails` modify `iFHQuantity` varchar(30)",
    ),
}


def test_check_names_everything_that_differs(set_up: Desks, backend: str) -> None:
    """Every table, column and type that is not as in the recipe is named; kinds that need it are not available."""
    desk = set_up.set_up("u8", SMALL)
    before = desk.done("systems", "check", "erp", "--json").json["systems"][0]
    alter(desk.practice, *LOST, *RETYPED.get(backend, ()))
    checked = desk.done("systems", "check", "erp", "--json", code=1).json["systems"][0]
    shown = desk.done("systems", "check", "erp", code=1).out
    limits = {each["text"] for each in checked["limits"]}
    notes = {each["text"] for each in checked["notes"]}

    assert [] == before["limits"]
    assert {
        "purchase_order: table PU_ArrivalVouchs is missing",
        "purchase_order: column PO_Podetails.cbCloseTime is missing",
        "purchase_order: column PO_Podetails.iQuantity is missing",
        "purchase_order: column PO_Pomain.cState is missing",
    } <= limits
    assert any("Vendor" in each or "vendor.cVenName" in each for each in notes)
    assert any("SO_SOMain.cPersonCode" in each for each in notes)
    assert any("GL_mend" in each for each in notes)
    assert all(each.partition(": ")[2] in shown for each in limits)
    available = {each["action"]: each["is_available"] for each in checked["actions"]}
    assert (False, True) == (
        available["purchase_order.close"],
        available["sales_order.close"],
    )
    refused = desk.done("close", "plan", "remainders", code=2).err
    assert "the tables differ from the recipe" in refused
    if backend in RETYPED:
        assert any(
            re.search(r"PO_Podetails\.cbCloser is .*10.*, and the recipe says text\(20\)", each)
            for each in notes
        )
        assert any(re.search(r"SO_SODetails\.iFHQuantity is .*says number", e) for e in notes)


def test_a_site_names_its_columns(set_up: Desks) -> None:
    """A recipe of the site's own folder extends the shipped one: what differs there is given, and closing works again."""
    desk = set_up.set_up("u8", SMALL, recipes="recipes")
    folder = desk.folder / "recipes"
    folder.mkdir()
    alter(desk.practice, rename("PO_Podetails", "cbCloseTime", "cDefine33"))
    desk.done("systems", "check", "erp", code=1)
    own = """\
recipe: 1
extends: u8
name: u8
version: 7
without:
  - kinds.purchase_order.document.columns.closed_at
  - kinds.purchase_order.lines.types.cbCloseTime
  - kinds.purchase_order.close.lines.cbCloseTime
  - kinds.purchase_order.reopen.lines.cbCloseTime
kinds:
  purchase_order:
    lines:
      types: {cDefine33: moment}
      labels: {cDefine33: 关闭时间}
    close: {lines: {cDefine33: now()}}
    reopen: {lines: {cDefine33: null}}
"""
    (folder / "u8.yaml").write_text(own, encoding="utf-8")
    checked = desk.done("systems", "check", "erp").out
    number = ready_number(desk)
    before = dump(desk.practice)
    closed = desk.close([number])
    changes = desk.done("changes", "show", closed).out
    desk.done("rollback", closed, "--reason", "x", "--yes")
    order = desk.orders()[number]

    assert "recipe u8, version 7" in checked
    assert "cDefine33 关闭时间" in changes
    assert desk.rows(before, [order]) == desk.rows(dump(desk.practice), [order])


def test_the_erps_own_words(set_up: Desks) -> None:
    """Beside ours stand the ERP's words: for what is done, and for each column that changed."""
    desk = set_up.set_up("k3", SMALL)
    number = ready_number(desk)
    plan = desk.done("close", "plan", "remainders", number).out
    closed = desk.close([number])
    changes = desk.done("changes", "show", closed).out
    back = desk.done(
        "close", "reopen", "erp", "purchase_order", number, "--reason", "x", "--preview"
    )

    assert "Close: the remainder will never come (行业务关闭)" in plan
    assert "FMRPClosed 行业务关闭" in changes
    assert "Open it again (行业务反关闭)" in back.out


# --- whose name ----------------------------------------------------------------------------------------


def test_each_person_has_a_name_in_the_erp(set_up: Desks) -> None:
    """The name that a close writes is that of whoever makes the plan; it is shown, and stands in the ERP."""
    other = PEOPLE[3][1]
    desk = set_up.set_up("u8", SMALL, closers={MEI: other})
    number = ready_number(desk)
    plan = desk.done("close", "plan", "remainders", number).out
    desk.close([number])
    order = desk.orders()[number]
    rows = desk.rows(dump(desk.practice), [order])
    names = {row[name] for row in rows.values() for name in ("cbCloser", "cCloser") if name in row}

    assert f"The ERP shows  {other} " in plan
    assert {other} == {str(name).strip("'") for name in names}


@pytest.mark.parametrize(
    "options, code, said",
    [
        ({"closer": "王小明"}, "closer_unknown", "the ERP has no user 王小明"),
        ({"closers": {MEI: "王小明"}}, "closer_unknown", "the ERP has no user 王小明"),
        ({"closer": "王" * 21}, "closer_too_long", "longer than the 20 characters"),
        ({"closer": None}, "no_closer", "nobody's name is set for closing"),
    ],
    ids=["unknown", "unknown to the person", "too long", "nobody"],
)
def test_a_name_that_cannot_be_written(
    set_up: Desks, options: dict[str, Any], code: str, said: str
) -> None:
    """It is told by systems check, and nothing is closed in that name."""
    desk = set_up.set_up("u8", SMALL, **options)
    checked = desk("systems", "check", "erp").out
    plan = desk.done("close", "plan", "remainders", "--json", code=1).json

    assert said in checked
    assert 0 == plan["summary"]["ready"]
    assert plan["summary"]["by_code"][code] > SMALL // 3


def test_the_live_column_decides_how_long_a_name_is(set_up: Desks, backend: str) -> None:
    """A site whose column is shorter than the recipe says gets no name that the column would cut."""
    if backend not in RETYPED:
        pytest.skip("SQLite's columns have no length")
    desk = set_up.set_up("u8", SMALL)
    shorter = RETYPED[backend][0].replace("10", "2")
    alter(desk.practice, 'update "PO_Podetails" set "cbCloser" = null', shorter)
    plan = desk.done("close", "plan", "remainders", "--json", code=1).json

    assert {"closer_too_long"} <= plan["summary"]["by_code"].keys()
    assert 0 == plan["summary"]["ready"]


# --- which set of books ----------------------------------------------------------------------------


def test_the_set_of_books_is_in_every_image(set_up: Desks, backend: str) -> None:
    """The image names the database; next year's set of books has the same keys, and nothing is taken back there."""
    desk = set_up.set_up("u8", SMALL)
    number = ready_number(desk)
    closed = desk.close([number])
    shown = desk.done("changes", "show", closed, "--json").json
    (operation,) = shown["operations"]
    (header,) = [each for each in operation["before"] if each["model"] == "PO_Pomain"]
    name = header["fields"]["@database"]
    checked = desk("systems", "check", "erp").out
    next_year = set_up.practice("u8", SMALL, "UFDATA_001_2027")
    settings = yaml.safe_load((desk.folder / "storno.yaml").read_text(encoding="utf-8"))
    settings["systems"]["erp"] |= set_up.address(next_year)
    (desk.folder / "storno.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    order = desk.orders()[number]
    with open_office(next_year, person=1) as office:
        office.close(order)
    before = dump(next_year)
    (found,) = desk.done("rollback", closed, "--preview", "--json", code=1).json["documents"]
    desk.done("rollback", closed, "--reason", "x", "--yes", code=1)

    if backend != "sqlite":
        assert "UFDATA_001_2026" == name
        assert "set of books 001, year 2026" in checked
    assert found["status"] in {"blocked", "conflict"}
    assert any("another set of books" in each["text"]["text"] for each in found["later_business"])
    assert before == dump(next_year)


# --- what only goes forward ------------------------------------------------------------------------


def test_a_column_that_the_database_moves_by_itself(set_up: Desks, backend: str) -> None:
    """A site's ON UPDATE column is trace: shown as such, never restored, never taken for somebody else's change."""
    if backend != "mariadb":
        pytest.skip("MariaDB and MySQL alone have such columns")
    desk = set_up.set_up("k3", SMALL)
    alter(
        desk.practice,
        "alter table `POOrderEntry` add `touched` timestamp(6) not null default '2020-01-01' "
        "on update current_timestamp(6)",
    )
    before = dump(desk.practice)
    number = ready_number(desk)
    closed = desk.close([number])
    preview = desk.done("rollback", closed, "--preview", "--json").json
    plain = desk.done("changes", "show", closed).out
    trace = desk.done("changes", "show", closed, "--trace").out
    desk.done("rollback", closed, "--reason", "x", "--yes")
    after = dump(desk.practice)
    moved = {
        (table, name)
        for table, rows in before.items()
        for key, row in rows.items()
        for name, value in row.items()
        if after[table][key][name] != value
    }

    assert [] == preview["documents"][0]["kept"]
    assert "touched" not in plain
    assert "touched" in trace
    assert {("POOrderEntry", "touched")} == moved


# --- text that the database does not know --------------------------------------------------------


def test_gbk_in_a_latin1_column(set_up: Desks, backend: str) -> None:
    """Old installations keep GBK bytes in latin1 columns: names are written so, and every byte comes back."""
    if backend != "mariadb":
        pytest.skip("MariaDB is the one that calls any bytes latin1")
    desk = set_up.set_up("u8", SMALL, encoding="gbk")
    first, second = [n for n in desk.ready() if desk.orders()[n].odd is None][:2]
    theirs = desk.orders()[second]
    key = desk.practice.key(theirs)[0]
    name = PEOPLE[0][1].encode("gbk").hex()
    alter(
        desk.practice,
        "update PO_Podetails set cbCloser = null",
        "alter table PO_Podetails modify cbCloser varchar(20) character set latin1",
        f"update PO_Podetails set cbCloser = _latin1 x'{name}', cbCloseDate = '2026-11-01' "
        f"where POID = {key}",
    )
    before = dump(desk.practice)
    closed = desk.close([first])
    rows = desk.rows(dump(desk.practice), [desk.orders()[first]])
    written = {row["cbCloser"] for row in rows.values() if "cbCloser" in row}
    shown = desk.done("changes", "show", closed).out
    desk.done("rollback", closed, "--reason", "x", "--yes")
    words = ("close", "reopen", "erp", "purchase_order", second, "--reason", "x")
    opened = desk.done(*words, "--yes", "--json").json["change_set"]["id"]
    between = desk.rows(dump(desk.practice), [theirs])
    desk.done("rollback", opened, "--reason", "x", "--yes")

    assert {f"x'{PEOPLE[1][1].encode('gbk').hex()}'"} == written
    assert PEOPLE[1][1] in shown
    assert {None} == {row["cbCloser"] for row in between.values() if "cbCloser" in row}
    orders = [desk.orders()[first], theirs]
    assert desk.rows(before, orders) == desk.rows(dump(desk.practice), orders)


def test_a_letter_in_another_case(set_up: Desks) -> None:
    """Workflow's Y and y differ in case alone, and a collation takes them for equal; Storno does not."""
    desk = set_up.set_up("digiwin", SMALL)
    number = ready_number(desk)
    closed = desk.close([number])
    kind, one = (str(part).strip() for part in desk.practice.key(desk.orders()[number]))
    alter(
        desk.practice,
        f'update "PURTD" set "TD016" = \'Y\' where rtrim("TD001") = \'{kind}\' and rtrim("TD002") = \'{one}\'',
    )
    (found,) = desk.done("rollback", closed, "--preview", "--json", code=1).json["documents"]
    changed = {each["field"]: (each["ours"], each["now"]) for each in found["conflicts"]}

    assert ("conflict", {"TD016": ("y", "Y")}) == (found["status"], changed)
