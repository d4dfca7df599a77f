"""Which stored fields must be computed anew when another field changes, and doing so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from sandbox.odoo.registry import Business, Compute, Computed
from sandbox.odoo.schema import TO_MANY, Schema

if TYPE_CHECKING:
    from sandbox.odoo.environment import Env

Trigger = tuple[Computed, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Graph:
    """What depends on what in one version."""

    triggers: Mapping[tuple[str, str], tuple[Trigger, ...]]
    triggering: Mapping[str, tuple[str, ...]]  # by model, the fields that something depends on
    by_field: Mapping[tuple[str, str], Computed]
    on_create: Mapping[str, tuple[Computed, ...]]
    tracked: Mapping[str, tuple[str, ...]]


@dataclass(slots=True)
class Work:
    """What one call still has to do before it may commit."""

    depth: int = 0
    pending: dict[int, tuple[Computed, dict[int, None]]] = field(default_factory=dict)
    protected: set[tuple[str, int, str]] = field(default_factory=set)
    tracked: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    created: set[tuple[str, int]] = field(default_factory=set)


def _follow(model: str, path: tuple[str, ...]) -> Compute:
    def read(env: Env, record_id: int) -> dict[str, Any]:
        return {path[0]: env[model].along(record_id, path[1:])}

    return read


@cache
def graph_of(schema: Schema, business: Business) -> Graph:
    """Return the graph; one is made for each version and kept."""
    computed = list(business.computed)
    known = {(c.model, name) for c in computed for name in c.fields}
    for model in schema.models.values():
        for each in model.fields.values():
            if each.related and each.is_column and (model.name, each.name) not in known:
                path = tuple(each.related.split("."))
                follow = _follow(model.name, (each.name, *path))
                computed.append(
                    Computed(model.name, (each.name,), (each.related,), follow, "changed")
                )
    triggers: dict[tuple[str, str], list[Trigger]] = {}
    by_field: dict[tuple[str, str], Computed] = {}
    on_create: dict[str, list[Computed]] = {}
    for one in computed:
        if one.model not in schema.models:
            continue
        fields = schema.models[one.model].fields
        by_field.update({(one.model, name): one for name in one.fields if name in fields})
        if not any(fields[name].is_column for name in one.fields if name in fields):
            continue
        on_create.setdefault(one.model, []).append(one)
        for path_text in one.depends:
            at = one.model
            back: list[tuple[str, str]] = []
            for name in path_text.split("."):
                step = schema.models[at].fields.get(name) if at in schema.models else None
                if step is None:
                    break
                triggers.setdefault((at, name), []).append((one, tuple(reversed(back))))
                back.append((at, name))
                at = step.relation or at
    return Graph(
        {key: tuple(each) for key, each in triggers.items()},
        {
            name: tuple(each for model, each in triggers if model == name)
            for name in {model for model, _ in triggers}
        },
        by_field,
        {key: tuple(each) for key, each in on_create.items()},
        {key: tuple(dict.fromkeys(each)) for key, each in business.tracked.items()},
    )


def mark(env: Env, model: str, ids: Iterable[int], name: str, *, is_changed: bool) -> None:
    """Note what must be computed anew because `name` of these records was written."""
    for one, back in env.graph.triggers.get((model, name), ()):
        if not is_changed and one.when == "changed":
            continue
        found: Iterable[int] = ids
        for step_model, step_name in back:
            found = _backwards(env, step_model, step_name, found)
        _pend(env, one, found)


def mark_all(env: Env, model: str, record_id: int) -> None:
    """Note what must be computed anew because a record comes or goes."""
    for name in env.graph.triggering.get(model, ()):
        mark(env, model, (record_id,), name, is_changed=True)


def mark_created(env: Env, model: str, record_id: int) -> None:
    """Note that every stored computed field of a new record must be computed."""
    for one in env.graph.on_create.get(model, ()):
        _pend(env, one, (record_id,))


def _pend(env: Env, one: Computed, ids: Iterable[int]) -> None:
    entry = env.work.pending.get(id(one))
    if entry is None:
        entry = env.work.pending[id(one)] = (one, {})
    entry[1].update(dict.fromkeys(ids))


def _backwards(env: Env, model: str, name: str, ids: Iterable[int]) -> list[int]:
    step = env.db.schema.models[model].fields[name]
    found: dict[int, None] = {}
    if step.type == "one2many":
        rows = env.db.stores[step.relation].rows
        for each in ids:
            parent = rows.get(each, {}).get(step.inverse)
            if parent:
                found[parent] = None
    elif step.is_column:
        store = env.db.stores[model]
        for each in ids:
            found.update(dict.fromkeys(store.pointing(name, each)))
    elif step.type in TO_MANY and step.inverse:
        other = env[step.relation]
        for each in ids:
            found.update(dict.fromkeys(other.get(each, step.inverse)))
    return list(found)


def settle(env: Env) -> None:
    """Compute everything that is pending, in rounds, until nothing is."""
    pending = env.work.pending
    while pending:
        one, ids = pending.pop(next(iter(pending)))
        for record_id in list(ids):
            if record_id in env.db.stores[one.model].rows:
                run(env, one, record_id)


def settle_field(env: Env, model: str, record_id: int, name: str) -> None:
    """Compute one field of one record now, if it is pending: somebody reads it."""
    one = env.graph.by_field.get((model, name))
    entry = env.work.pending.get(id(one)) if one is not None else None
    if one is not None and entry is not None and record_id in entry[1]:
        del entry[1][record_id]
        run(env, one, record_id)


def run(env: Env, one: Computed, record_id: int) -> None:
    """Compute one record and store what is stored and not protected."""
    values = one.function(env, record_id)
    if not values:
        return
    table = env.sudo()[one.model]
    fields = table.model.fields
    keep = {
        name: value
        for name, value in values.items()
        if name in fields
        and fields[name].is_column
        and (one.model, record_id, name) not in env.work.protected
    }
    table.assign(record_id, keep)
