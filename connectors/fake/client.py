"""The client's side of a served ERP: the transport of a connector, and the handle that tests order with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.fake.errors import ERPError, as_storno_error
from connectors.fake.faults import Fault
from connectors.fake.ledger import LedgerLine
from connectors.fake.request import ApplyCall, Captured, Query, Refusals
from connectors.fake.table import Row
from connectors.fake.wire import (
    pack_calls,
    pack_capture,
    unpack_captured,
    unpack_refusals,
    unpack_row,
    unpack_rows,
)
from connectors.http import HttpClient
from core.encoding import encode_json, loads, pack
from core.errors import BadAnswer, OutcomeUnknown
from core.ids import new_id
from core.text import N_


class HTTPTransport:
    """Requests to an ERP that another process serves; each is sent once."""

    name = "http"

    def __init__(self, http: HttpClient, *, system: str, user: str, password: str) -> None:
        self._http = http
        self._system = system
        self._user = user
        self._password = password

    def login(self) -> dict[str, Any]:
        about: dict[str, Any] = self._ask("login", {"user": self._user, "password": self._password})
        return about

    def search(
        self, model: str, criteria: Mapping[str, Sequence[Any]], after: str | None, limit: int
    ) -> list[tuple[str, Row]]:
        asked = {"model": model, "criteria": criteria, "after": after, "limit": limit}
        return unpack_rows(self._ask("search", asked))

    def read(self, model: str, keys: Sequence[str], fields: Sequence[str]) -> list[Row | None]:
        asked = {"model": model, "keys": keys, "fields": fields}
        return [unpack_row(row) for row in self._ask("read", asked)]

    def capture(
        self,
        action: str,
        roots: Sequence[tuple[str, str]],
        footprint: Mapping[str, frozenset[str]],
        queries: Mapping[str, Sequence[Query]],
        known: Sequence[Sequence[tuple[str, str]]],
    ) -> Captured:
        asked = pack_capture(action, roots, footprint, queries, known)
        return unpack_captured(self._ask("capture", asked))

    def apply(self, action: str, calls: Sequence[ApplyCall]) -> Refusals:
        asked = {"action": action, "calls": pack_calls(calls)}
        return unpack_refusals(self._ask("apply", asked, is_write=True))

    def close(self) -> None:
        self._http.close()

    def _ask(self, name: str, asked: Mapping[str, Any], *, is_write: bool = False) -> Any:
        answer = self._http.request(
            "POST",
            f"rpc/{name}",
            body=encode_json(asked),
            headers={"Content-Type": "application/json", "X-Request-Id": new_id()},
            is_write=is_write,
        )
        try:
            body = loads(answer.body)
            if answer.status == 200:
                return body["answer"]
            refused = ERPError.from_json(body["error"])
        except (ValueError, KeyError, TypeError) as error:
            kind = OutcomeUnknown if is_write else BadAnswer
            raise kind(system=self._system, problem=N_("the answer was cut")) from error
        raise as_storno_error(
            refused, system=self._system, user=self._user, is_write=is_write
        ) from refused


class _RemoteFaults:
    def __init__(self, remote: RemoteERP) -> None:
        self._remote = remote

    def add(self, *faults: Fault) -> None:
        self._remote.order("faults.add", faults=[fault.to_json() for fault in faults])

    def clear(self) -> None:
        self._remote.order("faults.clear")

    def fired(self) -> list[tuple[Fault, int]]:
        fired = self._remote.order("faults.fired")
        return [(Fault.from_json(fault), count) for fault, count in fired]

    def pending(self) -> list[Fault]:
        return [fault for fault, count in self.fired() if count < fault.times]


class _RemoteLedger:
    def __init__(self, remote: RemoteERP) -> None:
        self._remote = remote

    def lines(self) -> list[LedgerLine]:
        return [LedgerLine.from_json(line) for line in self._remote.order("ledger")]


class RemoteERP:
    """The people who work in a served ERP, its oracle and its faults: as `FakeERP`, over the admin endpoint."""

    def __init__(self, url: str) -> None:
        self._http = HttpClient("fake admin", url, read_timeout_seconds=30.0)
        self.faults = _RemoteFaults(self)
        self.ledger = _RemoteLedger(self)

    def edit(
        self, model: str, key: str, changes: Mapping[str, Any], *, user: str = "somebody"
    ) -> None:
        self.order("edit", model=model, key=key, changes=pack(changes), user=user)

    def insert(self, model: str, fields: Mapping[str, Any], *, user: str = "somebody") -> str:
        key: str = self.order("insert", model=model, fields=pack(fields), user=user)
        return key

    def delete(self, model: str, key: str, *, user: str = "somebody") -> None:
        self.order("delete", model=model, key=key, user=user)

    def do_by_hand(self, action: str, key: str, *, user: str = "anna") -> None:
        self.order("do_by_hand", action=action, key=key, user=user)

    def receive(self, move_key: str, *, user: str = "warehouse") -> None:
        self.order("receive", move_key=move_key, user=user)

    def populate(self, *, purchase_orders: int) -> None:
        self.order("populate", purchase_orders=purchase_orders)

    def settle_late(self) -> None:
        self.order("settle_late")

    def pause(self, seconds: float) -> None:
        """Let the server refuse connections for a while."""
        self.order("pause", seconds=seconds)

    def stop(self) -> None:
        """Let the server end."""
        self.order("stop")

    def dump(self, *, with_trace: bool = True) -> dict[str, dict[str, Row]]:
        content = self.order("dump", with_trace=with_trace)
        return {
            model: {key: unpack_row(row) or {} for key, row in rows.items()}
            for model, rows in content.items()
        }

    def order(self, name: str, **asked: Any) -> Any:
        """Give one order to the admin endpoint. Raises `ERPError`."""
        answer = self._http.request(
            "POST", f"admin/{name}", body=encode_json(asked), is_write=False
        )
        body = loads(answer.body)
        if "error" in body:
            raise ERPError.from_json(body["error"])
        return body["answer"]

    def close(self) -> None:
        """Free the connections."""
        self._http.close()
