"""A script such as anybody would write who has no Storno: the standard library and Odoo's JSON-RPC."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from connectors.odoo.actions import OdooAction, Query

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Reading:
    """Which fields of which models belong to a document: those that Storno captures."""

    model: str
    fields: tuple[str, ...]
    queries: tuple[tuple[Query, tuple[str, ...]], ...]

    @classmethod
    def of(cls, action: OdooAction) -> Reading:
        """Take it from what an action declares."""
        target = action.target

        def fields(model: str) -> tuple[str, ...]:
            # Pseudo fields are Storno's own; the records' own fields are what anybody reads.
            return tuple(sorted(target.stored(model, frozenset(action.footprint[model]))))

        return cls(
            action.model,
            fields(action.model),
            tuple(
                (query, fields(query.model))
                for query in action.queries
                if query.model in action.footprint
            ),
        )


class Script:
    """Logs in, calls, reads the answers. Raises `RuntimeError` for an error."""

    def __init__(self, url: str, database: str, user: str, password: str) -> None:
        self._address = urlsplit(url)
        self._database = database
        self._password = password
        self._uid = self._send("common", "authenticate", [database, user, password, {}])

    def call(self, model: str, method: str, *parameters: Any, **named: Any) -> Any:
        """Call a method of a model."""
        arguments = [self._database, self._uid, self._password, model, method, list(parameters)]
        return self._send("object", "execute_kw", [*arguments, named])

    def read(self, reading: Reading, ids: Sequence[int]) -> int:
        """Read documents with all that belongs to them; return how many records that were."""
        rows: dict[str, Rows] = {
            reading.model: self.call(
                reading.model, "read", list(ids), list(reading.fields), load=""
            )
        }
        for query, fields in reading.queries:
            owners = rows.get(query.owner, [])
            rows.setdefault(query.model, []).extend(self._follow(query, fields, owners))
        return sum(map(len, rows.values()))

    def _follow(self, query: Query, fields: Sequence[str], owners: Rows) -> Rows:
        if not owners:
            return []
        if query.is_forward:
            keys = sorted({key for row in owners for key in _keys(row.get(query.link))})
            read: Rows = self.call(query.model, "read", keys, list(fields), load="") if keys else []
            return read
        condition = [[query.link, "in", [row["id"] for row in owners]]] if query.link else []
        domain = [*condition, *map(list, query.domain)]
        context = {"active_test": False}
        found: Rows = self.call(
            query.model, "search_read", domain, list(fields), load="", context=context
        )
        return found

    def _send(self, service: str, method: str, arguments: Sequence[Any]) -> Any:
        # Odoo closes every connection after one answer, so there is nothing to keep open.
        connection = HTTPConnection(
            self._address.hostname or "", self._address.port or 80, timeout=300
        )
        parameters = {"service": service, "method": method, "args": list(arguments)}
        asked = {"jsonrpc": "2.0", "method": "call", "id": 1, "params": parameters}
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/jsonrpc", json.dumps(asked), headers)
        with connection.getresponse() as response:
            answer: Mapping[str, Any] = json.loads(response.read())
        connection.close()
        if "error" in answer:
            raise RuntimeError(f"{method}: {str(answer['error'])[:500]}")
        return answer.get("result")


def _keys(value: Any) -> list[int]:
    if isinstance(value, list):
        return value
    return [value] if value else []
