"""Units of work in Tryton for the practice company: one committed transaction each, then the queued tasks.

Runs inside the practice venv only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from trytond.pool import Pool
from trytond.transaction import Transaction, TransactionError
from trytond.worker import run_task

T = TypeVar("T")

ADMIN_ID = 1


class Work:
    """Runs functions in transactions of one database, the way Tryton's dispatcher does."""

    def __init__(self, database: str) -> None:
        self.database = database
        self.context: dict[str, Any] = {"_skip_warnings": True}
        self._extras: dict[str, Any] = {}

    def run(self, step: Callable[[], T]) -> T:
        """Commit this step whole; start again with the locks that it turned out to need."""
        while True:
            with Transaction().start(
                self.database, ADMIN_ID, context=dict(self.context), **self._extras
            ) as transaction:
                try:
                    result = step()
                except TransactionError as error:
                    transaction.rollback()
                    transaction.tasks.clear()
                    error.fix(self._extras)
                    continue
                transaction.commit()
                tasks = list(transaction.tasks)
                transaction.tasks.clear()
            for task in tasks:
                run_task(Pool(self.database), task)
            return result
