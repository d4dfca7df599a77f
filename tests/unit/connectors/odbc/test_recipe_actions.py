"""What actions made from a recipe write, call done, refuse and take back: judged from images alone."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from config.recipe_files import load_recipe
from connectors.contract import Effect, Executor, Image, Reversibility
from connectors.odbc.document_rows import PERIOD
from connectors.odbc.recipe_judging import Pen
from connectors.odbc.values import New
from core.text import Text
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

# --- U8: NULL and '', names, raw text ---------------------------------------------------------------------


def u8_line(closer: str | None) -> Fields:
    return {"cbCloser": closer, "iQuantity": Decimal(5)}


def test_u8_nothing_and_empty_return_each_as_it_was() -> None:
    """U8 uses both; a rollback keeps them apart."""
    every = actions("u8")
    close = every["close"]
    before = image(
        close, {"cVerifier": "李梅", "cCloser": "", "cState": 1}, u8_line(None), u8_line("")
    )
    step = step_of(close)
    after = done(close, step, before)

    assert cell(after, "1", "cCloser") == cell(after, "1|2", "cbCloser") == "王芳"
    assert taken_back(every, step, before, after, after) == before


def test_raw_text_returns_with_its_value() -> None:
    """What a driver could not carry is put back from its text."""
    every = actions("u8")
    close = every["close"]
    before = image(close, {"cVerifier": "李梅", "cState": 1}, u8_line(None))
    line = next(r for r in before.records if r.ref.key == "1|1")
    odd = replace(
        line,
        fields={**(line.fields or {}), "cbCloseDate": "0000-00-00"},
        raw={"cbCloseDate": "0000-00-00"},
    )
    before = Image(tuple(odd if r.ref == odd.ref else r for r in before.records))
    step = step_of(close)
    after = done(close, step, before)
    (back,) = close.inverse(step, before, after)
    written = {each.ref.key: each.changes for each in every["restore"].changes(back, after, WRITER)}

    assert written["1|1"]["cbCloseDate"] == New("0000-00-00", "0000-00-00")


def test_reopening_what_a_person_closed() -> None:
    """Without a before image everything that a close sets is emptied, and that can be rolled back too."""
    every = actions("u8")
    reopen = every["reopen"]
    before = image(reopen, {"cVerifier": "李梅", "cCloser": "赵六", "cState": 2}, u8_line("赵六"))
    step = step_of(reopen)
    after = done(reopen, step, before)
    (back,) = reopen.inverse(step, before, after)

    assert cell(after, "1", "cCloser") is cell(after, "1|1", "cbCloser") is None
    assert reopen.is_done(step, before, after)
    assert done(every["restore"], back, after) == before


@pytest.mark.parametrize(
    "pen, code",
    [
        (Pen(), "no_closer"),
        (Pen(closer="x" * 21), "closer_too_long"),
        (Pen(closer="谁", users=frozenset({"王芳"})), "closer_unknown"),
    ],
)
def test_a_name_that_cannot_be_written_is_a_problem(pen: Pen, code: str) -> None:
    """Nothing is closed in nobody's name, in one that the column cuts, or in that of a stranger."""
    recipe = load_recipe("u8")
    close = actions("u8", pen=replace(pen, rules=recipe.closer))["close"]
    before = image(close, {"cVerifier": "李梅", "cState": 1}, u8_line(None))

    assert [each.code for each in close.problems(step_of(close), before)] == [code]


@pytest.mark.parametrize("verb", ["close", "reopen"])
@pytest.mark.parametrize(
    "pen, code",
    [
        (Pen(), "no_closer"),
        (Pen(closer="x" * 11, longest=10), "closer_too_long"),
        (Pen(closer="谁", users=frozenset({"DS"})), "closer_unknown"),
    ],
)
def test_nobody_closes_or_opens_in_a_name_that_was_not_checked(
    verb: str, pen: Pen, code: str
) -> None:
    """Workflow keeps whoever changed a row last, so opening writes a name as closing does."""
    action = actions("workflow", pen=pen)[verb]
    line = {"TD016": "y" if verb == "reopen" else "N", "TD008": Decimal(5), "MODIFIER": "DS"}
    before = image(action, {"TC014": "Y"}, line)
    step = step_of(action)

    assert [code] == [each.code for each in action.problems(step, before)]
    named = actions("workflow", pen=Pen(closer="DS", users=frozenset({"DS"})))[verb]
    assert () == named.problems(step_of(named), before)


def test_where_no_name_is_written_none_is_missed() -> None:
    """K/3 keeps no name; and what a rollback puts back stood there before."""
    assert "no_closer" not in _codes("k3_wise", "close")
    assert "no_closer" not in _codes("workflow", "restore")


def _codes(recipe: str, verb: str) -> list[str]:
    action = actions(recipe, pen=Pen())[verb]
    before = image(action, {}, {})
    return [each.code for each in action.problems(step_of(action), before)]


def test_the_name_follows_the_person() -> None:
    """A mapping gives each person of Storno the user of the ERP."""
    pen = Pen(closer="王芳", closers={"mei": "李梅"})
    close = actions("u8", pen=pen)["close"]

    assert close.writer(step_of(close), WRITER.moment).closer == "王芳"
    assert close.writer(step_of(close, closer="mei"), WRITER.moment).closer == "李梅"
    assert close.writer(step_of(close, closer="other"), WRITER.moment).closer == "王芳"


def test_who_wrote_is_told_by_the_name() -> None:
    """Our name is ours, somebody else's is not, and without a name nobody can tell."""
    close = actions("u8")["close"]
    before = image(close, {"cVerifier": "李梅", "cState": 1}, u8_line(None))
    after = done(close, step_of(close), before)

    assert close.is_ours(before, after) is True
    assert close.is_ours(before, with_fields(after, "1|1", cbCloser="赵六")) is False
    assert close.is_ours(before, before) is None


# --- periods, deleted documents, people -------------------------------------------------------------------


def test_a_closed_period_is_a_problem_and_blocks() -> None:
    """Asked before a close, and before it is taken back."""
    close = actions("u8")["close"]
    before = image(close, {"cVerifier": "李梅", "cState": 1, PERIOD: "open"}, u8_line(None))
    step = step_of(close)
    after = done(close, step, before)
    now = with_fields(after, "1", **{PERIOD: "closed"})

    assert close.problems(step, before) == ()
    assert [
        p.code for p in close.problems(step, with_fields(before, "1", **{PERIOD: "closed"}))
    ] == ["period_closed"]
    assert [each.effect for each in close.later_business(step, after, now)] == [Effect.BLOCKS]


def test_a_deleted_document_is_missing() -> None:
    """What is gone can neither be closed nor be taken back."""
    close = actions("u8")["close"]
    before = image(close, {"cVerifier": "李梅", "cState": 1}, u8_line(None))
    gone = Image(tuple(replace(r, fields=None) if r.ref.key == "1" else r for r in before.records))

    assert [p.code for p in close.problems(step_of(close), gone)] == ["missing"]
    assert not close.is_done(step_of(close), before, gone)
    assert [each.effect for each in close.later_business(step_of(close), before, gone)] == [
        Effect.BLOCKS
    ]


@pytest.mark.parametrize("recipe", ["u8", "k3_wise"])
def test_a_line_that_was_added_is_told_as_that(recipe: str) -> None:
    """A new line stands in the way under its own name, not as an invoice or a receipt that nobody finds."""
    close = actions(recipe)["close"]
    one: Fields = {}
    after, now = image(close, {}, one), image(close, {}, one, one)

    assert [(Effect.BLOCKS, "a line was added to it since")] == [
        (each.effect, str(each.text)) for each in close.later_business(step_of(close), after, now)
    ]


def test_where_nothing_may_be_written_a_person_closes() -> None:
    """The vendor's words stand in the worklist, and what cannot be opened again says so."""
    found = actions("sap_business_one", pen=Pen(refusal=Text("forbidden")))
    close = found["close"]
    before = image(close, {"DocStatus": "O", "CANCELED": "N", "DocNum": 7}, {"LineStatus": "O"})
    closed = with_fields(with_fields(before, "1", DocStatus="C"), "1|1", LineStatus="C")

    assert found.keys() == {"close"}
    assert close.executors == (Executor.BY_PERSON,)
    assert close.reversibility is Reversibility.NONE
    assert close.inverse(step_of(close), before, closed) == ()
    assert close.is_done(step_of(close), before, closed)
    assert str(close.instruction(step_of(close), before).press) == "Data > Close"
    assert "7" in str(close.instruction(step_of(close), before).screen)


def test_what_a_close_gives_up() -> None:
    """The remainder of open lines, never below zero, in the order's currency."""
    close = actions("u8")["close"]
    lines: tuple[Fields, ...] = (
        {
            "cbCloser": None,
            "iQuantity": Decimal(5),
            "iReceivedQTY": Decimal(2),
            "iUnitPrice": Decimal("1.5"),
        },
        {
            "cbCloser": None,
            "iQuantity": Decimal(5),
            "iReceivedQTY": Decimal(9),
            "iUnitPrice": Decimal(100),
        },
        {"cbCloser": "赵六", "iQuantity": Decimal(50), "iUnitPrice": Decimal(100)},
    )
    remainder = close.remainder(image(close, {"cexch_name": "人民币"}, *lines))

    assert remainder is not None
    assert (remainder.quantity, remainder.amount, remainder.currency) == (
        Decimal(3),
        Decimal("4.5"),
        "CNY",
    )


@pytest.mark.parametrize("sort, codes", [("15", ["prepayment"]), ("11", [])])
def test_rows_that_do_not_count(sort: str, codes: list[str]) -> None:
    """TIPTOP keeps invoices and prepayments in one table: an unconfirmed invoice keeps no order from being closed."""
    close = actions("tiptop")["close"]
    before = image(
        close,
        {"pmm18": "Y", "pmm25": "2"},
        {"pmn16": "2"},
        related={"prepayments": {"apa00": sort, "apa41": "N"}},
    )

    assert codes == [each.code for each in close.problems(step_of(close), before)]


@pytest.mark.parametrize("sort, count", [("15", 1), ("11", 0)])
def test_business_that_does_not_count(sort: str, count: int) -> None:
    """What came later is judged by the rows that the recipe means."""
    every = actions("tiptop")
    close = every["close"]
    before = image(close, {"pmm18": "Y", "pmm25": "2"}, {"pmn16": "2"})
    step = step_of(close)
    after = done(close, step, before)
    came = image(
        close,
        {"pmm18": "Y", "pmm25": "2"},
        {"pmn16": "2"},
        related={"prepayments": {"apa00": sort, "apa41": "N"}},
    ).of_model("apa_file")
    now = Image(tuple(sorted([*after.records, *came], key=lambda record: record.ref)))

    assert count == len(close.later_business(step, after, now))


def test_what_nobody_wrote_down_is_done_by_a_person() -> None:
    """A kind without a close of its own is closed and opened by people alone, whatever was proved; it is read back."""
    every = actions("u8", "accounting_period")
    close, reopen = every["close"], every["reopen"]
    before = image(close, {"iyear": 2026, "iperiod": 10, "bflag_PU": False, "bflag_SA": False})
    step = step_of(close)
    after = with_fields(before, "1", bflag_PU=True, bflag_SA=True)
    (back,) = close.inverse(step, before, after)

    assert (Executor.BY_PERSON,) == close.executors == reopen.executors
    assert "accounting_period.reopen" == back.action
    assert close.expected(step, before) is reopen.expected(back, after) is None
    assert [False, True] == [close.is_done(step, before, each) for each in (before, after)]
    assert [False, True] == [reopen.is_done(back, after, each) for each in (after, before)]


def test_a_worklist_calls_lines_as_people_do() -> None:
    """A person looks for line 2, not for the key of a row."""
    close = actions("u8")["close"]
    before = image(
        close,
        {"cPOID": "PO1"},
        {"ivouchrowno": 1},
        {"ivouchrowno": 2},
    )

    assert "PO1, lines 2" in str(close.instruction(step_of(close, lines=("1|2",)), before).screen)


# --- what closed by itself ---------------------------------------------------------------------------------

K3_FULL: Fields = {
    "FMRPClosed": 1, "FMRPAutoClosed": 1,
    "FQty": Decimal(5), "FCommitQty": Decimal(5), "FStockQty": Decimal(5),
}  # fmt: skip
K3_BY_HAND: Fields = {
    **K3_FULL, "FMRPAutoClosed": 0, "FCommitQty": Decimal(0), "FStockQty": Decimal(0),
}  # fmt: skip


@pytest.mark.parametrize(
    "recipe, header, lines, chosen, code",
    [
        ("k3_wise", {"FStatus": 3, "FClosed": 1}, [K3_FULL], (), "closed_by_itself"),
        ("k3_wise", {"FStatus": 3, "FClosed": 1}, [K3_FULL, K3_BY_HAND], (), None),
        ("k3_wise", {"FStatus": 3, "FClosed": 1}, [K3_FULL, K3_BY_HAND], ("1|2",), None),
        ("k3_wise", {"FStatus": 3, "FClosed": 1}, [K3_FULL, K3_BY_HAND], ("1|1",), "closed_by_itself"),
        ("k3_wise", {"FStatus": 3, "FClosed": 1}, [K3_FULL, K3_BY_HAND], ("1|1", "1|2"), "closed_by_itself"),
        (
            "workflow", {"TC014": "Y"}, [{"TD016": "Y", "TD008": Decimal(5), "TD015": Decimal(5)}],
            (), "closed_by_itself",
        ),
        (
            # Closed by hand, and everything came since: opening would only make it closed by itself.
            "workflow", {"TC014": "Y"}, [{"TD016": "y", "TD008": Decimal(5), "TD015": Decimal(5)}],
            (), "closed_by_itself",
        ),
        ("workflow", {"TC014": "Y"}, [{"TD016": "y", "TD008": Decimal(5)}], (), None),
    ],
)  # fmt: skip
def test_what_closed_by_itself_is_not_opened(
    recipe: str, header: Fields, lines: list[Fields], chosen: tuple[str, ...], code: str | None
) -> None:
    """Opening would leave it closed, so it is said before, instead of `already like that` afterwards."""
    reopen = actions(recipe)["reopen"]
    before = image(reopen, header, *lines)
    step = step_of(reopen, **({"lines": chosen} if chosen else {}))

    assert ([] if code is None else [code]) == [p.code for p in reopen.problems(step, before)]
    if code is None:
        after = done(reopen, step, before)
        assert reopen.is_done(step, before, after)
        assert not reopen.is_closed(reopen.rows(step, after))


# --- rows that a recipe cannot reckon with ----------------------------------------------------------------


def test_text_in_a_quantity_is_a_problem_of_its_document() -> None:
    """It is said with the text; nothing is expected of such a row, and nothing called done."""
    every = actions("tiptop")
    close = every["close"]
    line: Fields = {"pmn20": Decimal(10), "pmn50": "ten", "pmn51": Decimal(0), "pmn16": "2"}
    before = image(close, {"pmm18": "Y", "pmm25": "2"}, line)
    step = step_of(close)

    (problem,) = close.problems(step, before)

    assert (problem.code, "ten" in str(problem.text)) == ("unfit", True)
    assert close.expected(step, before) is None
    assert not close.is_done(step, before, before)
