"""A bare client of the practice Odoo, which shows what came over the wire."""

from __future__ import annotations

import http.client
import json
from typing import Any
from xmlrpc import client


class Caller:
    """Calls over JSON-RPC or XML-RPC, once, as one user."""

    def __init__(self, port: int, database: str, uid: int, password: str) -> None:
        self.port, self.database, self.uid, self.password = port, database, uid, password

    def send(self, path: str, body: bytes, kind: str = "application/json") -> tuple[int, bytes]:
        """Send one request and return status and body; whatever breaks is raised."""
        wire = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            wire.request("POST", path, body, {"Content-Type": kind})
            answer = wire.getresponse()
            return answer.status, answer.read()
        finally:
            wire.close()

    def raw(self, model: str, method: str, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        """Send one call over JSON-RPC."""
        params = [self.database, self.uid, self.password, model, method, list(args), kwargs]
        asked = {"service": "object", "method": "execute_kw", "args": params}
        return self.send("/jsonrpc", json.dumps({"id": 1, "params": asked}).encode())

    def __call__(self, model: str, method: str, *args: Any, **kwargs: Any) -> Any:
        """Return the result of one call over JSON-RPC, or raise `RuntimeError` with what Odoo says."""
        told = json.loads(self.raw(model, method, *args, **kwargs)[1])
        if "error" in told:
            raise RuntimeError(told["error"]["data"]["message"])
        return told.get("result")

    def xml(self, model: str, method: str, *args: Any) -> Any:
        """Return the result of one call over XML-RPC, or raise its fault."""
        params = (self.database, self.uid, self.password, model, method, list(args))
        body = client.dumps(params, "execute_kw").encode()
        (value,), _ = client.loads(self.send("/xmlrpc/2/object", body, "text/xml")[1])
        return value
