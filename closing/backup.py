"""How old the last backup of a system's database is, and what a closing that requires one makes of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from connectors.contract import Problem
from core import clock
from core.text import N_, Text

if TYPE_CHECKING:
    from connectors.contract import SystemCheck

NO_BACKUP: Final = "no_backup"

CLOCKS_DIFFER: Final = timedelta(hours=1)
"""So far the clocks of two machines may be apart; a backup from later than that has a date that is not to be trusted."""


def backup_problem(check: SystemCheck, hours: int | None) -> Problem | None:
    """Return why nothing may be closed where a backup is required; None where there is one that is young enough."""
    if hours is None:
        return None
    backup = check.backup
    if backup is None:
        return Problem(
            NO_BACKUP,
            Text(
                N_(
                    "this closing requires a backup of at most {hours} hours, and this kind of system tells of none"
                ),
                {"hours": hours},
            ),
        )
    if backup.taken_at is None:
        return Problem(
            NO_BACKUP,
            Text(
                N_(
                    "this closing requires a backup of at most {hours} hours, and nobody knows when one was taken:"
                    " {source}"
                ),
                {"hours": hours, "source": backup.source},
            ),
        )
    age = clock.now() - backup.taken_at
    if age < -CLOCKS_DIFFER:
        return Problem(
            NO_BACKUP,
            Text(
                N_(
                    "this closing requires a backup of at most {hours} hours; the last one is dated {ahead} hours in the"
                    " future ({source}): check time_zone and the clocks"
                ),
                {
                    "hours": hours,
                    "ahead": int(-age.total_seconds() // 3600),
                    "source": backup.source,
                },
            ),
        )
    if age <= timedelta(hours=hours):
        return None
    return Problem(
        NO_BACKUP,
        Text(
            N_(
                "this closing requires a backup of at most {hours} hours; the last one is {age} hours old"
                " ({source})"
            ),
            {"hours": hours, "age": int(age.total_seconds() // 3600), "source": backup.source},
        ),
    )


def backup_details(check: SystemCheck) -> dict[str, Any]:
    """Return what a plan keeps of the last backup: whoever approves it should know."""
    if check.backup is None:
        return {}
    taken_at = check.backup.taken_at
    return {
        "backup": {
            "taken_at": None if taken_at is None else taken_at.isoformat(),
            "source": check.backup.source.as_dict(),
        }
    }
