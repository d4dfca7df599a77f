"""How a process ends at a crash point, and what else may happen there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Death(StrEnum):
    """How a process of Storno's ends, or what its journal's disk does to it."""

    KILLED = "killed"
    KEYBOARD = "keyboard"
    DISK_FULL = "disk_full"  # at a commit, which did not happen
    COMMIT_LOST = "commit_lost"  # the commit happened, and nobody was told


class KilledError(BaseException):
    """The process is gone: nothing of it may catch this."""


@dataclass(slots=True)
class Armed:
    """The death that waits: at the so manieth crash point from now on."""

    death: Death
    passes_left: int
    jump_seconds: float = 0.0  # somebody sets the clock there instead

    def meet(self, name: str) -> bool:
        """Count one pass; return whether it is now."""
        if self.death is Death.DISK_FULL and name != "journal.before_commit":
            return False
        if self.death is Death.COMMIT_LOST and name != "journal.after_commit":
            return False
        self.passes_left -= 1
        return self.passes_left == 0
