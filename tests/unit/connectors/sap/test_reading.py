"""Records of rows: what did not come is told, and is not the same as what is initial."""

from __future__ import annotations

from typing import Final

import pytest

from connectors.contract import Ref
from connectors.sap.reading import record_of
from connectors.sap.shapes import Member, Structure
from connectors.sap.values import Scalar
from core.errors import BadAnswer

ITEM: Final = Ref("POITEM", "4500000001/00010")
STRUCTURE: Final = Structure(
    "BAPIMEPOITEM", {name: Member(name, name, Scalar()) for name in ("PO_ITEM", "NO_MORE_GR")}
)


def test_a_field_that_did_not_come_is_no_initial_one() -> None:
    """A mark that the service does not tell any more would look like one that is not set."""
    full = record_of("erp", ITEM, {"PO_ITEM": "00010", "NO_MORE_GR": ""}, STRUCTURE, ["NO_MORE_GR"])
    assert {"NO_MORE_GR": ""} == full.fields
    with pytest.raises(BadAnswer, match="NO_MORE_GR"):
        record_of("erp", ITEM, {"PO_ITEM": "00010"}, STRUCTURE, ["NO_MORE_GR"])


def test_no_row_is_no_record() -> None:
    """A document that is gone has no fields, not even empty ones."""
    assert not record_of("erp", ITEM, None, STRUCTURE, ["NO_MORE_GR"]).exists
