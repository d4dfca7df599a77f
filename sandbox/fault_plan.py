"""Failures to order, whichever practice system meets them: counted, precise, and known to have been met."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Generic, Protocol, TypeVar


class Counted(Protocol):
    """One order: it is met from the `nth` fitting call to the `nth + times - 1`."""

    @property
    def nth(self) -> int:
        """The first fitting call that meets it."""

    @property
    def times(self) -> int:
        """How many calls meet it."""


F = TypeVar("F", bound=Counted)


@dataclass(slots=True)
class _Ordered(Generic[F]):
    fault: F
    seen: int = 0
    fired: int = 0


class FaultPlan(Generic[F]):
    """The orders that are in force, with how often each was met."""

    def __init__(self) -> None:
        self._orders: list[_Ordered[F]] = []
        self._lock = Lock()

    def add(self, *faults: F) -> None:
        """Order failures."""
        with self._lock:
            self._orders += [_Ordered(fault) for fault in faults]

    def clear(self) -> None:
        """Forget every order."""
        with self._lock:
            self._orders.clear()

    def fired(self) -> list[tuple[F, int]]:
        """Return every order with how often it was met."""
        return [(order.fault, order.fired) for order in self._orders]

    def pending(self) -> list[F]:
        """Return the orders that still wait."""
        return [order.fault for order in self._orders if order.fired < order.fault.times]

    def met_by(self, fits: Callable[[F], bool]) -> tuple[F, ...]:
        """Count one call and return the faults that it meets, in the order they were given."""
        found = []
        with self._lock:
            for order in self._orders:
                if order.fired >= order.fault.times or not fits(order.fault):
                    continue
                order.seen += 1
                if order.seen >= order.fault.nth:
                    order.fired += 1
                    found.append(order.fault)
        return tuple(found)
