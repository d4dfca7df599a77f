"""Requests to OData services of one SAP: each, or each changeset, is a unit of work of its own that commits itself.

A change needs a token against cross-site requests and the cookies that came with it. Both are fetched by reading and
kept; when SAP refuses one for its age, nothing happened, and the change is sent once more with a new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from connectors.sap.errors import IS_ANSWERED, Vocabulary
from connectors.sap.odata_batch import NoBatchError, Request, answers_of, batch_of
from connectors.sap.odata_errors import (
    TOKEN,
    from_answer,
    is_json,
    json_in,
    require_no_error,
    wants_token,
)
from core.errors import BadAnswer, OutcomeUnknown
from core.text import N_

if TYPE_CHECKING:
    from connectors.contract import Fence
    from connectors.http import HttpAnswer, HttpClient
    from core.errors import StornoError

MOST_PAGES: Final = 100_000
"""Of one question; a server that never ends would otherwise be read for ever."""

JSON: Final = "application/json"
EXACT_JSON: Final = "application/json;IEEE754Compatible=true"
"""Numbers as text (V4): JSON's own lose digits in other programs' hands."""


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    cookies: str

    @property
    def headers(self) -> dict[str, str]:
        headers = {"X-CSRF-Token": self.value} if self.value else {}
        return {**headers, "Cookie": self.cookies} if self.cookies else headers


@dataclass(frozen=True, slots=True)
class Place:
    """Where a service is called, and which version of the protocol it speaks."""

    path: str
    version: int


class Gateway:
    """The OData services of one SAP. Used by several threads: they share tokens and nothing else."""

    def __init__(
        self, system: str, http: HttpClient, *, client: str, user: str, language: str, vocabulary: Vocabulary
    ) -> None:  # fmt: skip
        """`http` carries who we are in its headers (`transport.credentials`)."""
        self.system = system
        self.user = user
        self._http = http
        self._client = client
        self._language = language
        self._vocabulary = vocabulary
        self._tokens: dict[str, _Token] = {}
        self._lock = Lock()

    # --- reading ------------------------------------------------------------------------------------------

    def rows(
        self, place: Place, name: str, options: Mapping[str, str], *, language: str | None = None
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of an entity set, page after page as the server cuts them."""
        query = "&".join(f"{key}={quote(value, safe='')}" for key, value in options.items())
        address = f"{place.path}/{name}?{query}{'&' if query else ''}{self._where(language)}"
        seen: set[str] = set()
        while address:
            if address in seen or len(seen) >= MOST_PAGES:
                raise BadAnswer(system=self.system, problem=N_("its pages never end"))
            seen.add(address)
            found, following = self._page(place, address)
            yield from found
            address = self._following(place, following, language) if following else ""

    def fetch_token(self, place: Place) -> None:
        """Get a token as for a change, and change nothing. Raises what stands against it."""
        self._token(place)

    def _page(self, place: Place, address: str) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        answer = self._http.request(
            "GET", address, headers={"Accept": _accepted(place)}, is_write=False
        )
        if answer.status != 200:
            raise self._error(answer, is_write=False)
        body = json_in(answer, self.system)
        inner = body.get("d") if place.version == 2 and isinstance(body, dict) else body
        names = ("results", "__next") if place.version == 2 else ("value", "@odata.nextLink")
        rows = inner.get(names[0]) if isinstance(inner, dict) else None
        following = inner.get(names[1]) if isinstance(inner, dict) else None
        if (
            not isinstance(rows, list)
            or not all(isinstance(row, dict) for row in rows)
            or not isinstance(following, str | None)
        ):
            raise BadAnswer(system=self.system, problem=N_("the answer is no OData"))
        return rows, following

    def _following(self, place: Place, link: str, language: str | None) -> str:
        """Return the address of the next page, below the same service whatever host the link names."""
        parts = urlsplit(link)
        path = parts.path if parts.path.startswith("/") else f"{place.path}/{parts.path}"
        if not path.startswith(f"{place.path}/") or ".." in path:
            raise BadAnswer(system=self.system, problem=N_("its next page is not of this service"))
        # Links keep what was asked, but not always where and in which language.
        known = {each.partition("=")[0] for each in parts.query.split("&")}
        lost = [
            each for each in self._where(language).split("&") if each.partition("=")[0] not in known
        ]
        return f"{path}?{'&'.join([*filter(None, [parts.query]), *lost])}"

    # --- changing -----------------------------------------------------------------------------------------

    def change(self, place: Place, requests: Sequence[Request], fence: Fence) -> None:
        """Carry out changes of one document, together or not at all. `fence` is asked before each sending.

        Raises SAP's refusal (nothing happened), `OutcomeUnknown` where the answer is lost or makes no sense.
        """
        if len(requests) == 1:
            (request,) = requests
            answer = self._send(place, request, fence)
            self._require_done(answer)
            return
        content_type, body = batch_of(requests)
        headers = {"Content-Type": content_type, "Accept": "multipart/mixed"}
        answer = self._send(place, Request("POST", "$batch", body, headers), fence)
        if answer.status not in (200, 202):
            raise self._error(answer, is_write=True)
        try:
            found = answers_of(answer, count=len(requests))
        except NoBatchError as error:
            raise self._unclear(N_("the answer is none to a changeset")) from error
        for each in found:
            self._require_done(each)

    def _require_done(self, answer: HttpAnswer) -> None:
        if answer.status >= 300:
            raise self._error(answer, is_write=True)
        # 204 has no body; what has one must be OData: a page of a proxy is no success.
        if answer.status != 204 and not (answer.status in (200, 201) and is_json(answer)):
            raise self._unclear(N_("the answer is no OData"))
        require_no_error(self.system, answer)

    def _send(self, place: Place, request: Request, fence: Fence) -> HttpAnswer:
        token = self._token(place)
        answer = self._once(place, request, token, fence)
        if wants_token(answer):
            # SAP looked at nothing but the token.
            answer = self._once(place, request, self._token(place, instead_of=token), fence)
        return answer

    def _once(self, place: Place, request: Request, token: _Token, fence: Fence) -> HttpAnswer:
        join = "&" if "?" in request.address else "?"
        headers = {"Accept": _accepted(place), **request.headers, **token.headers}
        fence()
        return self._http.request(
            request.method,
            f"{place.path}/{request.address}{join}{self._where(None)}",
            body=request.body,
            headers=headers,
            is_write=True,
        )

    def _token(self, place: Place, *, instead_of: _Token | None = None) -> _Token:
        with self._lock:
            known = self._tokens.get(place.path)
            if known is not None and known is not instead_of:
                return known
            answer = self._http.request(
                "GET",
                f"{place.path}/?{self._where(None)}",
                headers={"Accept": JSON, "X-CSRF-Token": "Fetch"},
                is_write=False,
            )
            if answer.status != 200:
                raise self._error(answer, is_write=False)
            cookies = "; ".join(f"{name}={value}" for name, value in answer.cookies.items())
            made = _Token(answer.headers.get(TOKEN, ""), cookies)
            self._tokens[place.path] = made
            return made

    def _where(self, language: str | None) -> str:
        return f"sap-client={quote(self._client)}&sap-language={quote(language or self._language)}"

    def _error(self, answer: HttpAnswer, *, is_write: bool) -> StornoError:
        return from_answer(self.system, self.user, self._vocabulary, answer, is_write=is_write)

    def _unclear(self, problem: str) -> OutcomeUnknown:
        return OutcomeUnknown(system=self.system, problem=problem, **{IS_ANSWERED: True})


def _accepted(place: Place) -> str:
    return JSON if place.version == 2 else EXACT_JSON
