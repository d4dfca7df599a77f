"""Columns where nothing stands: an old row, or one of an import, is judged as the ERP itself would judge it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from config.recipe_files import load_recipe
from core.encoding import Value
from tests.recipe_images import WRITER, Fields, actions, cell, done, image, step_of, taken_back

K3_HEADER: Fields = {"FStatus": 1, "FClosed": 0}


def k3_line(**changes: Value) -> Fields:
    return {
        "FMRPClosed": 0,
        "FMRPAutoClosed": 0,
        "FQty": Decimal(5),
        "FCommitQty": Decimal(0),
        "FStockQty": Decimal(0),
        **changes,
    }


@pytest.mark.parametrize("kind", ["purchase_order", "sales_order"])
@pytest.mark.parametrize(
    "line",
    [
        k3_line(FCommitQty=None),
        k3_line(FMRPClosed=None),
        k3_line(FMRPAutoClosed=None),
        k3_line(FMRPClosed=None, FMRPAutoClosed=None, FCommitQty=None, FStockQty=None),
    ],
)
def test_k3_one_line_of_two_leaves_the_order_open(kind: str, line: Fields) -> None:
    """A line of which nothing is known has received nothing and is open, so the order is closed in part alone."""
    every = actions("k3_wise", kind)
    close = every["close"]
    before = image(close, K3_HEADER, line, line)
    step = step_of(close, lines=("1|1",))

    after = done(close, step, before)

    assert (2, 0) == (cell(after, "1", "FStatus"), cell(after, "1", "FClosed"))
    assert not close.is_closed(close.rows(step, after))
    assert taken_back(every, step, before, after, after) == before


@pytest.mark.parametrize("kind", ["purchase_order", "sales_order"])
def test_k3_whole_order_is_closed(kind: str) -> None:
    """All lines, whatever of them is nothing: the header follows."""
    close = actions("k3_wise", kind)["close"]
    line = k3_line(FMRPClosed=None, FMRPAutoClosed=None, FCommitQty=None)

    after = done(close, step_of(close), image(close, K3_HEADER, line, line))

    assert (3, 1) == (cell(after, "1", "FStatus"), cell(after, "1", "FClosed"))


@pytest.mark.parametrize("kind", ["purchase_order", "sales_order"])
def test_k3_goods_on_their_way_are_seen(kind: str) -> None:
    """A line that is written to is looked at too, also where its closing flag is nothing."""
    close = actions("k3_wise", kind)["close"]
    line = k3_line(FMRPClosed=None, FCommitQty=Decimal(5))
    before = image(close, K3_HEADER, line)

    codes = [each.code for each in close.problems(step_of(close), before)]

    assert [{"purchase_order": "not_stored", "sales_order": "not_issued"}[kind]] == codes


def test_k3_what_was_closed_by_hand_is_opened() -> None:
    """With nothing under `FMRPAutoClosed`, a line was not closed by itself."""
    reopen = actions("k3_wise")["reopen"]
    before = image(reopen, {"FStatus": 3, "FClosed": 1}, k3_line(FMRPClosed=1, FMRPAutoClosed=None))

    after = done(reopen, step_of(reopen), before)

    assert 0 == cell(after, "1|1", "FMRPClosed")
    assert (1, 0) == (cell(after, "1", "FStatus"), cell(after, "1", "FClosed"))


def test_k3_a_production_order_without_a_status_is_not_released() -> None:
    """Nothing is no status that may be closed."""
    close = actions("k3_wise", "production_order")["close"]
    before = image(close, {"FStatus": None, "FMrpClosed": 0})

    assert ["not_released"] == [each.code for each in close.problems(step_of(close), before)]


@pytest.mark.parametrize("status", [None, "2"])
def test_tiptop_goods_in_inspection_are_seen(status: str | None) -> None:
    """Whatever the status of an open line is."""
    close = actions("tiptop")["close"]
    line: Fields = {
        "pmn16": status,
        "pmn20": Decimal(5),
        "pmn50": Decimal(3),
        "pmn51": Decimal(3),
    }
    before = image(close, {"pmm18": "Y", "pmm25": "2"}, line)

    assert ["in_inspection"] == [each.code for each in close.problems(step_of(close), before)]
    assert close.changes(step_of(close), before, WRITER)


@pytest.mark.parametrize(
    "recipe, kind, place, header, line, flag, code",
    [
        (
            "tiptop", "purchase_order", "prepayments", {"pmm18": "Y", "pmm25": "2"},
            {"pmn16": "2", "pmn20": Decimal(5)}, {"apa00": "15", "apa41": None}, "prepayment",
        ),
        (
            "tiptop", "purchase_order", "changes", {"pmm18": "Y", "pmm25": "2"},
            {"pmn16": "2", "pmn20": Decimal(5)}, {"pna05": None}, "changing",
        ),
        (
            "workflow", "purchase_order", "receipts", {"TC014": "Y"},
            {"TD016": "N", "TD008": Decimal(5)}, {"TH030": None}, "receipt_not_confirmed",
        ),
        (
            "workflow", "sales_order", "shipments", {"TC027": "Y"},
            {"TD016": "N", "TD008": Decimal(5)}, {"TH020": None}, "shipment_not_confirmed",
        ),
    ],
)  # fmt: skip
def test_what_nobody_confirmed_is_not_confirmed(
    recipe: str, kind: str, place: str, header: Fields, line: Fields, flag: Fields, code: str
) -> None:
    """A confirmation mark that is nothing counts as missing, not as given."""
    close = actions(recipe, kind)["close"]
    before = image(close, header, line, related={place: flag})

    assert code in [each.code for each in close.problems(step_of(close), before)]


def test_workflow_full_production_closes_by_itself() -> None:
    """Also where the status was nothing before the close that is taken back."""
    every = actions("workflow", "production_order")
    close = every["close"]
    before = image(close, {"TA011": None, "TA013": "Y", "TA015": Decimal(5), "TA017": Decimal(1)})
    step = step_of(close)
    after = done(close, step, before)
    (record,) = after.records
    now = image(close, {**(record.fields or {}), "TA017": Decimal(5)})

    assert "Y" == cell(taken_back(every, step, before, after, now), "1", "TA011")


@pytest.mark.parametrize("recipe", ["k3_wise", "tiptop", "workflow"])
def test_recipes_say_that_they_changed(recipe: str) -> None:
    """A site that overrides a recipe sees by its version that the shipped one was mended."""
    assert load_recipe(recipe).version >= 2
