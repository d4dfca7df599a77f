"""Time zones on real servers: the ERP's triggers tell the ERP's time, and a moment with a zone is one moment everywhere."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from config.recipe_files import read_recipe
from connectors.contract import Call, Criteria, Kind, Ref, Step
from connectors.odbc.connection import Database
from connectors.odbc.connector import OdbcSystem
from connectors.odbc.images import Images, Row
from connectors.odbc.recipe_actions import RecipeAction
from connectors.odbc.values import New, is_same
from connectors.odbc.writing import write
from connectors.odbc.written import Write
from core import clock
from sandbox import mariadb
from tests.integration.odbc.conftest import Options
from tests.integration.odbc.orders import run

HERE: Final = "Asia/Shanghai"
IN_SUMMER: Final = "Europe/Berlin"
"""A zone in which one hour of a year comes twice."""

RECIPE: Final = """
recipe: 1
name: mine
version: 1
erp: Mine
product: Mine
databases: [mariadb, postgresql]
kinds:
  purchase_order:
    label: order
    document:
      table: po
      key: [id]
      number: [no]
      columns: {changed_at: closed_at, closed_at: closed_at}
    closed:
      document: mark = 'y'
    close:
      document: {mark: "'y'", closed_at: now(), closed_on: today()}
    reopen:
      document: {mark: "''", closed_at: null, closed_on: null}
    by_person: {screen: orders, press: close, reopen_press: open}
"""

on_a_server = pytest.mark.parametrize("options", ["postgresql", "mariadb"], indirect=True)


@pytest.fixture
def set_zone(request: pytest.FixtureRequest, options: Options) -> Iterator[Callable[[str], None]]:
    """Give the server's sessions a zone, as the administrator of an ERP does."""
    with_own = Database("erp", options())

    def on_mariadb(zone: str) -> None:
        server: mariadb.Server = request.getfixturevalue("mariadb_server")
        told = subprocess.run(
            [mariadb.program("mariadb-tzinfo-to-sql"), f"/usr/share/zoneinfo/{zone}", zone],
            capture_output=True,
            check=True,
            encoding="utf-8",
        ).stdout
        known = server.run(f"select 1 from mysql.time_zone_name where name = '{zone}'")
        if not known.strip():
            server.run(told, database="mysql")
        server.run(f"set global time_zone = '{zone}'")

    def on_postgresql(zone: str) -> None:
        run(with_own, f"alter database postgres set timezone = '{zone}'")

    is_postgresql = with_own.dialect.name == "postgresql"
    yield on_postgresql if is_postgresql else on_mariadb
    if is_postgresql:
        run(with_own, "alter database postgres reset timezone")
    else:
        request.getfixturevalue("mariadb_server").run("set global time_zone = 'SYSTEM'")
    with_own.close()


def local(zone: str) -> datetime:
    return clock.now().astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def is_about(moment: datetime, text: Any) -> bool:
    return abs(datetime.fromisoformat(str(text)) - moment) < timedelta(minutes=5)


# --- what the ERP writes by itself -----------------------------------------------------------------

LOGGING: Final = {
    "postgresql": (
        "create table t (id int primary key, mark varchar(9), at {0}, logged timestamp, late timestamp)",
        "create function logs() returns trigger language plpgsql as $$ begin new.logged = now(); return new; end $$",
        "create trigger logs before update on t for each row execute function logs()",
        "create table told (at timestamp)",
        (
            "create function tells() returns trigger language plpgsql"
            " as $$ begin insert into told values (now()); return null; end $$"
        ),
        (
            "create constraint trigger tells after update on t deferrable initially deferred"
            " for each row execute function tells()"
        ),
    ),
    "mariadb": (
        (
            "create table t (id int primary key, mark varchar(9), at {0} null, logged datetime,"
            " late datetime on update current_timestamp)"
        ),
        "create trigger logs before update on t for each row set new.logged = now()",
    ),
}


@on_a_server
@pytest.mark.parametrize("zone", [HERE, "America/New_York"])
@pytest.mark.parametrize("has_zoned", [False, True])
def test_triggers_tell_the_time_of_the_erp(
    options: Options, set_zone: Callable[[str], None], zone: str, *, has_zoned: bool
) -> None:
    """Triggers, those that wait for COMMIT, and ON UPDATE columns write local time, as if the ERP itself had written.

    Also where Storno writes a moment with a zone in the same statement.
    """
    set_zone(zone)
    database = Database("erp", options())
    name = database.dialect.name
    kind = {"postgresql": "timestamptz", "mariadb": "timestamp"}[name]
    run(database, *(each.format(kind) for each in LOGGING[name]), "insert into t (id) values (1)")
    database.close()

    stamp = datetime(2026, 7, 1, 12, 30, tzinfo=UTC)
    changes = {"mark": New("y"), **({"at": New(stamp)} if has_zoned else {})}
    write(database, [Write("one", Ref("t", "1"), ("id",), {}, changes)])

    with database.reading() as session:
        names = "logged" if name == "postgresql" else "cast(logged as char), cast(late as char)"
        (found,) = session.rows(f"select {names} from t")
        if name == "postgresql":
            found = (*found, *session.rows("select at from told")[0])
        row = Images(session).rows("t", ["id"], ["1"], ["at"])["1"]
    database.close()
    assert all(is_about(local(zone), text) for text in found), found
    assert row.fields["at"] == (stamp if has_zoned else None)


# --- moments with a zone --------------------------------------------------------------------------

_DOUBLE_HOURS: Final = (
    "2026-10-25 00:30:00",  # 02:30 in summer
    "2026-10-25 01:30:00",  # 02:30 again, in winter
    "2026-10-25 01:30:00.000001",
    "2026-03-29 00:59:59.999999",  # the last moment before an hour that never was
    "2026-03-29 01:00:00",
)

STAMPS: Final = {
    "postgresql": (
        "timestamptz",
        (
            *(f"'{each}+00'" for each in _DOUBLE_HOURS),
            *("'infinity'", "'-infinity'", "'0044-03-15 12:00:00 BC'", "'1890-01-01 00:00:00+00'"),
            *("'294276-12-31 23:59:59.999999+00'", "'2040-10-28 00:30:00+00'"),
        ),
    ),
    "mariadb": (
        "timestamp(6) null",
        (
            *(f"'{each}'" for each in _DOUBLE_HOURS),
            *("'0000-00-00 00:00:00'", "'1970-01-01 00:00:01.000001'"),
            "'2038-01-19 03:14:07.999999'",
        ),
    ),
}


@on_a_server
@pytest.mark.parametrize("zone", [IN_SUMMER, HERE])
def test_every_stamp_survives_in_every_zone(
    options: Options, set_zone: Callable[[str], None], zone: str
) -> None:
    """Each moment that a column with a zone can hold returns to the last digit, the hour that comes twice included."""
    set_zone(zone)
    database = Database("erp", options())
    kind, literals = STAMPS[database.dialect.name]
    more = (
        ", span tstzrange, several timestamptz[]"
        if database.dialect.name == "postgresql"
        else ", span int, several int"
    )
    in_utc = (
        "set time zone 'UTC'"
        if database.dialect.name == "postgresql"
        else "set session time_zone = '+00:00', session sql_mode = ''"
    )
    run(database, in_utc, f"create table t (id int primary key, at {kind}{more})")
    both = (
        "'[2026-10-25 00:30:00+00,2026-10-25 01:30:00+00)', '{2026-10-25 01:30:00+00,null}'"
        if database.dialect.name == "postgresql"
        else "1, 2"
    )
    values = ", ".join(f"({n}, {each}, {both})" for n, each in enumerate(literals))
    run(database, in_utc, f"insert into t values {values}", "create table w as select * from t")
    database.close()

    keys = [str(n) for n in range(len(literals))]

    def stored() -> dict[str, Row]:
        with database.reading() as session:
            return Images(session).rows("t", ["id"], keys, ["at", "span", "several"])

    before = stored()
    _write(
        database, before, {key: dict.fromkeys(row.fields, New(None)) for key, row in before.items()}
    )
    now = stored()
    _write(
        database,
        now,
        {
            key: {
                name: New(*row.cell(name))
                for name in row.fields
                if not is_same(row.cell(name), now[key].cell(name))
            }
            for key, row in before.items()
        },
    )

    assert stored() == before
    with database.reading() as session:
        same = "is not distinct from" if database.dialect.name == "postgresql" else "<=>"
        ((count,),) = session.rows(
            f"select count(*) from t join w on t.id = w.id and t.at {same} w.at"
        )
    database.close()
    assert count == len(literals)


def _write(database: Database, before: dict[str, Row], changes: dict[str, dict[str, Any]]) -> None:
    write(
        database,
        [
            Write(
                f"operation {key}",
                Ref("t", key),
                ("id",),
                {name: row.cell(name) for name in row.fields},
                changes[key],
            )
            for key, row in before.items()
        ],
    )


class Closed(NamedTuple):
    system: OdbcSystem
    action: RecipeAction
    step: Step


@on_a_server
@pytest.mark.parametrize("kind", ["with a zone", "without"])
def test_now_is_now(
    options: Options, set_zone: Callable[[str], None], tmp_path: Path, kind: str
) -> None:
    """What `now()` and `today()` write is the moment of the close, whether the column has a zone or keeps local time.

    Image and bulk face tell the same moment, and a rollback empties the column again.
    """
    set_zone(HERE)
    path = tmp_path / "mine.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    database = Database("erp", options())
    native = {
        ("postgresql", "with a zone"): "timestamptz",
        ("postgresql", "without"): "timestamp",
        ("mariadb", "with a zone"): "timestamp null",
        ("mariadb", "without"): "datetime null",
    }[database.dialect.name, kind]
    run(
        database,
        "create table po (id int primary key, no varchar(20), mark varchar(20),"
        f" closed_at {native}, closed_on {native})",
        "insert into po (id, no, mark) values (1, 'PO1', '')",
    )
    database.close()
    system = OdbcSystem("erp", options(time_zone=HERE), read_recipe(path))
    system.trust_as_copy()
    action = system.actions()["purchase_order.close"]
    assert isinstance(action, RecipeAction)
    step = Step(action.name, Ref("po", "1"))
    (before,) = system.capture([step], [None])

    system.apply([Call("one", step, before)])

    (after,) = system.capture([step], [before])
    told = action.changed_at(after, Ref("po", "1"))
    assert told is not None
    assert abs(told - clock.now()) < timedelta(minutes=5)
    (row,) = [
        row
        for batch in system.documents(Kind.PURCHASE_ORDER, Criteria())
        for row in batch.select(["closed_at"]).to_pylist()
    ]
    assert row["closed_at"].replace(microsecond=0) == told
    with database.reading() as session:
        day = {
            "postgresql": f"(closed_on at time zone '{HERE}')::text"
            if kind == "with a zone"
            else "closed_on::text",
            "mariadb": "cast(convert_tz(closed_on, '+00:00', '+08:00') as char)"
            if kind == "with a zone"
            else "cast(closed_on as char)",
        }[database.dialect.name]
        ((midnight,),) = session.rows(f"select {day} from po")
    database.close()
    assert f"{local(HERE).date()} 00:00:00" == midnight
    (back,) = action.inverse(step, before, after)
    system.apply([Call("two", back, after)])
    assert system.capture([step], [before]) == [before]
    system.close()
