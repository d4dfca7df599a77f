"""The session with one SAP: one request a call and never a second one; what keeps a conversation together.

SAP's SOAP runtime starts a new session in ABAP for each call and forgets it afterwards. A `Conversation` keeps one
over several calls, where the service was configured so: it sends back the cookies that came, and no other call does.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from connectors.sap.envelopes import Parameters, Reply, SoapFault, read_reply, request_of
from connectors.sap.errors import (
    IS_ANSWERED,
    Vocabulary,
    expired,
    from_answer,
    from_fault,
)
from core.errors import BadAnswer, OutcomeUnknown, StornoError
from core.text import N_

if TYPE_CHECKING:
    from connectors.http import HttpAnswer, HttpClient
    from connectors.sap.shapes import Function

CONTEXT_COOKIE: Final = "sap-contextid"
"""Names a session in ABAP; without it there is none."""

SESSION_IS_GONE: Final = 400
"""SAP's web server answers so to the name of a session that it does not know, before anything is called."""

_END: Final = "sap-sessioncmd=close"

LARGEST_ANSWER_BYTES: Final = 32 * 1024 * 1024
"""Of one answer; an order with a thousand items stays below eight."""


def credentials(user: str, password: str) -> Mapping[str, str]:
    """Return the headers that say who we are."""
    secret = b64encode(f"{user}:{password}".encode()).decode("ascii")
    return {"Authorization": f"Basic {secret}"}


def _written(cookies: Mapping[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A function, and the path of the service that offers it."""

    function: Function
    path: str


class Session:
    """One user in one client of one SAP system. Used by several threads: it keeps nothing between calls."""

    def __init__(
        self,
        system: str,
        http: HttpClient,
        *,
        client: str,
        user: str,
        language: str,
        vocabulary: Vocabulary,
    ) -> None:
        """`http` carries who we are in its headers (`credentials`)."""
        self.system = system
        self.user = user
        self.client = client
        self.vocabulary = vocabulary
        self._http = http
        self._language = language

    def call(
        self,
        endpoint: Endpoint,
        parameters: Parameters,
        *,
        is_write: bool = False,
        commits: bool = False,
        language: str | None = None,
    ) -> Reply:
        """Call a function once, in a session of its own; in the language of storno.yaml unless one is given.

        `commits` says that the call itself makes its change permanent; one that `is_write` and does not is forgotten
        with its session. Messages of the BAPI are the caller's to judge.
        """
        return self.send(
            endpoint, parameters, is_write=is_write, commits=commits, language=language
        )

    def send(
        self,
        endpoint: Endpoint,
        parameters: Parameters,
        *,
        is_write: bool,
        commits: bool,
        language: str | None = None,
        cookies: dict[str, str] | None = None,
    ) -> Reply:
        """Send one request and return its answer. `cookies` are those of a conversation, and take what comes."""
        function = endpoint.function
        body = request_of(function, parameters, session=None if cookies is None else True)
        headers = {
            "Content-Type": "text/xml; charset=utf-8",
            "SOAPAction": f'"{function.action}"',
        }
        if cookies:
            headers["Cookie"] = _written(cookies)
        query = urlencode({"sap-client": self.client, "sap-language": language or self._language})
        join = "&" if "?" in endpoint.path else "?"
        answer = self._http.request(
            "POST",
            f"{endpoint.path}{join}{query}",
            body=body,
            headers=headers,
            # An answer that is lost leaves doubt only where something may have become permanent.
            is_write=is_write and commits,
        )
        if cookies and answer.status == SESSION_IS_GONE:
            raise expired(self.system)
        if cookies is not None:
            cookies |= answer.cookies
        elif CONTEXT_COOKIE in answer.cookies:
            # A service that keeps sessions opened one for this call alone: SAP has few of them.
            self.end(endpoint, answer.cookies)
        return self._reply(function, answer, is_write=is_write, commits=commits)

    def end(self, endpoint: Endpoint, cookies: Mapping[str, str]) -> None:
        """Ask SAP's web server to end a session; it ends without us, too, only later."""
        with suppress(StornoError):
            self._http.request(
                "GET",
                f"{endpoint.path}?{_END}",
                headers={"Cookie": _written(cookies)},
                is_write=False,
            )

    def close(self) -> None:
        """Free the connections."""
        self._http.close()

    def _reply(
        self, function: Function, answer: HttpAnswer, *, is_write: bool, commits: bool
    ) -> Reply:
        # What cannot be read is doubt only where something may have become permanent.
        is_doubt = is_write and commits
        is_soap = "xml" in answer.headers.get("content-type", "")
        if not is_soap or answer.status not in (200, 500):
            raise from_answer(self.system, self.user, answer, is_write=is_doubt)
        try:
            return read_reply(
                function, answer.body, system=self.system, largest=LARGEST_ANSWER_BYTES
            )
        except SoapFault as fault:
            raise from_fault(
                self.system, function.name, fault, is_write=is_write, commits=commits
            ) from fault
        except BadAnswer as error:
            if not is_doubt:
                raise
            problem = error.details.get("problem", N_("the answer is no SOAP"))
            raise OutcomeUnknown(
                system=self.system, problem=problem, **{IS_ANSWERED: True}
            ) from error


class Conversation:
    """Calls of one service that share a session in ABAP. Whoever opens one ends it, so that no lock stays."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._cookies: dict[str, str] = {}

    @property
    def is_kept(self) -> bool:
        """Whether SAP keeps a session for us: it gave it a name."""
        return bool(self._cookies.get(CONTEXT_COOKIE))

    def call(self, endpoint: Endpoint, parameters: Parameters, *, commits: bool = False) -> Reply:
        """Call a function once within the session."""
        return self._session.send(
            endpoint, parameters, is_write=True, commits=commits, cookies=self._cookies
        )

    def end(self, endpoint: Endpoint) -> None:
        """End the session; where even that fails, SAP ends it by its own time limit."""
        cookies, self._cookies = self._cookies, {}
        if cookies.get(CONTEXT_COOKIE):
            self._session.end(endpoint, cookies)
