"""A script such as anybody would write who has no Storno: the standard library and Tryton's JSON-RPC."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

_GZIP: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it goes over the wire."""

    method: str
    body: bytes
    is_write: bool

    def for_one(self, key: int) -> Request:
        """Return the same request for one record, without the stamps of the others."""
        asked = json.loads(self.body)
        asked["params"][0] = [key]
        return replace(self, body=json.dumps(asked).encode()).without_stamps()

    def without_stamps(self) -> Request:
        """Return the same request without stamps: those of an earlier run are no longer true."""
        asked = json.loads(self.body)
        asked["params"][-1].pop("_timestamp", None)
        return replace(self, body=json.dumps(asked).encode())


class Script:
    """Logs in, sends requests one after the other, reads the answers. Raises `RuntimeError` for an error."""

    def __init__(self, url: str, database: str, user: str, password: str) -> None:
        address = urlsplit(url)
        assert address.hostname is not None
        self._connection = HTTPConnection(address.hostname, address.port, timeout=300)
        self._path = f"/{database}/rpc/"
        self._headers = {"Content-Type": "application/json", "Accept-Encoding": "gzip"}
        parameters = [user, {"password": password}, "en"]
        asked = {"id": 1, "method": "common.db.login", "params": parameters}
        found = self.send(Request("common.db.login", json.dumps(asked).encode(), is_write=False))
        token = b64encode(f"{user}:{found[0]}:{found[1]}".encode()).decode()
        self._headers["Authorization"] = f"Session {token}"

    def send(self, request: Request) -> Any:
        """Send one request and return its result."""
        self._connection.request("POST", self._path, request.body, self._headers)
        with self._connection.getresponse() as response:
            body = response.read()
        if body.startswith(_GZIP):
            body = gzip.decompress(body)
        if response.status != 200:
            raise RuntimeError(f"{request.method}: HTTP {response.status}")
        answer = json.loads(body)
        if "error" in answer:
            raise RuntimeError(f"{request.method}: {str(answer['error'])[:300]}")
        return answer["result"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()
