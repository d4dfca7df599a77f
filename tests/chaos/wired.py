"""A world whose ERP and journal are reached over real connections, with something on the line that spoils them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from random import Random
from threading import Thread
from typing import Final, TypeVar

from sqlalchemy.engine import make_url

from connectors.fake.client import HTTPTransport
from connectors.fake.connector import FakeSystem
from connectors.fake.server import FakeServer
from connectors.fake.transport import Transport
from connectors.http import HttpClient
from recovery.journal import Journal
from recovery.states import OperationState
from tests.chaos.chance import Run, Tally, random_settings, told
from tests.chaos.shelf import Shelf
from tests.chaos.world import ERP, World, WorldSettings
from tests.tcp_proxy import How, Mischief, TCPProxy, Way

T = TypeVar("T")

PATIENCE_SECONDS: Final = 0.4
"""How long a client waits for an answer of an ERP that is in the same process."""

ON_THE_WAY_TO_THE_ERP: Final = (
    b"/rpc/apply",
    b"/rpc/apply",
    b"/rpc/apply",
    b"/rpc/capture",
    b"/rpc/login",
)
ON_THE_WAY_TO_THE_JOURNAL: Final = (b"COMMIT", b"COMMIT", b"BEGIN", b"UPDATE", b"INSERT", b"SELECT")


def random_mischief(chance: Random, *, is_journal: bool = False) -> Mischief:
    """Return something that happens to one of the next requests."""
    hows = [how for how in How if not (is_journal and how is How.DUPLICATE)]
    how = chance.choice(hows)
    way = chance.choice(list(Way))
    if how is How.DUPLICATE:
        way = Way.TO_CLIENT
    return Mischief(
        how,
        way,
        after_bytes=chance.choice([0, 0, 1, 40, chance.randint(0, 2000)]),
        when=chance.choice(ON_THE_WAY_TO_THE_JOURNAL if is_journal else ON_THE_WAY_TO_THE_ERP),
        nth=chance.randint(1, 3),
        # Longer than anybody waits, or hardly noticed.
        seconds=chance.choice([0.02, PATIENCE_SECONDS + 0.1]),
    )


class WiredWorld(World):
    """The ERP is served on loopback behind a proxy; a journal on a server stands behind one too."""

    def __init__(
        self, shelf: Shelf, settings: WorldSettings | None = None, *, seed: int = 0
    ) -> None:
        super().__init__(shelf, settings)
        self.journal_line: TCPProxy | None = None
        url = make_url(shelf.url)
        if url.port is not None:
            self.journal_line = TCPProxy(url.port, seed=seed)
            self._opened.callback(self.journal_line.close)
            through = url.set(port=self.journal_line.port)
            self._journal_url = through.render_as_string(hide_password=False)
        self._server = FakeServer(self.erp)
        thread = Thread(target=self._server.serve, daemon=True)
        thread.start()
        self._opened.callback(thread.join)
        self._opened.callback(self._server.stop)
        self.line = TCPProxy(self._server.port, seed=seed)
        self._opened.callback(self.line.close)
        self.time.meanwhile = self._let_it_arrive
        self.witness.under_way = frozenset({OperationState.SENT, OperationState.IN_DOUBT})

    def open_journal(self) -> Journal:
        if self.journal_line is None:
            return super().open_journal()
        # A process of its own: what another one found out about its connections is none of its business.
        journal = Journal.open(self._journal_url)
        self._processes.callback(journal.close)
        return journal

    def attempt(self, do: Callable[[Journal, FakeSystem], T]) -> T | None:
        with ExitStack() as self._processes:
            return super().attempt(do)

    def open_transport(self) -> Transport:
        http = HttpClient(
            ERP,
            f"http://127.0.0.1:{self.line.port}",
            read_timeout_seconds=PATIENCE_SECONDS,
            write_timeout_seconds=PATIENCE_SECONDS,
        )
        return HTTPTransport(http, system=ERP, user="storno", password="storno")

    def lines(self) -> Sequence[TCPProxy]:
        """Return every line that can be spoilt."""
        return [self.line] if self.journal_line is None else [self.line, self.journal_line]

    def calm(self) -> None:
        for line in self.lines():
            line.clear()
        super().calm()

    def problems(self, *, is_calm: bool = False) -> list[str]:
        for line in self.lines():
            for each in line.met():
                self.met[f"line_{each.how}"] += 1
            line.forget_met()
        return super().problems(is_calm=is_calm)

    def _let_it_arrive(self, seconds: float) -> None:
        """Our clock is not the line's: what is still under way arrives before so much time has passed."""
        if seconds >= 1.0:
            self.line.wait_for_delays()
            with suppress(TimeoutError), self.erp._lock:
                pass


class WiredRun(Run):
    """A run whose accidents happen on the line too."""

    world: WiredWorld

    def __init__(self, world: WiredWorld, chance: Random) -> None:
        super().__init__(world, chance)
        self.world = world

    def break_the_erp(self) -> None:
        """Something happens on the line to the ERP, or to the journal."""
        line = self._chance.choice(self.world.lines())
        mischief = random_mischief(self._chance, is_journal=line is self.world.journal_line)
        self._tell(f"{'journal' if line is self.world.journal_line else 'erp'}: {mischief}")
        line.order(mischief)


def play(shelf: Shelf, seed: int, number: int) -> Tally:
    """Play run `number` of a seed on the line."""
    chance = Random(f"{seed}/{number}")
    with closing(WiredWorld(shelf, random_settings(chance), seed=number)) as world:
        return told(WiredRun(world, chance), number)
