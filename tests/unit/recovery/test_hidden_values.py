"""A value that nobody shall see is found in whatever form somebody repeats it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connectors.contract import Image, Record, Ref
from core.errors import Rejected
from core.text import Text
from recovery.at_rest.hidden_values import HiddenValues, hidden_values, quieten
from recovery.at_rest.redaction import MASK, Redaction, Rule

REF = Ref("hr.contract", "7")
FIELDS: dict[str, Any] = {
    "wage": Decimal("51234.50"),
    "iban": "DE02 1203",
    "name": "Wang",
    "born": date(1980, 4, 3),
}
IMAGE = Image((Record(REF, FIELDS),))
RULES = Redaction([Rule("hr.contract", frozenset({"wage", "iban", "born"}), columns=frozenset())])
HIDDEN = hidden_values(RULES, "erp", IMAGE)


@pytest.mark.parametrize(
    "told, shown",
    [
        (Decimal("51234.5"), MASK),
        ("51234.500", MASK),
        (51234.5, MASK),
        ("IBAN DE02 1203 is unknown", f"IBAN {MASK} is unknown"),
        ("51,234.50 is too much", f"{MASK} is too much"),
        ("51,234.5 or 51234.50", f"{MASK} or {MASK}"),
        (date(1980, 4, 3), MASK),
        ("born on 1980-04-03", f"born on {MASK}"),
        ("Wang", "Wang"),
        (Decimal(7), Decimal(7)),
        (None, None),
        ({"rows": [{"said": "DE02 1203"}]}, {"rows": [{"said": MASK}]}),
    ],
)
def test_forms(told: Any, shown: Any) -> None:
    """As a number, as a text, within a sentence, deep in rows; what is not hidden stays."""
    assert shown == HIDDEN.masked(told)


def test_what_tells_nothing_is_not_looked_for() -> None:
    """A hidden 0 or yes would put the mask everywhere."""
    hidden = HiddenValues([0, Decimal("1.00"), True, None, "", " "])

    assert not hidden
    assert ["0", True, 1] == hidden.masked(["0", True, 1])


def test_an_answer_of_an_erp() -> None:
    """It keeps its meaning and whom it names, and loses the value."""
    error = Rejected(
        "{system} refused: {said}", system="erp", said="wage 51234.50", offenders=["DE02 1203"]
    )
    quieten(RULES, "erp", (IMAGE,), [None, error])

    assert f"erp refused: wage {MASK}" == str(error)
    assert ("DE02 1203",) == error.offenders
    assert Text("{a}", {"a": MASK}) == HIDDEN.masked(Text("{a}", {"a": "DE02 1203"}))


@pytest.mark.parametrize(
    "columns, hidden",
    [
        (None, {"amount", "partner", "date", "native.wage", "wage"}),
        ((), {"native.wage", "wage"}),
        (("amount",), {"amount", "native.wage", "wage"}),
    ],
)
def test_columns_of_lists(columns: tuple[str, ...] | None, hidden: set[str]) -> None:
    """All but what names the document, unless the rule says which; the native field always."""
    named = None if columns is None else frozenset(columns)
    rules = Redaction([Rule("hr.contract", frozenset({"wage"}), "erp", named)])
    names = ("number", "state", "amount", "partner", "date", "native.wage", "wage", "native.name")

    assert hidden == {name for name in names if rules.hides_column("erp", "hr.contract", name)}
    assert not any(rules.hides_column("other", "hr.contract", name) for name in names)
    assert not any(rules.hides_column("erp", "hr.employee", name) for name in names)
