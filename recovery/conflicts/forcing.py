"""Writing over what somebody else did: never on the word of one person alone.

Nobody's name is checked until accounts exist, so nobody can be told from a second person, and forcing is refused.
What it will take stands here already (docs/decisions/0012-conflicts-field-by-field.md), so that nothing else has
to change when accounts come.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from core.errors import NotAllowed
from core.text import N_
from recovery.model import Actor

CLAIMED: Final = "claimed"
"""How a name is known that nobody has checked."""

REFUSAL: Final = N_("forcing needs a second person, and accounts do not exist yet; resolve by hand")


@dataclass(frozen=True, slots=True)
class Permission:
    """Two persons agree that a value may be written over, or one does in an emergency that will be reviewed.

    `second` is None in an emergency only; then `emergency` says why it could not wait, an alarm goes out, and
    a task to review it is made for the next working day.
    """

    asked_by: Actor
    second: Actor | None
    emergency: str | None = None

    @property
    def needs_review(self) -> bool:
        """Whether somebody has to look at it afterwards."""
        return self.second is None

    def as_details(self) -> dict[str, Any]:
        """Return what the plan keeps of it."""
        return {
            "asked_by": self.asked_by.name,
            "second": None if self.second is None else self.second.name,
            "emergency": self.emergency,
            "needs_review": self.needs_review,
        }


def permit(
    asked_by: Actor, second: Actor | None = None, *, emergency: str | None = None
) -> Permission:
    """Return the permission to force. Raises `NotAllowed` for claimed names: for everybody, until accounts exist."""
    if asked_by.how == CLAIMED or (second is not None and second.how == CLAIMED):
        raise NotAllowed(reason=REFUSAL)
    if second is None:
        if not (emergency or "").strip():
            raise NotAllowed(reason=N_("forcing needs a second person, or an emergency's reason"))
        return Permission(asked_by, None, emergency)
    if second.name == asked_by.name:
        raise NotAllowed(reason=N_("the second person must be another one than who asks"))
    return Permission(asked_by, second)
