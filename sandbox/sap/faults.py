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
    STATUS = "status"  # SAP's HTML page with `status` (500, 502, 503 ...); done or not
    LOGON = "logon"  # 401 and the page that goes with it; not done
    DUMP = "dump"  # the program ends: HTML 500, session and open work are gone; `is_applied`: at its end
    SOAP_FAULT = "soap_fault"  # a fault of the runtime, status 500; not done
    SESSION = "session"  # the session has timed out: 400; not done, locks are gone
    UPDATE_FAILS = "update_fails"  # the next commit's update task ends with an error
    LOCKED = "locked"  # `user` holds the document while this call is served
    REFUSED = "refused"  # RETURN with `said` = "E 06 020 text"; the function is not run
    EDIT = "edit"  # `user` writes `values` to `table` and `key` first (or, `is_after`, last)


@dataclass(frozen=True, slots=True)
class Fault:
    """One order. It looks at calls of `function` that hold `record` among their documents (None: any), and meets
    those from the `nth` to the `nth + times - 1`.
    """

    kind: FaultKind | str
    function: str | None = None
    record: str | None = None
    nth: int = 1
    times: int = 1
    is_applied: bool = False
    seconds: float = 0.0
    status: int = 500
    said: str = "E 00 001 no"
    user: str = "MUELLER"
    table: str = ""
    key: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    is_after: bool = False

    def __post_init__(self) -> None:
        """Raise `ValueError` for a word that is none of the kinds: such a fault would never be met."""
        object.__setattr__(self, "kind", FaultKind(self.kind))
        object.__setattr__(self, "key", tuple(self.key))

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

    def met(self, function: str, records: tuple[str, ...]) -> tuple[Fault, ...]:
        """Count one call and return the faults that it meets, in the order they were given."""
        found = []
        with self._lock:
            for order in self._orders:
                fault = order.fault
                if order.fired >= fault.times or fault.function not in (None, function):
                    continue
                if fault.record is not None and fault.record not in records:
                    continue
                order.seen += 1
                if order.seen >= fault.nth:
                    order.fired += 1
                    found.append(fault)
        return tuple(found)
