"""The practice SAP on loopback, in a thread or in a process of its own."""

from __future__ import annotations

import socket
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Final, Self

from sandbox.sap import orders, routes
from sandbox.sap.arrival import Arrival
from sandbox.sap.failing import SpoiledError
from sandbox.sap.faults import FaultKind
from sandbox.sap.instance import SAP
from sandbox.sap.pages import HTML, XML, Answer, page

LOOPBACK: Final = "127.0.0.1"
_PROXY_PAGE: Final = b"<html><head><title>Proxy</title></head><body><h1>Proxy</h1></body></html>"


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, port: int, owner: SAPServer) -> None:
        self.owner = owner
        super().__init__((LOOPBACK, port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no event here; tests kill clients all the time."""


class SAPServer:
    """Serves one practice SAP. Use as a context manager, or `start` and `stop`; `url` is known at once."""

    def __init__(self, sap: SAP, *, port: int = 0) -> None:
        self.sap = sap
        self._listener: _Listener | None = _Listener(port, self)
        self.port: int = self._listener.server_address[1]
        self.url = f"http://{LOOPBACK}:{self.port}"
        self._thread: Thread | None = None
        self._lock = Lock()
        self._connections: set[socket.socket] = set()

    def url_of(self, service: str) -> str:
        """Return the address of a service."""
        return f"{self.url}{self.sap.services[service].path}"

    def wsdl_of(self, service: str) -> str:
        """Return the address of a service's WSDL."""
        return f"{self.url}{self.sap.services[service].wsdl_path}?sap-client=100"

    def start(self) -> SAPServer:
        """Serve in a thread."""
        if self._listener is None:
            self._listener = _Listener(self.port, self)
        self._thread = Thread(target=self.serve, daemon=True)
        self._thread.start()
        return self

    def serve(self) -> None:
        """Serve in this thread until `stop` or `pause`."""
        if self._listener is not None:
            self._listener.serve_forever(poll_interval=0.02)

    def pause(self) -> None:
        """Close the port and every connection, as a server that is down does; `start` opens it again."""
        if self._listener is not None:
            self._listener.shutdown()
            self._listener.server_close()
            self._listener = None
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._connections.clear()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def stop(self) -> None:
        """End serving."""
        self.pause()
        self.sap.ledger.close()

    def keep(self, connection: socket.socket) -> None:
        """Remember a connection that stays open between requests."""
        with self._lock:
            self._connections.add(connection)

    def forget(self, connection: socket.socket) -> None:
        """Forget one that is closed."""
        with self._lock:
            self._connections.discard(connection)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "SAP NetWeaver Application Server"
    sys_version = ""
    # Head and body leave in one packet: else each answer waits for the peer's delayed receipt.
    wbufsize = 65536
    disable_nagle_algorithm = True
    server: _Listener

    def setup(self) -> None:
        super().setup()
        self.server.owner.keep(self.connection)

    def finish(self) -> None:
        self.server.owner.forget(self.connection)
        with suppress(OSError):
            super().finish()

    def handle(self) -> None:
        with suppress(OSError):
            super().handle()

    def do_GET(self) -> None:
        self._handle("GET")

    def do_HEAD(self) -> None:
        self._handle("HEAD")

    def do_POST(self) -> None:
        self._handle("POST")

    def do_PATCH(self) -> None:
        self._handle("PATCH")

    def do_MERGE(self) -> None:
        self._handle("MERGE")

    def do_PUT(self) -> None:
        self._handle("PUT")

    def do_DELETE(self) -> None:
        self._handle("DELETE")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the parent class
        """The ledger is the log."""

    def _handle(self, verb: str) -> None:
        sap = self.server.owner.sap
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        arrival = Arrival(verb, path, query, headers, body)
        if path.startswith("/storno/"):
            self._send(orders.answer(sap, path, body))
            if path == "/storno/stop":
                # From another thread: `shutdown` waits for the loop that serves this very request.
                self.close_connection = True
                Thread(target=self.server.owner.stop, daemon=True).start()
            return
        line = sap.ledger.open_line(verb, path)
        try:
            answer = routes.answer(sap, line, arrival)
        except SpoiledError as spoiled:
            line.is_answered = False
            sap.ledger.close_line(line)
            self._spoil(spoiled)
            return
        line.status = answer.status
        sap.ledger.close_line(line)
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        try:
            self._head(answer.status, answer.content_type, len(answer.body), answer.headers)
            if self.command != "HEAD":
                self.wfile.write(answer.body)
            self.wfile.flush()
        except OSError:
            self.close_connection = True

    def _head(self, status: int, content_type: str, size: int, more: list[tuple[str, str]]) -> None:
        self.send_response(status)
        if content_type:
            self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(size))
        for name, value in more:
            self.send_header(name, value)
        self.end_headers()

    def _spoil(self, spoiled: SpoiledError) -> None:
        fault, kind = spoiled.fault, FaultKind(spoiled.fault.kind)
        if kind is FaultKind.HTML:
            self._send(Answer(200, HTML, _PROXY_PAGE))
        elif kind is FaultKind.GARBAGE:
            self._send(Answer(200, XML, b"\x00\x01<<<not an answer"))
        elif kind is FaultKind.STATUS:
            self._send(page(fault.status, "EN"))
        else:
            self.close_connection = True
            with suppress(OSError):
                if kind is FaultKind.CUT:
                    whole = spoiled.body or b"<nothing came/>"
                    self._head(200, XML, len(whole), [])
                    self.wfile.write(whole[: len(whole) // 2])
                    self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)
