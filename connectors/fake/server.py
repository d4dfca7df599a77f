"""The fake ERP on loopback in a process of its own, with its ledger in a file that outlives every client."""

from __future__ import annotations

import socket
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, Final

from connectors.fake.engine import FakeERP
from connectors.fake.errors import AnswerLostError, ERPError
from connectors.fake.ledger import FileLedger
from connectors.fake.request import ERPSettings
from connectors.fake.wire import ADMIN, REQUESTS
from core.encoding import encode_json, loads

LOOPBACK: Final = "127.0.0.1"
LEDGER_FILE: Final = "ledger.jsonl"

_STATUS: Final = {
    "unreachable": 502,
    "busy": 503,
    "rate_limited": 429,
    "login_failed": 401,
    "access_denied": 403,
    "not_found": 404,
    "server_error": 500,
}


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int, owner: FakeServer) -> None:
        self.owner = owner
        self._connections: set[socket.socket] = set()
        self._guard = Lock()
        super().__init__((LOOPBACK, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no event here; tests kill clients all the time."""

    def cut_connections(self) -> None:
        """Close every connection, kept-alive ones too."""
        with self._guard:
            connections, self._connections = self._connections, set()
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class FakeServer:
    """Serves one ERP until `stop`. `url` is known once it is made."""

    def __init__(self, erp: FakeERP, *, port: int = 0) -> None:
        self.erp = erp
        self.stopped = Event()
        self._pause_seconds = 0.0
        self._listener = _Listener(port, self)
        self.port: int = self._listener.server_address[1]
        self.url = f"http://{LOOPBACK}:{self.port}"

    def serve(self) -> None:
        """Serve in this thread; a pause closes the port for a while and opens it again."""
        while True:
            self._listener.serve_forever(poll_interval=0.02)
            self._listener.server_close()
            self._listener.cut_connections()
            if self.stopped.wait(self._pause_seconds):
                return
            self._listener = _Listener(self.port, self)

    def pause(self, seconds: float) -> None:
        """Refuse connections for a while, as a server that is down does."""
        self._pause_seconds = seconds
        # From another thread, because `shutdown` waits for the loop that serves this very request.
        Thread(target=self._listener.shutdown, daemon=True).start()

    def stop(self) -> None:
        """End serving; requests that hang are let go."""
        self.stopped.set()
        self.pause(0.0)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body leave in one packet, at once: else each answer waits for the peer's delayed receipt.
    wbufsize = 65536
    disable_nagle_algorithm = True
    server: _Listener

    def do_POST(self) -> None:
        owner = self.server.owner
        asked = loads(self.rfile.read(int(self.headers["Content-Length"])))
        _, room, name = self.path.split("/", 2)
        try:
            if room == "admin" and name in ("pause", "stop"):
                self._answer(200, {"answer": None})
                self.wfile.flush()
                owner.pause(asked["seconds"]) if name == "pause" else owner.stop()
                return
            if room == "admin":
                answer = ADMIN[name](owner.erp, asked)
            else:
                answer = REQUESTS[name](owner.erp, self.headers["X-Request-Id"], asked)
        except ERPError as error:
            self._answer(
                _STATUS.get(error.code, 422), {"error": error.to_json()}, error.retry_after
            )
        except AnswerLostError as error:
            self._lose(error)
        else:
            self._answer(200, {"answer": answer})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the parent class
        """The ledger is the log."""

    def _answer(self, status: int, body: Any, retry_after: float | None = None) -> None:
        encoded = encode_json(body)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        if retry_after is not None:
            self.send_header("Retry-After", str(int(retry_after)))
        self.end_headers()
        self.wfile.write(encoded)

    def _lose(self, error: AnswerLostError) -> None:
        self.close_connection = True
        if error.how == "garbage":
            cut = b'{"answer": [[["purchase.or'
            self.send_response(200)
            self.send_header("Content-Length", str(len(cut)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(cut)
            return
        if error.how == "slow":
            self.server.owner.stopped.wait(error.seconds)
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


def serve_in_folder(settings: ERPSettings, folder: Path, *, port: int = 0) -> FakeServer:
    """Make a server whose ledger is `ledger.jsonl` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    erp = FakeERP(settings, ledger=FileLedger(folder / LEDGER_FILE))
    return FakeServer(erp, port=port)
