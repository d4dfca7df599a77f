"""The page of an evidence pack shows what its JSON file says."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from connectors.contract import Ref
from core.encoding import Value
from recovery.conflicts.resolutions import Decided, Origin, Way
from service.evidence_page import Page
from service.text import Language


def resolved(way: Way, target: Value) -> dict[str, Any]:
    """Return one resolved field, as the journal keeps it."""
    decided = Decided(
        Ref("order", "1"),
        "quantity",
        Decimal("5.00"),
        Decimal(3),
        Decimal("4.5"),
        target,
        way,
        Origin.COMMAND,
    )
    return decided.as_row()


@pytest.mark.parametrize(
    "way, target, shown",
    [
        pytest.param(Way.ADD_DIFFERENCE, Decimal("6.5"), "6.5", id="added"),
        pytest.param(Way.KEEP_THEIRS, "theirs", "theirs", id="kept"),
        pytest.param(Way.RECOMPUTE, None, "–", id="the ERP works it out"),
    ],
)
def test_a_resolution_shows_what_the_field_will_be(way: Way, target: Value, shown: str) -> None:
    """Four values stand in a row: before, ours, theirs, and what was decided."""
    operation = {"result": {}, "details": {"resolutions": [resolved(way, target)]}, "action": "x"}
    page = Page(Language(), {"change_set": {"id": "x", "details": {}, "title": ""}})
    cells = re.findall(r"<td[^>]*>(.*?)</td>", page._found(operation))
    plain = [re.sub(r"<[^>]*>", "", cell) for cell in cells]

    assert ["5.00", "3", "4.5", shown] == plain[2:]
