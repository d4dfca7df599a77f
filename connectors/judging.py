"""What actions ask of an image in the same words, whichever ERP it came from: the document, its rows, its state."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from connectors.contract import Effect, Image, LaterBusiness, Problem, Record, Step
from core.encoding import Value
from core.text import N_, Text

MISSING: Final = Problem("missing", Text(N_("it does not exist any more")))
"""The document that an action is about is gone."""

DELETED: Final = LaterBusiness(Effect.BLOCKS, Text(N_("it was deleted")))
"""The document that we changed is gone: nothing is left to put anything back into."""


def root_of(step: Step, image: Image) -> Mapping[str, Value]:
    """Return the fields of the step's own document; empty when it is gone."""
    return fields_of(image.get(step.ref))


def fields_of(record: Record | None) -> Mapping[str, Value]:
    """Return the fields of a record; empty when it is gone."""
    return {} if record is None or record.fields is None else record.fields


def rows(image: Image, model: str) -> dict[int, Mapping[str, Value]]:
    """Return the existing records of a model by id, for ERPs whose keys are numbers."""
    return {int(r.ref.key): r.fields for r in image.of_model(model) if r.fields is not None}


def ids_in(value: Value) -> tuple[int, ...]:
    """Return the ids in a relation to many."""
    return tuple(int(i) for i in value) if isinstance(value, tuple) else ()


def number_in(value: Value) -> Decimal:
    """Return a quantity or an amount; nothing counts as zero."""
    if isinstance(value, Decimal):
        return value
    return Decimal(value) if isinstance(value, int) else Decimal(0)


def state_problem(step: Step, image: Image, *allowed: str) -> tuple[Problem, ...]:
    """Say that the document is gone, or that its state does not allow the action."""
    root = root_of(step, image)
    if not root:
        return (MISSING,)
    if root.get("state") in allowed:
        return ()
    state = str(root.get("state"))
    return (Problem(f"state.{state}", Text(N_("its state is {state}"), {"state": state})),)


def state_moved(step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
    """Say that the document went on to another state, or is gone, since we changed it."""
    was, is_now = root_of(step, after), root_of(step, now)
    if not is_now:
        return (DELETED,)
    if was.get("state") == is_now.get("state"):
        return ()
    states = {"before": was.get("state"), "now": is_now.get("state")}
    return (
        LaterBusiness(Effect.BLOCKS, Text(N_("its state went from {before} to {now}"), states)),
    )
