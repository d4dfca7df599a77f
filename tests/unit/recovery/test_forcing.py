"""Nobody writes over somebody else's work alone."""

from __future__ import annotations

import pytest

from core.errors import NotAllowed
from recovery.conflicts.forcing import permit
from recovery.model import Actor

MEI, ANNA = Actor("mei", "password"), Actor("anna", "password")


@pytest.mark.parametrize(
    "asked_by, second",
    [
        (Actor("mei"), None),
        (Actor("mei"), Actor("anna")),
        (Actor("mei"), ANNA),
        (MEI, Actor("anna")),
    ],
)
def test_a_claimed_name_forces_nothing(asked_by: Actor, second: Actor | None) -> None:
    """Until accounts exist every name is claimed, so forcing is refused, in an emergency too."""
    with pytest.raises(NotAllowed, match="accounts do not exist yet"):
        permit(asked_by, second, emergency="the bank closes at five")


def test_a_second_person_is_another_one() -> None:
    """Two names of one person are one person."""
    assert not permit(MEI, ANNA).needs_review
    with pytest.raises(NotAllowed, match="another one"):
        permit(MEI, Actor("mei", "token"))


def test_an_emergency_has_a_reason_and_is_reviewed() -> None:
    """One person alone says why it could not wait, and somebody looks at it afterwards."""
    permission = permit(MEI, emergency="the bank closes at five")

    assert permission.needs_review
    assert {
        "asked_by": "mei",
        "second": None,
        "emergency": "the bank closes at five",
        "needs_review": True,
    } == permission.as_details()
    with pytest.raises(NotAllowed, match="second person"):
        permit(MEI, emergency=" ")
