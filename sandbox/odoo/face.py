"""What errors look like, shared by the transports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.odoo.errors import OdooError

JSON_TYPE: Final = "application/json; charset=utf-8"
HTML_TYPE: Final = "text/html; charset=utf-8"
XML_TYPE: Final = "text/xml; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer."""

    status: int
    content_type: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def class_name(error: BaseException) -> str:
    """Return the class as Odoo's own server names it."""
    kind = type(error)
    for base in kind.__mro__:
        told = base.__dict__.get("qualname")
        if told:
            return str(told)
        if base.__module__ == "builtins":
            return f"builtins.{base.__qualname__}"
        if not base.__module__.startswith("sandbox."):
            return f"{base.__module__}.{base.__qualname__}"
    return f"{kind.__module__}.{kind.__qualname__}"


def words(error: BaseException) -> str:
    """Return an error's message as a traceback ends with it."""
    return str(error)


def traceback_of(error: BaseException) -> str:
    """Return a traceback: clients can only go by its last line, and that one is Odoo's."""
    shown = class_name(error).removeprefix("builtins.")
    return (
        "Traceback (most recent call last):\n"
        '  File "/opt/odoo/odoo/service/model.py", line 1, in dispatch\n'
        f"{shown}: {words(error)}\n"
    )


def described(error: BaseException) -> dict[str, Any]:
    """Return the error as JSON tells it."""
    is_own = isinstance(error, OdooError)
    arguments = error.arguments if isinstance(error, OdooError) else list(error.args)
    message = words(error)
    shown = class_name(error)
    debug = f"{shown}: {message}\n" if shown.endswith("AccessDenied") else traceback_of(error)
    return {
        "name": shown,
        "message": message if is_own or not isinstance(error, KeyError) else repr(error.args[0]),
        "arguments": arguments,
        "context": {},
        "debug": debug,
    }
