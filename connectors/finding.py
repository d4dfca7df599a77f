"""What every connector looks up the same way: an action by its name, and the one action of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from core.errors import ContractBroken, NotFound

if TYPE_CHECKING:
    from connectors.contract import Call

A = TypeVar("A")


def find_action(actions: Mapping[str, A], name: str) -> A:
    """Return the action of a name. Raises `NotFound`."""
    found = actions.get(name)
    if found is None:
        raise NotFound(what="action", name=name)
    return found


def action_of(actions: Mapping[str, A], calls: Sequence[Call]) -> A:
    """Return the action that every call of a batch names. Raises `NotFound`, and `ContractBroken` for several."""
    names = {call.step.action for call in calls}
    if len(names) != 1:
        raise ContractBroken(problem="a batch has calls of several actions")
    return find_action(actions, names.pop())
