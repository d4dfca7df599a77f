"""What an error means outside: its exit code and its JSON, from one table for all families."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final

from core.errors import (
    Bug,
    OutcomeUnknown,
    RefusedError,
    StornoError,
    TransientError,
    UsageError,
)


class Exit(IntEnum):
    """Exit codes of every command."""

    DONE = 0  # all of it
    PERSON_NEEDED = 1  # exceptions, conflicts, mismatches, refusals, something in doubt
    ASKED_WRONGLY = 2  # the caller can mend it: arguments, settings, a plan that expired
    NOT_REACHED = 3  # a system, or the journal's disk; the same command may work later
    BUG = 4  # a promise of Storno's own is broken
    INTERRUPTED = 130  # stopped from the keyboard: the shell's own convention, so that loops end


EXIT_CODES: Final[Mapping[type[StornoError], Exit]] = {
    UsageError: Exit.ASKED_WRONGLY,
    TransientError: Exit.NOT_REACHED,
    RefusedError: Exit.PERSON_NEEDED,
    OutcomeUnknown: Exit.PERSON_NEEDED,
    Bug: Exit.BUG,
}
"""One entry a family; `core.errors` is cut by what to do next, so the family decides."""


def exit_code(error: BaseException) -> Exit:
    """Return the exit code of an error; what is no error of ours is a bug of ours."""
    for family, code in EXIT_CODES.items():
        if isinstance(error, family):
            return code
    return Exit.INTERRUPTED if isinstance(error, KeyboardInterrupt) else Exit.BUG


def as_problem(error: BaseException) -> dict[str, Any]:
    """Return `{"error": {code, message, details}}`, the same in every language."""
    if isinstance(error, StornoError):
        return {"error": error.as_dict()}
    if isinstance(error, KeyboardInterrupt):
        return {
            "error": {"code": "STO-0130", "message": "Stopped from the keyboard.", "details": {}}
        }
    return {"error": uncaught(error).as_dict()}


def uncaught(error: BaseException) -> StornoError:
    """Return the error of ours that stands for one that nobody foresaw."""
    if isinstance(error, ImportError):
        from core.errors import PackageMissing

        return PackageMissing(
            package=error.name or str(error), command="pip install -r requirements/base.txt"
        )
    return Bug(problem=f"{type(error).__name__}: {error}")
