"""Where the journals of many worlds lie, one after the other."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from recovery.journal import Journal
from recovery.sql.database import Database


class Shelf:
    """Where the journals of many worlds lie, one after the other: what the database layer learned once, it keeps."""

    def __init__(self, url: str, empty: Callable[[], object]) -> None:
        self.url = url
        self._empty = empty
        empty()
        self._databases = (Database.open(url), Database.open(url))

    @classmethod
    def in_folder(cls, folder: Path, template: Path) -> Shelf:
        """Keep journals in a file; each begins as a copy of the template."""
        path = folder / "journal.db"

        def empty() -> None:
            for old in folder.glob("journal.db*"):
                old.unlink()
            shutil.copyfile(template, path)

        return cls(f"sqlite:///{path}", empty)

    def begin(self) -> None:
        """Put an empty journal there."""
        for database in self._databases:
            database.close()
        self._empty()

    def process(self) -> Journal:
        """Open the journal as a new process does; the one before has ended."""
        return Journal(self._databases[0])

    def observer(self) -> Journal:
        """Open the journal for whoever only looks on, past any line that is spoilt."""
        return Journal(self._databases[1])

    def close(self) -> None:
        """Close every connection."""
        for database in self._databases:
            database.close()
