"""Systems that cannot go on now, in a run over several: what depends on one waits, the others go on.

A change set over one system never gets here: its first such error ends the run, as it always did.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy import select

from core.errors import (
    STOPS_THE_RUN,
    AnswersLost,
    HeldOff,
    JournalBusy,
    JournalFull,
    StornoError,
    TransientError,
)
from core.events import Event
from recovery.schema import operation

if TYPE_CHECKING:
    from recovery.journal import Journal
    from recovery.model import Operation

log = structlog.get_logger(__name__)

_OF_ONE_SYSTEM: Final[tuple[type[StornoError], ...]] = (
    TransientError,
    AnswersLost,
    *STOPS_THE_RUN,
)
_OF_JOURNAL: Final = (JournalFull, JournalBusy)
"""Transient errors that are no system's: nothing can go on."""


class Standstill:
    """The systems of one run that stand still, each with its first error."""

    def __init__(self, journal: Journal, change_set_id: str) -> None:
        self._journal = journal
        self._change_set_id = change_set_id
        self._errors: dict[str, StornoError] = {}
        self._systems: frozenset[str] | None = None

    def has(self, system: str) -> bool:
        """Whether nothing of this system is begun any more in this run."""
        return system in self._errors

    def without(self, operations: list[Operation]) -> list[Operation]:
        """Return the operations of systems that can go on."""
        if not self._errors:
            return operations
        return [each for each in operations if each.system not in self._errors]

    @contextmanager
    def watching(self, system: str) -> Iterator[None]:
        """Let a system stand still that cannot be reached, is left alone, loses every answer, or refuses the log-in; raise everything else.

        It is raised as well where no other system could go on.
        """
        try:
            yield
        except _OF_ONE_SYSTEM as error:
            if isinstance(error, _OF_JOURNAL):
                raise
            self._errors[system] = error
            if self._all_systems() <= self._errors.keys():
                self.end()
            log.warning(Event.SYSTEM_STOPPED, system=system, code=error.code, error=str(error))

    def end(self) -> None:
        """Raise why a system stands still, if one does; one that goes on by itself before one that waits for a person."""
        errors = list(self._errors.values())
        if errors:
            raise next((error for error in errors if isinstance(error, HeldOff)), errors[0])

    def _all_systems(self) -> frozenset[str]:
        if self._systems is None:
            query = (
                select(operation.c.system)
                .where(operation.c.change_set_id == self._change_set_id)
                .distinct()
            )
            with self._journal.reading() as connection:
                self._systems = frozenset(connection.execute(query).scalars())
        return self._systems
