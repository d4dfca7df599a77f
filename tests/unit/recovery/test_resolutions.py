"""What was said about a field gives its target, and nothing else does."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Ref
from core import encoding
from core.errors import BadInput
from recovery.conflicts.resolutions import (
    Decided,
    Origin,
    Rule,
    Rules,
    Way,
    decided_of,
    parse_rule,
    require_one_answer,
    with_difference,
)

LINE = Ref("purchase.line", "7")
WHOLE = st.integers(-(10**30), 10**30)
DECIMALS = st.builds(
    lambda digits, places: Decimal(digits).scaleb(-places),
    st.integers(-(10**25), 10**25),
    st.integers(0, 60),
)
NUMBERS = WHOLE | DECIMALS


@pytest.mark.parametrize(
    "before, ours, now, target",
    [
        (Decimal("12.000"), Decimal("5.000"), Decimal("6.500"), Decimal("13.500")),
        (Decimal("0.1"), Decimal("0.3"), Decimal("0.4"), Decimal("0.2")),
        (10, 4, 5, 11),
        (10, Decimal("4.5"), 5, Decimal("10.5")),
        (
            Decimal("1E+20"),
            Decimal(0),
            Decimal("1E-20"),
            Decimal("100000000000000000000.00000000000000000001"),
        ),
    ],
)
def test_the_difference_is_added_exactly(before: Any, ours: Any, now: Any, target: Any) -> None:
    """Now, and what our change had taken: to the last digit, whatever the sizes."""
    assert target == with_difference(before, ours, now)
    assert type(target) is type(with_difference(before, ours, now))


@pytest.mark.parametrize(
    "values", [(None, 1, 2), (1, None, 2), (1, 2, None), ("1", 1, 1), (True, 1, 1), (1.5, 1, 1)]
)
def test_only_numbers_are_added(values: tuple[Any, Any, Any]) -> None:
    """Nothing is no zero, text is no number, and a binary float is no value at all."""
    with pytest.raises(ValueError, match="not a number"):
        with_difference(*values)


@given(before=NUMBERS, ours=NUMBERS, now=NUMBERS, theirs=NUMBERS)
def test_adding_a_difference_commutes(before: Any, ours: Any, now: Any, theirs: Any) -> None:
    """Whoever comes first, somebody's own change or ours taken back: the end is the same."""
    first = with_difference(before, ours, with_difference(theirs, 0, now))
    second = with_difference(theirs, 0, with_difference(before, ours, now))

    assert first == second
    # What nobody else changed goes back to what it was.
    assert before == with_difference(before, ours, ours)


@pytest.mark.parametrize(
    "written, rule",
    [
        ("note=keep_theirs", Rule(Way.KEEP_THEIRS, "note")),
        ("*=ask", Rule(Way.ASK, "*")),
        ("PO1:note=put_back", Rule(Way.PUT_BACK, "note", number="PO1")),
        (
            "purchase.line.quantity=recompute",
            Rule(Way.RECOMPUTE, "quantity", model="purchase.line"),
        ),
        (
            "A:B:purchase.line,7.quantity=add_difference",
            Rule(Way.ADD_DIFFERENCE, "quantity", number="A:B", model="purchase.line", key="7"),
        ),
    ],
)
def test_rules_as_people_type_them(written: str, rule: Rule) -> None:
    """The field, and as much of where it stands as the person wants to say."""
    assert rule == parse_rule(written)
    assert written.rpartition("=")[0] == parse_rule(written).place


@pytest.mark.parametrize(
    "written", ["note", "=ask", "note=", "note=keep", "PO1:=ask", "m.=ask", ""]
)
def test_what_cannot_be_read_is_said(written: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(BadInput):
        parse_rule(written)


def test_two_answers_for_one_field_are_none() -> None:
    """The same answer twice is one."""
    one, other = parse_rule("note=ask"), parse_rule("note=keep_theirs")
    require_one_answer([one, one, parse_rule("m.note=keep_theirs")])
    with pytest.raises(BadInput, match="two different ways"):
        require_one_answer([one, other])


def test_the_closest_answer_counts() -> None:
    """The more a rule says about where it is for, the more it counts, in whatever order they were given."""
    rules = [
        Rule(Way.ASK, "*"),
        Rule(Way.KEEP_THEIRS, "quantity"),
        Rule(Way.RECOMPUTE, "quantity", model=LINE.model),
        Rule(Way.ADD_DIFFERENCE, "quantity", model=LINE.model, key="7"),
        Rule(Way.PUT_BACK, "quantity", number="PO1"),
        Rule(Way.KEEP_THEIRS, "quantity", Origin.POLICY, kind="purchase_order"),
        Rule(Way.ASK, "quantity", Origin.POLICY, kind="sales_order"),
    ]
    for given_rules in (rules, rules[::-1]):
        found = Rules(tuple(given_rules))

        def way(called: str, ref: Ref, field: str, origin: Origin = Origin.COMMAND) -> Way | None:
            rule = found.find("purchase_order", called, ref, field, origin)  # noqa: B023
            return None if rule is None else rule.way

        assert Way.PUT_BACK is way("PO1", LINE, "quantity")
        assert Way.ADD_DIFFERENCE is way("PO2", LINE, "quantity")
        assert Way.RECOMPUTE is way("PO2", Ref(LINE.model, "8"), "quantity")
        assert Way.KEEP_THEIRS is way("PO2", Ref("other", "7"), "quantity")
        assert Way.ASK is way("PO2", LINE, "note")
        assert Way.KEEP_THEIRS is way("PO1", LINE, "quantity", Origin.POLICY)
        assert way("PO1", LINE, "note", Origin.POLICY) is None


@given(before=NUMBERS, ours=NUMBERS | st.none(), now=NUMBERS | st.text(max_size=3))
def test_decisions_come_back_from_the_journal(before: Any, ours: Any, now: Any) -> None:
    """Typed as they were, through the text in which a plan keeps them."""
    decided = Decided(LINE, "quantity", before, ours, now, before, Way.KEEP_THEIRS, Origin.COMMAND)
    rows = encoding.loads(encoding.dumps([decided.as_row()]))
    (found,) = decided_of(rows)

    assert decided == found
    for name in ("before", "ours", "now", "target"):
        assert type(getattr(decided, name)) is type(getattr(found, name))
