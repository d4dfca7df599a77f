"""A loopback proxy that knows no protocol: it passes bytes on, and spoils them where a test ordered it.

`tests/proxy.py` speaks HTTP and counts requests. This one stands before anything that listens: the fake ERP, a
journal's PostgreSQL, a database behind ODBC.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from threading import Condition, Event, Lock, Thread
from typing import Final

_CHUNK: Final = 65536
_GARBAGE_BYTES: Final = 16
_LISTEN_SECONDS: Final = 0.05


class How(StrEnum):
    """What happens to a connection."""

    CUT = "cut"  # both sides find it closed
    RESET = "reset"  # both sides get a reset, what was under way is lost
    HALF_CLOSE = "half_close"  # nothing more goes this way, the other way stays open
    DELAY = "delay"  # nothing goes this way for a while
    GARBAGE = "garbage"  # some bytes are others
    DUPLICATE = (
        "duplicate"  # all that the client sent arrives a second time, over a connection of its own
    )


class Way(StrEnum):
    """Which way the bytes go."""

    TO_SERVER = "to_server"
    TO_CLIENT = "to_client"


@dataclass(frozen=True, slots=True)
class Mischief:
    """One order, met once: `after_bytes` more have gone this `way` since it was given, or since the client sent `when`.

    `nth` is which occurrence of `when` (each piece that the client sends counts once).
    """

    how: How
    way: Way = Way.TO_CLIENT
    after_bytes: int = 0
    when: bytes | None = None
    nth: int = 1
    seconds: float = 0.0


class _HalfClosedError(Exception):
    """This way is closed for good."""


@dataclass(slots=True)
class _Ordered:
    mischief: Mischief
    passes: int = 0
    left: int = 0
    link: _Link | None = None  # the connection on which `when` was seen
    is_met: bool = False


class _Link:
    """One connection of a client with its twin to the server."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.server = client, server
        self.sent = bytearray()  # by the client, for a duplicate

    def close(self, *, reset: bool = False) -> None:
        for side in (self.client, self.server):
            with suppress(OSError):
                if reset:
                    side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                # It also wakes the other thread, which would keep the socket alive behind its close.
                side.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)
            with suppress(OSError):
                side.close()


class TCPProxy:
    """Passes bytes between 127.0.0.1:`port` and 127.0.0.1:`target`, seeded, until `close`."""

    def __init__(self, target: int, *, seed: int = 0) -> None:
        self._target = target
        self._random = Random(seed)
        self._orders: list[_Ordered] = []
        self._links: list[_Link] = []
        self._lock = Lock()
        self._is_refusing = False
        self._delays, self._delayed = Condition(), 0
        self.stopped = Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_LISTEN_SECONDS)
        self.port: int = self._listener.getsockname()[1]
        self._thread = Thread(target=self._listen, daemon=True)
        self._thread.start()

    def order(self, *mischiefs: Mischief) -> None:
        """Order mischief, each to happen once."""
        with self._lock:
            self._orders += [_Ordered(each, left=each.after_bytes) for each in mischiefs]

    def clear(self) -> None:
        """Forget every order."""
        with self._lock:
            self._orders.clear()

    def met(self) -> list[Mischief]:
        """Return the orders that were met."""
        with self._lock:
            return [each.mischief for each in self._orders if each.is_met]

    def forget_met(self) -> None:
        """Forget the orders that were met."""
        with self._lock:
            self._orders = [each for each in self._orders if not each.is_met]

    def wait_for_delays(self) -> None:
        """Return when nothing is being held back any more."""
        with self._delays:
            self._delays.wait_for(lambda: self._delayed == 0)

    @contextmanager
    def down(self) -> Iterator[None]:
        """Inside, every connection is cut and new ones find nobody."""
        self._is_refusing = True
        self._cut_all()
        try:
            yield
        finally:
            self._is_refusing = False

    def close(self) -> None:
        """End; every connection is cut."""
        self.stopped.set()
        self._thread.join()
        self._listener.close()
        self._cut_all()

    def _cut_all(self) -> None:
        with self._lock:
            links, self._links = self._links, []
        for link in links:
            link.close()

    def _listen(self) -> None:
        while not self.stopped.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            try:
                if self._is_refusing:
                    raise ConnectionRefusedError
                server = socket.create_connection(("127.0.0.1", self._target), timeout=5.0)
            except OSError:
                client.close()
                continue
            for side in (client, server):
                side.settimeout(None)
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = _Link(client, server)
            with self._lock:
                self._links.append(link)
            for way in Way:
                Thread(target=self._pump, args=(link, way), daemon=True).start()

    def _pump(self, link: _Link, way: Way) -> None:
        source, target = (
            (link.client, link.server) if way is Way.TO_SERVER else (link.server, link.client)
        )
        try:
            while data := source.recv(_CHUNK):
                if way is Way.TO_SERVER:
                    link.sent += data
                    self._look(link, data)
                self._pass_on(link, way, target, data)
        except _HalfClosedError:
            with suppress(OSError):
                while source.recv(_CHUNK):
                    pass  # Said to nobody: this way is closed, the other one goes on.
            return
        except OSError:
            link.close()
            return
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _look(self, link: _Link, data: bytes) -> None:
        """Find the connections on which what an order waits for was sent."""
        with self._lock:
            for each in self._orders:
                when = each.mischief.when
                if when is None or each.link is not None or when not in data:
                    continue
                each.passes += 1
                if each.passes == each.mischief.nth:
                    each.link = link

    def _pass_on(self, link: _Link, way: Way, target: socket.socket, data: bytes) -> None:
        while found := self._take(link, way, len(data)):
            mischief, before = found
            target.sendall(data[:before])
            data = self._spoil(link, target, mischief, data[before:])
        target.sendall(data)

    def _take(self, link: _Link, way: Way, size: int) -> tuple[Mischief, int] | None:
        """Return the next order that these bytes meet and how many of them go before; count them otherwise."""
        with self._lock:
            for each in self._orders:
                mischief = each.mischief
                if each.is_met or mischief.way is not way:
                    continue
                if mischief.when is not None and each.link is not link:
                    continue
                if each.left < size or (each.left == 0 and size == 0):
                    each.is_met = True
                    return mischief, each.left
                each.left -= size
        return None

    def _spoil(self, link: _Link, target: socket.socket, mischief: Mischief, rest: bytes) -> bytes:
        """Do it; return what is still to be passed on."""
        match mischief.how:
            case How.CUT | How.RESET:
                link.close(reset=mischief.how is How.RESET)
                raise ConnectionAbortedError
            case How.HALF_CLOSE:
                target.shutdown(socket.SHUT_WR)
                raise _HalfClosedError
            case How.DELAY:
                self._hold_back(mischief.seconds)
                return rest
            case How.GARBAGE:
                spoilt = rest[:_GARBAGE_BYTES]
                # Bytes that are no UTF-8 in any order: what is altered in silence is not this proxy's trade.
                return (
                    bytes(self._random.randrange(0xF8, 0x100) for _ in spoilt) + rest[len(spoilt) :]
                )
            case How.DUPLICATE:
                self._replay(bytes(link.sent))
                return rest

    def _hold_back(self, seconds: float) -> None:
        with self._delays:
            self._delayed += 1
        self.stopped.wait(seconds)
        with self._delays:
            self._delayed -= 1
            self._delays.notify_all()

    def _replay(self, sent: bytes) -> None:
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", self._target), timeout=5.0) as again,
        ):
            again.sendall(sent)
            again.recv(_CHUNK)
