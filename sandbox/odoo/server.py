"""The practice Odoo on loopback, in a thread or in a process of its own."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from typing import Any, Final

from sandbox.odoo import face_json, face_xmlrpc
from sandbox.odoo.face import HTML_TYPE, JSON_TYPE, Answer
from sandbox.odoo.faults import Fault, FaultKind
from sandbox.odoo.instance import Odoo, SpoiledError
from sandbox.odoo.ledger import LedgerLine
from sandbox.serving import LoopbackHandler, LoopbackServer

_LOGIN_PAGE: Final = (
    b"<!DOCTYPE html><html><head><title>Login</title></head><body>Log in</body></html>"
)
_PROXY_PAGE: Final = b"<html><head><title>Proxy</title></head><body><h1>Proxy</h1></body></html>"


class OdooServer(LoopbackServer):
    """Serves one practice Odoo."""

    def __init__(self, odoo: Odoo, *, port: int = 0) -> None:
        self.odoo = odoo
        super().__init__(_Handler, port=port)

    def stop(self) -> None:
        super().stop()
        self.odoo.ledger.close()


class _Handler(LoopbackHandler):
    server_version = "Werkzeug/2.2.2"

    def respond(self, verb: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        odoo = self.server.owner.odoo
        path = self.path.partition("?")[0]
        if path.startswith("/storno/"):
            self._send(self._order(odoo, path, body))
            if path == "/storno/stop":
                self.server.owner.stop_later()
            return
        line = odoo.ledger.open_line(path)
        try:
            answer = self._answer(odoo, line, verb, path, body)
        except SpoiledError as spoiled:
            line.is_answered = False
            odoo.ledger.close_line(line)
            self._spoil(spoiled)
            return
        odoo.ledger.close_line(line)
        self._send(answer)

    def _answer(self, odoo: Odoo, line: LedgerLine, verb: str, path: str, body: bytes) -> Answer:
        if path.startswith("/xmlrpc/") and verb == "POST":
            return face_xmlrpc.answer(odoo, line, path, body)
        if path == "/jsonrpc" and verb == "POST":
            return face_json.answer_rpc(odoo, line, body)
        if path.startswith("/json/2") and odoo.version >= 19:
            return face_json.answer_2(odoo, line, verb, path, dict(self.headers), body)
        line.outcome = "refused"
        if path == "/web/login":
            return Answer(200, HTML_TYPE, _LOGIN_PAGE)
        return Answer(404, HTML_TYPE, b"<!doctype html><title>404 Not Found</title>")

    def _send(self, answer: Answer) -> None:
        with suppress(OSError):
            self._head(answer.status, answer.content_type, len(answer.body), answer.headers)
            self.wfile.write(answer.body)
            self.wfile.flush()
        self.close_connection = True

    def _head(self, status: int, content_type: str, size: int, more: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(size))
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()

    def _spoil(self, spoiled: SpoiledError) -> None:
        fault, kind = spoiled.fault, FaultKind(spoiled.fault.kind)
        if kind is FaultKind.HTML:
            self._send(Answer(200, HTML_TYPE, _PROXY_PAGE))
        elif kind is FaultKind.GARBAGE:
            self._send(Answer(200, JSON_TYPE, b"\x00\x01<<<not an answer"))
        elif kind is FaultKind.STATUS:
            self._send(Answer(fault.status, HTML_TYPE, _PROXY_PAGE))
        elif kind is FaultKind.LOGIN:
            self._send(Answer(303, HTML_TYPE, b"", {"Location": "/web/login"}))
        else:
            self.close_connection = True
            with suppress(OSError):
                if kind is FaultKind.CUT:
                    self._head(200, JSON_TYPE, len(spoiled.body), {})
                    self.wfile.write(spoiled.body[: len(spoiled.body) // 2])
                    self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)

    def _order(self, odoo: Odoo, path: str, body: bytes) -> Answer:
        """Answer what only tests ask: orders to fail, the ledger, the whole content."""
        asked = json.loads(body) if body else {}
        reply: Any = True
        if path == "/storno/fault":
            odoo.faults.add(*(Fault.from_json(each) for each in asked["faults"]))
        elif path == "/storno/fault/clear":
            odoo.faults.clear()
        elif path == "/storno/fault/fired":
            reply = [{"fault": f.to_json(), "fired": n} for f, n in odoo.faults.fired()]
        elif path == "/storno/ledger":
            reply = [line.to_json() for line in odoo.ledger.lines()]
        elif path == "/storno/ledger/clear":
            odoo.ledger.clear()
        elif path == "/storno/dump":
            models = asked.get("models")
            reply = {n: r for n, r in odoo.dump().items() if models is None or n in models}
        elif path == "/storno/company":
            reply = {n: getattr(odoo.company, n) for n in odoo.company.__dataclass_fields__}
        elif path == "/storno/key":
            odoo.add_key(asked["login"], asked["key"])
        elif path != "/storno/stop":
            return Answer(404, JSON_TYPE, b"null")
        return Answer(200, JSON_TYPE, json.dumps(reply).encode())
