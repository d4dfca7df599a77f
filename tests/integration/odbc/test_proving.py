"""Proved before trusted: tried on a copy, kept in the journal, and good for exactly what was tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from connectors.contract import Executor
from recovery.model import Purpose
from recovery.states import ChangeSetState
from sandbox.legacy.dump import dump
from tests.integration.odbc.desk import RECIPES
from tests.integration.odbc.pairs import Prepare, change_settings, pairs, without_trace

BACKENDS: Final = ("sqlite", "postgresql", "mariadb")


@pytest.fixture
def made(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Prepare]:
    with pairs(request, tmp_path, monkeypatch, capsys) as prepare:
        yield prepare


# --- what is proved -------------------------------------------------------------------------------


@pytest.mark.parametrize("erp", RECIPES)
@pytest.mark.parametrize("made", BACKENDS, indirect=True)
def test_there_and_back_on_a_copy(made: Prepare, erp: str) -> None:
    """Every action is proved on the copy, which is as before; the live database is not touched; then Storno may write."""
    found = made(erp)
    live, copy = dump(found.live), dump(found.copy)
    assert found.executor() == {Executor.BY_PERSON}
    told = found.prove()

    assert {each["problem"] for each in told["actions"]} == {None}
    assert {each["action"] for each in told["actions"]} >= {
        "purchase_order.close", "purchase_order.reopen", "sales_order.close", "sales_order.reopen"
    }  # fmt: skip
    assert live == dump(found.live)
    assert without_trace(copy) == without_trace(dump(found.copy))

    proof = found.proof()
    assert proof["is_valid"]
    assert (proof["proved_by"], proof["copy"]) == ("Mei Lin", "erp_copy")
    assert found.executor() == {Executor.INTERFACE}
    with closing(found.journal()) as journal:
        assert journal.verify().is_intact
        proving = journal.change_sets(purpose=Purpose.PROVING)
        assert {each.state for each in proving} == {ChangeSetState.ROLLED_BACK}


@pytest.mark.parametrize("made", BACKENDS, indirect=True)
def test_every_column_is_compared(made: Prepare) -> None:
    """A trigger that changes a column of which the recipe knows nothing is named, and its action is not proved."""
    found = made("k3")
    for practice in (found.live, found.copy):
        found.run_sql(*meddling(practice.backend), on=practice)
    told = found.prove(code=1)
    problems = {each["action"]: each["problem"] for each in told["actions"]}

    assert "POOrder.FExplanation" in problems["purchase_order.close"]["text"]
    assert problems["sales_order.close"] is None
    assert found.executor() == {Executor.BY_PERSON}
    assert found.executor("deliveries") == {Executor.INTERFACE}
    assert any("POOrder has triggers" in str(fact) for fact in told["facts"])


def meddling(backend: str) -> tuple[str, ...]:
    """Return a trigger that writes into another column whenever an order is changed."""
    if backend == "postgresql":
        return (
            (
                "create function meddle() returns trigger language plpgsql as"
                """ 'begin new."FExplanation" = coalesce(new."FExplanation", '''') || ''*''; return new; end'"""
            ),
            'create trigger meddle before update on "POOrder" for each row execute function meddle()',
        )
    if backend == "mariadb":
        return (
            (
                "create trigger meddle before update on `POOrder` for each row"
                " set new.`FExplanation` = concat(coalesce(new.`FExplanation`, ''), '*')"
            ),
        )
    return (
        (
            'create trigger meddle after update of "FStatus" on "POOrder" begin update "POOrder" set'
            ' "FExplanation" = coalesce("FExplanation", \'\') || \'*\' where "FInterID" = new."FInterID"; end'
        ),
    )


def test_rows_that_come_elsewhere_are_noticed(made: Prepare) -> None:
    """A trigger that books something into another table of the ERP is named."""
    found = made("k3")
    booking = (
        (
            'create trigger booking after update of "FStatus" on "POOrder" begin'
            ' insert into "POOrderEntry" ("FInterID", "FEntryID") select 900000 + (select count(*) from "POOrderEntry"), 1; end'
        ),
    )
    for practice in (found.live, found.copy):
        found.run_sql(*booking, on=practice)
    told = found.prove(code=1)
    (problem,) = [
        each["problem"]["text"]
        for each in told["actions"]
        if each["action"] == "purchase_order.close"
    ]

    assert "POOrderEntry" in problem


def test_a_trigger_that_refuses(made: Prepare) -> None:
    """What the database does not let happen is told in its own words, and nothing is left on the copy."""
    found = made("k3")
    refusing = (
        (
            'create trigger refusing before update on "SEOrder" begin'
            " select raise(abort, 'closed by the auditor'); end"
        ),
    )
    for practice in (found.live, found.copy):
        found.run_sql(*refusing, on=practice)
    before = dump(found.copy)
    told = found.prove(code=1)
    problems = {each["action"]: each["problem"] for each in told["actions"]}

    assert "closed by the auditor" in problems["sales_order.close"]["text"]
    assert problems["purchase_order.close"] is None
    assert before == dump(found.copy)


@pytest.mark.parametrize("made", ["postgresql"], indirect=True)
def test_a_right_that_is_missing(made: Prepare) -> None:
    """An account that may not write a column finds it out on the copy, with the database's own words."""
    found = made("k3")
    for practice in (found.live, found.copy):
        found.run_sql(
            "do $$ begin create role storno_write login; exception when others then null; end $$",
            "grant select on all tables in schema public to storno_write",
            'grant update ("FStatus", "FClosed") on "POOrder" to storno_write',
            'grant update ("FMRPClosed") on "POOrderEntry" to storno_write',
            on=practice,
        )

    def limit(settings: dict[str, Any]) -> None:
        for system in settings["systems"].values():
            system["user"] = "storno_write"

    change_settings(found, limit)
    before = dump(found.copy)
    problems = {each["action"]: each["problem"] for each in found.prove(code=1)["actions"]}
    # Opening again writes one column alone, which this account may; a close writes more.
    assert problems.pop("purchase_order.reopen") is None
    assert all("permission denied" in problem["text"] for problem in problems.values())
    assert before == dump(found.copy)
    assert found.proof()["actions"] == ["purchase_order.reopen"]
    assert found.executor() == {Executor.BY_PERSON}
    found.run_sql("drop owned by storno_write", on=found.live)
    found.run_sql("drop owned by storno_write", "drop role storno_write", on=found.copy)


def test_opening_again_needs_something_closed(made: Prepare) -> None:
    """Where the copy has nothing to open, an order is closed for it first; both are taken back."""
    found = made("k3")
    for practice in (found.live, found.copy):
        found.run_sql(
            'update "POOrder" set "FClosed" = 0, "FStatus" = 1',
            'update "POOrderEntry" set "FMRPClosed" = 0, "FMRPAutoClosed" = 1, "FCommitQty" = 0',
            on=practice,
        )
    before = dump(found.copy)
    told = found.prove()
    (reopening,) = [e for e in told["actions"] if e["action"] == "purchase_order.reopen"]

    assert len(reopening["change_sets"]) == 4
    assert before == dump(found.copy)


# --- what is no copy ------------------------------------------------------------------------------


def test_the_live_system_is_no_copy_of_itself(made: Prepare) -> None:
    """Neither under its own name nor under another one, over whatever path."""
    found = made("u8")
    link = found.desk.folder / "another way there.db"
    link.symlink_to(str(found.live.place))
    second_name = found.desk.folder / "its second name.db"
    second_name.hardlink_to(str(found.live.place))
    before = dump(found.live)

    for name, place in (("erp", link), ("erp_copy", link), ("erp_copy", second_name)):
        there = {"database": str(place)}
        change_settings(found, partial(_set_copy, there=there))
        answer = found.desk("systems", "prove", "erp", "--on", name, "--yes")
        assert (answer.code, "itself" in answer.err) == (2, True)
    assert before == dump(found.live)


def _set_copy(settings: dict[str, Any], *, there: Mapping[str, Any]) -> None:
    settings["systems"]["erp_copy"].update(there)


@pytest.mark.parametrize("made", ["postgresql", "mariadb"], indirect=True)
def test_the_live_database_under_another_address(made: Prepare) -> None:
    """The server itself says which database it is."""
    found = made("u8")

    def same_database(settings: dict[str, Any]) -> None:
        settings["systems"]["erp_copy"] = {**settings["systems"]["erp"], "server": "localhost"}

    change_settings(found, same_database)
    answer = found.desk("systems", "prove", "erp", "--on", "erp_copy", "--yes")

    assert (answer.code, "itself" in answer.err) == (2, True)


def test_another_schema_is_no_copy(made: Prepare) -> None:
    """What differs is named."""
    found = made("u8")
    found.run_sql('alter table "PO_Pomain" add column "cDefine99" varchar(20)')
    answer = found.desk("systems", "prove", "erp", "--on", "erp_copy", "--yes")

    assert (answer.code, "table PO_Pomain" in answer.err) == (2, True)


def test_another_recipe_is_no_copy(made: Prepare) -> None:
    """The recipe must be the same, to the letter."""
    found = made("u8")
    change_settings(found, lambda s: s["systems"]["erp_copy"].update(recipe="k3_wise"))
    answer = found.desk("systems", "prove", "erp", "--on", "erp_copy", "--yes")

    assert (answer.code, "recipe" in answer.err) == (2, True)


def test_a_read_only_copy(made: Prepare) -> None:
    """Nothing is tried where storno.yaml says read_only."""
    found = made("u8")
    change_settings(found, lambda s: s["systems"]["erp_copy"].update(read_only=True))
    answer = found.desk("systems", "prove", "erp", "--on", "erp_copy", "--yes")

    assert (answer.code, "read_only" in answer.err) == (2, True)


def test_what_the_vendor_forbids_is_not_tried(made: Prepare) -> None:
    """No proof makes it right; the reason is told."""
    found = made("u8")

    def forbid(settings: dict[str, Any]) -> None:
        for system in settings["systems"].values():
            system["recipe"] = "nav"

    change_settings(found, forbid)
    answer = found.desk("systems", "prove", "erp", "--on", "erp_copy", "--yes")

    assert (answer.code, "vendor forbids" in answer.err) == (2, True)


def test_nobody_is_asked_nothing_is_done(made: Prepare) -> None:
    """Without --yes a person must agree."""
    found = made("u8")
    before = dump(found.copy)
    answer = found.desk("systems", "prove", "erp", "--on", "erp_copy")

    assert answer.code == 2
    assert before == dump(found.copy)


def test_systems_that_judge_by_themselves_need_none(made: Prepare) -> None:
    """The ERP behind an interface refuses what is wrong."""
    found = made("u8")
    change_settings(found, lambda s: s["systems"].update(fake={"kind": "fake"}))
    answer = found.desk("systems", "prove", "fake", "--on", "erp_copy", "--yes")

    assert (answer.code, "needs no proof" in answer.err) == (2, True)
