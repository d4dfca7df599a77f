"""What Storno carries out itself: what was proved, and what somebody named in storno.yaml."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from connectors.contract import Executor, Reversibility
from connectors.sap.actions import SapAction, Target
from connectors.sap.connector import ACTIONS
from connectors.sap.proof import Trust, is_provable
from connectors.sap.services import Wrapped
from connectors.sap.shapes import Function, Structure
from connectors.sap.transport import Endpoint

FUNCTION: Final = Function("Z", "Z", "", Structure("r", {}), "", Structure("a", {}), "")
FORWARD: Final = "production_order.close"


def made(name: str, target: Target) -> SapAction:
    (found,) = [action for action in ACTIONS if action.name == name]
    way = Wrapped("service", Endpoint(FUNCTION, "/sap/x"))
    return found(replace(target, ways={found.function: way}))


@pytest.mark.parametrize(
    "trusted, is_refused", [((), True), (("sales_order.close",), True), ((FORWARD,), False)]
)
def test_what_nothing_takes_back_must_be_named(
    trusted: tuple[str, ...], *, is_refused: bool
) -> None:
    """A proof is a rollback: where there is none, somebody's word in storno.yaml stands for it."""
    action = made(FORWARD, Target())
    assert not is_provable(action)
    found = Trust("erp").refusals(
        [action], lambda: pytest.fail("nothing to prove"), trusted=trusted
    )
    assert is_refused is (FORWARD in found)


def test_naming_an_action_proves_nothing_that_can_be_proved() -> None:
    """What has a way back is proved on a copy, whatever storno.yaml says."""
    action = made("purchase_order.close", Target())
    found = Trust("erp").refusals([action], lambda: pytest.fail("no proof"), trusted=(action.name,))
    assert action.name in found


@pytest.mark.parametrize("name", [a.name for a in ACTIONS if not a.is_proven and a.function])
def test_what_is_unproven_is_off_until_somebody_wants_it(name: str) -> None:
    """Its fields are known from public descriptions alone: it is a person's, and says so."""
    off, on = made(name, Target()), made(name, Target(offers_unproven=True))
    assert (Executor.BY_PERSON,) == off.executors
    assert "unproven: true" in str(off.refusal)
    assert on.refusal is None


def test_postings_are_told_truthfully() -> None:
    """No API gives back a completed order or a posted document."""
    names = {
        "production_order.complete", FORWARD, "goods_receipt.cancel", "goods_issue.cancel", "supplier_invoice.cancel",
        "journal_entry.reverse", "stock_count.apply",
    }  # fmt: skip
    found = {a.name for a in ACTIONS if a.reversibility is Reversibility.MANUAL}
    assert names == found
