"""What an approver signs is shown, and what a rollback did not bring back is said at once."""

from __future__ import annotations

from pathlib import Path

from connectors.fake.engine import FakeERP
from connectors.fake.faults import Fault, FaultKind, Moment
from connectors.fake.sample import add_period
from connectors.fake.schema import PERIOD
from tests.integration.cli.conftest import Storno
from tests.integration.cli.test_story import applied

PERIODS = """\
closings:
  january:
    system: practice
    kind: accounting_period
    scope: number = '2031-01'
    routes:
      - name: lock
        when: "true"
        action: accounting_period.close
"""


def write_settings(folder: Path, *, arguments: str = "") -> None:
    """Add a closing of one period."""
    path = folder / "storno.yaml"
    settings = path.read_text(encoding="utf-8")
    path.write_text(settings.replace("closings:\n", PERIODS + arguments), encoding="utf-8")


def test_arguments_are_signed(storno: Storno, erp: FakeERP, tmp_path: Path) -> None:
    """What a route tells its action (a date, a loss that is accepted) stands in the plan, not only in the settings."""
    add_period(erp, "2031-01")
    write_settings(tmp_path, arguments='        arguments: {until: "2031-01-31"}\n')

    shown = storno("close", "plan", "january").out

    assert "lock: until = 2031-01-31" in shown


def test_a_rollback_says_what_is_not_as_before(
    storno: Storno, erp: FakeERP, tmp_path: Path
) -> None:
    """A document that came back with residue is named in the result: `confirmed` alone would hide it."""
    key = add_period(erp, "2031-01", journals=("closed",))
    write_settings(tmp_path)
    done = applied(storno, "january")
    erp.faults.add(
        Fault(
            FaultKind.EDIT,
            action="accounting_period.reopen",
            key=key,
            model=PERIOD,
            changes={"closed_how": "by_ghost"},
            moment=Moment.AFTER,
        )
    )

    answer = storno("rollback", done, "--reason", "mistake", "--yes")

    assert "Not exactly as before: 1 (2031-01)" in answer.out
