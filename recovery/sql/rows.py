"""Rows of the journal as values, and values as the text that rows keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from connectors.contract import Executor, Kind, Ref, Reversibility, Step
from core import encoding
from core.text import Text
from recovery.at_rest.concealing import REFERENCE, Sealed, reveal
from recovery.at_rest.redaction import MASK
from recovery.model import Actor, ChangeSet, Operation, Purpose
from recovery.states import ChangeSetState, OperationState

_HIDDEN: Final = "s"


def pack_arguments(
    arguments: Any, hidden: Mapping[str, Mapping[str, str]] | None = None
) -> str | None:
    """Return typed arguments as canonical text; None when there are none.

    Of those in `hidden` there is a reference alone: what `recovery.at_rest.concealing` hides stands in no plain row.
    """
    if not arguments:
        return None
    hidden = hidden or {}
    values, types = encoding.pack(
        {name: value for name, value in arguments.items() if name not in hidden}
    )
    packed: dict[str, Any] = {"v": values, "t": types} if types else {"v": values}
    if hidden:
        packed[_HIDDEN] = hidden
    return encoding.encode_json(packed).decode()


def unpack_arguments(stored: str | None, sealed: Sealed | None = None) -> dict[str, Any]:
    """Read back what `pack_arguments` wrote. Without what was sealed, a mask stands there: to be shown, not sent."""
    if stored is None:
        return {}
    found = encoding.loads(stored)
    arguments = dict(encoding.unpack(found["v"], found.get("t", {})))
    for name, reference in found.get(_HIDDEN, {}).items():
        hidden = (sealed or {}).get(reference[REFERENCE])
        arguments |= encoding.unpack(hidden["v"], hidden["t"]) if hidden else {name: MASK}
    return arguments


def text_json(found: Text) -> str:
    """Return the stored form of a text for people."""
    return encoding.dumps(found.as_dict()).decode()


def _hex(value: bytes | None) -> str | None:
    return None if value is None else bytes(value).hex()


def _text(stored: str | None) -> Text | None:
    return None if stored is None else Text.from_dict(encoding.loads(stored))


def read_change_set(row: Any) -> ChangeSet:
    """Return a row of table `change_set` as a value."""
    approved_by = None if row.approved_by is None else Actor(row.approved_by, row.approved_how)
    return ChangeSet(
        id=row.id,
        purpose=Purpose(row.purpose),
        title=row.title,
        state=ChangeSetState(row.state),
        actor=Actor(row.actor, row.actor_how),
        reason=row.reason,
        closing=row.closing,
        reverses_id=row.reverses_id,
        plan_hash=_hex(row.plan_hash),
        policy=row.policy,
        approved_by=approved_by,
        approved_at=row.approved_at,
        created_at=row.created_at,
        expires_at=row.expires_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        operation_count=row.operation_count,
        note=_text(row.note),
        details=encoding.loads(row.details or "{}"),
    )


_KINDS: Final = {kind.value: kind for kind in Kind}
_EXECUTORS: Final = {executor.value: executor for executor in Executor}
_REVERSIBILITIES: Final = {each.value: each for each in Reversibility}
_STATES: Final = {state.value: state for state in OperationState}


def _loaded(stored: str | None, sealed: Sealed | None) -> dict[str, Any]:
    if stored is None:
        return {}
    found: dict[str, Any] = encoding.loads(stored)
    return reveal(found, sealed) if REFERENCE in stored else found


def read_operation(row: Any, sealed: Sealed | None = None) -> Operation:
    """Return a row of table `operation` as a value; `sealed` is what stands in no plain row."""
    # A run reads every operation once more: unpacking the row and looking enums up halves what that costs.
    (
        operation_id,
        change_set_id,
        position,
        after_position,
        system,
        kind,
        number,
        action,
        model,
        key,
        arguments,
        executor,
        reversibility,
        state,
        approved_hash,
        before_hash,
        after_hash,
        reverses_operation_id,
        reason,
        error_code,
        result,
        details,
        sent_at,
        settled_at,
    ) = row
    return Operation(
        id=operation_id,
        change_set_id=change_set_id,
        position=position,
        after_position=after_position,
        system=system,
        kind=_KINDS[kind],
        number=number,
        step=Step(action, Ref(model, key), unpack_arguments(arguments, sealed)),
        executor=_EXECUTORS[executor],
        reversibility=_REVERSIBILITIES[reversibility],
        state=_STATES[state],
        approved_hash=_hex(approved_hash),
        before_hash=_hex(before_hash),
        after_hash=_hex(after_hash),
        reverses_operation_id=reverses_operation_id,
        reason=_text(reason),
        error_code=error_code,
        result=_loaded(result, sealed),
        details=_loaded(details, sealed),
        sent_at=sent_at,
        settled_at=settled_at,
    )
