"""What every connector looks up the same way: an action by its name, the one action of a batch, names of users."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from connectors.contract import Ref
from core.errors import ContractBroken, NotFound

if TYPE_CHECKING:
    from connectors.contract import Call, System

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


def names_of_users(system: System, model: str, users: Collection[str]) -> dict[str, str]:
    """Return the names of users who are called by the key of their record, as `res.users 3`. See `System.people`."""
    keys = [user.removeprefix(f"{model} ") for user in sorted(users)]
    refs = [Ref(model, key) for key in keys if key.isdecimal()]
    named = {f"{model} {each.ref.key}": each.fields for each in system.read(refs, ["name"])}
    return {user: str(found["name"]) for user, found in named.items() if found}
