"""A practice system on loopback, in a thread or in a process of its own: it starts, pauses and stops."""

from __future__ import annotations

import socket
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Final, Self

LOOPBACK: Final = "127.0.0.1"


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, port: int, handler: type[BaseHTTPRequestHandler], owner: Any) -> None:
        self.owner = owner
        super().__init__((LOOPBACK, port), handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no event here; tests kill clients all the time."""


class LoopbackServer:
    """Serves requests by `handler`, whose `server.owner` this is. `url` is known at once.

    Use as a context manager, or `start` and `stop`.
    """

    def __init__(self, handler: type[BaseHTTPRequestHandler], *, port: int = 0) -> None:
        self._handler = handler
        self._listener: _Listener | None = _Listener(port, handler, self)
        self.port: int = self._listener.server_address[1]
        self.url = f"http://{LOOPBACK}:{self.port}"
        self._thread: Thread | None = None
        self._lock = Lock()
        self._connections: set[socket.socket] = set()

    def start(self) -> Self:
        """Serve in a thread."""
        if self._listener is None:
            self._listener = _Listener(self.port, self._handler, self)
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

    def stop_later(self) -> None:
        """End serving from another thread: `shutdown` waits for the loop that serves the request which asks for it."""
        Thread(target=self.stop, daemon=True).start()

    def keep(self, connection: socket.socket) -> None:
        """Remember a connection that stays open between requests."""
        with self._lock:
            self._connections.add(connection)

    def forget(self, connection: socket.socket) -> None:
        """Forget one that is closed."""
        with self._lock:
            self._connections.discard(connection)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class LoopbackHandler(BaseHTTPRequestHandler):
    """One connection: each of its requests goes to `respond`. The ledger of the system is its log."""

    protocol_version = "HTTP/1.1"
    # Head and body leave in one packet: else each answer waits for the peer's delayed receipt.
    wbufsize = 65536
    disable_nagle_algorithm = True
    server: _Listener

    def respond(self, verb: str) -> None:
        """Answer one request."""
        raise NotImplementedError

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
        self.respond("GET")

    def do_HEAD(self) -> None:
        self.respond("HEAD")

    def do_POST(self) -> None:
        self.respond("POST")

    def do_PATCH(self) -> None:
        self.respond("PATCH")

    def do_MERGE(self) -> None:
        self.respond("MERGE")

    def do_PUT(self) -> None:
        self.respond("PUT")

    def do_DELETE(self) -> None:
        self.respond("DELETE")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the parent class
        """The ledger is the log."""
