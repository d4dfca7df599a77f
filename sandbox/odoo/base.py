"""The methods that every model has: read, search, write ... They take the table instead of the environment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sandbox.odoo import chatter, describe, importing, rights, values
from sandbox.odoo.domains import matching
from sandbox.odoo.errors import AccessError
from sandbox.odoo.registry import FIRST, LAST
from sandbox.odoo.schema import Field
from sandbox.odoo.table import Table

Vals = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BaseMethod:
    """A method of every model."""

    function: Callable[..., Any]
    is_model: bool
    since: int = FIRST
    until: int = LAST
    needs: str = ""  # a field without which the model does not have the method


def as_ids(value: Any) -> list[int]:
    """Return ids that came as a list or as one id."""
    if value is False or value is None:
        return []
    if isinstance(value, (list, tuple)):
        return [int(each) for each in value]
    return [int(value)]


def read(
    table: Table, ids: list[int], fields: Sequence[str] | None = None, load: Any = "_classic_read"
) -> list[Vals]:
    """Return records; those that are gone are left out, without a word."""
    table.env.check(table.model.name, "read")
    names = list(fields) if fields else describe.visible(table.model)
    found: list[tuple[str, Field]] = []
    for name in dict.fromkeys(names):
        field = table.model.fields.get(name)
        if field is None:
            raise ValueError(values.unknown_field(table.env, table.model, name))
        found.append((name, field))
    refused = [name for name, field in found if field.groups]
    if refused and not table.env.is_su:
        raise rights.field_refused(table.env, table.model.name, refused)
    is_named = load == "_classic_read"
    names_of: dict[tuple[str, int], Any] = {}
    result = []
    for each in ids:
        if each not in table.rows:
            continue
        row: Vals = {"id": each}
        for name, field in found:
            value = table.get(each, name)
            kind = field.type
            if kind == "many2one":
                if value and is_named:
                    key = (field.relation, value)
                    if key not in names_of:
                        names_of[key] = _pair(table, field.relation, value)
                    value = names_of[key]
            elif kind == "datetime" and value:
                value = value[:19]
            elif isinstance(value, tuple):
                value = list(value)
            row[name] = value
        result.append(row)
    return result


def _pair(table: Table, relation: str, record_id: int) -> Any:
    if relation not in table.env or record_id not in table.env.db.stores[relation].rows:
        return False
    return [record_id, table.env.sudo()[relation].display_name(record_id)]


def search(
    table: Table,
    domain: Sequence[Any],
    offset: int = 0,
    limit: int | None = None,
    order: str | None = None,
) -> list[int]:
    """Return ids; archived records only where the context says `active_test` False."""
    table.env.check(table.model.name, "read")
    is_tested = bool(table.env.context.get("active_test", True))
    return table.search(
        domain, order=order or None, limit=limit or None, offset=offset or 0, active_test=is_tested
    )


def _search_16(
    table: Table,
    domain: Sequence[Any],
    offset: int = 0,
    limit: int | None = None,
    order: str | None = None,
    count: bool = False,
) -> Any:
    found = search(table, domain, offset, limit, order)
    return len(found) if count else found


def search_count(table: Table, domain: Sequence[Any], limit: int | None = None) -> int:
    """Return how many records match, at most `limit`."""
    table.env.check(table.model.name, "read")
    is_tested = bool(table.env.context.get("active_test", True))
    found = len(matching(table.env, table, domain, active_test=is_tested))
    return min(found, limit) if limit else found


def search_read(
    table: Table,
    domain: Sequence[Any] | None = None,
    fields: Sequence[str] | None = None,
    offset: int = 0,
    limit: int | None = None,
    order: str | None = None,
    **read_kwargs: Any,
) -> list[Vals]:
    """Return what search and read return in one call."""
    found = search(table, domain or [], offset, limit, order)
    return read(table, found, fields, **read_kwargs)


def create(table: Table, vals_list: Any) -> Any:
    """Make one record or several; the answer is an id or a list of them."""
    if isinstance(vals_list, dict):
        return table.create(vals_list)
    return table.create_many(vals_list)


def write(table: Table, ids: list[int], vals: Vals) -> bool:
    """Change records."""
    return table.write(ids, vals)


def unlink(table: Table, ids: list[int]) -> bool:
    """Delete records."""
    return table.unlink(ids)


def exists(table: Table, ids: list[int]) -> list[int]:
    """Return those that exist."""
    return table.exists(ids)


def name_search(
    table: Table,
    name: str = "",
    args: Sequence[Any] | None = None,
    operator: str = "ilike",
    limit: int | None = 100,
) -> list[list[Any]]:
    """Return `[id, name]` of records whose name matches."""
    return _named(table, name, args, operator, limit)


def _name_search_19(
    table: Table,
    name: str = "",
    domain: Sequence[Any] | None = None,
    operator: str = "ilike",
    limit: int | None = 100,
) -> list[list[Any]]:
    return _named(table, name, domain, operator, limit)


def _named(
    table: Table, name: str, domain: Sequence[Any] | None, operator: str, limit: int | None
) -> list[list[Any]]:
    wanted = list(domain or [])
    if name and table.model.rec_name in table.model.fields:
        wanted = [*wanted, [table.model.rec_name, operator, name]]
    found = search(table, wanted, 0, limit)
    return [[each, table.display_name(each)] for each in found]


def name_get(table: Table, ids: list[int]) -> list[list[Any]]:
    """Return `[id, name]` of records."""
    table.env.check(table.model.name, "read")
    return [[each, table.display_name(each)] for each in ids]


def check_access_rights(table: Table, operation: str, raise_exception: bool = True) -> bool:
    """Say whether the user may do something with the model at all."""
    try:
        table.env.check(table.model.name, operation)
    except AccessError:
        if raise_exception:
            raise
        return False
    return True


def has_access(table: Table, ids: list[int], operation: str) -> bool:
    """Say whether the user may do something with these records."""
    table.ensure(ids)
    return table.env.may(table.model.name, operation)


def get_metadata(table: Table, ids: list[int]) -> list[Vals]:
    """Return who made and changed records, and when."""
    table.env.check(table.model.name, "read")
    found = read(table, ids, ["create_uid", "create_date", "write_uid", "write_date"])
    return [{**row, "xmlid": False, "noupdate": False, "xmlids": []} for row in found]


def message_post(
    table: Table,
    ids: list[int],
    body: str = "",
    message_type: str = "notification",
    subtype_xmlid: str | None = None,  # noqa: ARG001 - the stand-in has no subtypes
    **kwargs: Any,  # noqa: ARG001
) -> Any:
    """Leave a message on one record; 19 answers a list."""
    table.env.check(table.model.name, "read")
    table.ensure(ids)
    made = chatter.post(
        table.env, table.model.name, ids[:1], f"<p>{body}</p>", message_type=message_type,
        is_asked=True,
    )  # fmt: skip
    return made if table.env.version >= 19 else made[0]


def action_archive(table: Table, ids: list[int]) -> None:
    """Archive records."""
    table.write(ids, {"active": False})


def action_unarchive(table: Table, ids: list[int]) -> None:
    """Make archived records active."""
    table.write(ids, {"active": True})


def toggle_active(table: Table, ids: list[int]) -> None:
    """Archive what is active and the other way round."""
    for each in ids:
        table.write([each], {"active": not table.get(each, "active")})


def default_get(_: Table, fields_list: Sequence[str]) -> Vals:  # noqa: ARG001 - the wire's name
    """Return default values: the stand-in knows none outside of `create`."""
    return {}


METHODS: Final[dict[str, tuple[BaseMethod, ...]]] = {
    "read": (BaseMethod(read, False),),
    "search": (BaseMethod(_search_16, True, 16, 16), BaseMethod(search, True, 17)),
    "search_count": (BaseMethod(search_count, True),),
    "search_read": (BaseMethod(search_read, True),),
    "create": (BaseMethod(create, True),),
    "write": (BaseMethod(write, False),),
    "unlink": (BaseMethod(unlink, False),),
    "exists": (BaseMethod(exists, False),),
    "fields_get": (BaseMethod(describe.fields_get, True),),
    "name_search": (BaseMethod(name_search, True, 16, 18), BaseMethod(_name_search_19, True, 19)),
    "name_get": (BaseMethod(name_get, False, 16, 17),),
    "read_group": (BaseMethod(describe.read_group, True),),
    "formatted_read_group": (BaseMethod(describe.formatted_read_group, True, 19),),
    "check_access_rights": (BaseMethod(check_access_rights, True),),
    "has_access": (BaseMethod(has_access, False, 18),),
    "get_metadata": (BaseMethod(get_metadata, False),),
    "load": (BaseMethod(importing.load, True),),
    "message_post": (BaseMethod(message_post, False, needs="message_ids"),),
    "action_archive": (BaseMethod(action_archive, False, needs="active"),),
    "action_unarchive": (BaseMethod(action_unarchive, False, needs="active"),),
    "toggle_active": (BaseMethod(toggle_active, False, 16, 18, needs="active"),),
    "default_get": (BaseMethod(default_get, True),),
}


def find(table: Table, name: str) -> BaseMethod | None:
    """Return the method of that name in this version, if the model has it."""
    for each in METHODS.get(name, ()):
        has_it = not each.needs or each.needs in table.model.fields
        if has_it and each.since <= table.env.version <= each.until:
            return each
    return None
