"""How a call to Odoo looks on the wire: XML-RPC, JSON-RPC, JSON-2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import quote

import msgspec

from connectors import xmlrpc
from connectors.http import HttpAnswer
from connectors.odoo.errors import NONE_FAULT, Fault, fault_of_xmlrpc
from connectors.odoo.values import to_wire
from core import encoding
from core.errors import BadAnswer, ContractBroken
from core.text import N_

REQUEST_ID: Final = 7

_OF_PROXIES: Final = frozenset({429, 502, 503, 504})
"""Statuses that say enough, and that what stands before Odoo words as it likes."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, ready to be sent."""

    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Account:
    """Who calls, where. `user_id` is 0 before the log-in; `secret` is a password or an API key."""

    database: str | None
    user: str
    secret: str = field(repr=False)
    user_id: int = 0


@dataclass(frozen=True, slots=True)
class Invocation:
    """A method of a model with its arguments; `context` among them."""

    model: str
    method: str
    parameters: Sequence[Any]
    named: Mapping[str, Any]


class Dialect(Protocol):
    """One way to say it. A dialect keeps nothing between two calls."""

    name: str

    def version(self) -> Request:
        """Ask what Odoo it is, without a log-in."""

    def log_in(self, account: Account) -> Request:
        """Ask for the id of our user."""

    def user_id(self, answer: Any) -> int:
        """Return the id from the answer to `log_in`; 0 when Odoo knows no such user."""

    def call(self, account: Account, invocation: Invocation) -> Request:
        """Call a method."""

    def decode(self, answer: HttpAnswer, *, system: str) -> Any:
        """Return what Odoo returned. Raises `Fault`, and `BadAnswer` when it is not the dialect.

        An answer with another status than 200 comes here only when `explains` says so.
        """

    def explains(self, answer: HttpAnswer) -> bool:
        """Whether an answer that is no success holds Odoo's own words."""


class _Rpc:
    """What the two older dialects share: the services `common` and `object`."""

    def _request(self, service: str, method: str, parameters: Sequence[Any]) -> Request:
        raise NotImplementedError

    def version(self) -> Request:
        return self._request("common", "version", [])

    def log_in(self, account: Account) -> Request:
        return self._request(
            "common", "authenticate", [_database(account), account.user, account.secret, {}]
        )

    def user_id(self, answer: Any) -> int:
        # A wrong password is no fault but False.
        return answer if isinstance(answer, int) and not isinstance(answer, bool) else 0

    def call(self, account: Account, invocation: Invocation) -> Request:
        return self._request(
            "object",
            "execute_kw",
            [
                _database(account),
                account.user_id,
                account.secret,
                invocation.model,
                invocation.method,
                to_wire(invocation.parameters),
                to_wire(invocation.named),
            ],
        )

    def explains(self, answer: HttpAnswer) -> bool:
        del answer
        return False  # their status is 200 whatever Odoo says


class XmlDialect(_Rpc):
    """XML-RPC: for what lets nothing else through. Does not name the class of a refusal."""

    name = "XML-RPC"

    def _request(self, service: str, method: str, parameters: Sequence[Any]) -> Request:
        return Request(
            f"xmlrpc/2/{service}",
            xmlrpc.dumps(method, tuple(parameters)),
            {"Content-Type": xmlrpc.CONTENT_TYPE},
        )

    def decode(self, answer: HttpAnswer, *, system: str) -> Any:
        try:
            return xmlrpc.loads(answer.body, system=system)
        except xmlrpc.Fault as fault:
            lines = fault.said.strip().splitlines()
            if lines and lines[-1] == f"TypeError: {NONE_FAULT}":
                # The method returned nothing, and everything that it did is committed.
                return None
            raise fault_of_xmlrpc(fault.code, fault.said) from fault


class JsonDialect(_Rpc):
    """JSON-RPC: names the class of an exception, has no None fault, is read faster."""

    name = "JSON-RPC"

    def _request(self, service: str, method: str, parameters: Sequence[Any]) -> Request:
        body = {
            "jsonrpc": "2.0",
            "method": "call",
            "id": REQUEST_ID,
            "params": {"service": service, "method": method, "args": list(parameters)},
        }
        return Request("jsonrpc", msgspec.json.encode(body), {"Content-Type": "application/json"})

    def decode(self, answer: HttpAnswer, *, system: str) -> Any:
        found = _json(answer.body, system, N_("it is not JSON-RPC"))
        # The id tells an answer to our call from anything else that is JSON, because an answer without a
        # result is one that says None.
        if isinstance(found, dict) and found.get("jsonrpc") == "2.0":
            error = found.get("error")
            if error is not None:
                raise _json_fault(error, system)
            if found.get("id") == REQUEST_ID:
                return found.get("result")
        raise BadAnswer(system=system, problem=N_("it is not JSON-RPC"))


class Json2Dialect:
    """JSON-2, from version 19: an API key, arguments by name, HTTP statuses."""

    name = "JSON-2"

    def version(self) -> Request:
        return Request("web/version", b"", {}, "GET")

    def log_in(self, account: Account) -> Request:
        # There is none: the key says who we are, and this asks whom Odoo takes us for.
        return self.call(account, Invocation("res.users", "context_get", [], {}))

    def user_id(self, answer: Any) -> int:
        return int(answer.get("uid") or 0) if isinstance(answer, dict) else 0

    def call(self, account: Account, invocation: Invocation) -> Request:
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"bearer {account.secret}",
        }
        if account.database is not None:
            headers["X-Odoo-Database"] = account.database
        return Request(
            f"json/2/{quote(invocation.model, safe='')}/{quote(invocation.method, safe='')}",
            msgspec.json.encode(to_wire(by_name(invocation))),
            headers,
        )

    def decode(self, answer: HttpAnswer, *, system: str) -> Any:
        found = _json(answer.body, system, N_("it is not JSON"))
        if answer.status == 200:
            return found
        raise Fault(str(found["name"]), str(found["message"]))

    def explains(self, answer: HttpAnswer) -> bool:
        if answer.status < 400 or answer.status in _OF_PROXIES:
            return False
        if not answer.body.lstrip().startswith(b"{"):
            return False
        try:
            found = encoding.loads_exact(answer.body)
        except ValueError:
            return False
        return "name" in found and "message" in found


def _database(account: Account) -> str:
    if account.database is None:
        raise ContractBroken(problem="this transport needs the name of the database")
    return account.database


def _json(body: bytes, system: str, problem: str) -> Any:
    try:
        return encoding.loads_exact(body)
    except (ValueError, ArithmeticError) as error:
        raise BadAnswer(system=system, problem=problem) from error


def _json_fault(error: Any, system: str) -> Fault:
    about = error.get("data") if isinstance(error, dict) else None
    if not isinstance(about, dict):
        if isinstance(error, dict) and isinstance(error.get("message"), str):
            return Fault("", error["message"])
        raise BadAnswer(system=system, problem=N_("it is not JSON-RPC"))
    return Fault(str(about.get("name") or ""), str(about.get("message") or ""))


# --- arguments by name ------------------------------------------------------------------------------------

ON_THE_MODEL: Final[Mapping[str, tuple[str, ...]]] = {
    "check_access_rights": ("operation", "raise_exception"),
    "context_get": (),
    "create": ("vals_list",),
    "default_get": ("fields",),
    "fields_get": ("allfields", "attributes"),
    "formatted_read_group": (
        "domain",
        "groupby",
        "aggregates",
        "having",
        "offset",
        "limit",
        "order",
    ),
    "get_bindings": ("model_name",),
    "load": ("fields", "data"),
    "name_search": ("name", "domain", "operator", "limit"),
    "search": ("domain", "offset", "limit", "order"),
    "search_count": ("domain", "limit"),
    "search_read": ("domain", "fields", "offset", "limit", "order"),
}
"""Methods that are called on a model, with the names of their positional arguments as version 19 has them."""

ON_RECORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "copy": ("default",),
    "has_access": ("operation",),
    "has_group": ("group_ext_id",),
    "read": ("fields", "load"),
    "write": ("vals",),
}
"""Methods that are called on records and take more than the ids."""


def by_name(invocation: Invocation) -> dict[str, Any]:
    """Return every argument under its name, as JSON-2 takes them.

    A method that neither list knows is one of records without further arguments. Raises `ContractBroken` for
    arguments that have no name.
    """
    names = ON_THE_MODEL.get(invocation.method)
    if names is None:
        names = ("ids", *ON_RECORDS.get(invocation.method, ()))
    if len(invocation.parameters) > len(names):
        raise ContractBroken(
            problem=f"no name is known for argument {len(names) + 1} of "
            f"{invocation.model}.{invocation.method}"
        )
    found = dict(zip(names, invocation.parameters, strict=False)) | dict(invocation.named)
    if invocation.method == "create" and isinstance(found.get("vals_list"), Mapping):
        found["vals_list"] = [found["vals_list"]]
    return found
