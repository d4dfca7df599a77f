"""One HTTP request as it arrives, and who sends it."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from sandbox.sap.instance import SAP, User


@dataclass(frozen=True, slots=True)
class Arrival:
    """One HTTP request."""

    verb: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def language(self) -> str:
        """The language that the address or the browser asks for, or nothing."""
        asked = parse_qs(self.query).get("sap-language") or [self.header("accept-language")]
        short = asked[0][:2].upper()
        return short if short in {"EN", "ZH"} else ""

    def header(self, name: str) -> str:
        """Return a header, or nothing."""
        return self.headers.get(name, "")

    def cookie(self, name: str) -> str:
        """Return a cookie's value, or nothing."""
        try:
            found = SimpleCookie(self.header("cookie")).get(name)
        except CookieError:
            return ""
        return found.value if found is not None else ""

    @property
    def base_url(self) -> str:
        """Where the caller thinks that this server is."""
        return f"http://{self.header('host')}"


def log_on(sap: SAP, arrival: Arrival) -> User | None:
    """Return who calls, or None."""
    kind, _, told = arrival.header("authorization").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, _, password = base64.b64decode(told, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    user = sap.users.get(name.upper())
    return user if user is not None and user.password == password else None
