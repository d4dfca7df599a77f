"""One call's view of the database: who asks, in which context."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from sandbox.odoo import chatter, rights
from sandbox.odoo.database import Database
from sandbox.odoo.recompute import Graph, Work, graph_of, settle
from sandbox.odoo.registry import Business, business_of
from sandbox.odoo.table import Table

SUPERUSER: Final = 1


class Env:
    """See sandbox/odoo/engine.py."""

    __slots__ = ("business", "context", "db", "graph", "is_su", "uid", "version", "work")

    def __init__(
        self,
        db: Database,
        uid: int,
        context: Mapping[str, Any] | None = None,
        *,
        is_su: bool = False,
        work: Work | None = None,
    ) -> None:
        self.db = db
        self.version = db.schema.version
        self.uid = uid
        self.context: dict[str, Any] = dict(context or {})
        self.is_su = is_su or uid == SUPERUSER
        self.business: Business = business_of(self.version)
        self.graph: Graph = graph_of(db.schema, self.business)
        self.work = work if work is not None else Work()

    def _with(self, context: dict[str, Any], *, is_su: bool) -> Env:
        made = object.__new__(Env)
        made.db, made.version, made.uid, made.context = self.db, self.version, self.uid, context
        made.is_su, made.work = is_su, self.work
        made.business, made.graph = self.business, self.graph
        return made

    def __getitem__(self, model: str) -> Table:
        """Return the table of a model; `KeyError` for a model that does not exist."""
        return Table(self, self.db.stores[model])

    def __contains__(self, model: str) -> bool:
        """Whether the version has the model."""
        return model in self.db.stores

    def has(self, model: str, name: str) -> bool:
        """Whether the version has the field."""
        store = self.db.stores.get(model)
        return store is not None and name in store.model.fields

    def label(self, model: str, name: str) -> str:
        """Return what the screens call a field."""
        told = self.business.labels.get((model, name))
        return told or self.db.schema.models[model].fields[name].string

    def sudo(self) -> Env:
        """Return the same view without regard to rights."""
        return self if self.is_su else self._with(self.context, is_su=True)

    def with_context(self, context: Mapping[str, Any] | None = None, **more: Any) -> Env:
        """Return the same view with context keys added."""
        return self._with({**self.context, **(context or {}), **more}, is_su=self.is_su)

    @property
    def today(self) -> str:
        """Return today, `YYYY-MM-DD`."""
        return self.db.today

    @property
    def now(self) -> str:
        """Return the transaction's moment in whole seconds."""
        return self.db.now

    @property
    def company(self) -> int:
        """Return the company that the user works in."""
        allowed = self.context.get("allowed_company_ids")
        if allowed:
            return int(allowed[0])
        return int(self.db.stores["res.users"].rows[self.uid]["company_id"])

    def next_number(self, code: str) -> str:
        """Return the next number of a sequence (`ir.sequence` code); rolled back with the call."""
        prefix, width = chatter.NUMBERS.get(code, (f"{code}/", 5))
        number = self.db.sequences[code] = self.db.sequences.get(code, 0) + 1
        return f"{prefix}{number:0{width}d}"

    def check(self, model: str, right: str) -> None:
        """Raise `AccessError` unless the user may `read`, `write`, `create` or `unlink`."""
        if not self.is_su:
            rights.check(self, model, right)

    def may(self, model: str, right: str) -> bool:
        """Whether `check` passes."""
        return self.is_su or rights.is_allowed(self, model, right)

    def message(
        self,
        model: str,
        ids: Iterable[int],
        body: str = "",
        tracking: Mapping[str, tuple[Any, Any]] | None = None,
        **values: Any,
    ) -> list[int]:
        """Leave a message on records, with `tracking` {field: (old, new)}; nothing with `tracking_disable`."""
        return chatter.post(self, model, ids, body, tracking, **values)

    def follow(self, model: str, record_id: int, partner: int) -> None:
        """Let a partner follow a document, once."""
        chatter.follow(self, model, record_id, partner)

    def settle(self) -> None:
        """Compute what is pending and leave the messages of tracked fields."""
        settle(self)
        chatter.leave_tracks(self)
        settle(self)


@contextmanager
def transaction(db: Database, uid: int, context: Mapping[str, Any] | None = None) -> Iterator[Env]:
    """Run a block as one committed call; whatever it raises undoes all of it."""
    with db.transaction():
        env = Env(db, uid, context)
        yield env
        env.settle()
