"""What travels between a client and a served ERP: JSON, with the type of each value that JSON does not have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from connectors.fake.engine import FakeERP
from connectors.fake.errors import ERPError
from connectors.fake.faults import Fault
from connectors.fake.request import ApplyCall, Captured, Query, Refusals
from connectors.fake.table import Row
from core.encoding import pack, unpack

PackedRow = list[Any] | None


def pack_row(row: Mapping[str, Any] | None) -> PackedRow:
    """Return a row as JSON, types and all."""
    return None if row is None else list(pack(row))


def unpack_row(packed: PackedRow) -> Row | None:
    """Read back what `pack_row` wrote."""
    return None if packed is None else unpack(packed[0], packed[1])


def pack_capture(
    action: str,
    roots: Sequence[tuple[str, str]],
    footprint: Mapping[str, frozenset[str]],
    queries: Mapping[str, Sequence[Query]],
    known: Sequence[Sequence[tuple[str, str]]],
) -> dict[str, Any]:
    """Return the question for footprints as JSON."""
    return {
        "action": action,
        "roots": roots,
        "footprint": {model: sorted(fields) for model, fields in footprint.items()},
        "queries": {
            model: [[q.model, q.field, q.is_parent] for q in asked]
            for model, asked in queries.items()
        },
        "known": known,
    }


def unpack_captured(answer: Any) -> Captured:
    """Read the footprints that a served ERP answered."""
    return [
        [(model, key, unpack_row(row)) for model, key, row in footprint] for footprint in answer
    ]


def pack_calls(calls: Sequence[ApplyCall]) -> list[Any]:
    """Return calls as JSON."""
    return [
        [call.operation_id, call.model, call.key, pack_row(call.arguments), call.expected]
        for call in calls
    ]


def unpack_refusals(answer: Any) -> Refusals:
    """Read the answers to calls."""
    return [None if error is None else ERPError.from_json(error) for error in answer]


def unpack_rows(answer: Any) -> list[tuple[str, Row]]:
    """Read rows with their keys."""
    return [(key, unpack(row[0], row[1])) for key, row in answer]


# --- the server's side ----------------------------------------------------------------------------


def _login(erp: FakeERP, request_id: str, asked: Row) -> Any:
    return erp.login(request_id, asked["user"], asked["password"])


def _search(erp: FakeERP, request_id: str, asked: Row) -> Any:
    found = erp.search(
        request_id, asked["model"], asked["criteria"], asked["after"], asked["limit"]
    )
    return [[key, pack_row(row)] for key, row in found]


def _read(erp: FakeERP, request_id: str, asked: Row) -> Any:
    rows = erp.read(request_id, asked["model"], asked["keys"], asked["fields"])
    return [pack_row(row) for row in rows]


def _capture(erp: FakeERP, request_id: str, asked: Row) -> Any:
    captured = erp.capture(
        request_id,
        asked["action"],
        [(model, key) for model, key in asked["roots"]],
        {model: frozenset(fields) for model, fields in asked["footprint"].items()},
        {model: [Query(*query) for query in some] for model, some in asked["queries"].items()},
        [[(model, key) for model, key in before] for before in asked["known"]],
    )
    return [
        [[model, key, pack_row(row)] for model, key, row in footprint] for footprint in captured
    ]


def _apply(erp: FakeERP, request_id: str, asked: Row) -> Any:
    calls = [
        ApplyCall(operation, model, key, unpack(*arguments), [tuple(e) for e in expected])
        for operation, model, key, arguments, expected in asked["calls"]
    ]
    answers = erp.apply(request_id, asked["action"], calls)
    return [None if error is None else error.to_json() for error in answers]


REQUESTS: Final[Mapping[str, Callable[[FakeERP, str, Row], Any]]] = {
    "login": _login,
    "search": _search,
    "read": _read,
    "capture": _capture,
    "apply": _apply,
}
"""What a client may ask: each leaves a line in the ledger."""


def _order_faults(erp: FakeERP, asked: Row) -> Any:
    erp.faults.add(*(Fault.from_json(fault) for fault in asked["faults"]))


def _fired(erp: FakeERP, _: Row) -> Any:
    return [[fault.to_json(), count] for fault, count in erp.faults.fired()]


def _dump(erp: FakeERP, asked: Row) -> Any:
    content = erp.dump(with_trace=asked["with_trace"])
    return {
        model: {key: pack_row(row) for key, row in rows.items()} for model, rows in content.items()
    }


def _edit(erp: FakeERP, asked: Row) -> Any:
    erp.edit(asked["model"], asked["key"], unpack(*asked["changes"]), user=asked["user"])


def _insert(erp: FakeERP, asked: Row) -> Any:
    return erp.insert(asked["model"], unpack(*asked["fields"]), user=asked["user"])


ADMIN: Final[Mapping[str, Callable[[FakeERP, Row], Any]]] = {
    "faults.add": _order_faults,
    "faults.clear": lambda erp, _: erp.faults.clear(),
    "faults.fired": _fired,
    "ledger": lambda erp, _: [line.to_json() for line in erp.ledger.lines()],
    "dump": _dump,
    "edit": _edit,
    "insert": _insert,
    "delete": lambda erp, asked: erp.delete(asked["model"], asked["key"], user=asked["user"]),
    "do_by_hand": lambda erp, asked: erp.do_by_hand(
        asked["action"], asked["key"], user=asked["user"]
    ),
    "receive": lambda erp, asked: erp.receive(asked["move_key"], user=asked["user"]),
    "populate": lambda erp, asked: erp.populate(purchase_orders=asked["purchase_orders"]),
    "settle_late": lambda erp, _: erp.settle_late(),
}
"""What a test may order: no line in the ledger."""
