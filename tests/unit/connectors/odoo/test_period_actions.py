"""Promises of setting lock dates and setting them back, for the versions 16 to 19."""

from __future__ import annotations

from datetime import date
from typing import Final

import pytest

from connectors.contract import Effect, Image, Ref, Reversibility, Step
from core.encoding import Value
from core.errors import ContractBroken
from recovery.images import differences
from tests.unit.connectors.odoo.document_scenes import (
    VERSIONS,
    action,
    but,
    codes,
    foreign,
    image,
    row,
    sent,
    target,
)

COMPANY: Final = Ref("res.company", "1")
MAY: Final = date(2026, 5, 31)
APRIL: Final = date(2026, 4, 30)
USUAL: Final = "fiscalyear_lock_date"
CLOSE: Final = Step("accounting_period.close", COMPANY, {"date": MAY})


def company(version: int = 18, *drafts: tuple[date, str], **fields: Value) -> Image:
    names = target(version).fields["res.company"]
    locks: dict[str, Value] = {name: None for name in names if name.endswith("_date")}
    locks.pop("write_date")
    entries = [
        row("account.move", 50 + i, state="draft", date=day, move_type=kind, name="/")
        for i, (day, kind) in enumerate(drafts)
    ]
    return image(row("res.company", 1, name="Blue", **{**locks, **fields}), *entries)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("day", [MAY, "2026-05-31"])
def test_a_period_is_closed_by_a_date(day: Value, version: int) -> None:
    """The date is written once, and read back."""
    step = Step(CLOSE.action, COMPANY, {"date": day})
    assert set() == codes(step, company(version), version)
    server = sent(step, company(version), version=version)
    assert [("res.company", "write", [[1], {USUAL: "2026-05-31"}])] == server.calls
    after = company(version, fiscalyear_lock_date=MAY)
    assert action(step.action, version).is_done(step, company(version), after)
    assert not action(step.action, version).is_done(step, company(version), company(version))
    assert [] == foreign(step.action, company(version), after, version)


@pytest.mark.parametrize(
    "lock, versions",
    [
        ("fiscalyear_lock_date", {16, 17, 18, 19}),
        ("tax_lock_date", {16, 17, 18, 19}),
        ("period_lock_date", {16, 17}),
        ("sale_lock_date", {18, 19}),
        ("purchase_lock_date", {18, 19}),
        ("hard_lock_date", set()),
        ("name", set()),
    ],
)
def test_only_lock_dates_of_this_version_are_set(lock: str, versions: set[int]) -> None:
    """The hard lock date, which nothing takes back, is no lock of the plain action."""
    step = Step(CLOSE.action, COMPANY, {"date": MAY, "lock": lock})
    found = {version for version in VERSIONS if not codes(step, company(version), version)}
    assert versions == found


@pytest.mark.parametrize("former", [None, APRIL])
def test_the_former_date_is_written_back(former: date | None) -> None:
    """Exactly: an earlier date, or none at all."""
    before, after = company(fiscalyear_lock_date=former), company(fiscalyear_lock_date=MAY)
    (back,) = action(CLOSE.action).inverse(CLOSE, before, after)
    assert ("accounting_period.reopen", USUAL, former) == (
        back.action, back.arguments["lock"], back.arguments["date"],
    )  # fmt: skip
    written = sent(back, after).calls[0][2][1]
    assert {USUAL: False if former is None else "2026-04-30"} == written
    assert set() == codes(back, after)
    assert action(back.action).is_done(back, after, before)


def test_reopening_is_taken_back_by_closing() -> None:
    """The later date comes back under the name of what it is."""
    step = Step("accounting_period.reopen", COMPANY, {"date": APRIL})
    before, after = company(fiscalyear_lock_date=MAY), company(fiscalyear_lock_date=APRIL)
    (back,) = action(step.action).inverse(step, before, after)
    assert (CLOSE.action, MAY) == (back.action, back.arguments["date"])


@pytest.mark.parametrize(
    "name, arguments, current, code",
    [
        ("close", {}, None, "date.missing"),
        ("close", {"date": None}, None, "date.missing"),
        ("close", {"date": "May"}, None, "date.missing"),
        ("close", {"date": APRIL}, MAY, "lock.later"),
        ("close", {"date": MAY}, MAY, "lock.later"),
        ("reopen", {}, MAY, "date.missing"),
        ("reopen", {"date": APRIL}, None, "lock.open"),
        ("reopen", {"date": MAY}, APRIL, "lock.open"),
    ],
)
def test_closing_never_opens_and_opening_never_closes(
    name: str, arguments: dict[str, Value], current: date | None, code: str
) -> None:
    """Nor is a lock cleared because somebody forgot the date."""
    step = Step(f"accounting_period.{name}", COMPANY, arguments)
    assert {code} == codes(step, company(fiscalyear_lock_date=current))


def test_a_date_that_is_none_never_reaches_the_server() -> None:
    """It would be a lock that nobody wanted."""
    step = Step(CLOSE.action, COMPANY, {"date": "May"})
    with pytest.raises(ContractBroken):
        sent(step, company())


@pytest.mark.parametrize(
    "lock, code",
    [
        (USUAL, {"entries.draft"}),
        ("sale_lock_date", set()),
        ("purchase_lock_date", {"entries.draft"}),
    ],
)
def test_drafts_of_the_period_are_counted(lock: str, code: set[str]) -> None:
    """18 locks over them, and would book them into the next period; those the lock is about count."""
    step = Step(CLOSE.action, COMPANY, {"date": MAY, "lock": lock})
    found = company(18, (APRIL, "in_invoice"), (date(2026, 6, 1), "out_invoice"))
    assert code == codes(step, found)


@pytest.mark.parametrize("version, code", [(17, {"entries.draft"}), (18, set())])
def test_drafts_can_be_accepted_where_odoo_accepts_them(version: int, code: set[str]) -> None:
    """16 and 17 refuse the year's lock over drafts whatever is said."""
    step = Step(CLOSE.action, COMPANY, {"date": MAY, "with_drafts": True})
    assert code == codes(step, company(version, (APRIL, "entry")), version)


def test_work_on_drafts_is_no_change_of_the_period() -> None:
    """Between plan and run somebody writes and posts drafts; the approved plan still holds."""
    before, now = company(18), company(18, (date(2026, 6, 2), "entry"))
    assert [] == differences(before, now, ignore=action(CLOSE.action).trace)


def test_a_lock_that_was_moved_since_blocks_the_rollback() -> None:
    """Somebody closed another month meanwhile: setting the old date would open it."""
    after = company(fiscalyear_lock_date=MAY)
    found = action(CLOSE.action)
    assert () == found.later_business(CLOSE, after, after)
    later = found.later_business(
        CLOSE, after, but(after, COMPANY, fiscalyear_lock_date=date(2026, 6, 30))
    )
    assert [Effect.BLOCKS] == [each.effect for each in later]


def test_the_hard_lock_is_never_set_by_the_way() -> None:
    """It has an action of its own, which wants to be told so, exists since 18, and has no way back."""
    step = Step("accounting_period.close_for_good", COMPANY, {"date": MAY})
    sure = Step(step.action, COMPANY, {"date": MAY, "for_good": True})
    found = action(step.action)
    assert {"lock.for_good"} == codes(step, company())
    assert set() == codes(sure, company())
    assert {"lock.later"} == codes(sure, company(hard_lock_date=MAY))
    assert {"entries.draft"} == codes(sure, company(18, (APRIL, "entry")))
    assert [("res.company", "write", [[1], {"hard_lock_date": "2026-05-31"}])] == sent(
        sure, company()
    ).calls
    assert Reversibility.NONE is found.reversibility
    assert () == found.inverse(sure, company(), company(hard_lock_date=MAY))
    assert [False, False, True, True] == [action(step.action, v).is_available for v in VERSIONS]
