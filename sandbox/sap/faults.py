"""Failures to order: which request meets which, precise and counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from sandbox import fault_plan


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


class FaultPlan(fault_plan.FaultPlan[Fault]):
    """The orders that are in force, with how often each was met."""

    def met(self, function: str, records: tuple[str, ...]) -> tuple[Fault, ...]:
        """Count one call and return the faults that it meets, in the order they were given."""
        return self.met_by(
            lambda fault: (
                fault.function in (None, function)
                and (fault.record is None or fault.record in records)
            )
        )
