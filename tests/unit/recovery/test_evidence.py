"""What moved since the approval, in words."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.contract import Ref
from recovery.model import FieldDifference
from recovery.running.evidence import moved_text


@pytest.mark.parametrize(
    "before, after, shown",
    [
        ("Y", "Y ", '"Y" -> "Y "'),
        (None, "", 'None -> ""'),
        ("7", 7, '"7" -> 7'),
        ("open", "closed", "open -> closed"),
    ],
)
def test_what_moved_is_seen(before: Any, after: Any, shown: str) -> None:
    """A blank at the end and an empty text have quotes around them."""
    told = moved_text([FieldDifference(Ref("orders", "1"), "state", before, after)])

    assert str(told).endswith(f"orders,1 state: {shown}")
