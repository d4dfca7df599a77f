"""What goes into a field: conversion, references, commands of to-many fields, what must not be empty."""

from __future__ import annotations

from collections.abc import Container, Iterable
from datetime import date, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sandbox.odoo import recompute
from sandbox.odoo.database import Row
from sandbox.odoo.errors import MissingError, ValidationError
from sandbox.odoo.schema import TO_MANY, Field, Model
from sandbox.odoo.schema_facts import ASKED

if TYPE_CHECKING:
    from sandbox.odoo.environment import Env
    from sandbox.odoo.table import Table


class Outermost:
    """Runs a block; when the outermost one ends, everything that is pending is computed."""

    def __init__(self, env: Env) -> None:
        self._env = env

    def __enter__(self) -> None:
        self._env.work.depth += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        work = self._env.work
        work.depth -= 1
        if work.depth == 0:
            if kind is None:
                recompute.settle(self._env)
            work.protected.clear()


def unknown_field(env: Env, model: Model, name: str, *, is_write: bool = False) -> str:
    """Return what Odoo says about a field that does not exist."""
    if env.version >= 19:
        return f"Invalid field {name!r} {'in' if is_write else 'on'} {model.name!r}"
    return f"Invalid field {name!r} on model {model.name!r}"


def known(env: Env, model: Model, vals: Row) -> Row:
    """Return a copy of `vals`; `ValueError` for a field that does not exist."""
    for name in vals:
        if name not in model.fields:
            raise ValueError(unknown_field(env, model, name, is_write=True))
    return dict(vals)


def split(env: Env, model: Model, vals: Row) -> tuple[Row, dict[str, Any]]:
    """Return converted column values, and what must be obeyed in other tables."""
    columns: Row = {}
    commands: dict[str, Any] = {}
    for name, value in vals.items():
        field = model.fields[name]
        if (
            field.type == "one2many"
            or (field.type == "many2many" and not _is_plain(value))
            or (field.related and not field.is_stored)
        ):
            commands[name] = value
        elif field.is_column:
            columns[name] = convert(env, model, field, value)
        elif not field.is_stored:
            commands[name] = value
    return columns, commands


def _is_plain(value: Any) -> bool:
    """Whether a many2many is given as its ids (by business files), not as commands."""
    return isinstance(value, tuple) and all(isinstance(each, int) for each in value)


def convert(env: Env, model: Model, field: Field, value: Any) -> Any:
    """Return a value as the row holds it, or raise what Odoo raises."""
    kind = field.type
    if value is None:
        value = False
    if kind == "many2one":
        return _reference(env, model, field, value)
    if kind == "many2many":
        return tuple(value or ())
    if kind == "boolean":
        return bool(value)
    if kind == "integer":
        return int(value or 0)
    if kind in ("float", "monetary"):
        return float(value or 0.0)
    if kind == "selection":
        keys = [key for key, _ in field.selection]
        if value is not False and keys and value not in keys:
            raise ValueError(f"Wrong value for {model.name}.{field.name}: {value!r}")
        return value
    if kind == "date":
        return _date(value)
    if kind == "datetime":
        return _datetime(value)
    if kind in ("char", "text") and value is not False:
        return str(value)
    return value


def _date(value: Any) -> Any:
    if not value:
        return False
    text = str(value)[:10]
    datetime.strptime(text, "%Y-%m-%d").astimezone()
    return text


def _datetime(value: Any) -> Any:
    if not value:
        return False
    if isinstance(value, date):
        return str(value)[:19]
    text = str(value)[:19]
    if len(text) == 10:
        datetime.strptime(text, "%Y-%m-%d").astimezone()
        return f"{text} 00:00:00"
    datetime.strptime(text, "%Y-%m-%d %H:%M:%S").astimezone()
    return text


def _reference(env: Env, model: Model, field: Field, value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        value = value[0] if value else False
    if not value:
        return False
    wanted = int(value)
    store = env.db.stores.get(field.relation)
    if store is not None and wanted not in store.rows:
        if env.version >= 18:
            raise MissingError.of(field.relation, [wanted], env.uid)
        raise ValidationError(
            "The operation cannot be completed: another model requires the record being deleted. "
            "If possible, archive it instead.\n\n"
            f"Model: {model.label} ({model.name})\nConstraint: {model.table}_{field.name}_fkey\n"
        )
    return wanted


def obey(env: Env, table: Table, record_id: int, field: Field, value: Any) -> None:
    """Do what a value for a to-many or a related field orders."""
    if field.type in TO_MANY:
        if field.type == "one2many":
            _obey_lines(env, record_id, field, value)
        else:
            _obey_links(env, table, record_id, field, value)
        return
    if field.related:
        path = field.related.split(".")
        at, here = env.sudo()[table.model.name], record_id
        for name in path[:-1]:
            target = at.get(here, name)
            at = env.sudo()[at.model.fields[name].relation]
            if not target:
                return
            here = target[0] if isinstance(target, tuple) else target
        at.write([here], {path[-1]: value})
        return
    # A field that is not stored goes through its inverse, which is a hook of the business file.
    inverse = env.business.methods.get((table.model.name, f"_inverse_{field.name}"))
    if inverse is not None:
        inverse.function(env, [record_id], value)


def _commands(value: Any) -> list[tuple[int, int, Any]]:
    result = []
    for each in value or ():
        if isinstance(each, int):
            result.append((4, each, 0))
        else:
            code, *rest = list(each)
            second, third, *_ = [*rest, 0, 0]
            result.append((int(code), second or 0, third))
    return result


def _obey_lines(env: Env, record_id: int, field: Field, value: Any) -> None:
    lines = env[field.relation]
    if not field.inverse:
        return
    for code, line, arg in _commands(value):
        if code == 0:
            lines.create({**arg, field.inverse: record_id})
        elif code == 1:
            lines.write([line], arg)
        elif code in (2, 3):
            _drop(lines, field, [line], is_deleted=code == 2)
        elif code == 4:
            lines.write([line], {field.inverse: record_id})
        else:
            keep = set(arg or ()) if code == 6 else set()
            now = lines.store.pointing(field.inverse, record_id)
            _drop(lines, field, [each for each in now if each not in keep], is_deleted=False)
            for each in keep.difference(now):
                lines.write([each], {field.inverse: record_id})


def _drop(lines: Table, field: Field, ids: list[int], *, is_deleted: bool) -> None:
    inverse = lines.model.fields[field.inverse]
    if is_deleted or inverse.is_required:
        lines.unlink(ids)
    else:
        lines.write(ids, {field.inverse: False})


def _obey_links(env: Env, table: Table, record_id: int, field: Field, value: Any) -> None:
    now = list(table.get(record_id, field.name))
    for code, other, arg in _commands(value):
        if code == 0:
            now.append(env[field.relation].create(arg))
        elif code == 1:
            env[field.relation].write([other], arg)
        elif code in (2, 3):
            now = [each for each in now if each != other]
        elif code == 4:
            now.append(other)
        elif code == 5:
            now = []
        elif code == 6:
            now = list(arg or ())
    if field.is_column:
        env[field.relation].ensure(now)
        table.link(record_id, field.name, tuple(dict.fromkeys(now)))


def mirror(env: Env, field: Field, record_id: int, old: Iterable[int], new: Iterable[int]) -> None:
    """Keep the other side of a many2many in step."""
    other = env.db.stores[field.relation]
    gone, come = set(old) - set(new), set(new) - set(old)
    for each in gone | come:
        row = other.rows.get(each)
        if row is None:
            continue
        kept = [i for i in row.get(field.inverse, ()) if i != record_id]
        linked = tuple(sorted([*kept, record_id])) if each in come else tuple(kept)
        other.put(each, {**row, field.inverse: linked})
        recompute.mark(env, field.relation, (each,), field.inverse, is_changed=True)


def check_required(
    env: Env, table: Table, ids: Iterable[int], vals: Container[str], *, is_new: bool = False
) -> None:
    """Raise Odoo's words for a column that must not be empty and is.

    A new record is only asked for what Odoo has no default for: the stand-in does not know all defaults.
    """
    names = [
        name
        for name, field in table.model.fields.items()
        if field.is_required
        and field.is_column
        and (name in vals or (is_new and (table.model.name, name) in ASKED))
    ]
    empty = (False, None, "")
    for each in ids:
        for name in names:
            field = table.model.fields[name]
            if field.type in ("boolean", "integer", "float", "monetary"):
                continue
            # Asked for, so that what is still to be computed is computed first.
            now = table.get(each, name)
            if any(now is value for value in empty):
                raise ValidationError(_mandatory(env, table.model, field))


def _mandatory(env: Env, model: Model, field: Field) -> str:
    if env.version >= 19:
        return (
            "The operation cannot be completed: Missing required value for the field "
            f"'{env.label(model.name, field.name)}' ({field.name}).\nModel: '{model.label}' ({model.name})\n"
            "- create/update: a mandatory field is not set\n- delete: another model requires the "
            "record being deleted, you can archive it instead\n"
        )
    return (
        "The operation cannot be completed:\n- Create/update: a mandatory field is not set.\n"
        "- Delete: another model requires the record being deleted. If possible, archive it "
        f"instead.\n\nModel: {model.label} ({model.name})\nField: {env.label(model.name, field.name)} ({field.name})\n"
    )


def release(env: Env, table: Table, record_id: int) -> None:
    """Before a record goes: delete its lines, empty optional references, refuse for required ones."""
    schema = env.db.schema
    for model, name in schema.references.get(table.model.name, ()):
        field = schema.models[model].fields[name]
        store = env.db.stores[model]
        for each in store.pointing(name, record_id):
            row = store.rows[each]
            if field.type == "many2many":
                left = tuple(i for i in row[name] if i != record_id)
                store.put(each, {**row, name: left})
                recompute.mark(env, model, (each,), name, is_changed=True)
            elif (model, name) in schema.cascades:
                env[model].delete([each])
            elif field.is_required:
                raise ValidationError(_in_use(env, schema.models[model], field))
            else:
                env[model].assign(each, {name: False})


def _in_use(env: Env, model: Model, field: Field) -> str:
    if env.version >= 19:
        return (
            "The operation cannot be completed: Another model is using the record you are trying "
            f"to delete.\n\nThe troublemaker is: '{model.label}' ({model.name})\nThanks to the "
            f"following constraint: '{env.label(model.name, field.name)}' ({field.name})\nHow about archiving the "
            "record instead?"
        )
    return (
        "The operation cannot be completed: another model requires the record being deleted. If "
        f"possible, archive it instead.\n\nModel: {model.label} ({model.name})\n"
        f"Constraint: {model.table}_{field.name}_fkey\n"
    )
