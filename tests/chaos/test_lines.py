"""The line between Storno and an ERP, a journal's server or a database breaks in every way, at every place."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from threading import Thread
from typing import Final

import pytest

from connectors.contract import Call, Step
from connectors.fake.client import HTTPTransport
from connectors.fake.connector import FakeSystem
from connectors.fake.ledger import applied_counts
from connectors.http import HttpClient
from core.errors import JournalUnreachable, OutcomeUnknown, StornoError, TransientError
from recovery.journal import Journal
from sandbox.postgres import Cluster, start_cluster
from tests.chaos.world import CANCEL
from tests.contract.fake_subject import ServedSubject
from tests.factories import ServedERP
from tests.integration.recovery.postgres_journal import address
from tests.tcp_proxy import How, Mischief, TCPProxy, Way

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(120)]

APPLY: Final = b"/rpc/apply"
CAPTURE: Final = b"/rpc/capture"
BEFORE_THE_ERP: Final = (How.CUT, How.RESET, How.HALF_CLOSE, How.GARBAGE)
PLACES: Final = (0, 1, 60, 110)


@pytest.fixture
def line(erp: ServedERP) -> Iterator[TCPProxy]:
    """A line to the served ERP."""
    with closing(TCPProxy(int(erp.url.rpartition(":")[2]), seed=7)) as proxy:
        yield proxy


def opened(line: TCPProxy, *, seconds: float = 0.5) -> FakeSystem:
    """Open the ERP through the line."""
    http = HttpClient(
        "erp",
        f"http://127.0.0.1:{line.port}",
        read_timeout_seconds=seconds,
        write_timeout_seconds=seconds,
    )
    return FakeSystem("erp", HTTPTransport(http, system="erp", user="storno", password="storno"))


def prepared(erp: ServedERP, line: TCPProxy) -> tuple[FakeSystem, Call]:
    """Return a system and a call that is ready to be made; the system has logged in."""
    subject = ServedSubject(erp)
    step: Step = subject.make(CANCEL)
    system = opened(line)
    (before,) = system.capture([step], [None])
    return system, Call(f"operation {step.ref.key}", step, before)


def done(erp: ServedERP, call: Call) -> int:
    """Return how often the ERP did it."""
    return applied_counts(erp.erp.ledger.lines()).get(call.operation_id, 0)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("how", BEFORE_THE_ERP)
def test_request_broken(erp: ServedERP, line: TCPProxy, how: How, place: int) -> None:
    """A write that is spoilt on its way in is sent once, and done at most once; a yes is a yes."""
    system, call = prepared(erp, line)
    line.order(Mischief(how, Way.TO_SERVER, after_bytes=place, when=APPLY))
    said_yes = False
    # Garbage in a header that nobody reads does no harm.
    with closing(system), suppress(OutcomeUnknown, TransientError):
        said_yes = system.apply([call])[0].refused is None

    assert [how] == [each.how for each in line.met()]
    assert said_yes <= done(erp, call) <= 1
    assert not said_yes or how is How.GARBAGE
    assert 1 >= sum(call.operation_id in each.operations for each in erp.erp.ledger.lines())


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("how", [How.CUT, How.RESET, How.HALF_CLOSE])
def test_answer_broken(erp: ServedERP, line: TCPProxy, how: How, place: int) -> None:
    """A write whose answer is cut was done once, and nobody says that it was not."""
    system, call = prepared(erp, line)
    line.order(Mischief(how, Way.TO_CLIENT, after_bytes=place, when=APPLY))
    with closing(system), suppress(OutcomeUnknown):
        system.apply([call])

    assert [how] == [each.how for each in line.met()]
    assert 1 == done(erp, call)


def test_answer_too_late(erp: ServedERP, line: TCPProxy) -> None:
    """A write whose answer is held back for longer than anybody waits is in doubt, and was done."""
    system, call = prepared(erp, line)
    line.order(Mischief(How.DELAY, Way.TO_CLIENT, when=APPLY, seconds=0.8))
    with closing(system), pytest.raises(OutcomeUnknown):
        system.apply([call])

    assert 1 == done(erp, call)


def test_request_duplicated(erp: ServedERP, line: TCPProxy) -> None:
    """What the network sends twice arrives twice, and the ERP that compares does it once."""
    system, call = prepared(erp, line)
    line.order(Mischief(How.DUPLICATE, when=APPLY))
    with closing(system):
        (answer,) = system.apply([call])

    assert answer.refused is None
    arrivals = [each for each in erp.erp.ledger.lines() if call.operation_id in each.operations]
    assert 2 == len(arrivals)
    assert 1 == len({each.request_id for each in arrivals})
    assert 1 == done(erp, call)


@pytest.mark.parametrize("way", list(Way))
@pytest.mark.parametrize("how", [How.CUT, How.RESET, How.HALF_CLOSE, How.GARBAGE, How.DELAY])
def test_reading_may_be_repeated(erp: ServedERP, line: TCPProxy, how: How, way: Way) -> None:
    """A reading that is spoilt says so or is right, whatever came; the next one is right."""
    system, call = prepared(erp, line)
    line.order(Mischief(how, way, after_bytes=30, when=CAPTURE, seconds=0.8))
    with closing(system):
        with suppress(TransientError):
            assert [call.before] == system.capture([call.step], [None])
        assert [call.before] == system.capture([call.step], [None])


def test_nobody_there(erp: ServedERP, line: TCPProxy) -> None:
    """While the line is down nothing is sent; afterwards everything is as before."""
    system, call = prepared(erp, line)
    with closing(system):
        with line.down(), pytest.raises((TransientError, OutcomeUnknown)):
            system.apply([call])
        assert 0 == done(erp, call)
        assert system.apply([call])[0].refused is None
    assert 1 == done(erp, call)


@pytest.fixture(scope="module")
def postgres_cluster() -> Iterator[Cluster]:
    """A server for a journal."""
    with start_cluster() as cluster:
        yield cluster


@pytest.mark.postgres
@pytest.mark.xdist_group("postgres")
@pytest.mark.parametrize("way", list(Way))
@pytest.mark.parametrize("how", [How.CUT, How.RESET, How.HALF_CLOSE, How.GARBAGE])
def test_line_to_the_journal_broken(postgres_cluster: Cluster, how: How, way: Way) -> None:
    """A journal whose line breaks in a commit says that it cannot be reached, and works again on the next try."""
    with closing(TCPProxy(postgres_cluster.port, seed=3)) as line:
        through = address(postgres_cluster, "postgres").replace(
            f":{postgres_cluster.port}/", f":{line.port}/"
        )
        with closing(Journal.open(through)) as journal:
            line.order(Mischief(how, way, when=b"COMMIT"))
            with pytest.raises(StornoError) as caught, journal.writing() as writer:
                writer.connection.exec_driver_sql("UPDATE audit_head SET number = number")
            assert JournalUnreachable is type(caught.value)
            with journal.writing() as writer:
                writer.connection.exec_driver_sql("UPDATE audit_head SET number = number")


@pytest.mark.postgres
@pytest.mark.xdist_group("postgres")
def test_text_spoilt_on_the_way_to_the_journal(postgres_cluster: Cluster) -> None:
    """What the line made of our text is no damage of the journal, and nobody is told to restore a backup."""
    with closing(TCPProxy(postgres_cluster.port, seed=3)) as line:
        through = address(postgres_cluster, "postgres").replace(
            f":{postgres_cluster.port}/", f":{line.port}/"
        )
        with closing(Journal.open(through)) as journal:
            line.order(Mischief(How.GARBAGE, Way.TO_SERVER, after_bytes=24, when=b"spoil me"))
            with pytest.raises(JournalUnreachable), journal.reading() as reader:
                reader.exec_driver_sql("SELECT 'spoil me, please, and everything else'")


@pytest.mark.postgres
@pytest.mark.xdist_group("postgres")
def test_answer_of_the_journal_that_makes_no_sense(postgres_cluster: Cluster) -> None:
    """A column whose name is no text any more is no bug of ours; what is one, stays one."""
    with closing(TCPProxy(postgres_cluster.port, seed=3)) as line:
        through = address(postgres_cluster, "postgres").replace(
            f":{postgres_cluster.port}/", f":{line.port}/"
        )
        with closing(Journal.open(through)) as journal:
            line.order(Mischief(How.GARBAGE, Way.TO_CLIENT, after_bytes=14, when=b"a_column"))
            with pytest.raises(JournalUnreachable), journal.reading() as reader:
                reader.exec_driver_sql("SELECT 1 AS a_column_with_a_name_that_is_long_enough")
            with pytest.raises(ValueError, match="invalid literal"), journal.reading():
                int("what we do wrong ourselves")


class _Echo:
    """A server that says back what it hears; what the proxy itself is tried on."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            Thread(target=self._echo, args=(connection,), daemon=True).start()

    def _echo(self, connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(4096):
                    self.heard += data
                    connection.sendall(data)
            except OSError:
                return

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def echo() -> Iterator[tuple[_Echo, TCPProxy]]:
    """A server and a line to it."""
    with closing(_Echo()) as server, closing(TCPProxy(server.port, seed=1)) as proxy:
        yield server, proxy


def talk(proxy: TCPProxy, said: bytes) -> bytes:
    """Say something and return all that comes back until the connection ends or is silent."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5.0) as client:
        client.sendall(said)
        client.shutdown(socket.SHUT_WR)
        heard = b""
        while data := client.recv(4096):
            heard += data
        return heard


def test_line_passes_everything_on(echo: tuple[_Echo, TCPProxy]) -> None:
    """Without orders it is a line like any other."""
    assert b"x" * 100_000 == talk(echo[1], b"x" * 100_000)


def test_line_cuts_at_the_byte(echo: tuple[_Echo, TCPProxy]) -> None:
    """So many bytes go before, and not one more; an order is met once."""
    server, proxy = echo
    proxy.order(Mischief(How.CUT, Way.TO_SERVER, after_bytes=3))
    try:
        heard = talk(proxy, b"0123456789")
    except ConnectionError:
        heard = b""

    assert heard in (b"", b"012")
    assert b"0123456789" == talk(proxy, b"0123456789")
    assert server.heard.endswith(b"0123456789")
    assert len(server.heard) <= 13


def test_line_resets(echo: tuple[_Echo, TCPProxy]) -> None:
    """The client is told that its connection was reset."""
    echo[1].order(Mischief(How.RESET, Way.TO_CLIENT))
    with pytest.raises(ConnectionResetError):
        talk(echo[1], b"0123456789")


def test_line_spoils_the_same_bytes_again(echo: tuple[_Echo, TCPProxy]) -> None:
    """Garbage is no text, as long as what it replaces, and the same for the same seed."""
    server, proxy = echo
    proxy.order(Mischief(How.GARBAGE, Way.TO_CLIENT, after_bytes=2))
    spoilt = talk(proxy, b"0123456789")
    with closing(TCPProxy(server.port, seed=1)) as again:
        again.order(Mischief(How.GARBAGE, Way.TO_CLIENT, after_bytes=2))

        assert spoilt == talk(again, b"0123456789")
    assert b"01" == spoilt[:2]
    assert 10 == len(spoilt)
    with pytest.raises(UnicodeDecodeError):
        spoilt.decode()


def test_line_duplicates_over_a_connection_of_its_own(echo: tuple[_Echo, TCPProxy]) -> None:
    """The server hears it twice, the client is answered once."""
    server, proxy = echo
    proxy.order(Mischief(How.DUPLICATE))

    assert b"once" == talk(proxy, b"once")
    assert b"onceonce" == bytes(server.heard)
    assert 2 == server.connections
