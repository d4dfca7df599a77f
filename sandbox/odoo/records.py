"""Records as the code of a server action sees them: what of Odoo's recordsets such code needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from sandbox.odoo.calls import find
from sandbox.odoo.engine import Env, Table
from sandbox.odoo.environment import SUPERUSER

_SECONDS = "%Y-%m-%d %H:%M:%S"


class World:
    """`env`: models by name, the user, the context; called, the same with something changed."""

    def __init__(self, env: Env) -> None:
        self._env = env

    def __getitem__(self, model: str) -> Records:
        return Records(self._env, self._env[model], ())

    def __contains__(self, model: str) -> bool:
        return model in self._env

    def __call__(self, *, context: Mapping[str, Any] | None = None, **other: Any) -> World:
        new = Env(
            self._env.db,
            int(other.get("user") or self._env.uid),
            self._env.context if context is None else context,
            is_su=bool(other.get("su", self._env.is_su)),
            work=self._env.work,
        )
        return World(new)

    @property
    def uid(self) -> int:
        return self._env.uid

    @property
    def context(self) -> dict[str, Any]:
        return dict(self._env.context)

    @property
    def user(self) -> Records:
        return Records(self._env, self._env["res.users"], (self._env.uid,))

    @property
    def company(self) -> Records:
        return Records(self._env, self._env["res.company"], (self._env.company,))

    @property
    def su(self) -> bool:
        return self._env.is_su or self._env.uid == SUPERUSER

    def flush_all(self) -> None:
        """Compute what is pending."""
        self._env.settle()


class Records:
    """A recordset: ids of one model, in order."""

    def __init__(self, env: Env, table: Table, ids: Iterable[int]) -> None:
        self._env_, self._table, self._ids = env, table, tuple(ids)

    def _with(self, ids: Iterable[int]) -> Records:
        return Records(self._env_, self._table, ids)

    # --- the set ---------------------------------------------------------------------------------------

    @property
    def ids(self) -> list[int]:
        return list(self._ids)

    @property
    def id(self) -> int | bool:
        if not self._ids:
            return False
        return self._one()

    @property
    def env(self) -> World:
        return World(self._env_)

    def __iter__(self) -> Iterator[Records]:
        return (self._with((each,)) for each in self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    def __bool__(self) -> bool:
        return bool(self._ids)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Records) and set(self._ids) == set(other._ids)

    def __hash__(self) -> int:
        return hash((self._table.model.name, frozenset(self._ids)))

    def __contains__(self, other: Records) -> bool:
        return set(other._ids) <= set(self._ids)

    def __or__(self, other: Records) -> Records:
        return self._with(dict.fromkeys((*self._ids, *other._ids)))

    def __add__(self, other: Records) -> Records:
        return self._with((*self._ids, *other._ids))

    def __and__(self, other: Records) -> Records:
        return self._with(each for each in self._ids if each in other._ids)

    def __sub__(self, other: Records) -> Records:
        return self._with(each for each in self._ids if each not in other._ids)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return getattr(self, key)
        found = self._ids[key]
        return self._with(found if isinstance(found, tuple) else (found,))

    def __repr__(self) -> str:
        return f"{self._table.model.name}{self._ids!r}"

    def _one(self) -> int:
        self.ensure_one()
        return self._ids[0]

    def ensure_one(self) -> Records:
        """Raise unless there is exactly one."""
        if len(self._ids) != 1:
            raise ValueError(f"Expected singleton: {self!r}")
        return self

    # --- finding ---------------------------------------------------------------------------------------

    def browse(self, ids: int | Iterable[int] = ()) -> Records:
        """Return the records of ids, whether they exist or not."""
        return self._with((ids,) if isinstance(ids, int) else tuple(ids or ()))

    def exists(self) -> Records:
        """Return those that exist."""
        return self._with(self._table.exists(self._ids))

    def search(
        self,
        domain: Any = (),
        offset: int = 0,
        limit: int | None = None,
        order: str | None = None,
    ) -> Records:
        """Return the records that match; archived ones only with `active_test` False."""
        self._env_.check(self._table.model.name, "read")
        is_active = bool(self._env_.context.get("active_test", True))
        found = self._table.search(
            domain, order=order, limit=limit, offset=offset, active_test=is_active
        )
        return self._with(found)

    def search_count(self, domain: Any = ()) -> int:
        """Return how many match."""
        return len(self.search(domain))

    def sudo(self, flag: bool = True) -> Records:
        """Return the records without regard to rights."""
        env = self._env_.sudo() if flag else self._env_
        return Records(env, env[self._table.model.name], self._ids)

    def with_context(self, *args: Mapping[str, Any], **more: Any) -> Records:
        """Return the records with another context."""
        base = dict(args[0]) if args else self._env_.context
        env = self._env_.with_context(more)
        env.context = {**base, **more}
        return Records(env, env[self._table.model.name], self._ids)

    def mapped(self, name: str | Callable[[Records], Any]) -> Any:
        """Return a field of each; of relations the records behind them."""
        if callable(name):
            return [name(each) for each in self]
        here: Any = self
        for part in name.split("."):
            field = here.model.fields[part]
            if not field.relation:
                return [getattr(each, part) for each in here]
            ids = dict.fromkeys(i for each in here for i in getattr(each, part).ids)
            here = Records(self._env_, self._env_[field.relation], ids)
        return here

    def filtered(self, check: str | Callable[[Records], Any]) -> Records:
        """Return those that pass."""
        test = check if callable(check) else lambda each: getattr(each, check)
        return self._with(each.ids[0] for each in self if test(each))

    def sorted(self, key: Any = None, reverse: bool = False) -> Records:
        """Return them in order."""
        by = key if callable(key) else lambda each: getattr(each, key or "id")
        found = sorted(self, key=by, reverse=reverse)
        return self._with(each.ids[0] for each in found)

    def flush_recordset(self, *_: Any) -> None:
        """Compute what is pending."""
        self._env_.settle()

    def invalidate_recordset(self, *_: Any) -> None:
        """Nothing is cached here."""

    # --- fields and methods ----------------------------------------------------------------------------

    def create(self, vals: Any) -> Records:
        """Make records, and return them."""
        given = [vals] if isinstance(vals, Mapping) else vals
        return self._with(self._table.create(dict(each)) for each in given)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        field = self._table.model.fields.get(name)
        if field is None:
            target = find(self._env_, self._table.model.name, name)
            return lambda *args, **kwargs: target.function(
                *([] if target.is_model else [self.ids]), *args, **kwargs
            )
        if not self._ids:
            if field.relation in self._env_:
                return Records(self._env_, self._env_[field.relation], ())
            return field.empty
        self._env_.check(self._table.model.name, "read")
        value = self._table.get(self._one(), name)
        if field.relation and field.relation in self._env_:
            ids = value if isinstance(value, tuple) else (value,) if value else ()
            return Records(self._env_, self._env_[field.relation], ids)
        if field.type == "datetime" and value:
            return _moment(value)
        if field.type == "date" and value:
            return date.fromisoformat(value)
        return value


def _moment(text: str) -> datetime:
    """Return a stamp as Odoo's code has it: to the microsecond, without a zone."""
    form = f"{_SECONDS}.%f" if "." in text else _SECONDS
    return datetime.strptime(text, form)  # noqa: DTZ007 - Odoo's datetimes are naive and UTC
