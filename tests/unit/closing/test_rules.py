"""Rules give exact answers, in order, within their limits, and reach nothing outside."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from closing import rules
from closing.drawing import EXACT_SUMS
from closing.rules import Limits, RuleBook, filter_documents
from core.errors import BadInput
from tests.unit.closing.factories import TODAY, documents, keys, lines

AMOUNTS = st.decimals(min_value=-(10**9), max_value=10**9, places=6)


def judge(book: RuleBook, sql: str, *rows: Mapping[str, object], **given: object) -> list[object]:
    """Return the answers of one rule."""
    rule = book.read(sql, source="rule")
    native = given.pop("native", ())
    batch = documents(*rows, native=native)  # type: ignore[arg-type]
    found = book.judge([batch], [rule], **given)  # type: ignore[arg-type]
    return [answers[0] for judged in found for answers in judged.answers]


def test_decimals_are_exact(book: RuleBook) -> None:
    """A tenth and two tenths are three tenths."""
    assert judge(book, "amount + 0.2 = 0.3", {"amount": Decimal("0.1")}) == [True]


@settings(max_examples=30)
@given(left=AMOUNTS, right=AMOUNTS)
def test_sums_and_products_are_those_of_decimal(
    book: RuleBook, left: Decimal, right: Decimal
) -> None:
    """DuckDB and Python agree to the last place."""
    total = format(EXACT_SUMS.add(left, right), "f")
    product = format(EXACT_SUMS.multiply(left, right), "f")
    sql = f"amount + remaining_amount = {total} and amount * remaining_amount = {product}"

    assert judge(book, sql, {"amount": left, "remaining_amount": right}) == [True]


def test_a_ratio_is_exact_to_nine_places_and_unknown_over_zero(book: RuleBook) -> None:
    """One third is 0.333333333, and nothing is divided by zero."""
    rows = ({"amount": Decimal(3)}, {"amount": Decimal(0)})

    assert judge(book, "ratio(1, amount) = 0.333333333", *rows) == [True, None]


def test_days_are_counted_in_the_operators_zone(book: RuleBook) -> None:
    """17:00 UTC is already the next day in Shanghai."""
    rows = (
        {"created_at": datetime(2026, 11, 21, 17, tzinfo=UTC), "date": date(2026, 11, 1)},
        {"created_at": datetime(2026, 11, 21, 15, tzinfo=UTC), "date": None},
    )

    assert judge(book, "days_since(created_at) = 0", *rows) == [True, False]
    assert judge(book, "days_since(date) = 21 and date < today", *rows) == [True, None]


def test_unknown_is_neither_true_nor_false(book: RuleBook) -> None:
    """A missing value makes an answer unknown, and a filter leaves the document out."""
    rows = ({"amount": None}, {"amount": Decimal(2)})

    assert judge(book, "amount > 1", *rows) == [None, True]
    assert keys(filter_documents([documents(*rows)], "amount > 1", today=TODAY)) == ["2"]


def test_the_order_and_the_schema_of_documents_stay() -> None:
    """What the connector sent comes back unchanged, whatever joins the rule needs."""
    sent = [documents(*({"number": f"P{n}"} for n in range(50))) for _ in range(3)]
    found = list(
        filter_documents(
            sent,
            "exists (select 1 from lines where lines.document_key = documents.key and quantity > 1)",
            today=TODAY,
            lines=lambda _: [lines(*({"document_key": str(n), "quantity": n} for n in range(49)))],
        )
    )

    assert [str(n) for n in range(2, 49)] * 3 == keys(found)
    assert {sent[0].schema} == {batch.schema for batch in found}


def test_native_columns_are_reached_by_name(book: RuleBook) -> None:
    """`native.name` is the text that the connector sent for it."""
    rows = ({"native.region": "EU"}, {"native.region": None})

    assert judge(book, "native.region = 'EU'", *rows, native=("region",)) == [True, None]


def test_lines_are_asked_for_only_by_rules_that_use_them(book: RuleBook) -> None:
    """A rule about headers alone reads no line."""

    def fail(_: tuple[str, ...]) -> list[object]:
        pytest.fail("lines were read")

    assert judge(book, "amount > 1", {"amount": Decimal(2)}, lines=fail) == [True]


def test_a_rule_that_needs_lines_says_so_where_there_are_none(book: RuleBook) -> None:
    """Without lines at hand the rule is refused, not answered wrongly."""
    with pytest.raises(BadInput, match="rule: the lines"):
        judge(book, "exists (select 1 from lines)", {})


def test_an_error_on_a_value_names_the_rule(book: RuleBook) -> None:
    """Of several rules the one that fails is named, with what DuckDB said."""
    good = book.read("state = 'x'", source="good")
    bad = book.read("cast(number as integer) = 5", source="bad")

    with pytest.raises(BadInput, match=r"^bad: .*PO1") as refused:
        list(book.judge([documents({"number": "PO1", "state": "x"})], [good, bad]))
    assert isinstance(refused.value.__cause__, duckdb.Error)


def test_a_rule_is_not_asked_about_documents_that_the_scope_leaves_out(book: RuleBook) -> None:
    """The value of a document out of scope cannot make a check fail."""
    scope = book.read("state = 'open'", source="scope")
    bad = book.read("cast(number as integer) = 5", source="bad")
    rows = ({"number": "5", "state": "open"}, {"number": "PO1", "state": "closed"})

    assert [j.answers for j in book.judge([documents(*rows)], [bad], where=scope)] == [((True,),)]


def test_a_rule_that_takes_too_long_is_stopped() -> None:
    """A time limit ends the query and names the rule."""
    with RuleBook(today=TODAY, limits=Limits(seconds=0.05)) as book:
        rule = book.read(
            "(select count(*) from lines where contains(lines.item, documents.number)) > 0",
            source="slow",
        )
        many = [documents(*({"number": "x" * 50 + str(n)} for n in range(4000)))]
        found = lines(*({"item": "x" * 80 + str(n)} for n in range(4000)))

        with pytest.raises(BadInput, match=r"slow: the rule took longer than 0\.05 seconds"):
            list(book.judge(many, [rule], lines=lambda _: [found]))


@pytest.mark.parametrize(
    "statement",
    [
        "SET threads = 1",
        "SET enable_external_access = true",
        "RESET disabled_filesystems",
        "COPY (SELECT 1) TO '{path}'",
        "SELECT * FROM read_text('{path}')",
        "SELECT * FROM read_csv('http://127.0.0.1/x.csv')",
        "ATTACH '{path}'",
        "EXPORT DATABASE '{path}'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM secret_of_the_test",
    ],
)
def test_the_database_behind_the_rules_is_locked_down(
    book: RuleBook, statement: str, tmp_path: Path
) -> None:
    """Even SQL that got past the reader could reach no file, network, setting or variable of Python."""
    secret_of_the_test = documents({})
    path = tmp_path / "reached.db"
    path.write_text("secret", encoding="utf-8")

    with pytest.raises(duckdb.Error):
        book._run(statement.format(path=path.as_posix()))
    assert path.read_text(encoding="utf-8") == "secret"
    del secret_of_the_test


def test_documents_stream_through_in_chunks(
    book: RuleBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first documents come back before the last were asked for, so memory stays flat."""
    monkeypatch.setattr(rules, "CHUNK_ROWS", 10)
    asked = 0

    def batches() -> object:
        nonlocal asked
        for _ in range(10):
            asked += 1
            yield documents(*({"state": "x"} for _ in range(5)))

    found = book.judge(batches(), [book.read("state = 'x'", source="rule")])  # type: ignore[arg-type]
    first = next(found)

    assert (first.documents.num_rows, asked) == (10, 2)


def test_a_reader_may_stop_early() -> None:
    """Whoever wants only the first documents leaves nothing behind that complains."""
    sent = [documents({"state": "x"}), documents({"state": "x", "amount": Decimal(1)})]
    found = filter_documents(sent, "state = 'x'", today=TODAY)

    assert next(found).num_rows == 2
    found.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "name, value",
    [
        ("enable_external_access", False),
        ("lock_configuration", True),
        ("autoload_known_extensions", False),
        ("autoinstall_known_extensions", False),
        ("allow_community_extensions", False),
        ("python_enable_replacements", False),
        ("temp_directory", ""),
        ("TimeZone", "Asia/Shanghai"),
    ],
)
def test_every_lock_is_on(book: RuleBook, name: str, value: object) -> None:
    """Each lock holds alone, even where another one would hide that it is open."""
    assert book._run(f"SELECT current_setting('{name}')") == [(value,)]


def test_an_unknown_zone_is_refused() -> None:
    """A time zone that does not exist is bad input, not a guess."""
    with pytest.raises(BadInput, match="Mars/Olympus"):
        RuleBook(today=TODAY, zone="Mars/Olympus")


def test_every_known_column_is_explained() -> None:
    """The list of columns for people holds documents and lines."""
    found = rules.known_columns()

    assert found["remaining_amount"] == "value of the remaining quantity without tax"
    assert found["lines.unit"] == "unit of the quantities"
