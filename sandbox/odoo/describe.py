"""`fields_get`, and grouping."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from sandbox.odoo.domains import matching
from sandbox.odoo.schema import Field, Model

if TYPE_CHECKING:
    from sandbox.odoo.environment import Env
    from sandbox.odoo.table import Table

_TEXTS: Final = frozenset({"char", "text", "html"})


def visible(model: Model) -> list[str]:
    """Return the fields that the user may see."""
    return [name for name, field in model.fields.items() if not field.groups]


def _attributes(env: Env, model: Model, field: Field) -> dict[str, Any]:
    told: dict[str, Any] = {
        "type": field.type,
        "string": env.label(model.name, field.name),
        "store": field.is_stored,
        "readonly": field.is_readonly,
        "required": field.is_required,
        "depends": list(field.depends),
        "company_dependent": field.is_company_dependent,
        "sortable": field.is_column,
        "name": field.name,
    }
    if env.version <= 17:
        told["searchable"] = field.is_stored
    if field.related:
        told["related"] = field.related
    if field.relation:
        told["relation"] = field.relation
        told["domain"] = []
        told["context"] = {}
    if field.type == "one2many" and field.inverse:
        told["relation_field"] = field.inverse
    if field.selection or field.type == "selection":
        told["selection"] = [list(pair) for pair in field.selection]
    if field.type in _TEXTS:
        told["translate"] = field.is_translated
    if field.type == "monetary":
        told["currency_field"] = "currency_id"
    return told


def fields_get(
    table: Table,
    allfields: Sequence[str] | None = None,
    attributes: Sequence[str] | None = None,
) -> Mapping[str, dict[str, Any]]:
    """Return what the fields are; fields of groups that the user lacks are absent."""
    env = table.env
    asked = set(attributes) if attributes else None
    result = {}
    for name in visible(table.model):
        if allfields and name not in allfields:
            continue
        told = _attributes(env, table.model, table.model.fields[name])
        if asked is not None:
            told = {key: value for key, value in told.items() if key in asked}
        result[name] = told
    return result


def _groups(
    table: Table, domain: Sequence[Any], keys: list[str]
) -> dict[tuple[Any, ...], list[int]]:
    is_tested = bool(table.env.context.get("active_test", True))
    groups: dict[tuple[Any, ...], list[int]] = {}
    for each in matching(table.env, table, domain, active_test=is_tested):
        key = tuple(_key(table, each, name) for name in keys)
        groups.setdefault(key, []).append(each)
    return groups


def _key(table: Table, record_id: int, name: str) -> Any:
    plain, _, span = name.partition(":")
    value = table.get(record_id, plain)
    if span and isinstance(value, str):
        return value[: {"year": 4, "month": 7, "day": 10}.get(span, 10)]
    return value


def _shown(table: Table, name: str, value: Any) -> Any:
    field = table.model.fields[name.partition(":")[0]]
    if field.type == "many2one" and value:
        return [value, table.env.sudo()[field.relation].display_name(value)]
    return value


def _aggregate(table: Table, ids: list[int], name: str, how: str) -> Any:
    found = [table.get(each, name) for each in ids]
    if how == "count":
        return len([each for each in found if each is not False])
    if how == "count_distinct":
        return len(set(found) - {False})
    if how == "array_agg":
        return found
    numbers = [each for each in found if each is not False]
    if not numbers:
        return False
    if how == "avg":
        return sum(numbers) / len(numbers)
    functions: dict[str, Callable[[list[Any]], Any]] = {"max": max, "min": min}
    return functions.get(how, sum)(numbers)


def read_group(
    table: Table,
    domain: Sequence[Any],
    fields: Sequence[str],
    groupby: Sequence[str] | str,
    offset: int = 0,
    limit: int | None = None,
    orderby: str | bool = False,
    lazy: bool = True,
) -> list[dict[str, Any]]:
    """Return groups with counts and sums, as up to 18."""
    table.env.check(table.model.name, "read")
    keys = [groupby] if isinstance(groupby, str) else list(groupby)
    used = keys[:1] if lazy else keys
    result = []
    for key, ids in _groups(table, domain, used).items():
        row: dict[str, Any] = {
            name: _shown(table, name, value) for name, value in zip(used, key, strict=True)
        }
        row["__count" if not lazy else f"{used[0].partition(':')[0]}_count"] = len(ids)
        for asked in fields:
            name, _, how = asked.partition(":")
            if name not in used and table.model.fields[name].type in (
                "integer",
                "float",
                "monetary",
            ):
                row[name] = _aggregate(table, ids, name, how or "sum")
        row["__domain"] = (
            [
                "&",
                [used[0].partition(":")[0], "=", key[0]],
                *domain,
            ]
            if domain
            else [[used[0].partition(":")[0], "=", key[0]]]
        )
        result.append(row)
    if orderby:
        _sort(result, str(orderby))
    return result[offset : offset + limit] if limit else result[offset:]


def _sort(rows: list[dict[str, Any]], order: str) -> None:
    for term in reversed(order.split(",")):
        name, *direction = term.split()
        rows.sort(
            key=lambda row, name=name: str(row.get(name)),  # type: ignore[misc]
            reverse=direction == ["desc"],
        )


def formatted_read_group(
    table: Table,
    domain: Sequence[Any],
    groupby: Sequence[str] = (),
    aggregates: Sequence[str] = (),
    having: Sequence[Any] = (),
    offset: int = 0,
    limit: int | None = None,
    order: str | None = None,
) -> list[dict[str, Any]]:
    """Return groups, as 19 does."""
    table.env.check(table.model.name, "read")
    if having:
        raise ValueError("The stand-in does not group with `having`")
    result = []
    for key, ids in _groups(table, domain, list(groupby)).items():
        row: dict[str, Any] = {
            name: _shown(table, name, value) for name, value in zip(groupby, key, strict=True)
        }
        for asked in aggregates:
            name, _, how = asked.partition(":")
            row[asked] = len(ids) if asked == "__count" else _aggregate(table, ids, name, how)
        row["__extra_domain"] = [
            [name.partition(":")[0], "=", value] for name, value in zip(groupby, key, strict=True)
        ]
        result.append(row)
    if order:
        _sort(result, order)
    return result[offset : offset + limit] if limit else result[offset:]
