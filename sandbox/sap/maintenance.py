"""Maintenance orders: the one kind whose statuses an API sets and takes back, each by a function of its own."""

from __future__ import annotations

from typing import Final

from sandbox.sap.messages import Message
from sandbox.sap.work import Work

_RELEASED, _LOCKED, _COMPLETED, _CLOSED, _DELETED = "I0002", "I0043", "I0045", "I0046", "I0076"
_NOT_DONE: Final = "I0999"  # its number and its short text are invented
# What a function asks for, what it switches off, what it switches on.
_SWITCHES: Final[dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]]] = {
    "SetMaintOrdToTechCompleted": (_RELEASED, (_RELEASED,), (_COMPLETED,)),
    "ResetMaintOrdStsTechCompleted": (_COMPLETED, (_COMPLETED,), (_RELEASED,)),
    "SetMaintOrderStatusToClosed": (_COMPLETED, (_COMPLETED,), (_CLOSED,)),
    "ResetMaintOrderStatusClosed": (_CLOSED, (_CLOSED,), (_COMPLETED,)),
    "SetMaintOrderStatusToLocked": (_RELEASED, (), (_LOCKED,)),
    "SetMaintOrderStatusToUnlocked": (_LOCKED, (_LOCKED,), ()),
    "SetMaintOrdStsToMrkdForDeltn": (_COMPLETED, (), (_DELETED,)),
    "ResetMaintOrdStsMrkdForDeltn": (_DELETED, (_DELETED,), ()),
    "SetMaintOrderToDoNotExecute": (_RELEASED, (_RELEASED,), (_CLOSED, _NOT_DONE)),
    "ResetStatusFromDoNotExecute": (_NOT_DONE, (_CLOSED, _NOT_DONE), (_RELEASED,)),
}
FUNCTIONS: Final = tuple(_SWITCHES)
# What may be given beside the order, as the real description has it, and is looked at by nobody here.
OPTIONAL: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "SetMaintOrdToTechCompleted": (
        ("MainWrkCmpltdDateTimeIsUsed", "Boolean"),
        ("MaintOrderReferenceDateTime", "DateTimeOffset"),
        ("AssignedMaintNotifIsToBeClosed", "Boolean"),
    ),
    "ResetMaintOrdStsTechCompleted": (("AssgdMaintNotifIsToBePutInProc", "Boolean"),),
    "SetMaintOrderStatusToClosed": (
        ("MaintOrderReferenceDateTime", "DateTimeOffset"),
        ("AssignedMaintNotifIsToBeClosed", "Boolean"),
    ),
    "SetMaintOrdStsToMrkdForDeltn": (("AssgdMaintNotifIsToBeSetDel", "Boolean"),),
    "ResetMaintOrdStsMrkdForDeltn": (("AssgdMaintNotifIsToBeResetDel", "Boolean"),),
    "SetMaintOrderToDoNotExecute": (
        ("MaintOrderReferenceDateTime", "DateTimeOffset"),
        ("MaintOrdCancellationAction", "String"),
        ("AssignedMaintNotifIsToBeClosed", "Boolean"),
        ("AssgdMaintNotifIsToBeRsetAlloc", "Boolean"),
    ),
}
_SHORT: Final = {
    _RELEASED: "REL",
    _LOCKED: "LKD",
    _COMPLETED: "TECO",
    _CLOSED: "CLSD",
    _DELETED: "DLFL",
    _NOT_DONE: "NEXE",
}
# The phase that a status stands for: execution, completion.
_PHASES: Final = {_RELEASED: "06", _COMPLETED: "08", _CLOSED: "08"}


def run(work: Work, name: str, order: str) -> list[Message]:
    """Check and leave the change of status with the update task; return what is said."""
    head = work.row("AFIH", order)
    if head is None:
        return [_said("E", "IW", "001", order)]
    if "PP" not in work.user.rights:
        return [_said("E", "IW", "003", order)]
    lock = work.lock("AUFK", order)
    if lock is not None:
        return [_said("E", "CO", "469", order, lock.user)]
    rows = {row["STAT"]: row["INACT"] for row in work.rows("JEST", OBJNR=head["OBJNR"])}
    active = {status for status, inactive in rows.items() if inactive != "X"}
    needed, off, on = _SWITCHES[name]
    is_locked = _LOCKED in active and needed != _LOCKED
    if needed not in active or is_locked or set(on) & active:
        return [_said("E", "IW", "002", order, text_of(active))]
    for status in off:
        work.change("JEST", (head["OBJNR"], status), INACT="X")
    for status in on:
        work.change("JEST", (head["OBJNR"], status), INACT="")
    work.change("AFIH", (order,), CHANGED=work.sap.db.stamp, AENAM=work.user.name)
    return [_said("S", "CO", "100", order)]


def text_of(active: set[str]) -> str:
    """Return the statuses as the service writes them in one text."""
    return " ".join(_SHORT[status] for status in sorted(active) if status in _SHORT)


def phase_of(active: set[str]) -> str:
    """Return the phase of processing."""
    return max((_PHASES[status] for status in active if status in _PHASES), default="00")


def _said(kind: str, id_: str, number: str, *values: object) -> Message:
    return Message(kind, id_, number, tuple(str(value) for value in values))
