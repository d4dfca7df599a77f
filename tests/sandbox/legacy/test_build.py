"""The practice databases hold what they say: the schemas, the story, every odd case."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from sandbox.legacy.build import ERPS, Practice, build
from sandbox.legacy.data import ODD, tell
from sandbox.legacy.databases import LegacyError, select
from sandbox.legacy.dump import compare, dump
from sandbox.legacy.office import open_office

_HEADS = {"u8": "PO_Pomain", "k3": "POOrder", "digiwin": "PURTC", "tiptop": "pmm_file"}
_LINES = {"u8": "PO_Podetails", "k3": "POOrderEntry", "digiwin": "PURTD", "tiptop": "pmn_file"}


def test_the_story_is_always_the_same() -> None:
    """The same size tells the same story, and the small one has every odd case on both sides."""
    assert tell("test") == tell("test")
    assert len(tell("test").orders) == 60
    for side in ("purchase", "sale"):
        assert list(ODD) == [order.odd for order in tell("test").orders if order.side == side]


def test_the_story_of_the_demo() -> None:
    """5,000 orders, and enough open lines of them for 10,000 closings."""
    story = tell("demo")
    opened = sum(
        not line.full and not line.closed_by_hand and not line.inspecting
        for order in story.orders
        if order.state == "confirmed"
        for line in order.lines
    )

    assert len(story.orders) == 5000
    assert opened > 10_000
    assert {"confirmed": 4715, "draft": 192, "void": 93} == Counter(o.state for o in story.orders)


def test_every_order_and_line_is_there(still: Practice) -> None:
    """One row for each order and each line, on every backend."""
    told = dump(still)
    orders = still.story.side("purchase")

    assert len(orders) == len(told[_HEADS[still.erp.NAME]])
    assert sum(len(o.lines) for o in orders) == len(told[_LINES[still.erp.NAME]])


def test_the_erp_itself_would_change_nothing(still: Practice) -> None:
    """What the rows say of closing is what the ERP's own recompute says."""
    before = dump(still)
    with open_office(still) as office:
        for order in still.story.orders:
            if order.state == "confirmed":
                office.recompute(order)

    assert [] == compare(before, dump(still))


def test_the_rows_agree_with_the_story(still: Practice) -> None:
    """Ordered, received and invoiced quantities of every line, read back."""
    with open_office(still) as office:
        for order in still.story.orders:
            held = office.lines(order)
            assert {
                line.no: (line.quantity, line.received, line.invoiced) for line in order.lines
            } == {no: (h.ordered, h.received, h.invoiced) for no, h in held.items()}


def test_null_and_empty_text_stay_apart(still: Practice) -> None:
    """The memo of one order is NULL, of another it is ''."""
    memo = {"u8": "cMemo", "k3": "FExplanation", "digiwin": "TC009", "tiptop": "pmmud01"}
    name = still.erp.NAME
    keys = {"u8": ["POID"], "k3": ["FInterID"], "digiwin": ["TC001", "TC002"], "tiptop": ["pmm01"]}

    def read(odd: str) -> object:
        order = next(o for o in still.story.side("purchase") if o.odd == odd)
        where = dict(zip(keys[name], still.key(order), strict=True))
        session = still.connect()
        try:
            return select(session, _HEADS[name], [memo[name]], where)[0][memo[name]]
        finally:
            session.close()

    assert read("null_closer") is None
    assert read("empty_closer") == ""
    assert read("astral") == "螺丝𠮷 🚚 𡃁"
    assert read("quotes") == 'O\'Brien said "100%; --\\"\tand\r\nmore ?'
    assert read("long") == "長" * 100 + "ab" * 50


@pytest.mark.odbc
def test_old_text_is_gbk_in_a_latin1_column(mariadb_server: object) -> None:
    """On MariaDB the old column holds GBK bytes, as old installations do."""
    practice = build("k3", mariadb_server)  # type: ignore[arg-type]
    (order_id,) = practice.key(practice.story.odd("gbk"))
    row = dump(practice)["POOrder"][str(order_id)]

    assert f"x'{'老系统的备注：镕基，螺丝'.encode('gbk').hex()}'" == row["FHeadSelf01"]


@pytest.mark.odbc
def test_dates_that_are_none(mariadb_server: object) -> None:
    """On MariaDB one order is due on 0000-00-00 and one in a month that is none."""
    practice = build("tiptop", mariadb_server)  # type: ignore[arg-type]
    lines = dump(practice)["pmn_file"]

    def due(odd: str) -> object:
        order = next(o for o in practice.story.side("purchase") if o.odd == odd)
        return lines[f"{practice.number(order)}|1"]["pmn33"]

    assert due("zero_date") == "0000-00-00"
    assert due("partial_date") == "2024-00-00"


def test_dates_are_kept(tmp_path: Path) -> None:
    """SQLite holds a date as its ISO text, and a moment with the milliseconds that it has."""
    practice = build("u8", tmp_path / "u8.sqlite")
    order = practice.story.odd("milliseconds")
    (order_id,) = practice.key(order)
    lines = [r for r in dump(practice)["PO_Podetails"].values() if r["POID"] == str(order_id)]

    assert order.closed_at is not None
    moment = f"'{order.closed_at:%Y-%m-%d %H:%M:%S}.{order.closed_at.microsecond // 1000:03d}'"
    assert {(f"'{order.closed_at:%Y-%m-%d}'", moment)} == {
        (row["cbCloseDate"], row["cbCloseTime"]) for row in lines
    }


def test_keys_are_padded_as_char_is(tmp_path: Path) -> None:
    """SQLite has no CHAR; the blanks stand there all the same, as SQL Server keeps them."""
    practice = build("digiwin", tmp_path / "digiwin.sqlite")
    order = practice.story.odd("padded")

    assert practice.key(order) == ("331 ", "A1         ")
    assert "'331 '|'A1         '" in dump(practice)["PURTC"]


def test_manual_and_automatic_close_differ_in_case(tmp_path: Path) -> None:
    """Workflow says y for a person and Y for itself."""
    practice = build("digiwin", tmp_path / "digiwin.sqlite")
    lines = dump(practice)["PURTD"].values()

    assert {"'Y'", "'y'", "'N'"} == {row["TD016"] for row in lines}


def test_tiptop_knows_three_ways_of_closed(tmp_path: Path) -> None:
    """6 is even, 7 is more, 8 is less than ordered; pmn57 is the difference."""
    practice = build("tiptop", tmp_path / "tiptop.sqlite")
    found = {
        (row["pmn16"], Decimal(row["pmn57"]).compare(Decimal(0)))
        for row in dump(practice)["pmn_file"].values()
        if row["pmn16"] in {"'6'", "'7'", "'8'"}
    }

    assert {("'6'", Decimal(0)), ("'7'", Decimal(1)), ("'8'", Decimal(-1))} == found


@pytest.mark.parametrize(
    "backend",
    [
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mariadb", marks=pytest.mark.odbc),
    ],
)
def test_a_row_version_goes_up_with_every_change(
    backend: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """U8's ufts changes when a row does, and nothing else of that row."""
    sqlite = backend == "sqlite"
    place = tmp_path / "u8" if sqlite else request.getfixturevalue(f"{backend}_server")
    practice = build("u8", place)
    order = practice.story.odd("plain")
    before = dump(practice)
    with open_office(practice) as office:
        office.write_memo(order, "changed")
    found = compare(before, dump(practice))

    assert {("PO_Pomain", "cMemo"), ("PO_Pomain", "ufts")} == {(d.table, d.column) for d in found}
    assert all(d.before < d.after for d in found if d.column == "ufts")


def test_building_again_starts_anew(tmp_path: Path) -> None:
    """What was changed is gone, and the same rows are there."""
    place = tmp_path / "k3.sqlite"
    practice = build("k3", place)
    before = dump(practice)
    with open_office(practice) as office:
        office.close(practice.story.odd("plain"))

    assert compare(before, dump(practice))
    assert [] == compare(before, dump(build("k3", place)))


def test_an_unknown_erp_is_refused(tmp_path: Path) -> None:
    """The message names those that there are."""
    with pytest.raises(LegacyError, match=", ".join(ERPS)):
        build("navision", tmp_path / "x.sqlite")
