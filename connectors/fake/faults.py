"""Failures to order: which request meets which, precise and counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from core.encoding import Value, pack, unpack


class FaultKind(StrEnum):
    """What can go wrong with a request."""

    UNREACHABLE = "unreachable"  # never reaches the ERP
    BUSY = "busy"  # the ERP says so, `retry_after` with it; nothing done
    RATE_LIMITED = "rate_limited"  # the same
    SLOW = "slow"  # answers after `seconds`; done or not as `is_applied` says
    LOST = "lost"  # the connection breaks before the answer; done or not
    GARBAGE = "garbage"  # the answer is cut; done or not
    SERVER_ERROR = (
        "server_error"  # an error without meaning; with `is_applied` it comes after the commit
    )
    REFUSED = "refused"  # the whole request, with `code`
    BAD_DOCUMENT = (
        "bad_document"  # one call of a batch (`key`), with `code`; `is_named`: the ERP says which
    )
    NO_EFFECT = "no_effect"  # says yes and changes nothing (all, or only `key`)
    LATE = "late"  # is done `after_seconds` or `after_requests` later
    HALF = "half"  # the first half of a batch is done and stays, then the connection breaks
    TWICE = "twice"  # the request arrives twice
    EDIT = "edit"  # somebody else writes `changes` into `model`, `key`
    DELETE = "delete"  # somebody else deletes `model`, `key`


class On(StrEnum):
    """Which requests a fault looks at."""

    LOGIN = "login"
    DOCUMENTS = "documents"  # the bulk face and `find`
    READ = "read"
    CAPTURE = "capture"
    APPLY = "apply"


class Moment(StrEnum):
    """When an edit or a deletion behind our back happens, seen from the request it is tied to."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Fault:
    """One order. It looks at requests `on`, of `action`, that hold `key` (None: any), and meets those
    from the `nth` to the `nth + times - 1` of them.
    """

    kind: FaultKind | str
    on: On | str = On.APPLY
    action: str | None = None
    key: str | None = None
    nth: int = 1
    times: int = 1
    is_applied: bool = True
    code: str = "rejected"  # of connectors.fake.errors
    said: str = "No."
    is_named: bool = True
    retry_after: float | None = None
    seconds: float = 3600.0
    after_seconds: float = 0.0
    after_requests: int = 0
    is_answered: bool = False  # LATE: the ERP answers yes at once instead of nothing
    is_deduplicated: bool = False  # TWICE: the ERP knows the request's id
    is_second_answered: bool = False  # TWICE: the second answer is the one that comes back
    model: str = "purchase.order"  # EDIT, DELETE
    record: str | None = None  # EDIT, DELETE: the key of the record; else `key`
    changes: Mapping[str, Value] = field(default_factory=dict)
    moment: Moment | str = Moment.BEFORE
    user: str = "somebody"

    def __post_init__(self) -> None:
        """Raise `ValueError` for a word that is none of the kinds: such a fault would never be met."""
        FaultKind(self.kind), On(self.on), Moment(self.moment)

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads, for the admin endpoint."""
        order = {name: value for name, value in asdict(self).items() if name != "changes"}
        return {**order, "changes": pack(self.changes)}

    @classmethod
    def from_json(cls, order: Mapping[str, Any]) -> Fault:
        """Read back what `to_json` wrote."""
        return cls(**{**order, "changes": unpack(*order["changes"])})


@dataclass(slots=True)
class _Ordered:
    fault: Fault
    seen: int = 0
    fired: int = 0

    @property
    def is_spent(self) -> bool:
        return self.fired >= self.fault.times


class FaultPlan:
    """The orders that are in force, with how often each was met."""

    def __init__(self) -> None:
        self._orders: list[_Ordered] = []
        self._is_idle = True

    def add(self, *faults: Fault) -> None:
        """Order failures."""
        self._orders += [_Ordered(fault) for fault in faults]
        self._is_idle = not self._orders

    def clear(self) -> None:
        """Forget every order."""
        self._orders.clear()
        self._is_idle = True

    def fired(self) -> list[tuple[Fault, int]]:
        """Return every order with how often it was met."""
        return [(order.fault, order.fired) for order in self._orders]

    def pending(self) -> list[Fault]:
        """Return the orders that still wait."""
        return [order.fault for order in self._orders if not order.is_spent]

    def met(self, on: On, action: str | None, keys: Iterable[str]) -> tuple[Fault, ...]:
        """Count one request and return the faults that it meets, in the order they were given."""
        if self._is_idle:
            return ()
        present = set(keys)
        found = []
        for order in self._orders:
            fault = order.fault
            if order.is_spent or fault.on != on:
                continue
            if fault.action is not None and fault.action != action:
                continue
            if fault.key is not None and fault.key not in present:
                continue
            order.seen += 1
            if order.seen >= fault.nth:
                order.fired += 1
                found.append(fault)
        return tuple(found)
