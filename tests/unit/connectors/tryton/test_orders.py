"""Promises of the actions on orders, judged from images of a recorded order alone."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from connectors.contract import Call, Effect, Image, Record, Ref, Reversibility, Step
from connectors.tryton.actions import Target, TrytonAction, Unit, offenders
from connectors.tryton.connector import ACTIONS
from connectors.tryton.orders import PURCHASE, progress_of
from connectors.tryton.reading import fold
from connectors.tryton.transport import JsonDialect
from core.encoding import Value
from core.errors import StateRefused
from tests.unit.connectors.tryton.recorded import recorded

TARGET = Target(user_id=2, currencies={1: "EUR"}, done_status=2, open_status=1)
STRICT = replace(TARGET, series=(8, 2))
BY_NAME = {action.name: action for action in ACTIONS}


def order() -> tuple[Ref, Image]:
    (row,) = JsonDialect().decode(recorded("order_footprint_json").body, system="erp")
    records: dict[Ref, dict[str, Value] | None] = {}
    fold(PURCHASE.whole, row, records)
    image = Image(tuple(Record(ref, fields) for ref, fields in sorted(records.items())))
    return Ref(PURCHASE.model, str(row["id"])), image


REF, ORDER = order()
OPEN = tuple(r.ref for r in ORDER.of_model("stock.move") if (r.fields or {})["state"] == "draft")


def changed(image: Image, model: str, where: dict[str, Value], **values: Value) -> Image:
    """Return the image with values changed in the records of a model that hold `where`."""
    return Image(
        tuple(
            replace(record, fields={**record.fields, **values})
            if record.ref.model == model
            and record.fields is not None
            and all(record.fields[name] == value for name, value in where.items())
            else record
            for record in image.records
        )
    )


def made(name: str, target: Target = TARGET) -> TrytonAction:
    return BY_NAME[name](target)


def codes(image: Image) -> set[str]:
    step = Step("purchase_order.close", REF)
    return {problem.code for problem in made("purchase_order.close").problems(step, image)}


def test_ready_order_has_no_problems() -> None:
    """Received goods are invoiced and posted, the rest is open: it can be closed."""
    assert set() == codes(ORDER)


@pytest.mark.parametrize(
    "image, expected",
    [
        (changed(ORDER, "account.invoice", {}, state="draft"), {"invoice.not_posted", "received.not_invoiced"}),
        (changed(ORDER, "account.invoice", {}, state="cancelled"), {"received.not_invoiced"}),
        (changed(ORDER, "account.invoice.line", {}, invoice=None), {"invoice.not_posted", "received.not_invoiced"}),
        (changed(ORDER, "account.invoice.line", {}, quantity=Decimal(10_000)), {"invoiced.not_received"}),
        (changed(ORDER, "purchase.purchase", {}, invoice_state="exception"), {"invoice.exception"}),
        (changed(ORDER, "purchase.purchase", {}, state="done"), {"state.done"}),
        (changed(ORDER, "stock.move", {"state": "draft"}, shipment="stock.shipment.in,1"), {"receipt.open"}),
        (
            changed(ORDER, "stock.move", {"state": "draft"}, state="cancelled"),
            {"nothing.open", "shipment.exception"},
        ),
    ],
)  # fmt: skip
def test_problems(image: Image, expected: set[str]) -> None:
    """An order whose goods and posted invoices differ, or that somebody works on, is left to a person."""
    assert expected == codes(image)


def test_remainder_is_what_open_moves_would_bring() -> None:
    """What is given up is counted from open moves and valued at the line's price."""
    found = made("purchase_order.close").remainder(ORDER)
    progress = progress_of(TARGET, PURCHASE, ORDER).values()
    assert found is not None
    assert (sum(p.open * p.price for p in progress), "EUR") == (found.amount, found.currency)
    assert all(p.remaining == p.open for p in progress)


def test_units_are_converted() -> None:
    """A dozen that came counts as twelve of the line's units."""
    units = {
        1: Unit("Unit", 1, Decimal(1), Decimal(1)),
        9: Unit("Dozen", 1, Decimal(12), Decimal("0.083333333333")),
    }
    image = changed(ORDER, "stock.move", {"state": "done"}, unit=9, quantity=Decimal(2))
    image = changed(image, "purchase.line", {}, unit=1)
    found = progress_of(replace(TARGET, units=units), PURCHASE, image)
    assert {Decimal(24)} == {p.received for p in found.values()}


def test_close_is_a_chain() -> None:
    """Two calls, each with a done-when of its own."""
    names = [s.action for s in made("purchase_order.close").steps(REF, {})]
    assert names == ["purchase_order.cancel_open_moves", "purchase_order.ignore_moves"]


def test_moves_are_ignored_only_when_tryton_shows_it() -> None:
    """Yes is not enough: every cancelled move must be among the ignored ones, and the exception gone."""
    action, step = made("purchase_order.ignore_moves"), Step("purchase_order.ignore_moves", REF)
    before = changed(ORDER, "stock.move", {"state": "draft"}, state="cancelled")
    before = changed(before, "purchase.purchase", {}, shipment_state="exception")
    ids = tuple(int(ref.key) for ref in OPEN)
    half = changed(before, "purchase.line", {}, moves_ignored=ids)
    whole = changed(half, "purchase.purchase", {}, shipment_state="received")
    assert tuple(action.is_done(step, before, after) for after in (before, half, whole)) == (
        False,
        False,
        True,
    )


def test_way_back_of_ignored_moves() -> None:
    """The decision is taken out of the lines again, on every series."""
    step = Step("purchase_order.ignore_moves", REF)
    before = changed(ORDER, "stock.move", {"state": "draft"}, state="cancelled")
    for target in (TARGET, STRICT):
        action = made("purchase_order.ignore_moves", target)
        names = [s.action for s in action.inverse(step, before, before)]
        assert names == ["purchase_order.unignore_moves", "purchase_order.process"]
        assert action.reversibility is Reversibility.COMPENSATING


@pytest.mark.parametrize(
    "state, expected",
    [("draft", ["draft"]), ("quotation", ["draft", "quote"])],
)
def test_cancelled_order_goes_back_the_way_it_came(state: str, expected: list[str]) -> None:
    """A quotation returns through draft, which is two calls."""
    before = changed(ORDER, "purchase.purchase", {}, state=state)
    steps = made("purchase_order.cancel").inverse(Step("purchase_order.cancel", REF), before, ORDER)
    assert [f"purchase_order.{verb}" for verb in expected] == [step.action for step in steps]


def test_posted_invoice_later_changes_the_result() -> None:
    """An invoice that came after the close is shown before a rollback, and so are new moves, which block it."""
    action, step = made("purchase_order.close"), Step("purchase_order.close", REF)
    without_invoice = changed(ORDER, "account.invoice", {}, state="draft")
    fewer = Image(tuple(r for r in ORDER.records if r.ref != OPEN[0]))
    assert [{Effect.CHANGES_RESULT}, {Effect.BLOCKS}, set()] == [
        {found.effect for found in action.later_business(step, was, ORDER)}
        for was in (without_invoice, fewer, ORDER)
    ]


@pytest.mark.parametrize("writer, expected", [(2, True), (3, False)])
def test_is_ours_by_last_writer(writer: int, *, expected: bool) -> None:
    """A record with a new stamp names who wrote it."""
    after = changed(ORDER, "purchase.purchase", {}, _timestamp="9.9", write_uid=writer)
    assert expected is made("purchase_order.cancel").is_ours(ORDER, after)


def test_is_ours_when_nothing_moved() -> None:
    """Without a new stamp nothing tells."""
    assert made("purchase_order.cancel").is_ours(ORDER, ORDER) is None


def test_offender_is_found_by_its_name() -> None:
    """The document that Tryton names is the one at fault; a name that two share says nothing."""
    root = ORDER.get(REF)
    assert root is not None
    assert root.fields is not None
    name = f"{root.fields['number']!s} [{root.fields['reference']!s}]"
    other = Image((Record(Ref(PURCHASE.model, "999"), {**root.fields, "number": "other"}),))
    error = StateRefused(system="erp", said=f'You can not call "cancel" on "{name}" of "Purchase".')
    calls = [
        Call("a", Step("purchase_order.cancel", REF), ORDER),
        Call("b", Step("purchase_order.cancel", Ref(PURCHASE.model, "999")), other),
    ]
    twin = replace(calls[0], operation_id="c")
    assert (offenders(error, calls), offenders(error, [*calls, twin])) == (("a",), ())


def test_stamps_of_what_is_written() -> None:
    """Only records that the call writes are guarded: Tryton does not look at the others."""
    calls = [Call("a", Step("purchase_order.cancel_open_moves", REF), ORDER)]
    found = made("purchase_order.cancel_open_moves").stamps(calls)["_timestamp"]
    assert {"stock.move"} == {key.partition(",")[0] for key in found}


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_declarations_fit_together(action: type[TrytonAction]) -> None:
    """What an action sets, derives or leaves behind lies in its footprint, and what it writes has stamps there."""
    for declared in (action.ours, action.derived, action.trace):
        for model, fields in declared.items():
            # A trace may lie outside the footprint: logs, queues, counters.
            if declared is not action.trace or model in action.footprint:
                assert fields - {"*"} <= action.footprint.get(model, frozenset()), (model, fields)
    assert action.ours.keys() <= action.footprint.keys()
    for model, fields in action.derived.items():
        assert fields <= action.ours[model], model
    assert set(action.stamped) <= action.footprint.keys()
    assert all("_timestamp" in action.footprint[model] for model in action.stamped)


def test_every_inverse_is_an_action() -> None:
    """Each step that a chain or a way back names exists."""
    for action in ACTIONS:
        one = action(TARGET)
        steps = one.steps(Ref(one.model, "1"), {})
        assert {step.action for step in steps} <= BY_NAME.keys()
        assert one.reopen_action is None or one.reopen_action in BY_NAME
