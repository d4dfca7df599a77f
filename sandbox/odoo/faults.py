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


class FaultPlan(fault_plan.FaultPlan[Fault]):
    """The orders that are in force, with how often each was met."""

    def met(self, model: str, method: str, ids: list[int]) -> tuple[Fault, ...]:
        """Count one call and return the faults that it meets, in the order they were given."""
        return self.met_by(
            lambda fault: (
                fault.model in (None, model)
                and fault.method in (None, method)
                and (fault.record is None or fault.record in ids)
            )
        )
