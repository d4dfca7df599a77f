"""The recorded requests and answers of real Odoo servers, and how both are read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from xmlrpc import client

FOLDER: Final = Path(__file__).parents[2] / "data" / "odoo"
VERSIONS: Final = (16, 17, 18, 19)


@dataclass(frozen=True, slots=True)
class Recording:
    """One exchange as it was recorded."""

    version: int
    name: str
    path: str
    status: int
    request: str
    response: str

    @property
    def transport(self) -> str:
        """Return what the coverage is counted by."""
        for prefix in ("/xmlrpc/2", "/xmlrpc", "/jsonrpc", "/json/2"):
            if self.path.startswith(prefix):
                return prefix
        raise AssertionError(self.path)


@dataclass(frozen=True, slots=True)
class Asked:
    """A call, whatever way it came."""

    method: str  # of the service
    params: tuple[Any, ...] = ()
    body: Any = None  # JSON-2

    @property
    def model(self) -> str:
        """Return the model that is called; empty for other services."""
        return str(self.params[3]) if len(self.params) > 4 else ""


@dataclass(frozen=True, slots=True)
class Told:
    """An answer, whatever way it came: a value, or a fault with code, class and text."""

    status: int
    value: Any = None
    code: Any = None
    kind: str = ""  # the class, where the transport names it or the traceback's last line does
    text: str = ""
    is_fault: bool = False
    has_result: bool = True


def recordings(version: int) -> Iterator[Recording]:
    """Yield what was recorded from one version."""
    with (FOLDER / f"v{version}.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            told = json.loads(line)
            yield Recording(
                version,
                told["name"],
                told["path"],
                told["status"],
                told["request"],
                told["response"],
            )


def asked_by(recording: Recording) -> Asked | None:
    """Return the call in a request; None where the request is none (malformed on purpose)."""
    try:
        if recording.transport.startswith("/xmlrpc"):
            params, method = client.loads(recording.request)
            return Asked(str(method), tuple(params))
        body = json.loads(recording.request)
    except Exception:  # noqa: BLE001 - whatever cannot be read is sent as it is
        return None
    if recording.transport == "/json/2":
        return Asked("", (), body)
    return Asked(body["params"]["method"], tuple(body["params"]["args"]))


def encoded(recording: Recording, asked: Asked) -> bytes:
    """Return the request's body with the call's own arguments."""
    if recording.transport.startswith("/xmlrpc"):
        return client.dumps(asked.params, asked.method).encode()
    if recording.transport == "/json/2":
        return json.dumps(asked.body).encode()
    body = json.loads(recording.request)
    body["params"]["args"] = list(asked.params)
    return json.dumps(body).encode()


def told_by(transport: str, status: int, body: str) -> Told:
    """Return what an answer says."""
    if transport.startswith("/xmlrpc"):
        try:
            (value,), _ = client.loads(body)
        except client.Fault as fault:
            return _fault(status, fault.faultCode, str(fault.faultString))
        return Told(status, value)
    try:
        told = json.loads(body)
    except ValueError:
        return Told(status, text=body.strip(), is_fault=status >= 400)
    if transport == "/jsonrpc":
        if "error" in told:
            error, data = told["error"], told["error"]["data"]
            return Told(
                status, code=error["code"], kind=data["name"], text=data["message"], is_fault=True
            )
        return Told(status, told.get("result"), has_result="result" in told)
    if status >= 400:
        return Told(status, kind=told["name"], text=told["message"], is_fault=True)
    return Told(status, told)


def _fault(status: int, code: Any, text: str) -> Told:
    if text.startswith("Traceback"):
        # The frames are the server's own affair; a client can only go by the last line.
        last = text.strip().splitlines()[-1]
        kind, _, words = last.partition(": ")
        return Told(status, code=code, kind=kind, text=words, is_fault=True)
    return Told(status, code=code, text=text, is_fault=True)
