"""The practice SAP on loopback, in a thread or in a process of its own."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Final

from sandbox.sap import orders, routes
from sandbox.sap.arrival import Arrival
from sandbox.sap.failing import SpoiledError
from sandbox.sap.faults import FaultKind
from sandbox.sap.instance import SAP
from sandbox.sap.pages import HTML, XML, Answer, page
from sandbox.serving import LoopbackHandler, LoopbackServer

_PROXY_PAGE: Final = b"<html><head><title>Proxy</title></head><body><h1>Proxy</h1></body></html>"


class SAPServer(LoopbackServer):
    """Serves one practice SAP."""

    def __init__(self, sap: SAP, *, port: int = 0) -> None:
        self.sap = sap
        super().__init__(_Handler, port=port)

    def url_of(self, service: str) -> str:
        """Return the address of a service."""
        return f"{self.url}{self.sap.services[service].path}"

    def wsdl_of(self, service: str) -> str:
        """Return the address of a service's WSDL."""
        return f"{self.url}{self.sap.services[service].wsdl_path}?sap-client=100"

    def stop(self) -> None:
        super().stop()
        self.sap.ledger.close()


class _Handler(LoopbackHandler):
    server_version = "SAP NetWeaver Application Server"
    sys_version = ""

    def respond(self, verb: str) -> None:
        sap = self.server.owner.sap
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        arrival = Arrival(verb, path, query, headers, body)
        if path.startswith("/storno/"):
            self._send(orders.answer(sap, path, body))
            if path == "/storno/stop":
                self.close_connection = True
                self.server.owner.stop_later()
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
