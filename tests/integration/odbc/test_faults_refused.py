"""What a server refuses, has no room for, or no longer knows: settled too, with an error that says what to do."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from connectors.odbc.dialect_sqlite import SQLite
from core.errors import (
    Busy,
    NotFound,
    StornoError,
)
from recovery.states import ChangeSetState, OperationState
from sandbox import mariadb, postgres
from tests.integration.odbc.ground import LINES, Ground

pytestmark = pytest.mark.timeout(180)

COUNT: Final = 8
APPLIED, PAUSED = ChangeSetState.APPLIED, ChangeSetState.PAUSED
REFUSED = OperationState.REFUSED

on_a_server = pytest.mark.parametrize("ground", ["postgresql", "mariadb"], indirect=True)


# --- refusals -------------------------------------------------------------------------------------


def refuse_one(ground: Ground, number: str) -> None:
    """Let the database refuse the lines of one order: a trigger books each change, and this one is booked already."""
    first, second = (
        part.ljust(width) for part, width in zip(number.split("-"), (4, 11), strict=True)
    )
    text = "varchar(30) not null primary key"
    if ground.backend == "mariadb":
        ground.sql(
            f"create table booked (no {text})",
            f"insert into booked select distinct concat(`TD001`, '-', `TD002`) from `{LINES}`"
            f" where `TD001` = '{first.strip()}' and trim(`TD002`) = '{second.strip()}'",
            f"create trigger book after update on `{LINES}` for each row"
            " insert into booked select concat(old.`TD001`, '-', old.`TD002`) from booked"
            " where no = concat(old.`TD001`, '-', old.`TD002`)",
        )
        return
    insert = (
        f'insert into booked select distinct "TD001" || \'-\' || "TD002" from "{LINES}"'
        f" where trim(\"TD001\") = '{first.strip()}' and trim(\"TD002\") = '{second.strip()}'"
    )
    when = 'old."TD001" || \'-\' || old."TD002"'
    if ground.backend == "postgresql":
        ground.sql(
            f"create table booked (no {text})",
            insert,
            "create function book() returns trigger language plpgsql as $$ begin"
            f" if exists (select 1 from booked where no = {when}) then insert into booked values ({when});"
            " end if; return null; end $$",
            f'create trigger book after update on "{LINES}" for each row execute function book()',
        )
    else:
        ground.sql(
            f"create table booked (no {text})",
            insert,
            f'create trigger book after update on "{LINES}" when exists (select 1 from booked where no = {when})'
            f" begin insert into booked values ({when}); end",
        )


def test_a_unique_violation(ground: Ground) -> None:
    """The order that the database refuses stands alone with the database's words; all others are closed."""
    numbers = ground.numbers(COUNT)
    refuse_one(ground, numbers[3])
    before = ground.dump()
    done = ground.run(ground.approved(numbers))

    assert done.state is ChangeSetState.PARTLY_APPLIED
    assert {n for n, state in ground.states(done).items() if state is REFUSED} == {numbers[3]}
    said = {"sqlite": "UNIQUE", "postgresql": "booked_pkey", "mariadb": "Duplicate entry"}
    assert said[ground.backend] in ground.reasons(done)[numbers[3]]
    ground.settled(done, before)


@on_a_server
def test_a_name_in_signs_that_the_server_cannot_hold(ground: Ground) -> None:
    """A character outside the character set refuses each order in the server's words; nothing becomes a question mark."""
    if ground.backend == "mariadb":
        ground.sql(f"alter table `{LINES}` modify `MODIFIER` varchar(10) character set gbk")
    else:
        # A whole database in another encoding could not hold the practice company's own names.
        ground.sql(
            "create function in_gbk() returns trigger language plpgsql as"
            """ 'begin perform convert_to(new."MODIFIER", ''GBK''); return new; end'""",
            f'create trigger in_gbk before update on "{LINES}" for each row execute function in_gbk()',
        )
    sign = "`" if ground.backend == "mariadb" else '"'
    ground.sql(f"insert into {sign}DSCMA{sign} ({sign}MA001{sign}) values ('DS𠮷')")
    before, numbers = ground.dump(), ground.numbers(2)
    ground.begin_anew(closer="DS𠮷")
    done = ground.run(ground.approved(numbers))

    assert done.state is ChangeSetState.FAILED
    assert set(ground.states(done).values()) == {REFUSED}
    said = {"postgresql": "GBK", "mariadb": "MODIFIER"}[ground.backend]
    assert all(said in reason for reason in ground.reasons(done).values())
    assert before == ground.dump()

    ground.begin_anew()
    done = ground.run(ground.approved(numbers))
    assert done.state is APPLIED
    ground.settled(done, before)


# --- no room --------------------------------------------------------------------------------------


def fill(ground: Ground, size: int, place: str = "") -> None:
    """Let each change of a line write so many bytes somewhere else."""
    if ground.backend == "mariadb":
        ground.sql(
            f"create table filler (content varchar(6000)){place}",
            f"create trigger fill after update on `{LINES}` for each row"
            # In small rows: of one large value, InnoDB dies when its file cannot grow.
            f" insert into filler select repeat('x', 6000) from seq_1_to_{size // 6000}",
        )
    elif ground.backend == "postgresql":
        ground.sql(
            f"create table filler (content text){place}",
            "alter table filler alter column content set storage external",
            "create function fill() returns trigger language plpgsql as"
            f" $$ begin insert into filler select repeat(md5(random()::text), {size} / 32); return null; end $$",
            f'create trigger fill after update on "{LINES}" for each row execute function fill()',
        )
    else:
        ground.sql(
            "create table filler (content blob)",
            f'create trigger fill after update on "{LINES}" begin insert into filler values (zeroblob({size})); end',
        )


def full_disk(ground: Ground, make_room: Callable[[], None]) -> None:
    """Nothing was done, the note says what to do, and with more room it goes on."""
    before, numbers = ground.dump(), ground.numbers(COUNT)
    approved = ground.approved(numbers)
    with pytest.raises(Busy, match="no room left on its disk"):
        ground.run(approved, seconds=0.2)
    paused = ground.again(approved)

    assert paused.state is PAUSED
    assert "Make room" in str(paused.note)
    assert before == ground.dump()

    make_room()
    ground.begin_anew()
    done = ground.run(approved)
    assert done.state is APPLIED
    ground.settled(done, before)


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_a_full_disk_under_sqlite(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file may grow by a megabyte and no more."""
    fill(ground, 400_000)
    settings = SQLite.session_settings

    def narrow(self: SQLite, *given: Any, **named: Any) -> tuple[str, ...]:
        return (*settings(self, *given, **named), "pragma max_page_count = 1000")

    def make_room() -> None:
        patched.undo()
        ground.sql("drop trigger fill", "delete from filler")

    with monkeypatch.context() as patched:
        patched.setattr(SQLite, "session_settings", narrow)
        ground.begin_anew()
        full_disk(ground, make_room)


@contextmanager
def small_disk(folder: Path, owner: str) -> Iterator[Path]:
    """Mount a file system of eight megabytes; only root may, elsewhere the test says so."""
    folder.mkdir()
    mounting = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounting.returncode:
        folder.rmdir()
        pytest.skip("a small file system can be mounted by root alone")
    try:
        shutil.chown(folder, owner)
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


@pytest.mark.parametrize("ground", ["mariadb"], indirect=True)
def test_a_full_disk_under_mariadb(ground: Ground, mariadb_server: mariadb.Server) -> None:
    """The disk of a table is full."""
    folder = mariadb_server.folder
    with small_disk(folder / "small", folder.owner()) as disk:
        fill(ground, 3_000_000, f" data directory '{disk}'")
        full_disk(ground, lambda: ground.sql("drop trigger fill", "drop table filler"))


@pytest.mark.parametrize("ground", ["postgresql"], indirect=True)
def test_a_full_disk_under_postgresql(ground: Ground, postgres_cluster: postgres.Cluster) -> None:
    """The disk of a tablespace is full."""
    folder = postgres_cluster.folder
    with small_disk(folder / "small", folder.owner()) as disk:
        outside_transactions(ground, f"create tablespace small location '{disk}'")
        try:
            fill(ground, 3_000_000, " tablespace small")
            full_disk(
                ground, lambda: ground.sql(f'drop trigger fill on "{LINES}"', "drop table filler")
            )
        finally:
            ground.sql("drop table if exists filler cascade")
            outside_transactions(ground, "drop tablespace small")


def outside_transactions(ground: Ground, statement: str) -> None:
    with ground.somebody_else() as session:
        session._connection.autocommit = True
        session._cursor.execute(statement)


# --- drivers and schemas --------------------------------------------------------------------------


def test_a_driver_that_went_missing(ground: Ground) -> None:
    """The error names it and those that are there; with the driver back, the plan runs."""
    before, numbers = ground.dump(), ground.numbers(COUNT)
    approved = ground.approved(numbers)
    ground.begin_anew(driver="Driver of another house", dialect=ground.backend)
    with pytest.raises(NotFound) as caught:
        ground.run(approved)

    assert "Driver of another house" in str(caught.value)
    assert "SQLite3" in str(caught.value)
    ground.begin_anew()
    done = ground.run(approved)
    assert done.state is APPLIED
    ground.settled(done, before)


def test_a_column_that_was_renamed_before_a_new_process(ground: Ground) -> None:
    """The run stops with the column's name before anything is written; when it is back, it goes on."""
    before, numbers = ground.dump(), ground.numbers(COUNT)
    approved = ground.approved(numbers)
    rename(ground, "TD016", "TD016_old")
    ground.begin_anew()
    with pytest.raises(StornoError, match="TD016"):
        ground.run(approved, seconds=0.2)

    rename(ground, "TD016_old", "TD016")
    assert before == ground.dump()
    ground.begin_anew()
    done = ground.run(approved)
    assert done.state is APPLIED
    ground.settled(done, before)


@on_a_server
def test_a_column_that_was_renamed_under_a_running_process(ground: Ground) -> None:
    """The database itself says that it does not know it; nothing was written, and it goes on later."""
    before, numbers = ground.dump(), ground.numbers(COUNT)
    approved = ground.approved(numbers)
    rename(ground, "TD016", "TD016_old")
    with pytest.raises(NotFound, match="TD016"):
        ground.run(approved, seconds=0.2)

    assert ground.again(approved).state is PAUSED
    rename(ground, "TD016_old", "TD016")
    assert before == ground.dump()
    ground.begin_anew()
    done = ground.run(approved)
    assert done.state is APPLIED
    ground.settled(done, before)


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_a_column_that_was_renamed_under_sqlite(ground: Ground) -> None:
    """SQLite takes the name of a column that is not there for a text: the evidence moved, nothing is written."""
    numbers = ground.numbers(COUNT)
    approved = ground.approved(numbers)
    rename(ground, "TD016", "TD016_old")
    before = ground.dump()
    done = ground.run(approved, seconds=0.2)

    assert done.state is ChangeSetState.FAILED
    assert set(ground.states(done).values()) == {OperationState.DROPPED}
    assert all("TD016" in reason for reason in ground.reasons(done).values())
    assert before == ground.dump()


def rename(ground: Ground, old: str, new: str) -> None:
    sign = "`" if ground.backend == "mariadb" else '"'
    ground.sql(
        f"alter table {sign}{LINES}{sign} rename column {sign}{old}{sign} to {sign}{new}{sign}"
    )


@on_a_server
@pytest.mark.parametrize("is_new", [True, False], ids=["new process", "same process"])
def test_a_column_that_became_shorter(ground: Ground, is_new: bool) -> None:
    """What no longer fits is refused, by us with the column's name or by the server; nothing is cut or left half-way."""
    sign, kind = (
        ("`", "modify {}") if ground.backend == "mariadb" else ('"', "alter column {} type")
    )
    column = f"{sign}MODI_PRID{sign}"
    ground.sql(f"update {sign}{LINES}{sign} set {column} = null")
    before, numbers = ground.dump(), ground.numbers(2)
    approved = ground.approved(numbers)
    ground.sql(f"alter table {sign}{LINES}{sign} {kind.format(column)} varchar(2)")
    if is_new:
        ground.begin_anew()
    done = ground.run(approved, seconds=0.2)
    assert set(ground.states(done).values()) == {REFUSED}
    assert all("too long" in reason for reason in ground.reasons(done).values())
    if is_new:
        assert all("MODI_PRID" in reason for reason in ground.reasons(done).values())

    assert before == ground.dump()
    ground.sql(f"alter table {sign}{LINES}{sign} {kind.format(column)} varchar(20)")
    ground.begin_anew()
    done = ground.run(ground.approved(numbers))
    assert done.state is APPLIED
    ground.settled(done, before)
