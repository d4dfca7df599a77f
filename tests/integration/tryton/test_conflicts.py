"""What a colleague's client writes back without a change is nobody's change, on a real Tryton."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from connectors.contract import Step
from core.normal_form import EXACT
from recovery.conflicts.targets import with_values
from recovery.images import differences
from sandbox.tryton.colleague import Colleague
from tests.integration.tryton.company import Company

pytestmark = [pytest.mark.tryton, pytest.mark.timeout(300)]


def test_a_form_that_was_saved_without_a_change_is_no_edit(company: Company) -> None:
    """Empty text for nothing, blanks at an end, another scale: Tryton keeps some of them, and means nothing by it."""
    refs = company.refs("purchase.purchase", role="stale_quotation", state="quotation")
    found = [Step("purchase_order.cancel", each) for each in refs]
    images = company.system.capture(found, [None] * len(found))
    # Other tests write comments, too.
    step, before, ref = next(
        (step, image, step.ref)
        for step, image in zip(found, images, strict=True)
        if any(r.ref == step.ref and (r.fields or {})["comment"] is None for r in image.records)
    )
    colleague = Colleague(company.running.url, company.running.database)
    root = before.get(ref)
    assert root is not None
    fields = root.fields or {}
    colleague.call(
        "model.purchase.purchase.write",
        [int(ref.key)],
        {
            "comment": "",
            "description": str(fields["description"] or "") + "  ",
            "reference": str(fields["reference"] or "") + "   ",
        },
    )
    (now,) = company.system.capture([step], [before])
    action = company.action(step.action)
    exact = differences(before, now, ignore=action.trace, form=EXACT)

    # Without the form, an approved plan would drop this order as changed.
    assert ("comment", None, "") in {(each.field, each.before, each.after) for each in exact}
    assert [] == differences(before, now, ignore=action.trace, form=action.normal_form)
    assert action.changed_at(now, ref) != action.changed_at(before, ref)
    by = action.changed_by(now, ref)
    assert by is not None
    assert {by: "王小明"} == company.system.people([by, "res.user 999999"])


def test_a_change_is_a_change(company: Company) -> None:
    """The form hides no word and no cent."""
    (ref, *_) = company.refs("purchase.purchase", role="stale_quotation", state="quotation")
    step = Step("purchase_order.cancel", ref)
    (before,) = company.system.capture([step], [None])
    Colleague(company.running.url, company.running.database).call(
        "model.purchase.purchase.write", [int(ref.key)], {"comment": "please wait"}
    )
    (now,) = company.system.capture([step], [before])
    action = company.action(step.action)

    assert ["comment"] == [
        each.field
        for each in differences(before, now, ignore=action.trace, form=action.normal_form)
    ]
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert not action.normal_form.is_same(moment, moment + timedelta(seconds=1))


def test_somebody_elses_progress_stays(company: Company) -> None:
    """A task is opened again with its old status; the progress that somebody wrote since is not written at all."""
    (ref, *_) = company.refs("project.work", role="task_finished_open")
    (taken,) = company.take_all("project.close", ref, progress=Decimal("1.0"))
    before = with_values(taken.before, {(ref, "progress"): Decimal("0.5")})
    theirs = {(ref, "progress"): Decimal("1.0")}
    (plain,) = taken.action.inverse(taken.step, before, taken.after)
    (resolved,) = taken.action.inverse_to(
        taken.step, before, with_values(taken.after, theirs), with_values(before, theirs)
    )
    (back,) = [company.take(resolved)]

    assert {"status", "progress"} == plain.arguments.keys()
    assert {"status"} == resolved.arguments.keys()
    assert back.is_done
    assert {"status"} == {
        each.field
        for each in differences(back.before, back.after, ignore=back.action.trace)
        if each.ref == ref
    }
