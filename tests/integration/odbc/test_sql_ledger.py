"""A real legacy ERP: SQL-Ledger's orders closed and taken back over ODBC, its own web pages agreeing."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from config.systems import OdbcOptions
from connectors.contract import Call, Criteria, Effect, Image, Kind, Record, Ref, Step
from connectors.odbc.connector import OdbcSystem, open_system
from core.errors import RecordMissing, StaleRecord
from core.ids import new_id
from recovery.images import differences
from sandbox import postgres
from sandbox.sql_ledger import practice
from tests.integration.odbc.desk import CommandLine, command_line, forget_everything

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(600)]

KINDS = (Kind.PURCHASE_ORDER, Kind.SALES_ORDER)


@pytest.fixture
def ledger(
    postgres_cluster: postgres.Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[practice.Running]:
    with practice.start(postgres_cluster, tmp_path_factory.mktemp("ledger") / "it") as running:
        yield running


def address(cluster: postgres.Cluster) -> dict[str, Any]:
    return {
        "kind": "odbc",
        "driver": "PostgreSQL Unicode",
        "server": "127.0.0.1",
        "port": cluster.port,
        "database": practice.DATASET,
        "user": postgres.USER,
        "recipe": "sql_ledger",
    }


@pytest.fixture
def system(ledger: practice.Running, postgres_cluster: postgres.Cluster) -> Iterator[OdbcSystem]:
    del ledger  # its database must be there, that is all
    opened = open_system("books", OdbcOptions.model_validate(address(postgres_cluster)))
    opened.trust_as_copy()
    yield opened
    opened.close()


@pytest.fixture
def storno(
    ledger: practice.Running,
    postgres_cluster: postgres.Cluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[CommandLine]:
    del ledger
    yield command_line(tmp_path / "desk", address(postgres_cluster), monkeypatch, capsys)
    forget_everything()


def documents(system: OdbcSystem, kind: Kind, *, is_closed: bool) -> dict[int, str]:
    return {
        int(row["key"]): row["number"]
        for batch in system.documents(kind, Criteria(is_closed=is_closed))
        for row in batch.to_pylist()
    }


def done(system: OdbcSystem, step: Step) -> tuple[Image, Image]:
    action = system.actions()[step.action]
    (before,) = system.capture([step], [None])
    assert action.problems(step, before) == ()
    system.apply([Call(new_id(), step, before)])
    (after,) = system.capture([step], [before])
    assert action.is_done(step, before, after)
    return before, after


def test_the_recipe_fits_the_real_tables(system: OdbcSystem) -> None:
    """Every table, column and type of the recipe is there."""
    checked = system.check()

    assert checked.limits == ()
    assert not [
        note for note in checked.notes if "recipe says" in str(note) or "missing" in str(note)
    ]


def test_pages_and_documents_tell_the_same(ledger: practice.Running, system: OdbcSystem) -> None:
    """What the bulk face calls closed is what SQL-Ledger's own lists call closed."""
    for kind in KINDS:
        for is_closed in (True, False):
            assert documents(system, kind, is_closed=is_closed).keys() == ledger.listed(
                kind.value, closed=is_closed
            )


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_closed_and_taken_back(ledger: practice.Running, system: OdbcSystem, kind: Kind) -> None:
    """Three orders closed over ODBC show as closed on the pages; taken back, nothing in the database differs."""
    start = ledger.dump()
    chosen = list(documents(system, kind, is_closed=False).values())[:3]
    steps = []
    for number in chosen:
        (ref,) = system.find(kind, [number])[number]
        steps.append(Step(f"{kind}.close", ref))
    images = [done(system, step) for step in steps]
    keys = {int(step.ref.key) for step in steps}

    assert keys <= ledger.listed(kind.value, closed=True)
    assert all(ledger.order(key, kind.value).closed for key in keys)

    for step, (before, after) in zip(steps, images, strict=True):
        (back,) = system.actions()[step.action].inverse(step, before, after)
        done(system, back)

    assert keys <= ledger.listed(kind.value, closed=False)
    assert practice.compare(start, ledger.dump()) == []


def seen_later(system: OdbcSystem, step: Step, after: Image) -> tuple[Image, set[Effect]]:
    (now,) = system.capture([step], [after])
    action = system.actions()[step.action]
    return now, {each.effect for each in action.later_business(step, after, now)}


def open_order(system: OdbcSystem, kind: Kind, *, lines: int = 2) -> Step:
    """An open order with so many lines."""
    for number in documents(system, kind, is_closed=False).values():
        (ref,) = system.find(kind, [number])[number]
        step = Step(f"{kind}.close", ref)
        (image,) = system.capture([step], [None])
        if len(image.of_model("orderitems")) == lines:
            return step
    raise AssertionError(lines)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_save_that_changes_nothing(
    ledger: practice.Running, system: OdbcSystem, kind: Kind
) -> None:
    """A person opens the closed order and saves it: every line has a new id, and nothing has happened."""
    step = open_order(system, kind)
    key = int(step.ref.key)
    page = ledger.order(key, kind.value)
    before, after = done(system, step)
    ledger.save(key, {"notes": "looked at"}, kind.value)
    now, effects = seen_later(system, step, after)
    ids = [
        {(record.fields or {})["id"] for record in image.of_model("orderitems")}
        for image in (after, now)
    ]

    assert ids[0].isdisjoint(ids[1])
    assert set() == effects
    trace = system.actions()[step.action].trace
    assert [] == differences(after, now, ignore=trace)

    (back,) = system.actions()[step.action].inverse(step, before, after)
    done(system, back)

    assert key in ledger.listed(kind.value, closed=False)
    assert page.lines == ledger.order(key, kind.value).lines


def test_a_line_that_was_changed(ledger: practice.Running, system: OdbcSystem) -> None:
    """What a person changed in one line is told of that line alone, and a rollback leaves it as it is."""
    kind = Kind.PURCHASE_ORDER
    step = open_order(system, kind)
    key = int(step.ref.key)
    before, after = done(system, step)
    ledger.save(key, {"qty_2": "77"})
    now, effects = seen_later(system, step, after)
    trace = system.actions()[step.action].trace

    assert {Effect.HARMLESS} == effects
    assert [(f"{key}|2", "qty")] == [
        (each.ref.key, each.field) for each in differences(after, now, ignore=trace)
    ]

    (back,) = system.actions()[step.action].inverse(step, before, after)
    done(system, back)

    assert [False, Decimal(77)] == [
        ledger.order(key).closed,
        ledger.order(key).lines[1].quantity,
    ]


def test_a_line_that_went(ledger: practice.Running, system: OdbcSystem) -> None:
    """A person takes a line out: its place is empty, the close taken back touches no line."""
    kind = Kind.PURCHASE_ORDER
    step = open_order(system, kind)
    key = int(step.ref.key)
    before, after = done(system, step)
    ledger.save(key, {"qty_2": "0"})
    now, _ = seen_later(system, step, after)

    assert now.get(Ref("orderitems", f"{key}|2")) == Record(Ref("orderitems", f"{key}|2"), None)

    (back,) = system.actions()[step.action].inverse(step, before, after)
    done(system, back)

    assert 1 == len(ledger.order(key).lines)
    assert not ledger.order(key).closed


def test_saved_between_reading_and_writing(ledger: practice.Running, system: OdbcSystem) -> None:
    """Somebody saves the order after its image was read: the close is refused, and nothing is written."""
    kind = Kind.PURCHASE_ORDER
    step = open_order(system, kind)
    (before,) = system.capture([step], [None])
    ledger.save(int(step.ref.key), {"qty_1": "3"})

    with pytest.raises((StaleRecord, RecordMissing)):
        system.apply([Call(new_id(), step, before)])
    assert not ledger.order(int(step.ref.key)).closed


def test_lines_are_read_by_their_place(system: OdbcSystem) -> None:
    """What an image calls the second line of an order is read under that name again."""
    step = open_order(system, Kind.PURCHASE_ORDER)
    (image,) = system.capture([step], [None])
    wanted = [Ref("orderitems", f"{step.ref.key}|{place}") for place in (2, 3, 1)]
    found = system.read(wanted, ["qty"])

    assert [image.get(wanted[0]), None, image.get(wanted[2])] == [
        None if record.fields is None else image.get(record.ref) for record in found
    ]
    assert [
        None if record is None else (record.fields or {})["qty"]
        for record in map(image.get, wanted)
    ] == [None if record.fields is None else record.fields["qty"] for record in found]


def test_an_invoice_blocks(ledger: practice.Running, system: OdbcSystem) -> None:
    """An invoice with the order's number is in the way; one of another order is not."""
    kind = Kind.PURCHASE_ORDER
    step = open_order(system, kind)
    _, after = done(system, step)
    number = ledger.order(int(step.ref.key)).number
    with psycopg.connect(ledger.dsn) as session:
        insert = "insert into ap (invnumber, ordnumber, transdate, vendor_id, amount, netamount)"
        vendor = "(select vendor_id from oe where ordnumber = %s), 1, 1"
        session.execute(f"{insert} select 'I-1', 'PO-OTHER', current_date, {vendor}", [number])
    _, before = seen_later(system, step, after)
    with psycopg.connect(ledger.dsn) as session:
        session.execute(f"{insert} select 'I-2', %s, current_date, {vendor}", [number, number])
    _, effects = seen_later(system, step, after)

    assert (set(), {Effect.BLOCKS}) == (before, effects)


def test_from_the_command_line(
    ledger: practice.Running, system: OdbcSystem, storno: CommandLine
) -> None:
    """Eight orders closed by a command and seen as closed on the pages; people go on there; one command back.

    One was saved without a change, one has another quantity, goods of one came, one was opened by hand.
    """
    kind = Kind.PURCHASE_ORDER
    chosen = dict(list(documents(system, kind, is_closed=False).items())[:8])
    start = ledger.dump()
    closed = storno.close(chosen.values())

    assert chosen.keys() <= ledger.listed(closed=True)

    saved, edited, received, opened, *_ = chosen
    ledger.save(saved, {})
    ledger.save(edited, {"qty_1": "77"})
    ledger.receive(received, {1: "0.5"})
    ledger.reopen(opened)
    preview = storno.done("rollback", closed, "--preview", "--json").json

    assert {
        ("as_before", 5),
        ("harmless", 1),
        ("recomputed", 1),
        ("already_back", 1),
    } == {(each["sort"], each["count"]) for each in preview["totals"]}

    storno.done("rollback", closed, "--reason", "still to come", "--yes")
    end = ledger.dump()
    touched = {str(each) for each in (saved, edited, received, opened)}

    assert chosen.keys() <= ledger.listed(closed=False)
    assert not any(ledger.order(key).closed for key in chosen)
    assert {key: row for key, row in start["oe"].items() if key not in touched} == {
        key: row for key, row in end["oe"].items() if key not in touched
    }

    ledger.close(saved)
    words = ("close", "reopen", "erp", "purchase_order", chosen[saved], "--reason", "too early")
    shown = storno.done(*words, "--preview").out
    storno.done(*words, "--yes")

    assert "SQL-Ledger keeps no name and no date of who closed." in shown
    assert saved in ledger.listed(closed=False)


def test_business_on_the_pages_is_noticed(ledger: practice.Running, system: OdbcSystem) -> None:
    """Goods received on the page change the result; closed books are in the way."""
    kind = Kind.PURCHASE_ORDER
    number = next(iter(documents(system, kind, is_closed=False).values()))
    (ref,) = system.find(kind, [number])[number]
    step = Step(f"{kind}.close", ref)
    action = system.actions()[step.action]
    _, after = done(system, step)
    ledger.receive(int(ref.key), {1: "1"})
    (now,) = system.capture([step], [after])

    assert {each.effect for each in action.later_business(step, after, now)} == {
        Effect.CHANGES_RESULT
    }

    ledger.close_books("2099-12-31")
    (now,) = system.capture([step], [after])

    assert Effect.BLOCKS in {each.effect for each in action.later_business(step, after, now)}
