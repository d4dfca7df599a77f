"""A link of a chain that finds its work done is no problem, and nobody is shown it as one."""

from __future__ import annotations

from connectors.fake.engine import FakeERP
from connectors.fake.sample import add_purchase_order
from tests.integration.cli.conftest import Storno

RECEIVED = (("5.000", "5.000", "3.00"),)


def test_what_was_so_already_is_told_as_such(storno: Storno, erp: FakeERP) -> None:
    """The result counts it as nothing to do, lists no problem, and `changes show` says why."""
    add_purchase_order(erp, "PO0001X", state="processing", lines=RECEIVED)
    plan = str(storno("close", "plan", "remainders", "PO0001X", "--json").json["change_set"]["id"])[
        :13
    ]
    storno.done("close", "approve", plan)

    ran = storno.done("close", "run", plan, "--yes")

    assert "confirmed 2, nothing to do 1" in ran.out
    assert "left out" not in ran.out
    assert "Reason" not in ran.out
    shown = storno.done("changes", "show", plan).out
    assert "[nothing to do]" in shown
    assert "the ERP shows it like that already" in shown
    assert "confirmed 2, nothing to do 1" in shown
