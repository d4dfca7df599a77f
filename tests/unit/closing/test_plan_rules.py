"""What routes and checks say decides about the documents that they are for, and no mistake in one is overlooked."""

from __future__ import annotations

import pytest

from connectors.fake.sample import add_purchase_order
from connectors.fake.schema import ORDER
from core.errors import BadInput
from tests.unit.closing.factories import check, closing, draw, empty_erp, outcome, route
from tests.unit.closing.plans import BOTH_ROUTES, CANCEL


def test_the_first_route_that_fits_is_taken() -> None:
    """A document that two routes fit takes the one that stands first."""
    erp = empty_erp()
    add_purchase_order(erp, "PO1")

    first, second = route(CANCEL, name="first"), route(CANCEL, name="second")
    (operation,) = draw(erp, closing(first, second)).operations

    assert operation.details["route"] == "first"


def test_every_reason_is_told_not_only_the_first() -> None:
    """Two checks that fail and a missing route are three exceptions of one document."""
    erp = empty_erp()
    add_purchase_order(erp, "PO1")
    checks = (check("odd", "number = 'x'"), check("far", "reference is not null and 1 = 2"))

    drawn = draw(erp, closing(route(CANCEL, when="1 = 2"), checks=checks))

    assert {"PO1": {"no_route", "odd", "far"}} == outcome(drawn)


def test_a_check_that_cannot_be_decided_does_not_hold() -> None:
    """A missing value never lets a document through, and the text says that it is missing."""
    erp = empty_erp()
    add_purchase_order(erp, "PO1")

    drawn = draw(erp, closing(route(CANCEL), checks=(check("ref", "reference = 'x'", "no ref"),)))

    assert {"PO1": {"ref"}} == outcome(drawn)
    assert str(drawn.exceptions[0].text) == "no ref (cannot be decided: a value is missing)"


def test_checks_of_a_route_are_for_its_documents_alone() -> None:
    """A check of one route says nothing about a document that takes another."""
    erp = empty_erp()
    add_purchase_order(erp, "PO1")
    add_purchase_order(erp, "PO2", state="processing")
    stale = route(
        CANCEL, name="stale", when="state = 'quotation'", checks=(check("never", "1 = 2"),)
    )

    assert {"PO1": {"never"}, "PO2": set()} == outcome(draw(erp, closing(stale, BOTH_ROUTES[1])))


def test_rules_are_not_asked_about_documents_that_they_are_not_for() -> None:
    """A check that would fail on the values of a document out of scope, or of another route, is not asked."""
    erp = empty_erp()
    add_purchase_order(erp, "7")
    add_purchase_order(erp, "X1", state="processing")
    add_purchase_order(erp, "X2", state="approved")
    digits = check("digits", "cast(number as integer) > 0")
    stale = route(CANCEL, name="stale", when="state = 'quotation'", checks=(digits,))
    settings_ = closing(stale, BOTH_ROUTES[1], scope="state <> 'approved'")
    in_scope = closing(BOTH_ROUTES[0], scope="state = 'quotation'", checks=(digits,))

    assert outcome(draw(erp, settings_, numbers=["7", "X1", "X2"])) == {
        "7": set(),
        "X1": set(),
        "X2": {"out_of_scope"},
    }
    assert outcome(draw(erp, in_scope, numbers=["7", "X1"])) == {
        "7": set(),
        "X1": {"out_of_scope"},
    }


def test_words_of_the_operator_are_shown_as_they_are() -> None:
    """Braces in a reason of storno.yaml are text, no places to fill."""
    erp = empty_erp()
    add_purchase_order(erp, "PO1")

    drawn = draw(erp, closing(route(CANCEL), checks=(check("x", "1 = 2", "see {wiki} 100%"),)))

    assert str(drawn.exceptions[0].text) == "see {wiki} 100%"


def test_the_action_has_the_last_word() -> None:
    """What a rule let through and the image shows as impossible is an exception with the action's reason."""
    erp = empty_erp()
    add_purchase_order(erp, "PO1", state="processing")

    assert {"PO1": {"state.processing"}} == outcome(draw(erp, closing(route(CANCEL))))


@pytest.mark.parametrize(
    "scope, when, source",
    [
        ("native.x_custom = '1'", "true", "scope"),
        ("true", "native.x_custom = '1'", "routes[1].when"),
    ],
)
def test_an_unknown_field_names_its_rule_and_the_model(scope: str, when: str, source: str) -> None:
    """Who typed it finds the place; a field of another model is no field of this one."""
    erp = empty_erp()
    add_purchase_order(erp, "PO1")
    settings_ = closing(route(CANCEL, when=when), scope=scope)

    with pytest.raises(BadInput) as raised:
        draw(erp, settings_)

    assert str(raised.value) == f"closings.stale.{source}: {ORDER} has no field 'x_custom'."


@pytest.mark.parametrize(
    "settings_, setting",
    [
        (closing(route(CANCEL), kind="nonsense"), "closings.stale.kind"),
        (closing(route("purchase_order.nonsense")), "closings.stale.routes[1].action"),
        (closing(route(CANCEL), route("sales_order.close")), "closings.stale.routes[2].action"),
        (
            closing(route("purchase_order.approve_by_hand", executor="interface")),
            "closings.stale.routes[1].action",
        ),
        (closing(route(CANCEL, when="nonsense")), "closings.stale.routes[1].when"),
        (closing(route(CANCEL), scope="nonsense"), "closings.stale.scope"),
        (
            closing(route(CANCEL), checks=(check("x", "nonsense"),)),
            "closings.stale.checks[1].holds",
        ),
        (
            closing(route(CANCEL, checks=(check("y", "true"), check("x", "nonsense")))),
            "closings.stale.routes[1].checks[2].holds",
        ),
    ],
)
def test_a_mistake_in_a_closing_names_its_setting(settings_: object, setting: str) -> None:
    """What is wrong is found before anything is read, by the key under which it stands."""
    with pytest.raises(BadInput) as refused:
        draw(empty_erp(), settings_)  # type: ignore[arg-type]

    assert str(refused.value).startswith(setting)
