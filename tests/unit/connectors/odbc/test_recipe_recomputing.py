"""What follows from other columns is worked out anew: headers, marks, over and short quantities."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.contract import Effect
from connectors.odbc.document_rows import RowChange
from connectors.odbc.recipe_actions import RecipeAction
from connectors.odbc.values import New
from core.encoding import Value
from tests.recipe_images import (
    WRITER,
    Fields,
    actions,
    cell,
    done,
    image,
    step_of,
    taken_back,
    with_fields,
)

# --- K/3: a header that follows from its lines -------------------------------------------------------


def k3_line(quantity: int, committed: int = 0, *, closed: int = 0, by_itself: int = 1) -> Fields:
    return {
        "FQty": Decimal(quantity),
        "FCommitQty": Decimal(committed),
        "FStockQty": Decimal(committed),
        "FQtyInvoice": Decimal(0),
        "FMRPClosed": closed,
        "FMRPAutoClosed": by_itself,
    }


K3_OPEN: Fields = {"FStatus": 1, "FClosed": 0, "FCancellation": 0}


def test_k3_header_follows_from_its_lines() -> None:
    """A close by hand sets both columns of the line, and the header is worked out from the lines as they are then."""
    close = actions("k3_wise")["close"]
    before = image(close, K3_OPEN, k3_line(10), k3_line(5))
    step = step_of(close)
    after = done(close, step, before)

    assert (cell(after, "1", "FStatus"), cell(after, "1", "FClosed")) == (3, 1)
    assert (cell(after, "1|2", "FMRPClosed"), cell(after, "1|2", "FMRPAutoClosed")) == (1, 0)
    assert close.is_done(step, before, after)
    assert not close.is_done(step, before, before)


def test_k3_partly_closed() -> None:
    """One line of an order closed: the header is partly linked, and only that line is written."""
    close = actions("k3_wise")["close"]
    before = image(close, K3_OPEN, k3_line(10), k3_line(5))
    step = step_of(close, lines=("1|1",))
    after = done(close, step, before)

    assert (cell(after, "1", "FStatus"), cell(after, "1", "FClosed")) == (2, 0)
    assert cell(after, "1|2", "FMRPClosed") == 0
    assert close.is_done(step, before, after)


def test_nothing_since_then_everything_returns() -> None:
    """Even a header that did not follow the ERP's own rule before is put back as it stood."""
    every = actions("k3_wise")
    close = every["close"]
    before = image(close, {**K3_OPEN, "FStatus": 2, "FClosed": None}, k3_line(10))
    step = step_of(close)
    after = done(close, step, before)

    assert taken_back(every, step, before, after, after) == before


def test_a_receipt_since_then_recomputes_the_header() -> None:
    """Half of it came: the lines are open again, and the header says partly linked, not what it said before."""
    every = actions("k3_wise")
    close = every["close"]
    before = image(close, K3_OPEN, k3_line(10), k3_line(5))
    step = step_of(close)
    after = done(close, step, before)
    now = with_fields(after, "1|1", FCommitQty=Decimal(4), FStockQty=Decimal(4))
    (later,) = close.later_business(step, after, now)
    back = taken_back(every, step, before, after, now)

    assert later.effect is Effect.CHANGES_RESULT
    assert (cell(back, "1", "FStatus"), cell(back, "1", "FClosed")) == (2, 0)
    assert (cell(back, "1|1", "FMRPClosed"), cell(back, "1|1", "FMRPAutoClosed")) == (0, 1)


def test_a_full_receipt_since_then_closes_by_itself() -> None:
    """All of it came: the ERP itself would have closed the line, and the header with it."""
    every = actions("k3_wise")
    close = every["close"]
    before = image(close, K3_OPEN, k3_line(10))
    step = step_of(close)
    after = done(close, step, before)
    now = with_fields(after, "1|1", FCommitQty=Decimal(10), FStockQty=Decimal(10))
    back = taken_back(every, step, before, after, now)

    assert (cell(back, "1|1", "FMRPClosed"), cell(back, "1|1", "FMRPAutoClosed")) == (1, 1)
    assert (cell(back, "1", "FStatus"), cell(back, "1", "FClosed")) == (3, 1)


def test_one_line_of_two_taken_back() -> None:
    """Two lines closed by two operations: the first one's rollback leaves the header partly closed."""
    every = actions("k3_wise")
    close = every["close"]
    before = image(close, K3_OPEN, k3_line(10), k3_line(5))
    first = step_of(close, lines=("1|1",))
    between = done(close, first, before)
    after = done(close, step_of(close, lines=("1|2",)), between)
    back = taken_back(every, first, before, between, after)

    assert cell(after, "1", "FStatus") == 3
    assert cell(back, "1", "FStatus") == 2
    assert (cell(back, "1|1", "FMRPClosed"), cell(back, "1|2", "FMRPClosed")) == (0, 1)


def test_lines_that_closed_by_themselves_stay_untouched() -> None:
    """A close writes the open lines; a full one keeps the ERP's own mark."""
    close = actions("k3_wise")["close"]
    before = image(close, {**K3_OPEN, "FStatus": 2}, k3_line(10, 10, closed=1), k3_line(5))
    found = close.changes(step_of(close), before, WRITER)

    assert {each.ref.key for each in found} == {"1", "1|2"}


# --- Workflow: y and Y, FLAG, padded keys ----------------------------------------------------------------


def workflow_line(quantity: int, received: int = 0, mark: str = "N") -> Fields:
    return {
        "TD008": Decimal(quantity),
        "TD015": Decimal(received),
        "TD016": mark,
        "FLAG": Decimal(3),
    }


def test_workflow_writes_a_small_y_and_counts_on() -> None:
    """By hand is y, never Y; the admin columns have the ERP's own notation; FLAG goes forward."""
    close = actions("workflow")["close"]
    before = image(close, {"TC014": "Y"}, workflow_line(5), workflow_line(5, 5, "Y"))
    after = done(close, step_of(close), before)
    changes = {each.ref.key: each.changes for each in close.changes(step_of(close), before, WRITER)}

    assert changes.keys() == {"1|1"}
    assert cell(after, "1|1", "TD016") == "y"
    assert cell(after, "1|1", "MODI_DATE") == "20261122"
    assert cell(after, "1|1", "MODI_TIME") == "09:30:00"
    assert changes["1|1"]["FLAG"] == New(Decimal(4))
    assert close.trace == {"PURTD": frozenset({"FLAG"})}


def test_workflow_full_receipt_becomes_a_big_y() -> None:
    """After everything came, the way back leaves the mark that the ERP sets by itself."""
    every = actions("workflow")
    close = every["close"]
    before = image(close, {"TC014": "Y"}, workflow_line(5), workflow_line(7))
    step = step_of(close)
    after = done(close, step, before)
    now = with_fields(after, "1|1", TD015=Decimal(5))
    back = taken_back(every, step, before, after, now)

    assert (cell(back, "1|1", "TD016"), cell(back, "1|2", "TD016")) == ("Y", "N")
    assert cell(back, "1|1", "FLAG") == Decimal(5)


def test_an_invoiced_receipt_blocks() -> None:
    """A receipt that was invoiced after the close must not lose its order's close."""
    close = actions("workflow")["close"]
    step = step_of(close)
    before = image(
        close, {"TC014": "Y"}, workflow_line(5), related={"receipts": {"TH030": "Y", "TH031": "N"}}
    )
    after = done(close, step, before)
    now = with_fields(after, "R1", TH031="Y")

    assert [each.effect for each in close.later_business(step, after, now)] == [Effect.BLOCKS]
    assert close.later_business(step, after, after) == ()


# --- TIPTOP: status, over and short quantity ---------------------------------------------------------------


def tiptop_line(ordered: int, received: int, **fields: Value) -> Fields:
    return {
        "pmn20": Decimal(ordered),
        "pmn50": Decimal(received),
        "pmn51": Decimal(0),
        "pmn55": Decimal(0),
        "pmn58": Decimal(0),
        "pmn57": Decimal(0),
        "pmn16": "2",
        **fields,
    }


@pytest.mark.parametrize("received, status, difference", [(10, "6", 0), (12, "7", 2), (4, "8", -6)])
def test_tiptop_even_over_short(received: int, status: str, difference: int) -> None:
    """The line's status says how it ended, and by how much."""
    close = actions("tiptop")["close"]
    before = image(close, {"pmm25": "2", "pmm18": "Y"}, tiptop_line(10, received))
    after = done(close, step_of(close), before)

    assert cell(after, "1|1", "pmn16") == status
    assert cell(after, "1|1", "pmn57") == Decimal(difference)
    assert cell(after, "1", "pmm25") == "6"


def test_tiptop_refuses_goods_in_inspection() -> None:
    """What the vendor's own program refuses is a problem here."""
    close = actions("tiptop")["close"]
    good = image(close, {"pmm25": "2", "pmm18": "Y"}, tiptop_line(10, 4))
    bad = image(close, {"pmm25": "2", "pmm18": "Y"}, tiptop_line(10, 4, pmn51=Decimal(1)))

    assert close.problems(step_of(close), good) == ()
    assert [each.code for each in close.problems(step_of(close), bad)] == ["in_inspection"]


def test_a_full_receipt_is_taken_back_by_writing() -> None:
    """A line that stays closed, by itself now, still needs its other mark back: the way back is not done before."""
    every = actions("k3_wise")
    close, restore = every["close"], every["restore"]
    before = image(close, K3_OPEN, k3_line(10))
    step = step_of(close)
    after = done(close, step, before)
    now = with_fields(after, "1|1", FCommitQty=Decimal(10), FStockQty=Decimal(10))
    (back,) = close.inverse(step, before, after)

    assert not restore.is_done(back, now, now)
    assert restore.is_done(back, now, done(restore, back, now))


@pytest.mark.parametrize("verb", ["close", "reopen"])
@pytest.mark.parametrize("recipe", ["u8", "k3_wise", "tiptop"])
def test_a_part_teaches_nothing_about_the_whole(recipe: str, verb: str) -> None:
    """What a document gets when one line of it is chosen is not what it gets when all of it is, in either order."""
    is_closed = verb == "reopen"
    cases: dict[str, tuple[Fields, Fields]] = {
        "u8": (
            {
                "cVerifier": "李梅",
                "cCloser": "王芳" if is_closed else None,
                "cState": 1 + is_closed,
            },
            {"cbCloser": "王芳" if is_closed else None, "iQuantity": Decimal(5)},
        ),
        "k3_wise": (
            {"FStatus": 3 if is_closed else 1, "FClosed": int(is_closed)},
            k3_line(5, closed=int(is_closed), by_itself=0),
        ),
        "tiptop": (
            {"pmm18": "Y", "pmm25": "6" if is_closed else "2"},
            {"pmn16": "8" if is_closed else "2", "pmn20": Decimal(5), "pmn50": Decimal(3)},
        ),
    }
    header, line = cases[recipe]

    def changes(action: RecipeAction, *chosen: str) -> list[RowChange]:
        # The image of another document, alike in every column that counts.
        before = image(action, header, line, line)
        return action.changes(
            step_of(action, **({"lines": chosen} if chosen else {})), before, WRITER
        )

    part, whole = changes(actions(recipe)[verb], "1|1"), changes(actions(recipe)[verb])
    one, other = actions(recipe)[verb], actions(recipe)[verb]

    assert part != whole
    assert [part, whole, part] == [changes(one, "1|1"), changes(one), changes(one, "1|1")]
    assert [whole, part, whole] == [changes(other), changes(other, "1|1"), changes(other)]
