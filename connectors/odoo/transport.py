"""The session with one Odoo: which dialect is spoken, who we are, one request a call and never a second one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Final

from connectors.contract import Fence, Ref, no_fence
from connectors.http import HttpClient
from connectors.odoo.actions import Guard
from connectors.odoo.dialects import (
    Account,
    Dialect,
    Invocation,
    Json2Dialect,
    JsonDialect,
    Request,
    XmlDialect,
)
from connectors.odoo.errors import IS_ANSWERED, Fault, from_fault, from_status
from core.errors import (
    BadAnswer,
    BadInput,
    ContractBroken,
    LoginFailed,
    NotFound,
    OutcomeUnknown,
    StornoError,
    TransientError,
)
from core.text import N_

LANGUAGE: Final = "en_US"
"""What a code leaves open is told apart by Odoo's words, so it must say them in one language."""

GUARD_MODEL: Final = "ir.actions.server"

DIALECTS: Final[Mapping[str, tuple[type[Dialect], ...]]] = {
    # JSON-RPC first: it names the class of a refusal and a method that returns nothing is no fault.
    "auto": (JsonDialect, XmlDialect, Json2Dialect),
    "json": (JsonDialect,),
    "xml": (XmlDialect,),
    "json2": (Json2Dialect,),
}

SINCE_JSON2: Final = 19

_NUMBER: Final = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Version:
    """What the server says it is: `18.0`, `saas~18.2`, `19.0+e`."""

    series: int
    text: str


class Session:
    """One user in one database of one Odoo. Chooses its dialect and logs in with its first call.

    Odoo's RPC has no sessions: every call carries who calls. `authenticate` is asked once, because it works
    out a password hash (a quarter of a second).
    """

    def __init__(
        self,
        system: str,
        http: HttpClient,
        *,
        database: str | None,
        user: str,
        secret: str,
        transport: str = "auto",
        company: int | None = None,
    ) -> None:
        self.system = system
        self.user = user
        self.database = database
        self.company = company
        self.guard: Guard | None = None
        self.fence: Fence = no_fence
        self.context: dict[str, Any] = {"lang": LANGUAGE}
        if company is not None:
            self.context["allowed_company_ids"] = [company]
        self._http = http
        self._account = Account(database, user, secret)
        self._transport = transport
        self._dialect: Dialect | None = None
        self._version: Version | None = None

    def fenced(self, fence: Fence) -> Session:
        """Return this session for one batch: what needs several requests asks the fence before each further one."""
        session = copy(self)
        session.fence = fence
        return session

    @property
    def dialect(self) -> Dialect:
        """The dialect in use, chosen on first use."""
        if self._dialect is None:
            self._negotiate()
        if self._dialect is None:  # for mypy: negotiating chooses or raises
            raise ContractBroken(problem="no transport was chosen")
        return self._dialect

    @property
    def user_id(self) -> int:
        """The id of our user; 0 before the log-in."""
        return self._account.user_id

    def version(self) -> Version:
        """Return which Odoo it is; asked without a log-in, once."""
        if self._version is None:
            self._negotiate()
        if self._version is None:  # as above
            raise ContractBroken(problem="no version was read")
        return self._version

    def log_in(self) -> None:
        """Find out the id of our user, unless that was done. Raises `LoginFailed`."""
        if self._account.user_id:
            return
        dialect = self.dialect
        found = dialect.user_id(self._send(dialect, dialect.log_in(self._account), is_write=False))
        if not found:
            raise LoginFailed(system=self.system, user=self.user, said=N_("wrong user or password"))
        self._account = replace(self._account, user_id=found)

    def call(
        self,
        model: str,
        method: str,
        *parameters: Any,
        context: Mapping[str, Any] | None = None,
        is_write: bool = False,
        **named: Any,
    ) -> Any:
        """Call a method of a model once. See `actions.Server`."""
        self.log_in()
        given = {**named, "context": {**self.context, **(context or {})}}
        dialect = self.dialect
        invocation = Invocation(model, method, parameters, given)
        request = dialect.call(self._account, invocation)
        found = self._send(dialect, request, is_write=is_write)
        is_one = method == "create" and bool(parameters) and isinstance(parameters[0], Mapping)
        if is_one and isinstance(found, list) and len(found) == 1:
            return found[0]  # JSON-2 creates lists only
        return found

    def guarded(
        self,
        model: str,
        method: str,
        ids: Sequence[int],
        *parameters: Any,
        expected: Mapping[Ref, str],
        context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a method through the guard. See `actions.Server`."""
        stamps: dict[str, dict[str, str]] = {}
        for ref, stamp in expected.items():
            stamps.setdefault(ref.model, {})[ref.key] = stamp
        found = self._run_guard(
            {
                **(context or {}),
                "storno_mode": "call",
                "storno_model": model,
                "storno_method": method,
                "storno_ids": list(ids),
                "storno_parameters": list(parameters),
                "storno_expected": stamps,
            },
            is_write=True,
        )
        return found.get("returned")

    def stamps(self, model: str, ids: Sequence[int], *, link: str | None = None) -> dict[int, str]:
        """Return the microsecond stamps of existing records, or of those whose `link` is one of `ids`."""
        found = self._run_guard(
            {
                "active_test": False,
                "storno_mode": "stamps",
                "storno_model": model,
                "storno_ids": list(ids),
                "storno_link": link or "",
            },
            is_write=False,
        )
        return {int(key): str(stamp) for key, stamp in found.get("stamps", {}).items()}

    def close(self) -> None:
        """Free the connections. There is nothing to log out of."""
        self._http.close()

    def _run_guard(self, context: Mapping[str, Any], *, is_write: bool) -> dict[str, Any]:
        if self.guard is None:
            raise ContractBroken(problem="the guard is not installed")
        found = self.call(
            GUARD_MODEL, "run", [self.guard.action_id], context=context, is_write=is_write
        )
        answer = found.get("infos") if isinstance(found, dict) else None
        if isinstance(answer, dict) and answer.get("storno"):
            return answer
        problem = N_("the guard in Odoo was changed by somebody; remove it and install it again")
        if is_write:
            raise OutcomeUnknown(system=self.system, problem=problem, **{IS_ANSWERED: True})
        raise BadAnswer(system=self.system, problem=problem)

    def _negotiate(self) -> None:
        """Ask for the version in each dialect until one is understood. Raises what the first one said."""
        first: StornoError | None = None
        for kind in DIALECTS[self._transport]:
            dialect = kind()
            try:
                found = self._send(dialect, dialect.version(), is_write=False)
                self._version = read_version(found, self.system)
            except NotFound as error:
                if self._transport == "json2":
                    # A proxy may let nothing but JSON-2 through. The log-in shows whether that is there.
                    self._dialect, self._version = dialect, Version(SINCE_JSON2, "19 or later")
                    return
                first = first or error
            except BadAnswer as error:
                first = first or error
            except TransientError:
                raise  # not reached: that says nothing about dialects
            except StornoError as error:
                first = first or error
            else:
                self._dialect = dialect
                return
        if first is not None:
            raise first

    def _send(self, dialect: Dialect, request: Request, *, is_write: bool) -> Any:
        answer = self._http.request(
            request.method,
            request.path,
            body=request.body,
            headers=request.headers,
            is_write=is_write,
        )
        if not dialect.explains(answer):
            error = from_status(self.system, self.user, self.database, answer, is_write=is_write)
            if error is not None:
                raise error
        try:
            return dialect.decode(answer, system=self.system)
        except Fault as fault:
            raise from_fault(self.system, self.user, fault, is_write=is_write) from fault
        except BadAnswer as error:
            if is_write:
                raise OutcomeUnknown(
                    system=self.system, problem=N_("the answer cannot be read")
                ) from error
            raise


def read_version(found: Any, system: str) -> Version:
    """Read the answer of `common.version` or `/web/version`. Raises `BadAnswer` for what is none."""
    if isinstance(found, dict):
        info = found.get("server_version_info") or found.get("version_info")
        said = found.get("server_version") or found.get("version")
        if isinstance(info, list) and info and isinstance(said, str):
            series = _NUMBER.search(str(info[0]))  # 18, and "saas~18" of a version between two
            if series:
                return Version(int(series[0]), said)
    raise BadAnswer(system=system, problem=N_("it is not the version of an Odoo"))


def open_session(
    system: str,
    http: HttpClient,
    *,
    database: str | None,
    user: str,
    secret: str,
    transport: str,
    company: int | None,
) -> Session:
    """Return a session. Raises `BadInput` when a transport needs the name of the database and there is none."""
    if database is None and transport != "json2":
        raise BadInput(
            source=system,
            problem=N_("the name of the database is missing; only transport: json2 can do without"),
        )
    return Session(
        system,
        http,
        database=database,
        user=user,
        secret=secret,
        transport=transport,
        company=company,
    )
