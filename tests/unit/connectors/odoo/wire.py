"""A server made of functions: counts what is sent, answers what a test says."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.http import HttpAnswer, HttpClient
from connectors.odoo.transport import Session

VERSION = {"server_version": "18.0", "server_version_info": [18, 0, 0, "final", 0, ""]}


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as it would have gone out."""

    method: str
    path: str
    body: bytes
    headers: Mapping[str, str]
    is_write: bool


Answering = Callable[[Sent], HttpAnswer]


class Wire(HttpClient):
    """The way out, without a network."""

    def __init__(self, answer: Answering) -> None:
        super().__init__("erp", "http://127.0.0.1:1")
        self.sent: list[Sent] = []
        self._answer = answer

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        is_write: bool,
    ) -> HttpAnswer:
        sent = Sent(method, path, body, dict(headers or {}), is_write)
        self.sent.append(sent)
        return self._answer(sent)


Method = Callable[..., Any]


@dataclass
class Odoo:
    """An Odoo over JSON-RPC: `methods` answer by model and method, called with the parameters and named arguments."""

    methods: dict[str, Method] = field(default_factory=dict)
    user_id: int = 2
    calls: list[tuple[str, list[Any], dict[str, Any]]] = field(default_factory=list)

    def answer(self, sent: Sent) -> HttpAnswer:
        """Answer as Odoo does; an exception of a method becomes a fault of its class name."""
        if sent.path != "jsonrpc":
            return HttpAnswer(404, {}, b"<html>")
        parameters = json.loads(sent.body)["params"]
        if parameters["service"] == "common":
            found = VERSION if parameters["method"] == "version" else self.user_id or False
            return json_answer(found)
        model, method, given, named = parameters["args"][3:]
        self.calls.append((f"{model}.{method}", given, named))
        try:
            return json_answer(self.methods[f"{model}.{method}"](*given, **named))
        except KeyError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a test raises is what Odoo says
            about = {"name": type(error).__name__, "message": str(error)}
            return HttpAnswer(
                200, {}, json.dumps({"jsonrpc": "2.0", "id": 7, "error": {"data": about}}).encode()
            )

    def session(self, **options: Any) -> Session:
        """Return a session with it."""
        given = {"database": "db", "user": "storno", "secret": "hidden", **options}
        return Session("erp", Wire(self.answer), **given)

    def called(self, name: str) -> list[tuple[list[Any], dict[str, Any]]]:
        """Return the arguments of each call of one method."""
        return [(given, named) for found, given, named in self.calls if found == name]


def always(value: Any) -> Callable[..., Any]:
    """Return a function that answers the same, whatever it is asked."""
    return lambda *_, **__: value


def json_answer(value: Any) -> HttpAnswer:
    """Return an answer of JSON-RPC with this result."""
    return HttpAnswer(200, {}, json.dumps({"jsonrpc": "2.0", "id": 7, "result": value}).encode())
