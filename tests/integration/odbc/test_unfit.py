"""Rows that a recipe cannot work with: the one document says why, and all the others go on."""

from __future__ import annotations

from typing import Final

import pytest

from recovery.approval import approve
from recovery.states import ChangeSetState, OperationState
from tests.integration.odbc.ground import LINES, MEI, Ground

pytestmark = pytest.mark.timeout(180)

CONFIRMED, REFUSED = OperationState.CONFIRMED, OperationState.REFUSED
NARROW: Final = "varchar(3)"

on_a_server = pytest.mark.parametrize("ground", ["postgresql", "mariadb"], indirect=True)


def narrow(ground: Ground) -> None:
    """Let an upgrade of the ERP make a column shorter than what a close writes there."""
    if ground.backend == "postgresql":
        ground.sql(
            f'alter table "{LINES}" alter column "MODI_PRID" type {NARROW} using left("MODI_PRID", 3)'
        )
    else:
        ground.sql(
            f"update {LINES} set MODI_PRID = left(MODI_PRID, 3)",
            f"alter table {LINES} modify column MODI_PRID {NARROW}",
        )
    ground.begin_anew()


def spoil(ground: Ground, number: str) -> None:
    """Put text into the quantity of an order's lines, as SQLite takes it into any column."""
    kind, key = number.split("-")
    ground.sql(
        f"update {LINES} set TD008 = 'ten' where rtrim(TD001) = '{kind}' and rtrim(TD002) = '{key}'"
    )


@on_a_server
def test_what_does_not_fit_any_more_is_refused(ground: Ground) -> None:
    """A column that became too short after the approval: each order is settled with the reason, and nothing was written."""
    numbers = ground.numbers(3)
    approved = ground.approved(numbers)
    narrow(ground)
    now = ground.dump()

    ended = ground.run(approved)

    assert set(ground.states(ended).values()) == {REFUSED}
    assert all("MODI_PRID" in reason for reason in ground.reasons(ended).values())
    assert ended.state not in (ChangeSetState.RUNNING, ChangeSetState.PAUSED)
    assert ground.dump() == now


@on_a_server
def test_what_does_not_fit_is_said_by_the_plan(ground: Ground) -> None:
    """Nobody approves what cannot be written."""
    numbers = ground.numbers(3)
    narrow(ground)

    planned = ground.plan(numbers)

    assert planned.operation_count == 0
    told = [str(each.text) for each in ground.journal.exceptions(planned.id)]
    assert len(told) == len(numbers)
    assert all("MODI_PRID" in each for each in told)


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_text_in_a_quantity_stops_one_order_alone(ground: Ground) -> None:
    """The plan of the others is made and carried out; the one is an exception that says why."""
    numbers = ground.numbers(4)
    spoil(ground, numbers[1])

    planned = ground.plan(numbers)

    (told,) = ground.journal.exceptions(planned.id)
    assert told.number == numbers[1]
    assert "ten" in str(told.text)
    assert planned.operation_count == len(numbers) - 1
    done = ground.run(approve(ground.journal, planned.id, MEI))
    assert ground.states(done) == dict.fromkeys({*numbers} - {numbers[1]}, CONFIRMED)
