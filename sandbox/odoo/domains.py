"""Search domains: polish notation, dotted paths, Odoo's operators, and the order of results."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from sandbox.odoo import recompute
from sandbox.odoo.schema import TO_MANY, Field, Model

if TYPE_CHECKING:
    from sandbox.odoo.environment import Env
    from sandbox.odoo.table import Table

Test = Callable[[int], bool]
_OPERATORS: Final = frozenset(
    {"=", "!=", "<>", "=?", ">", ">=", "<", "<=", "in", "not in", "like", "not like"}
    | {"ilike", "not ilike", "=like", "=ilike", "child_of", "parent_of", "any", "not any"}
)
_NEGATED: Final = {"!=": "=", "<>": "=", "not in": "in", "not like": "like", "not ilike": "ilike"}
_STAMPS: Final = frozenset({"write_date", "create_date"})


def matching(
    env: Env, table: Table, domain: Sequence[Any], *, active_test: bool = False
) -> list[int]:
    """Return the ids that match, by id."""
    domain = list(domain)
    if active_test and "active" in table.model.fields:
        named = {leaf[0] for leaf in domain if isinstance(leaf, (list, tuple)) and len(leaf) == 3}
        if "active" not in named:
            domain = [*_normalized(domain), ["active", "=", True]]
    domain = _normalized(domain)
    if env.work.pending:
        recompute.settle(env)
    ids = _shortcut(table, domain)
    test = _test(env, table, domain)
    return [each for each in ids if test(each)]


def _normalized(domain: list[Any]) -> list[Any]:
    """Return the domain with every implicit `&` written out."""
    result: list[Any] = []
    expected = 1
    for each in domain:
        if expected == 0:
            result.insert(0, "&")
            expected = 1
        result.append(each)
        if each in ("&", "|"):
            expected += 1
        elif each != "!":
            expected -= 1
    return result


def _shortcut(table: Table, domain: list[Any]) -> list[int]:
    """Return candidates: where the whole domain is a conjunction, an id or a parent narrows it."""
    rows = table.rows
    if all(each == "&" or isinstance(each, (list, tuple)) for each in domain):
        for leaf in domain:
            if not isinstance(leaf, (list, tuple)) or len(leaf) != 3 or leaf[1] not in ("=", "in"):
                continue
            name, operator, value = leaf
            wanted = value if operator == "in" else [value]
            if not isinstance(wanted, (list, tuple)) or not all(type(v) is int for v in wanted):
                continue
            field = table.model.fields.get(name) if isinstance(name, str) else None
            if name == "id":
                return sorted({each for each in wanted if each in rows})
            if field is not None and field.type == "many2one" and field.is_column:
                found = {i for each in wanted for i in table.store.pointing(name, each)}
                return sorted(found)
    return sorted(rows)


def _test(env: Env, table: Table, domain: list[Any]) -> Test:
    stack: list[Test] = []
    for each in reversed(domain):
        if each == "!":
            stack.append(_not(stack.pop()))
        elif each in ("&", "|"):
            stack.append(_both(each == "&", stack.pop(), stack.pop()))
        else:
            stack.append(_leaf(env, table, each))
    return stack[-1] if stack else lambda _: True


def _not(inner: Test) -> Test:
    return lambda record_id: not inner(record_id)


def _both(is_and: bool, one: Test, other: Test) -> Test:
    if is_and:
        return lambda record_id: one(record_id) and other(record_id)
    return lambda record_id: one(record_id) or other(record_id)


def unknown(env: Env, model: Model, leaf: Sequence[Any]) -> str:
    """Return what Odoo says about a field in a domain that does not exist."""
    name = str(leaf[0]).split(".")[0]
    if env.version >= 19:
        return f"Invalid field {model.name}.{name} in condition {tuple(leaf)!r}"
    return f"Invalid field {model.name}.{name} in leaf {tuple(leaf)!r}"


def _leaf(env: Env, table: Table, leaf: Any) -> Test:
    if not isinstance(leaf, (list, tuple)) or len(leaf) != 3:
        raise ValueError(f"Invalid leaf {leaf!r}")
    name, operator, value = leaf
    if name in (0, 1) and operator == "=":
        return lambda _: name == value
    operator = str(operator).lower()
    if operator not in _OPERATORS:
        raise ValueError(f"Invalid operator {leaf[1]!r} in leaf {tuple(leaf)!r}")
    first, _, rest = str(name).partition(".")
    field = table.model.fields.get(first)
    if field is None:
        raise ValueError(unknown(env, table.model, leaf))
    if rest and field.relation:
        return _path(env, table, field, [rest, operator, value])
    if operator in ("any", "not any"):
        found = set(matching(env, env[field.relation], value))
        hit = _related(table, first, found)
        return hit if operator == "any" else _not(hit)
    if operator in ("child_of", "parent_of"):
        return _hierarchy(env, table, field, operator, value)
    if operator in _NEGATED:
        return _not(_positive(env, table, field, _NEGATED[operator], value))
    return _positive(env, table, field, operator, value)


def _path(env: Env, table: Table, field: Field, leaf: list[Any]) -> Test:
    found = set(matching(env, env[field.relation], [leaf]))
    return _related(table, field.name, found)


def _related(table: Table, name: str, found: set[int]) -> Test:
    def test(record_id: int) -> bool:
        value = table.get(record_id, name)
        if isinstance(value, tuple):
            return not found.isdisjoint(value)
        return value in found

    return test


def _hierarchy(env: Env, table: Table, field: Field, operator: str, value: Any) -> Test:
    other = table if field.name == "id" else env[field.relation]
    wanted = set(value if isinstance(value, (list, tuple)) else [value])
    parent = "location_id" if other.model.name == "stock.location" else "parent_id"
    if operator == "child_of":
        found = set(wanted)
        while True:
            more = {i for i, row in other.rows.items() if row.get(parent) in found} - found
            if not more:
                break
            found |= more
    else:
        found = set()
        for each in wanted:
            at = each
            while at and at not in found:
                found.add(at)
                at = other.rows.get(at, {}).get(parent, 0)
    return _related(table, field.name, found)


def _positive(env: Env, table: Table, field: Field, operator: str, value: Any) -> Test:
    name = field.name
    if operator == "=?":
        return _positive(env, table, field, "=", value) if value else lambda _: True
    if operator == "in" and isinstance(value, bool):
        return _positive(env, table, field, "=", value)
    if field.relation and (isinstance(value, str) or _are_texts(value)):
        return _by_name(env, table, field, operator, value)
    if operator in ("=", "in"):
        wanted = list(value) if isinstance(value, (list, tuple)) else [value]
        wanted = [_comparable(env, field, each) for each in wanted]
        if field.type in TO_MANY:
            return _holds(table, name, wanted)

        def equals(record_id: int) -> bool:
            own = _comparable(env, field, table.get(record_id, name))
            return any(_same(field, own, each) for each in wanted)

        return equals
    if operator in ("<", "<=", ">", ">="):
        return _ordering(env, table, field, operator, value)
    pattern = _pattern(operator, str(value))

    def matches(record_id: int) -> bool:
        own = table.get(record_id, name)
        return isinstance(own, str) and pattern.search(own) is not None

    return matches


def _are_texts(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple)) and bool(value) and all(isinstance(v, str) for v in value)
    )


def _by_name(env: Env, table: Table, field: Field, operator: str, value: Any) -> Test:
    other = env[field.relation]
    texts = list(value) if isinstance(value, (list, tuple)) else [value]
    if operator in ("=", "in"):
        found = {i for i in other.rows if other.display_name(i) in texts}
    else:
        pattern = _pattern(operator, texts[0])
        found = {i for i in other.rows if pattern.search(other.display_name(i))}
    return _related(table, field.name, found)


def _holds(table: Table, name: str, wanted: list[Any]) -> Test:
    ids = {each for each in wanted if each}
    is_empty_wanted = not ids or any(each is False or each is None for each in wanted)

    def test(record_id: int) -> bool:
        value = table.get(record_id, name)
        return not ids.isdisjoint(value) or (is_empty_wanted and not value)

    return test


def _comparable(env: Env, field: Field, value: Any) -> Any:
    """Return a value as PostgreSQL would compare it: 19 cuts stamps to seconds, older ones do not."""
    if value is None:
        return False
    if field.type == "datetime" and isinstance(value, str) and value:
        text = value.replace("T", " ")
        if len(text) == 10:
            text += " 00:00:00"
        if field.name in _STAMPS:
            return (
                text[:19]
                if env.version >= 19
                else text.ljust(26, "0")[:26]
                if "." in text
                else text + ".000000"
            )
        return text[:19]
    return value


def _same(field: Field, own: Any, wanted: Any) -> bool:
    if field.type == "boolean":
        return bool(own) == bool(wanted)
    if wanted is False:
        return (
            own is False
            or own == ""
            or (own == 0 and field.type in ("integer", "float", "monetary"))
        )
    if isinstance(own, bool) != isinstance(wanted, bool):
        return False
    return bool(own == wanted)


def _ordering(env: Env, table: Table, field: Field, operator: str, value: Any) -> Test:
    limit = _comparable(env, field, value)

    def test(record_id: int) -> bool:
        own = _comparable(env, field, table.get(record_id, field.name))
        if own is False or limit is False:
            return False
        if operator == "<":
            return bool(own < limit)
        if operator == "<=":
            return bool(own <= limit)
        if operator == ">":
            return bool(own > limit)
        return bool(own >= limit)

    return test


def _pattern(operator: str, value: str) -> re.Pattern[str]:
    text = re.escape(value).replace("%", ".*").replace("_", ".")
    flags = re.IGNORECASE | re.DOTALL if "ilike" in operator else re.DOTALL
    return re.compile(f"^{text}$" if operator.startswith("=") else text, flags)


def ordered(env: Env, table: Table, ids: Iterable[int], order: str | None) -> list[int]:
    """Return the ids in an order such as `date_order desc, id`; without one, in the model's own."""
    found = list(ids)
    if len(found) <= 1 and order is None:
        return found
    for term in reversed([each.strip() for each in (order or table.model.order).split(",")]):
        name, *direction = term.split()
        if name not in table.model.fields:
            if order is None:
                continue
            raise ValueError(f"Invalid field {name!r} on model {table.model.name!r}")
        is_down = bool(direction) and direction[0].lower() == "desc"
        if name == "id":
            found.sort(reverse=is_down)
        else:
            keys = {each: _sort_key(env, table, each, name) for each in found}
            found.sort(key=keys.__getitem__, reverse=is_down)
    return found


def _sort_key(env: Env, table: Table, record_id: int, name: str) -> tuple[bool, Any]:
    """Return a key that sorts as PostgreSQL does: nothing comes last ascending, first descending."""
    value = table.get(record_id, name)
    kind = table.model.fields[name].type
    if kind == "many2one" and value:
        value = env.sudo()[table.model.fields[name].relation].display_name(value)
    if kind == "boolean":
        return False, value
    return (True, 0) if value is False else (False, value)
