"""Somebody at a desk of the practice Odoo, without the wire: each call is one committed transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from sandbox.odoo.calls import execute
from sandbox.odoo.instance import Odoo
from tests.sandbox.odoo.office import Office

T = TypeVar("T")


class Desk:
    """Calls methods as a user would, and looks at what became of documents."""

    def __init__(self, odoo: Odoo) -> None:
        self.odoo, self.version, self.company = odoo, odoo.version, odoo.company

    def call(
        self, model: str, method: str, *args: Any, login: str = "admin", **context: Any
    ) -> Any:
        """Call one method; `context` are keys of Odoo's context."""
        with self.odoo.transaction(login) as env:
            return execute(env, model, method, args, {"context": context})

    def get(self, model: str, record: int, name: str) -> Any:
        """Return one field, archived lines too."""
        with self.odoo.transaction(context={"active_test": False}) as env:
            return env[model].get(record, name)

    def all(self, model: str, ids: Iterable[int], name: str) -> list[Any]:
        """Return one field of several records."""
        return [self.get(model, each, name) for each in sorted(ids)]

    def find(self, model: str, *domain: Any) -> list[int]:
        """Return the ids that match, archived ones too, in order of making."""
        with self.odoo.transaction() as env:
            return sorted(env[model].search(domain))

    def arrange(self, make: Callable[[Office], T]) -> T:
        """Let the office make documents, in one transaction."""
        with self.odoo.transaction() as env:
            return make(Office(self.odoo, env))

    def stored(self, *models: str) -> dict[str, dict[int, dict[str, Any]]]:
        """Return every stored field that is not empty of every record of models, without the stamps."""
        stamps = {"write_date", "write_uid"}
        told = self.odoo.dump()
        return {
            model: {
                each: {name: value for name, value in row.items() if value and name not in stamps}
                for each, row in told.get(model, {}).items()
            }
            for model in models
        }

    @property
    def lock_order(self) -> str:
        """Return the method that locks a purchase order."""
        return "button_lock" if self.version >= 19 else "button_done"

    @property
    def lock_sale(self) -> str:
        """Return the method that locks a sales order."""
        return "action_lock" if self.version >= 17 else "action_done"
