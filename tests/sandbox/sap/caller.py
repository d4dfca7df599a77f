"""A client of the practice SAP as strict as ours: zeep on its WSDLs; and plain HTTP for what zeep hides."""

from __future__ import annotations

import base64
from http.client import HTTPConnection, HTTPResponse
from types import SimpleNamespace
from typing import Any

import zeep
from requests import Session
from requests.auth import HTTPBasicAuth
from zeep.transports import Transport

from sandbox.sap.server import SAPServer


class Client:
    """Calls functions of one service. Each `Client` has cookies of its own."""

    def __init__(
        self,
        server: SAPServer,
        service: str,
        *,
        user: str = "STORNO:storno",
        language: str = "",
    ) -> None:
        self.session = Session()
        self.session.auth = HTTPBasicAuth(*user.split(":"))
        if language:
            self.session.headers["Accept-Language"] = language
        transport = Transport(session=self.session, timeout=5, operation_timeout=5)  # type: ignore[no-untyped-call]
        self.zeep = zeep.Client(server.wsdl_of(service), transport=transport)  # type: ignore[no-untyped-call]

    def __call__(self, function: str, **given: Any) -> Any:
        """Call a function; rows may be sparse."""
        operation = self.zeep.service[function]
        made = {name: self._full(function, name, value) for name, value in given.items()}
        return operation(**made)

    def _full(self, function: str, name: str, value: Any) -> Any:
        binding = self.zeep.service._binding
        element = binding.get(function).input.body.type.elements
        kind = dict(element)[name].type
        return _filled(kind, value)

    def close(self) -> None:
        """Forget connections and cookies; the server does not hear of it."""
        self.session.close()


def _filled(kind: Any, value: Any) -> Any:
    """Return `value` with zeep's word for "left out" in every field that it does not have."""
    if isinstance(value, list):
        item = dict(kind.elements)["item"].type
        return {"item": [_filled(item, row) for row in value]}
    if isinstance(value, dict):
        return {name: value.get(name, zeep.xsd.SkipValue) for name, _ in kind.elements}
    return value


def rows(table: Any) -> list[Any]:
    """Return the rows of a table of zeep's."""
    return list(table.item) if table is not None else []


def said(answer: Any) -> list[str]:
    """Return RETURN's messages as `E 06 020`."""
    # zeep takes an answer of one part for that part.
    found = getattr(answer, "RETURN", answer)
    if isinstance(found, list):
        return [f"{row.TYPE} {row.ID} {row.NUMBER}" for row in found]
    listed = rows(found) if hasattr(found, "item") else [found]
    return [f"{row.TYPE} {row.ID} {row.NUMBER}" for row in listed if row is not None and row.TYPE]


def send(
    server: SAPServer,
    verb: str,
    path: str,
    body: bytes = b"",
    *,
    user: str | None = "STORNO:storno",
    **headers: str,
) -> SimpleNamespace:
    """Send one request on a connection of its own."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if user is not None:
            sent["Authorization"] = "Basic " + base64.b64encode(user.encode()).decode()
        connection.request(verb, path, body or None, sent)
        response: HTTPResponse = connection.getresponse()
        return SimpleNamespace(
            status=response.status,
            body=response.read(),
            headers=response.headers,
            cookies=response.headers.get_all("Set-Cookie") or [],
        )
    finally:
        connection.close()
