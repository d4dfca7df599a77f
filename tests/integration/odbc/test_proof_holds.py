"""How long a proof holds, who is told, and what becomes of one that was cut short."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from config import recipe_files
from config.systems import OdbcOptions
from connectors.contract import Executor
from connectors.odbc import facts
from connectors.odbc.connection import Database
from connectors.odbc.connector import open_system
from connectors.odbc.facts import triggers_of
from core import clock
from core.errors import NotAllowed
from recovery.apply import run
from recovery.model import Actor
from recovery.running import batch
from recovery.states import ChangeSetState
from sandbox import mariadb
from sandbox.legacy.dump import dump
from sandbox.legacy.office import open_office
from tests.integration.odbc.pairs import Pair, Prepare, change_settings, pairs


@pytest.fixture
def made(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Prepare]:
    with pairs(request, tmp_path, monkeypatch, capsys) as prepare:
        yield prepare


# --- how long a proof holds -----------------------------------------------------------------------


def add_a_column(pair: Pair, _: Path) -> str:
    pair.run_sql('alter table "PO_Podetails" add column "cDefine99" varchar(20)')
    return "table PO_Podetails"


def add_a_trigger(pair: Pair, _: Path) -> str:
    pair.run_sql(
        'create trigger somebody after update on "PO_Pomain" begin'
        ' update "rowversion_counter" set "last" = "last"; end'
    )
    return "triggers of PO_Pomain"


def rewrite_a_trigger(pair: Pair, _: Path) -> str:
    name = "PO_Podetails_ufts_update"
    pair.run_sql(
        f'drop trigger "{name}"',
        f'create trigger "{name}" after update on "PO_Podetails" begin'
        ' update "PO_Podetails" set "ufts" = null where "ID" = new."ID"; end',
    )
    return "triggers of PO_Podetails"


def change_the_recipe(pair: Pair, folder: Path) -> str:
    recipes = folder / "recipes"
    recipes.mkdir()
    shipped = recipe_files.SHIPPED / "u8.yaml"
    (recipes / "u8.yaml").write_text(
        shipped.read_text(encoding="utf-8").replace("version: 1", "version: 2", 1), encoding="utf-8"
    )
    change_settings(pair, lambda s: s["systems"]["erp"].update(recipes=str(recipes)))
    return "recipe"


@pytest.mark.parametrize(
    "change", [add_a_column, add_a_trigger, rewrite_a_trigger, change_the_recipe]
)
def test_what_has_changed_must_be_proved_again(
    made: Prepare,
    change: Callable[[Pair, Path], str],
    tmp_path: Path,
) -> None:
    """A plan that was approved before is refused, nothing is written, and a person may close meanwhile."""
    found = made("u8")
    found.prove()
    planned = found.desk("close", "plan", "remainders", "--json").json["change_set"]["id"]
    found.desk.done("close", "approve", planned)
    what = change(found, tmp_path)
    before = dump(found.live)
    answer = found.desk("close", "run", planned, "--yes")

    assert answer.code == 2
    assert "systems prove erp --on COPY" in answer.err
    assert what in answer.err
    assert before == dump(found.live)

    proof = found.proof()
    assert not proof["is_valid"]
    assert what in str(proof["problems"])
    assert found.executor() == {Executor.BY_PERSON}


@pytest.mark.parametrize(
    "change, what",
    [
        (add_a_column, "table PO_Podetails"),
        (add_a_trigger, "triggers of PO_Pomain"),
        (None, "not proved"),
    ],
)
def test_a_process_that_lives_for_weeks(
    made: Prepare,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    change: Callable[[Pair, Path], str] | None,
    what: str,
) -> None:
    """It looks again when a run begins: at tables, at triggers, and at the proof."""
    found = made("u8")
    found.prove()
    ready = found.desk.ready()[:2]
    plans = []
    for number in ready:
        plan = found.desk("close", "plan", "remainders", number, "--json").json["change_set"]["id"]
        found.desk.done("close", "approve", plan)
        plans.append(plan)
    settings = yaml.safe_load((found.desk.folder / "storno.yaml").read_text(encoding="utf-8"))
    options = {k: v for k, v in settings["systems"]["erp"].items() if k != "kind"}
    system = open_system("erp", OdbcOptions.model_validate(options))
    passed = [0.0]
    monkeypatch.setattr(clock, "monotonic", lambda: passed[0])
    with closing(found.journal()) as journal, closing(system):
        proofs = [journal.proof("erp")]
        system.trust(lambda: proofs[0])
        first = run(journal, lambda _: system, plans[0], actor=Actor("Mei Lin"))
        if change is None:
            proofs[0] = None
        else:
            change(found, tmp_path)
        before = dump(found.live)
        passed[0] += 86_400.0
        with pytest.raises(NotAllowed, match=what):
            run(journal, lambda _: system, plans[1], actor=Actor("Mei Lin"))

    assert ChangeSetState.APPLIED is first.state
    assert before == dump(found.live)


@pytest.mark.parametrize("made", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "change",
    [
        'alter table "PO_Pomain" disable trigger user',
        'create rule somebody as on update to "PO_Pomain" do also notify "PO_Pomain"',
    ],
)
def test_what_postgresql_does_beside_an_update(made: Prepare, change: str) -> None:
    """A trigger that fires here and not on the copy, and a rule, make of a write what was never proved."""
    found = made("u8")
    found.prove()
    found.run_sql(change)

    proof = found.proof()
    assert not proof["is_valid"]
    assert "triggers of PO_Pomain" in str(proof["problems"])


def test_a_closing_that_insists_on_the_interface(made: Prepare) -> None:
    """It is told what to do, before anything is planned."""
    found = made("u8")

    def insist(settings: dict[str, Any]) -> None:
        settings["closings"]["remainders"]["routes"][0]["executor"] = "interface"

    change_settings(found, insist)
    answer = found.desk("close", "plan", "remainders")

    assert answer.code == 2
    assert "storno systems prove erp --on COPY" in answer.err
    assert "by_person" in answer.err


def test_asking_makes_no_journal(made: Prepare) -> None:
    """`systems check` without a journal finds no proof, and leaves no file."""
    found = made("u8")

    assert found.proof()["proved_at"] is None
    assert not (found.desk.folder / "journal.db").exists()


def test_the_proof_is_shown(made: Prepare) -> None:
    """When, by whom, on which copy, and whether it still holds."""
    found = made("u8")
    before = found.desk("systems", "check", "erp").out
    found.prove()
    after = found.desk("systems", "check", "erp").out

    assert "storno systems prove erp --on COPY" in " ".join(before.split())
    assert "by Mei Lin, on erp_copy" in " ".join(after.split())
    assert "it holds" in after


class _KilledError(BaseException):
    """The process ends here."""


@contextmanager
def dying_at(point: str) -> Iterator[None]:
    """Let the process die at a crash point."""

    def crash(name: str) -> None:
        if name == point:
            raise _KilledError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch, "crashpoint", crash)
        try:
            yield
        except _KilledError:
            return
    pytest.fail("it lived on")


@pytest.fixture
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits until a lost call has certainly ended finds that it has."""
    monkeypatch.setattr(clock, "sleep", lambda _: None)


@pytest.mark.usefixtures("_no_waiting")
@pytest.mark.parametrize("point", ["apply.after_intent", "apply.after_call", "apply.after_outcome"])
def test_a_proof_that_was_cut_short(made: Prepare, point: str) -> None:
    """What it left on the copy is finished and taken back by the next one."""
    found = made("k3")
    before = dump(found.copy)
    with dying_at(point):
        found.desk("systems", "prove", "erp", "--on", "erp_copy", "--yes")
    found.prove()

    assert before == dump(found.copy)
    assert found.proof()["is_valid"]


@pytest.mark.usefixtures("_no_waiting")
def test_a_copy_that_was_restored_anew(made: Prepare, tmp_path: Path) -> None:
    """What an earlier proof did there is gone; that does no harm."""
    found = made("k3")
    kept = tmp_path / "backup.sqlite"
    shutil.copy(str(found.copy.place), kept)
    with dying_at("apply.after_outcome"):
        found.desk("systems", "prove", "erp", "--on", "erp_copy", "--yes")
    shutil.copy(kept, str(found.copy.place))
    before = dump(found.copy)
    found.prove()

    assert before == dump(found.copy)


def test_an_edited_proof_is_found(made: Prepare) -> None:
    """A proof stands in the audit chain: whoever writes one into the journal by hand is found."""
    found = made("k3")
    found.prove()
    with closing(found.journal()) as journal, journal._database.writing() as connection:
        connection.exec_driver_sql("DROP TRIGGER guard_move_update")
        connection.exec_driver_sql(
            "UPDATE move SET detail = replace(detail, 'Mei Lin', 'nobody') WHERE subject = 'proof'"
        )
    with closing(found.journal()) as journal:
        assert not journal.verify().is_intact


def test_business_on_the_copy_meanwhile(made: Prepare) -> None:
    """Goods received on the copy are no part of a proof; the next one holds."""
    found = made("k3")
    found.prove()
    with open_office(found.copy) as office:
        office.receive(next(iter(found.copy.story.side("purchase"))))
    found.prove()

    assert found.proof()["is_valid"]


def test_nothing_is_written_where_triggers_are_hidden(
    made: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An account that sees no triggers cannot prove anything, and what was proved with another one holds no more."""
    found = made("k3")
    found.prove()
    monkeypatch.setattr(facts, "triggers_of", lambda *_: None)
    checked = found.desk("systems", "check", "erp")
    proved = found.desk("systems", "prove", "erp", "--on", "erp_copy", "--yes")

    assert not found.proof()["is_valid"]
    assert "may not see the triggers" in " ".join(checked.out.split())
    assert (proved.code, "may not see the triggers" in " ".join(proved.err.split())) == (2, True)


def test_triggers_that_the_account_may_not_see(
    mariadb_server: mariadb.Server, mariadb_options: Callable[..., OdbcOptions]
) -> None:
    """MariaDB shows none to whoever lacks the right, without any error: that is not the same as none."""
    mariadb_server.run(
        "create table t (id int primary key, c int);"
        " create trigger tr before update on t for each row set new.c = 1;"
        " create or replace user 'low'@'%' identified by 'low'; grant select on storno.t to 'low'@'%'",
        database="storno",
    )
    with closing(Database("erp", mariadb_options(user="low", password="low"))) as low:
        assert triggers_of(low, "t") is None
    mariadb_server.run("grant trigger on t to 'low'@'%'", database="storno")
    with closing(Database("erp", mariadb_options(user="low", password="low"))) as low:
        assert "set new.c = 1" in (triggers_of(low, "t") or {})["tr"]
    mariadb_server.run("drop trigger tr", database="storno")
    with closing(Database("erp", mariadb_options(user="low", password="low"))) as low:
        assert triggers_of(low, "t") == {}
