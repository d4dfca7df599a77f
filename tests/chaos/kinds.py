"""Which sort of run a number is, and what such runs share in one process."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import structlog

from sandbox.postgres import is_available, start_cluster
from tests.chaos import chance, crowded, wired
from tests.chaos.chance import Tally
from tests.chaos.shelf import Shelf
from tests.integration.recovery.postgres_journal import WorkDatabase


class Kind(StrEnum):
    """Where a run takes place."""

    MEMORY = "in memory"
    LINE = "on a spoilt line"
    POSTGRES = "on a spoilt line to PostgreSQL"
    PROCESSES = "with workers killed and frozen at random"
    FROZEN = "with a worker frozen between fence and send"


_PATTERN: Final = {
    **dict.fromkeys((7, 15, 27, 47, 55, 67), Kind.LINE),
    **dict.fromkeys((23, 63), Kind.POSTGRES),
    31: Kind.PROCESSES,
    71: Kind.FROZEN,
}
_PERIOD: Final = 80


def kind_of(number: int) -> Kind:
    """Return the sort of a run: of eighty, six are on a line, two on PostgreSQL; one has workers that are killed, one a frozen one.

    2,000 runs hold 25 of each of the last two.
    """
    return _PATTERN.get(number % _PERIOD, Kind.MEMORY)


class Stage:
    """What the runs of one process share: journals, and a PostgreSQL that is started when it is needed."""

    def __init__(self, template: Path) -> None:
        self._opened = ExitStack()
        folder = self._opened.enter_context(
            TemporaryDirectory(prefix="storno-chaos-", ignore_cleanup_errors=True)
        )
        self.shelf = Shelf.in_folder(Path(folder), template)
        self._opened.callback(self.shelf.close)
        self._postgres_shelf: Shelf | None = None

    def close(self) -> None:
        """End what was started."""
        self._opened.close()

    def play(self, seed: int, number: int) -> Tally:
        """Play one run."""
        match kind_of(number):
            case Kind.LINE:
                return wired.play(self.shelf, seed, number)
            case Kind.POSTGRES if is_available():
                return wired.play(self._on_postgres(), seed, number)
            case Kind.PROCESSES:
                return crowded.play(self.shelf, seed, number)
            case Kind.FROZEN:
                return crowded.play_frozen(self.shelf, seed, number)
            case _:
                return chance.play(self.shelf, seed, number)

    def _on_postgres(self) -> Shelf:
        if self._postgres_shelf is None:
            cluster = self._opened.enter_context(start_cluster(is_durable=True))
            journals = WorkDatabase(cluster)
            self._postgres_shelf = Shelf(journals.url, journals.begin)
            self._opened.callback(self._postgres_shelf.close)
        return self._postgres_shelf


_stage: list[Stage] = []


def begin_here(template: Path) -> None:
    """Make the stage of this process."""
    quieten()
    _stage.append(Stage(template))


def play_here(seed: int, number: int) -> Tally:
    """Play a run on the stage of this process."""
    return _stage[0].play(seed, number)


def quieten() -> None:
    """Say nothing of what Storno logs: it would be hundreds of lines a run."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)
