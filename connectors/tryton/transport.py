"""JSON-RPC and XML-RPC to Tryton behind one interface, and the session that both use.

Decision 0003 tells which is used for what, and why.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, Protocol
from urllib.parse import quote

import msgspec
import structlog

from connectors import xmlrpc
from connectors.http import HttpClient
from connectors.tryton.errors import XMLRPC_CODES, Fault, from_fault, from_status
from core import encoding
from core.encoding import Value
from core.errors import BadAnswer, LoginFailed, OutcomeUnknown, StornoError
from core.events import Event
from core.text import N_

log = structlog.get_logger(__name__)

WRITE_LANGUAGE: Final = "en"
"""Refusals are told apart by their text, so the ERP must say them in one language."""

_CONTEXT_KEYS: Final = ("company", "company_filter", "employee", "language", "warehouse")


# --- values -----------------------------------------------------------------------------------------------


def from_wire(struct: dict[str, Any]) -> Any:
    """Turn a struct with `__class__` into its value and leave every other one alone."""
    match struct.get("__class__"):
        case "Decimal":
            return Decimal(struct["decimal"])
        case "date":
            return date(struct["year"], struct["month"], struct["day"])
        case "datetime":
            return datetime(
                struct["year"],
                struct["month"],
                struct["day"],
                struct["hour"],
                struct["minute"],
                struct["second"],
                struct["microsecond"],
                tzinfo=UTC,
            )
        case "time":
            return time(struct["hour"], struct["minute"], struct["second"], struct["microsecond"])
        case "timedelta":
            # Seconds as the shortest text of a float: exact to the microsecond for any duration people have.
            return timedelta(
                microseconds=int((Decimal(struct["seconds"]) * 1_000_000).to_integral_value())
            )
        case "bytes":
            return b64decode(struct["base64"])
        case _:
            return struct


def to_wire(value: Any) -> Any:
    """Turn a value into what both protocols carry; a binary float passes as it is."""
    match value:
        case Decimal():
            return {"__class__": "Decimal", "decimal": encoding.decimal_text(value)}
        case datetime():
            moment = value.astimezone(UTC)
            fields = ("year", "month", "day", "hour", "minute", "second", "microsecond")
            return {"__class__": "datetime", **{name: getattr(moment, name) for name in fields}}
        case date():
            return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
        case time():
            parts = ("hour", "minute", "second", "microsecond")
            return {"__class__": "time", **{name: getattr(value, name) for name in parts}}
        case timedelta():
            return {"__class__": "timedelta", "seconds": value.total_seconds()}
        case bytes():
            return {"__class__": "bytes", "base64": b64encode(value).decode("ascii")}
        case Mapping():
            return {name: to_wire(item) for name, item in value.items()}
        case list() | tuple():
            return [to_wire(item) for item in value]
        case _:
            return value


def field_value(value: Any) -> Value:
    """Return one field of a record as Storno keeps it: lists of ids as tuples, moments in UTC."""
    match value:
        case list():
            return tuple(value)
        case dict():
            return encoding.dumps(value).decode(
                "utf-8"
            )  # a field of type `dict` has no other exact form
        case datetime() if value.tzinfo is None:
            return value.replace(tzinfo=UTC)
        case _:
            plain: Value = value
            return plain


def write_value(value: Value, kind: str) -> Any:
    """Return a kept value in the form that a field of this Tryton type is written with."""
    if kind == "float" and isinstance(value, Decimal):
        return float(value)  # the shortest text of the double that was read, so the same double
    if kind in ("one2many", "many2many") and isinstance(value, tuple):
        return list(value)
    return value


# --- dialects ---------------------------------------------------------------------------------------------


class Dialect(Protocol):
    """How a call looks on the wire."""

    name: str
    content_type: str

    def encode(self, method: str, parameters: Sequence[Any]) -> bytes:
        """Return the body of the request."""

    def decode(self, body: bytes, *, system: str) -> Any:
        """Return the result. Raises `Fault`, and `BadAnswer` when it is not the dialect."""


class JsonDialect:
    """JSON-RPC: names the exception and, for a warning, which one it is."""

    name = "JSON-RPC"
    content_type = "application/json"

    def encode(self, method: str, parameters: Sequence[Any]) -> bytes:
        # Exactly these three keys: with a `jsonrpc` key Tryton answers in another form.
        return msgspec.json.encode({"id": 1, "method": method, "params": to_wire(parameters)})

    def decode(self, body: bytes, *, system: str) -> Any:
        try:
            answer = encoding.loads_exact(body)
            if isinstance(answer, dict) and "error" in answer:
                raise _json_fault(answer["error"])
            if isinstance(answer, dict) and "result" in answer:
                return _revive(answer["result"])
        except (ValueError, KeyError, TypeError, IndexError, ArithmeticError) as error:
            raise BadAnswer(system=system, problem=N_("it is not JSON-RPC")) from error
        raise BadAnswer(system=system, problem=N_("it is not JSON-RPC"))


class XmlDialect:
    """XML-RPC: for a server or a proxy that lets nothing else through. A warning loses its name."""

    name = "XML-RPC"
    content_type = "text/xml"

    def encode(self, method: str, parameters: Sequence[Any]) -> bytes:
        return xmlrpc.dumps(method, tuple(to_wire(parameters)))

    def decode(self, body: bytes, *, system: str) -> Any:
        try:
            return xmlrpc.loads(body, system=system, convert=from_wire)
        except xmlrpc.Fault as fault:
            kind = XMLRPC_CODES.get(fault.code, "")
            raise Fault(kind, fault.said.strip().removesuffix(" -")) from fault


def _json_fault(error: Any) -> Fault:
    """Read `["UserError", [message, description, domain]]` and its relatives."""
    kind, rest = str(error[0]), error[1] if len(error) > 1 else ""
    match kind:
        case "UserError":
            return Fault(kind, _joined(rest[0], rest[1]))
        case "UserWarning":
            return Fault(kind, _joined(rest[1], rest[2]), warning=str(rest[0]))
        case "LoginException":
            return Fault(kind, str(rest[1] if isinstance(rest, list) and len(rest) > 1 else rest))
        case "ConcurrencyException" | "RateLimitException":
            return Fault(kind, str(rest))
        case _:
            return Fault("", kind)


def _joined(message: Any, description: Any) -> str:
    return f"{message} {description}" if description else str(message)


def _revive(value: Any) -> Any:
    """Put typed values into an answer, in place."""
    if isinstance(value, dict):
        if "__class__" in value:
            return from_wire(value)
        for name, item in value.items():
            if isinstance(item, dict | list):
                value[name] = _revive(item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, dict | list):
                value[index] = _revive(item)
    return value


# --- session ----------------------------------------------------------------------------------------------


class Session:
    """A log-in to one database that renews itself. Logs in with its first call, out with `close`."""

    def __init__(
        self,
        system: str,
        http: HttpClient,
        dialect: Dialect,
        *,
        database: str,
        user: str,
        password: str,
        company: int | None = None,
        language: str | None = None,
    ) -> None:
        self.system = system
        self.dialect = dialect
        self.database = database
        self.user = user
        self.user_id = 0
        self.context: dict[str, Any] = {}
        self._http = http
        self._password = password
        self._company = company
        self._language = language
        self._authorization: str | None = None

    def version(self) -> str:
        """Return the series of the server, such as "8.0"."""
        return str(self._send("common.server.version", [], path="rpc/", is_write=False))

    def call(self, method: str, *parameters: Any, is_write: bool = False) -> Any:
        """Call a method, without context; log in first where needed.

        A session that ended is renewed and the call is sent again, once. That is no second sending of a
        write: Tryton checks the session before it looks at the call, so a 401 says that nothing was done.
        """
        if self._authorization is None:
            self._log_in()
        try:
            return self._send(method, parameters, is_write=is_write)
        except _SessionEndedError:
            log.info(Event.SESSION_RENEWED, system=self.system)
        self._log_in()
        try:
            return self._send(method, parameters, is_write=is_write)
        except _SessionEndedError as error:
            raise LoginFailed(
                system=self.system, user=self.user, said=N_("a fresh session was not accepted")
            ) from error

    def model(
        self,
        model: str,
        method: str,
        *parameters: Any,
        context: Mapping[str, Any] | None = None,
        is_write: bool = False,
    ) -> Any:
        """Call a method of a model in the user's context."""
        return self._in_context(f"model.{model}.{method}", parameters, context, is_write=is_write)

    def wizard(
        self,
        name: str,
        method: str,
        *parameters: Any,
        context: Mapping[str, Any] | None = None,
        is_write: bool,
    ) -> Any:
        """Call a method of a wizard in the user's context."""
        return self._in_context(f"wizard.{name}.{method}", parameters, context, is_write=is_write)

    def close(self) -> None:
        """Log out. A server that is gone has no session to end."""
        if self._authorization is not None:
            with suppress(StornoError, _SessionEndedError):
                self._send("common.db.logout", [], is_write=False)
        self._authorization = None
        self._http.close()

    def log_in(self) -> None:
        """Log in unless that was done."""
        if self._authorization is None:
            self._log_in()

    def _in_context(
        self,
        method: str,
        parameters: Sequence[Any],
        context: Mapping[str, Any] | None,
        *,
        is_write: bool,
    ) -> Any:
        self.log_in()
        full = {**self.context, **(context or {})}
        if is_write:
            full["language"] = WRITE_LANGUAGE
        return self.call(method, *parameters, full, is_write=is_write)

    def _log_in(self) -> None:
        self._authorization = None
        try:
            found = self._send(
                "common.db.login",
                [self.user, {"password": self._password}, self._language or WRITE_LANGUAGE],
                is_write=False,
            )
        except _SessionEndedError as error:
            raise LoginFailed(
                system=self.system, user=self.user, said=N_("wrong user or password")
            ) from error
        if not isinstance(found, list) or len(found) < 2:
            raise LoginFailed(system=self.system, user=self.user, said=N_("no session was given"))
        self.user_id = int(found[0])
        token = f"{self.user}:{self.user_id}:{found[1]}".encode()
        self._authorization = "Session " + b64encode(token).decode("ascii")
        if not self.context:
            preferences = self.call("model.res.user.get_preferences", True, {})
            self.context = {
                name: preferences[name] for name in _CONTEXT_KEYS if preferences.get(name)
            }
            if self._company is not None:
                self.context |= {"company": self._company, "company_filter": "one"}
            if self._language is not None:
                self.context["language"] = self._language

    def _send(
        self, method: str, parameters: Sequence[Any], *, is_write: bool, path: str | None = None
    ) -> Any:
        headers = {"Content-Type": self.dialect.content_type}
        if self._authorization is not None and path is None:
            headers["Authorization"] = self._authorization
        answer = self._http.request(
            "POST",
            path or f"{quote(self.database, safe='')}/rpc/",
            body=self.dialect.encode(method, parameters),
            headers=headers,
            is_write=is_write,
        )
        if answer.status == 401:
            raise _SessionEndedError
        error = from_status(self.system, self.user, self.database, answer, is_write=is_write)
        if error is not None:
            raise error
        try:
            return self.dialect.decode(answer.body, system=self.system)
        except Fault as fault:
            raise from_fault(self.system, self.user, fault, is_write=is_write) from fault
        except BadAnswer as error:
            if is_write:
                raise OutcomeUnknown(
                    system=self.system, problem=N_("the answer cannot be read")
                ) from error
            raise


class _SessionEndedError(Exception):
    """HTTP 401: Tryton knows no such session and has done nothing."""
