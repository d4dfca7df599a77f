"""A model's records as one caller sees them. The promises stand in sandbox/odoo/engine.py."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from sandbox.odoo import chatter, domains, recompute, values
from sandbox.odoo.database import Row, Store
from sandbox.odoo.errors import MissingError
from sandbox.odoo.schema import AUTOMATIC, Field, Model
from sandbox.odoo.schema_facts import ONLY

if TYPE_CHECKING:
    from sandbox.odoo.environment import Env

_IGNORED: Final = AUTOMATIC | {"display_name"}


class Table:
    """One model, bound to one `Env`."""

    __slots__ = ("env", "model", "store")

    def __init__(self, env: Env, store: Store) -> None:
        self.env = env
        self.store = store
        self.model: Model = store.model

    @property
    def rows(self) -> dict[int, Row]:
        """Return the raw content; read it only."""
        return self.store.rows

    def missing(self, ids: Iterable[int]) -> MissingError:
        """Return the error for records that are gone."""
        return MissingError.of(self.model.name, ids, self.env.uid)

    def ensure(self, ids: Iterable[int]) -> None:
        """Raise `MissingError` for the records that are gone."""
        gone = [each for each in ids if each not in self.store.rows]
        if gone:
            raise self.missing(gone)

    def exists(self, ids: Iterable[int]) -> list[int]:
        """Return those that exist."""
        return [each for each in ids if each in self.store.rows]

    # --- reading -------------------------------------------------------------------------------------------

    def get(self, record_id: int, name: str) -> Any:
        """Return the value of one field."""
        row = self.store.rows.get(record_id)
        if row is None:
            raise self.missing([record_id])
        field = self.model.fields.get(name)
        if field is None:
            raise ValueError(values.unknown_field(self.env, self.model, name))
        if field.is_column and name not in AUTOMATIC:
            if self.env.work.pending:
                recompute.settle_field(self.env, self.model.name, record_id, name)
            return self.store.rows[record_id].get(name, field.empty)
        if name == "id":
            return record_id
        return self._derive(record_id, row, field)

    def values(self, record_id: int, *names: str) -> tuple[Any, ...]:
        """Return several fields."""
        return tuple(self.get(record_id, name) for name in names)

    def _derive(self, record_id: int, row: Row, field: Field) -> Any:
        if field.name in AUTOMATIC:
            return row.get(field.name, False)
        one = self.env.graph.by_field.get((self.model.name, field.name))
        if one is not None and not field.is_column and field.type != "one2many":
            found = one.function(self.env.sudo(), record_id) or {}
            return found.get(field.name, field.empty)
        if field.name == "display_name":
            return self.display_name(record_id)
        if field.name in chatter.DERIVED:
            return chatter.derived(self.env, self.model.name, record_id, field.name)
        if field.related:
            return self.along(record_id, tuple(field.related.split(".")))
        if field.type == "one2many" and field.inverse and field.relation in self.env:
            return self._children(record_id, field)
        if one is not None:
            return (one.function(self.env.sudo(), record_id) or {}).get(field.name, field.empty)
        return field.empty

    def _children(self, record_id: int, field: Field) -> tuple[int, ...]:
        store = self.env.db.stores[field.relation]
        found = store.pointing(field.inverse, record_id)
        if field.inverse == "res_id":
            # Messages and the like point at any model.
            name = "model" if "model" in store.model.fields else "res_model"
            found = [i for i in found if store.rows[i].get(name) == self.model.name]
            if field.name == "website_message_ids":
                # What customers see: what people wrote to them.
                seen = ("comment", "email")
                found = [i for i in found if store.rows[i].get("message_type") in seen]
            return tuple(reversed(found)) if field.name.endswith("message_ids") else tuple(found)
        only = ONLY.get((self.model.name, field.name))
        if only is not None:
            found = [i for i in found if store.rows[i].get(only[0]) in only[1]]
        if "active" in store.model.fields and self.env.context.get("active_test", True):
            found = [i for i in found if store.rows[i].get("active")]
        return tuple(domains.ordered(self.env, self.env[field.relation], found, None))

    def along(self, record_id: int, path: Sequence[str]) -> Any:
        """Return the value at the end of a path of relations; empty where the path ends early."""
        at: Table = self.env.sudo()[self.model.name]
        here = record_id
        for number, name in enumerate(path):
            if name not in at.model.fields:
                return False
            value = at.get(here, name)
            field = at.model.fields[name]
            if number == len(path) - 1:
                return value
            if field.relation not in at.env:
                return False
            at = at.env[field.relation]
            if isinstance(value, tuple):
                value = value[0] if value else False
            if not value:
                return at.model.fields[path[-1]].empty if number == len(path) - 2 else False
            here = value
        return False

    def display_name(self, record_id: int) -> str:
        """Return what people read where the record is referred to."""
        one = self.env.graph.by_field.get((self.model.name, "display_name"))
        if one is not None:
            found = one.function(self.env.sudo(), record_id) or {}
            return str(found.get("display_name", ""))
        row = self.store.rows.get(record_id)
        if row is None:
            raise self.missing([record_id])
        if self.model.rec_name in self.model.fields:
            value = self.get(record_id, self.model.rec_name)
            if isinstance(value, str) and value:
                return value
            if value and self.model.fields[self.model.rec_name].type == "many2one":
                other = self.env[self.model.fields[self.model.rec_name].relation]
                return other.display_name(value)
        return f"{self.model.name},{record_id}" if self.model.rec_name != "name" else ""

    def search(
        self,
        domain: Sequence[Any] = (),
        *,
        order: str | None = None,
        limit: int | None = None,
        offset: int = 0,
        active_test: bool = False,
    ) -> list[int]:
        """Return the ids that match, in order."""
        found = domains.matching(self.env, self, domain, active_test=active_test)
        found = domains.ordered(self.env, self, found, order)
        return found[offset : offset + limit] if limit else found[offset:]

    def first(self, domain: Sequence[Any] = (), *, order: str | None = None) -> int:
        """Return the first id that matches, or 0."""
        found = self.search(domain, order=order, limit=1)
        return found[0] if found else 0

    def call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Run a registered method: `call("button_cancel", ids)`."""
        method = self.env.business.methods.get((self.model.name, name))
        if method is not None:
            return method.function(self.env, *args, **kwargs)
        from sandbox.odoo import base  # Built on tables itself.

        built_in = base.find(self, name)
        if built_in is None:
            raise AttributeError(f"The method '{self.model.name}.{name}' does not exist")
        return built_in.function(self, *args, **kwargs)

    # --- writing as Odoo's methods do ----------------------------------------------------------------------

    def create(self, vals: Row) -> int:
        """Make a record with hooks and rights, and return its id."""
        return self.create_many([vals])[0]

    def create_many(self, vals_list: Sequence[Row]) -> list[int]:
        """Make several records."""
        self.env.check(self.model.name, "create")
        made = []
        with values.Outermost(self.env):
            for given in vals_list:
                vals = values.known(self.env, self.model, given)
                for name in _IGNORED:
                    vals.pop(name, None)
                for hook in self.env.business.before_create.get(self.model.name, ()):
                    hook(self.env, vals)
                made.append(self._insert(vals, is_tracked=True))
        for each, given in zip(made, vals_list, strict=True):
            values.check_required(self.env, self, [each], given, is_new=True)
        for after in self.env.business.after_create.get(self.model.name, ()):
            after(self.env, made)
        return made

    def write(self, ids: Iterable[int], vals: Row) -> bool:
        """Change records with hooks, rights, checks and tracking."""
        ids = list(dict.fromkeys(ids))
        self.env.check(self.model.name, "write")
        vals = values.known(self.env, self.model, vals)
        self.ensure(ids)
        for name in _IGNORED:
            vals.pop(name, None)
        before = {each: dict(self.store.rows[each]) for each in ids}
        with values.Outermost(self.env):
            for hook in self.env.business.before_write.get(self.model.name, ()):
                hook(self.env, ids, vals)
            self._update(ids, vals, is_tracked=True)
        values.check_required(self.env, self, ids, vals)
        old = {
            each: {
                name: row.get(name, self.model.fields[name].empty)
                for name in vals
                if self.model.fields[name].is_column
            }
            for each, row in before.items()
        }
        for after in self.env.business.after_write.get(self.model.name, ()):
            after(self.env, ids, vals, old)
        return True

    def unlink(self, ids: Iterable[int]) -> bool:
        """Delete records with hooks and rights."""
        ids = list(dict.fromkeys(ids))
        self.env.check(self.model.name, "unlink")
        self.ensure(ids)
        for hook in self.env.business.before_unlink.get(self.model.name, ()):
            hook(self.env, ids)
        self.delete(ids)
        return True

    # --- writing without asking ----------------------------------------------------------------------------

    def insert(self, vals: Row) -> int:
        """Make a record without hooks and rights."""
        with values.Outermost(self.env):
            return self._insert(values.known(self.env, self.model, vals), is_tracked=False)

    def update(self, ids: Iterable[int], vals: Row) -> None:
        """Change records without hooks, rights and tracking."""
        ids = list(ids)
        self.ensure(ids)
        with values.Outermost(self.env):
            known = values.known(self.env, self.model, vals)
            self._update(ids, known, is_tracked=False)

    def delete(self, ids: Iterable[int]) -> None:
        """Delete records without hooks and rights; what refers to them is refused, emptied or deleted."""
        with values.Outermost(self.env):
            for each in list(ids):
                if each in self.store.rows:
                    values.release(self.env, self, each)
                    row = self.store.rows[each]
                    self._mark_parents(each, row, {})
                    recompute.mark_all(self.env, self.model.name, each)
                    self.store.put(each, None)

    def _insert(self, vals: Row, *, is_tracked: bool) -> int:
        record_id = self.store.new_id()
        stamp = self.env.db.stamp
        row: Row = {
            "create_uid": self.env.uid,
            "create_date": stamp,
            "write_uid": self.env.uid,
            "write_date": stamp,
        }
        if "active" in self.model.fields and self.model.fields["active"].is_column:
            row["active"] = True
        self.store.put(record_id, row)
        converted, commands = values.split(self.env, self.model, vals)
        self._protect((record_id,), converted)
        self._set(record_id, converted)
        recompute.mark_created(self.env, self.model.name, record_id)
        recompute.mark_all(self.env, self.model.name, record_id)
        for name, value in commands.items():
            values.obey(self.env, self, record_id, self.model.fields[name], value)
        if is_tracked and chatter.tells_of_new(self.env, self.model.name):
            self.env.work.created.add((self.model.name, record_id))
        return record_id

    def _update(self, ids: list[int], vals: Row, *, is_tracked: bool) -> None:
        converted, commands = values.split(self.env, self.model, vals)
        self._protect(ids, converted)
        for each in ids:
            row = self.store.rows[each]
            if is_tracked:
                self._remember(each, row)
            changed = {
                name: value
                for name, value in converted.items()
                if row.get(name, self.model.fields[name].empty) != value
            }
            self._stamp(each)
            self._set(each, changed)
            for name in converted.keys() - changed.keys():
                recompute.mark(self.env, self.model.name, (each,), name, is_changed=False)
            for name, value in commands.items():
                values.obey(self.env, self, each, self.model.fields[name], value)
                recompute.mark(self.env, self.model.name, (each,), name, is_changed=True)

    def assign(self, record_id: int, found: Row) -> None:
        """Store recomputed values; the record is only stamped where one changes."""
        row = self.store.rows[record_id]
        changed = {
            name: value
            for name, value in found.items()
            if row.get(name, self.model.fields[name].empty) != value
        }
        if changed:
            self._remember(record_id, row)
            self._stamp(record_id)
            self._set(record_id, changed)

    def link(self, record_id: int, name: str, ids: tuple[int, ...]) -> None:
        """Replace the ids of a many2many."""
        if self.get(record_id, name) != ids:
            self._protect((record_id,), (name,))
            self._set(record_id, {name: ids})

    def _remember(self, record_id: int, row: Row) -> None:
        names = self.env.graph.tracked.get(self.model.name)
        if names and not chatter.is_silent(self.env):
            self.env.work.tracked.setdefault(
                (self.model.name, record_id),
                {
                    n: row.get(n, self.model.fields[n].empty)
                    for n in names
                    if n in self.model.fields
                },
            )

    def _protect(self, ids: Iterable[int], vals: Iterable[str]) -> None:
        names = [name for name in vals if (self.model.name, name) in self.env.graph.by_field]
        for each in ids:
            self.env.work.protected.update((self.model.name, each, name) for name in names)

    def touch(self, ids: Iterable[int]) -> None:
        """Stamp records without changing them, as a recomputation to the same value does in Odoo."""
        for each in ids:
            self._stamp(each)

    def _stamp(self, record_id: int) -> None:
        row = self.store.rows[record_id]
        stamp = self.env.db.stamp
        if row["write_date"] != stamp or row["write_uid"] != self.env.uid:
            self.store.put(record_id, {**row, "write_date": stamp, "write_uid": self.env.uid})

    def _set(self, record_id: int, changed: Row) -> None:
        if not changed:
            return
        old = self.store.rows[record_id]
        self.store.put(record_id, {**old, **changed})
        self._mark_parents(record_id, old, {**old, **changed})
        for name, value in changed.items():
            field = self.model.fields[name]
            if field.type == "many2many" and field.inverse:
                values.mirror(self.env, field, record_id, old.get(name, ()), value)
            recompute.mark(self.env, self.model.name, (record_id,), name, is_changed=True)

    def _mark_parents(self, record_id: int, old: Row, new: Row) -> None:
        for name, owners in self.env.db.schema.parents.get(self.model.name, {}).items():
            if old.get(name) == new.get(name):
                continue
            parents = [each for each in (old.get(name), new.get(name)) if each]
            for owner, own_name in owners:
                recompute.mark(self.env, owner, parents, own_name, is_changed=True)
