"""Failures to order: which request meets which, precise and counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from threading import Lock
from typing import Any


class FaultKind(StrEnum):
    """What can go wrong with a request."""

    LOST = "lost"  # the connection closes without an answer; done or not, as `is_applied` says
    CUT = "cut"  # the answer ends in the middle; done or not
    SLOW = "slow"  # answered after `seconds`; the work is done before the wait, or after it
    HTML = "html"  # a proxy's page with status 200; done or not
    GARBAGE = "garbage"  # bytes without meaning, status 200; done or not
    STATUS = "status"  # a proxy's page with `status` (502, 503, 504, 429 ...); done or not
    LOGIN = "login"  # 303 to /web/login; not done
    WORKER_LIMIT = "worker_limit"  # closed without an answer, and rolled back, after `seconds`
    SERIALIZATION = "serialization"  # Odoo's own failure after five tries; not done
    REFUSED = "refused"  # a UserError with `said`; not done
    EDIT = "edit"  # somebody else writes `values` to `record` first (or, `is_after`, last)


@dataclass(frozen=True, slots=True)
class Fault:
    """One order. It looks at calls of `model` and `method` that hold `record` among their ids (None: any),
    and meets those from the `nth` to the `nth + times - 1`.
    """

    kind: FaultKind | str
    model: str | None = None
    method: str | None = None
    record: int | None = None
    nth: int = 1
    times: int = 1
    is_applied: bool = False
    seconds: float = 0.0
    status: int = 502
    said: str = "No."
    values: Mapping[str, Any] = field(default_factory=dict)
    user: str = "colleague"
    is_after: bool = False
    target_model: str | None = None  # EDIT: where to write, if not to the called model
    target: int | None = None  # EDIT: the record, if not `record`

    def __post_init__(self) -> None:
        """Raise `ValueError` for a word that is none of the kinds: such a fault would never be met."""
        FaultKind(self.kind)

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return {**asdict(self), "kind": str(FaultKind(self.kind)), "values": dict(self.values)}

    @classmethod
    def from_json(cls, order: Mapping[str, Any]) -> Fault:
        """Read back what `to_json` wrote."""
        return cls(**order)


@dataclass(slots=True)
class _Ordered:
    fault: Fault
    seen: int = 0
    fired: int = 0


class FaultPlan:
    """The orders that are in force, with how often each was met."""

    def __init__(self) -> None:
        self._orders: list[_Ordered] = []
        self._lock = Lock()

    def add(self, *faults: Fault) -> None:
        """Order failures."""
        with self._lock:
            self._orders += [_Ordered(fault) for fault in faults]

    def clear(self) -> None:
        """Forget every order."""
        with self._lock:
            self._orders.clear()

    def fired(self) -> list[tuple[Fault, int]]:
        """Return every order with how often it was met."""
        return [(order.fault, order.fired) for order in self._orders]

    def pending(self) -> list[Fault]:
        """Return the orders that still wait."""
        return [order.fault for order in self._orders if order.fired < order.fault.times]

    def met(self, model: str, method: str, ids: list[int]) -> tuple[Fault, ...]:
        """Count one call and return the faults that it meets, in the order they were given."""
        found = []
        with self._lock:
            for order in self._orders:
                fault = order.fault
                if order.fired >= fault.times:
                    continue
                if fault.model not in (None, model) or fault.method not in (None, method):
                    continue
                if fault.record is not None and fault.record not in ids:
                    continue
                order.seen += 1
                if order.seen >= fault.nth:
                    order.fired += 1
                    found.append(fault)
        return tuple(found)
