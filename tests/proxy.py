"""A loopback proxy between a connector and a real ERP: it counts what passes, keeps answers back, spoils them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

UPSTREAM_SECONDS: Final = 60.0
_OF_ONE_CONNECTION: Final = frozenset({"connection", "content-length", "host", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request that the ERP has answered."""

    call: str  # what it asks for, as `Naming` reads it
    is_write: bool
    status: int
    headers: Mapping[str, str]  # of the request, names in lower case


@dataclass(frozen=True, slots=True)
class Spoiled:
    """What a client gets in place of the ERP's answer; without a status the connection just ends."""

    is_passed: bool  # whether the ERP got the request and carried it out
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_half: bool = False  # the ERP's own answer, cut off in the middle


Naming = Callable[[str, bytes], tuple[str, bool]]
"""Reads a request's path and body: what it asks for, and whether that changes something in the ERP."""


class Proxy:
    """Passes every request on, once, and writes it down when its answer has come. A context manager."""

    def __init__(self, target: str, naming: Naming) -> None:
        self._target = target
        self._naming = naming
        self._lock = threading.Lock()
        self._exchanges: list[Exchange] = []
        self._held: dict[bool, threading.Event] = {}
        self._spoiled: dict[bool, Spoiled] = {}
        self._arrived = {False: 0, True: 0}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Every request that the ERP has answered, in the order of the answers."""
        with self._lock:
            return tuple(self._exchanges)

    def arrived(self, *, is_write: bool) -> int:
        """Return how many reads (or writes) came from the client, passed on or not."""
        with self._lock:
            return self._arrived[is_write]

    def spoil(self, how: Spoiled, *, is_write: bool) -> None:
        """Let the next read (or write) end so."""
        with self._lock:
            self._spoiled[is_write] = how

    def arrive(self, path: str, body: bytes) -> Spoiled | None:
        """Count a request that came; return how it is to end, where somebody ordered that."""
        _, is_write = self._naming(path, body)
        with self._lock:
            self._arrived[is_write] += 1
            return self._spoiled.pop(is_write, None)

    @contextmanager
    def hold(self, *, is_write: bool) -> Iterator[None]:
        """Inside, the ERP gets reads (or writes) and carries them out, and nobody gets the answers."""
        self._held[is_write] = threading.Event()
        try:
            yield
        finally:
            self._held.pop(is_write).set()

    def connect(self) -> HTTPConnection:
        """Open a connection to the ERP itself."""
        return HTTPConnection(urlsplit(self._target).netloc, timeout=UPSTREAM_SECONDS)

    def write_down(self, path: str, body: bytes, headers: Mapping[str, str], status: int) -> bool:
        """Keep an exchange; return whether its answer may go on, after waiting where it may not."""
        call, is_write = self._naming(path, body)
        with self._lock:
            self._exchanges.append(Exchange(call, is_write, status, headers))
            held = self._held.get(is_write)
        if held is None:
            return True
        held.wait(UPSTREAM_SECONDS)
        return False


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def setup(self) -> None:
            super().setup()
            self.upstream = proxy.connect()

        def finish(self) -> None:
            self.upstream.close()
            try:
                super().finish()
            except ConnectionError:
                # The client did not wait, which is what holding answers is for.
                self.close_connection = True

        def do_GET(self) -> None:
            self.pass_on("GET")

        def do_POST(self) -> None:
            self.pass_on("POST")

        def pass_on(self, verb: str) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            sent = {name.lower(): value for name, value in self.headers.items()}
            passed = {n: v for n, v in sent.items() if n not in _OF_ONE_CONNECTION}
            spoiled = proxy.arrive(self.path, body)
            if spoiled is not None and not spoiled.is_passed:
                self.answer_spoiled(spoiled, b"")
                return
            self.upstream.request(verb, self.path, body or None, passed)
            answer = self.upstream.getresponse()
            content = answer.read()
            if not proxy.write_down(self.path, body, sent, answer.status):
                self.close_connection = True
                return
            if spoiled is not None:
                self.answer_spoiled(spoiled, content)
                return
            try:
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in _OF_ONE_CONNECTION:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                self.wfile.flush()
            except ConnectionError:
                self.close_connection = True

        def answer_spoiled(self, spoiled: Spoiled, content: bytes) -> None:
            self.close_connection = True
            if spoiled.status is None:
                return
            body = content if spoiled.is_half else spoiled.body
            try:
                self.send_response_only(spoiled.status)
                for name, value in spoiled.headers.items():
                    self.send_header(name, value)
                self.send_header("Connection", "close")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if spoiled.is_half else body)
                self.wfile.flush()
            except ConnectionError:
                return

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            del format, args

    return Handler
