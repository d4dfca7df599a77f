"""The statements that move operations, made once: each names the states that it may be left from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import ColumnElement, Update, bindparam, literal_column, or_, update

from recovery import schema
from recovery.states import OPERATION_MOVES, OperationState, is_path, sources

_operation = schema.operation
_by_id = _operation.c.id == bindparam("b_id")


def _fixed(state: OperationState) -> ColumnElement[str]:
    # Written into the statement: a bound value would be handed over once more with every row of a batch.
    return literal_column(f"'{state.value}'")


def _is_one_of(states: Iterable[OperationState]) -> ColumnElement[bool]:
    # Not IN: SQLAlchemy expands its list at execution, which rules out sending many rows at once.
    return or_(*(_operation.c.state == _fixed(state) for state in sorted(states)))


SEND: Final = (
    update(_operation)
    .where(_by_id, _is_one_of({OperationState.LOCKED, OperationState.CAPTURED}))
    .values(
        state=_fixed(OperationState.SENT),
        before_hash=bindparam("b_before"),
        sent_at=bindparam("b_at"),
    )
)


def _settling(to: OperationState, *, has_image: bool, has_words: bool) -> Update:
    values: dict[str, Any] = {"state": _fixed(to), "settled_at": bindparam("b_at")}
    for name in ("reason", "error_code", "result"):
        values[name] = bindparam(f"b_{name}") if has_words else None
    if has_image:
        values["after_hash"] = bindparam("b_after")
    return (
        update(_operation).where(_by_id, _is_one_of(sources(OPERATION_MOVES, to))).values(**values)
    )


SETTLE: Final[dict[tuple[OperationState, bool, bool], Update]] = {
    (to, has_image, has_words): _settling(to, has_image=has_image, has_words=has_words)
    for to in OperationState
    if to is not OperationState.PLANNED
    for has_image in (False, True)
    for has_words in (False, True)
}

assert is_path(  # noqa: S101 - SEND moves along this path in one statement; a changed table must break loudly
    OPERATION_MOVES, (OperationState.LOCKED, OperationState.CAPTURED, OperationState.SENT)
)
