"""What goes wrong on real servers ends in one error that says what to do; nothing twice, nothing lost, nothing halved."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from connectors.odbc.connection import Database
from connectors.odbc.images import Images
from connectors.odbc.session import Session
from connectors.odbc.values import Change, New
from connectors.odbc.writing import write
from connectors.odbc.written import Write
from core.errors import (
    AccessDenied,
    Busy,
    NoEffect,
    NotAllowed,
    OutcomeUnknown,
    RecordMissing,
    RefusedError,
    Rejected,
    StaleRecord,
    StornoError,
    Timeout,
    TransientError,
    Unreachable,
)
from tests.integration.odbc.orders import COUNT, closing, is_closed, run, stored


@pytest.fixture
def orders(database: Database) -> Database:
    """Orders that are all open, with a number that is unique."""
    run(
        database,
        "create table orders (id integer not null primary key, no varchar(20) not null unique,"
        " closed varchar(4), flag integer not null)",
        "insert into orders values " + ", ".join(f"({n}, 'PO{n}', 'N', {n})" for n in range(COUNT)),
    )
    return database


@pytest.fixture
def other(opened: Callable[..., Database]) -> Database:
    """Somebody else, on a connection of their own."""
    return opened()


def place_of(victim: Session) -> int:
    """Return the number by which the server knows a session."""
    is_postgresql = victim.dialect.name == "postgresql"
    ((number,),) = victim.rows(
        "select pg_backend_pid()" if is_postgresql else "select connection_id()"
    )
    return int(number)


def kill(database: Database, victim: Session | int) -> None:
    """End the server's side of a session, as an administrator does."""
    number = place_of(victim) if isinstance(victim, Session) else victim
    if database.dialect.name == "postgresql":
        there = f"select 1 from pg_stat_activity where pid = {number}"
        with database.reading() as session:
            session.rows(f"select pg_terminate_backend({number})")
            # The backend ends a moment later; one transaction sees the same list all the time.
            session.rollback()
            while session.rows(there):
                session.rollback()
    else:
        with database.writing() as session:
            session.change(f"kill {number}")


on_a_server = pytest.mark.parametrize("options", ["postgresql", "mariadb"], indirect=True)


# --- before, during, after the COMMIT -----------------------------------------------------------


@on_a_server
def test_a_backend_killed_before_the_commit(orders: Database, other: Database) -> None:
    """Certain that nothing happened; the same batch passes on the next try, on a new connection."""
    before = stored(orders)

    def killing(session: Session, _: Images) -> None:
        kill(other, session)
        session.rows("select 1")

    with pytest.raises(TransientError):
        write(orders, closing(before), check=killing)

    assert stored(orders) == before
    write(orders, closing(before))
    assert is_closed(stored(orders)) == {"y"}


@on_a_server
def test_a_backend_killed_just_before_the_commit(orders: Database, other: Database) -> None:
    """The COMMIT meets a dead connection: the records tell that nothing happened."""
    before = stored(orders)
    victim: list[int] = []

    with pytest.raises(Busy):
        write(
            orders,
            closing(before),
            check=lambda session, _: victim.append(place_of(session)),
            before_commit=lambda: kill(other, victim[0]),
        )

    assert stored(orders) == before


@pytest.mark.parametrize("options", ["postgresql"], indirect=True)
def test_a_backend_killed_before_it_was_told_its_zone(
    orders: Database, other: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No COMMIT was sent, so there is no doubt, whether or not anybody can look at the records."""
    before = stored(orders)

    def refuse(*_: Any, **__: Any) -> Session:
        raise Unreachable(system="erp", problem="no route")

    def kill_all(session: Session, _: Images) -> None:
        kill(other, session)
        patched.setattr(Database, "open", refuse)

    with monkeypatch.context() as patched, pytest.raises(TransientError):
        write(orders, closing(before), check=kill_all)


@on_a_server
def test_the_answer_to_the_commit_is_lost(
    orders: Database, other: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The COMMIT was done and its answer never came: the records tell, and the batch counts as done."""
    before = stored(orders)
    commit = Session.commit

    def lose_the_answer(self: Session) -> None:
        commit(self)
        kill(other, self)
        self.drop()
        raise OutcomeUnknown(system="erp", problem="the connection was cut")

    with monkeypatch.context() as patched:
        patched.setattr(Session, "commit", lose_the_answer)
        write(orders, closing(before))

    now = stored(orders)
    assert is_closed(now) == {"y"}
    assert {key: row.fields["flag"] for key, row in now.items()} == {
        str(number): number + 1 for number in range(COUNT)
    }
    assert len(before) == COUNT


@on_a_server
def test_nobody_knows_while_the_server_cannot_be_asked(
    orders: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the answer nor the records: in doubt, never called done."""
    before = stored(orders)

    def lose_everything(self: Session) -> None:
        self.drop()

        def refuse(*_: Any, **__: Any) -> Session:
            raise Unreachable(system="erp", problem="no route")

        monkeypatch.setattr(Database, "open", refuse)
        raise OutcomeUnknown(system="erp", problem="the connection was cut")

    with monkeypatch.context() as patched:
        patched.setattr(Session, "commit", lose_everything)
        with pytest.raises(OutcomeUnknown):
            write(orders, closing(before))


# --- locks --------------------------------------------------------------------------------------


def test_somebody_holds_a_row(orders: Database, other: Database) -> None:
    """The wait has an end that the server keeps, and nothing was changed."""
    before = stored(orders)
    with other.writing() as session:
        session.change("update orders set flag = 99 where id = 7")

        with pytest.raises(Busy):
            write(orders, closing(before))

        session.rollback()
    assert stored(orders) == before


@on_a_server
def test_a_deadlock(orders: Database, other: Database) -> None:
    """Whoever is the victim has changed nothing; the other one's work stands whole."""
    before = stored(orders)
    ours, theirs = closing(before)[:1], closing(before)[1:2]
    both_hold = threading.Barrier(2)
    ended: dict[str, StornoError | None] = {}

    def crossing(mine: list[Write], then: list[Write], name: str, database: Database) -> None:
        def meet(session: Session, images: Images) -> None:
            both_hold.wait(10)
            images.rows("orders", ["id"], [each.ref.key for each in then], ["closed"], lock=True)
            session.change(f"update orders set closed = 'y' where id = {then[0].ref.key}")

        try:
            write(database, mine, check=meet)
            ended[name] = None
        except StornoError as error:
            ended[name] = error

    threads = [
        threading.Thread(target=crossing, args=(ours, theirs, "we", orders)),
        threading.Thread(target=crossing, args=(theirs, ours, "they", other)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert not any(thread.is_alive() for thread in threads)
    victims = [error for error in ended.values() if error is not None]
    assert victims
    assert all(isinstance(error, Busy) for error in victims)
    now = stored(orders)
    closed = [key for key in ("0", "1") if now[key].fields["closed"] == "y"]
    assert len(closed) == (2 if len(victims) == 1 else 0)


@on_a_server
def test_a_statement_that_takes_too_long(opened: Callable[..., Database], options: Any) -> None:
    """The server itself ends it: the driver's own limit is not kept."""
    limits = options().timeout_seconds.model_copy(update={"statement": 0.5})
    database = opened(timeout_seconds=limits)
    slow = (
        "pg_sleep(20)"
        if database.dialect.name == "postgresql"
        else "count(*) from seq_1_to_99999 a join seq_1_to_99999 b"
    )

    with pytest.raises(Timeout), database.reading() as session:
        session.rows(f"select {slow}")


# --- refusals -----------------------------------------------------------------------------------


def test_somebody_was_faster(orders: Database, other: Database) -> None:
    """The stale record's operation is named, in whatever case its letter differs; nothing was changed."""
    before = stored(orders)
    run(other, "update orders set closed = 'n' where id = 3")

    with pytest.raises(StaleRecord) as caught:
        write(orders, closing(before))

    assert caught.value.offenders == ("operation-3",)
    assert is_closed(stored(orders)) == {"N", "n"}


def test_a_record_that_is_gone(orders: Database, other: Database) -> None:
    """It is named, and the others were not written."""
    before = stored(orders)
    run(other, "delete from orders where id = 3")

    with pytest.raises(RecordMissing) as caught:
        write(orders, closing(before))

    assert caught.value.offenders == ("operation-3",)
    assert is_closed(stored(orders)) == {"N"}


def test_a_unique_violation(orders: Database) -> None:
    """Refused with the database's own words, and the first half of the batch does not stay."""
    before = stored(orders)

    def change(key: str) -> dict[str, Change]:
        return {"no": New("PO0")} if key == "9" else {"closed": New("y")}

    with pytest.raises(Rejected) as caught:
        write(orders, closing(before, change))

    assert caught.value.offenders == ("operation-9",)
    assert stored(orders) == before
    write(orders, closing(before))  # The next batch finds a sound connection.


def test_a_value_that_the_column_cannot_hold(orders: Database) -> None:
    """A text that would be cut or rounded is a refusal, never a silent change."""
    before = stored(orders)

    with pytest.raises((Rejected, NoEffect)) as caught:
        write(orders, closing(before, lambda _: {"flag": New("many")}))

    assert isinstance(caught.value, RefusedError)
    assert stored(orders) == before


@pytest.mark.parametrize("options", ["mariadb"], indirect=True)
def test_a_sign_that_the_column_cannot_hold(database: Database) -> None:
    """A character outside the column's character set is refused, not stored as a question mark."""
    run(
        database,
        "create table orders (id int primary key, no varchar(20) charset gbk, closed varchar(4), flag int)",
        "insert into orders values (1, 'PO', 'N', 1)",
    )
    before = stored(database)

    with pytest.raises(Rejected):
        write(database, closing(before, lambda _: {"no": New("ü𠮷")}))

    assert stored(database) == before


@on_a_server
def test_a_trigger_with_another_mind(orders: Database) -> None:
    """What a trigger changes back shows before the COMMIT: no effect, and nothing stays."""
    if orders.dialect.name == "postgresql":
        run(
            orders,
            "create function keep_open() returns trigger language plpgsql as"
            " 'begin new.closed = old.closed; return new; end'",
            "create trigger keep_open before update on orders for each row execute function keep_open()",
        )
    else:
        run(
            orders,
            "create trigger keep_open before update on orders for each row set new.closed = old.closed",
        )
    before = stored(orders)

    with pytest.raises(NoEffect) as caught:
        write(orders, closing(before))

    assert len(caught.value.offenders) == COUNT
    assert stored(orders) == before


@pytest.mark.parametrize("options", ["mariadb"], indirect=True)
def test_a_table_without_transactions(database: Database) -> None:
    """Nothing is written where nothing could be taken back."""
    run(
        database,
        "create table orders (id int primary key, no varchar(20), closed varchar(4), flag int) engine = MyISAM",
        "insert into orders values (1, 'PO', 'N', 1)",
    )
    before = stored(database)

    with pytest.raises(NotAllowed):
        write(database, closing(before))

    assert stored(database) == before


def test_the_last_check_says_no(orders: Database) -> None:
    """Whatever is raised before the COMMIT, the fence above all, takes everything back."""
    before = stored(orders)

    def fenced() -> None:
        raise Rejected(system="erp", said="another worker took over")

    with pytest.raises(Rejected):
        write(orders, closing(before), before_commit=fenced)

    assert stored(orders) == before


# --- reading ---------------------------------------------------------------------------------------


def test_reading_sessions_cannot_write(orders: Database) -> None:
    """The server refuses, not only we."""
    before = stored(orders)

    with pytest.raises(AccessDenied), orders.reading() as session:
        session.rows("update orders set flag = 0")

    assert stored(orders) == before
