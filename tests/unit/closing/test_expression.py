"""What a rule may say, and that nothing else gets through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from closing.rules import RuleBook
from core.errors import BadInput

SOURCE = "closings.stale.routes[1].when"

RULES = [
    "state = 'draft'",
    "not is_closed AND (amount > 100 OR partner ILIKE '%gmbh%')",
    "days_since(date) > 90 and due between today - 30 and today",
    "date + INTERVAL 3 DAY < today",
    "CASE WHEN amount > 1 THEN is_paid ELSE NULL END",
    "coalesce(invoiced_quantity, 0) = ordered_quantity -- goods",
    "exists (SELECT * FROM lines WHERE lines.document_key = documents.key)",
    "(select sum(l.quantity) from lines l where l.document_key = documents.key) > 3.5",
    "'BOLT' in (select item from lines where document_key = documents.key)",
    "extract(year from date) = 2026 and number similar to 'PO.*'",
    "ratio(received_quantity, ordered_quantity) >= 0.95",
    "native.priority = '1' and \"native.region\" is not null",
]

HOSTILE = [
    "1=1); COPY documents TO 'x.csv",
    "1=1; DROP TABLE lines",
    "true) OR (true",
    "true FROM read_csv('/etc/passwd')",
    "exists (select 1 from read_csv('/etc/passwd'))",
    "exists (select 1 from '/etc/passwd')",
    "exists (select 1 from duckdb_settings())",
    "exists (select 1 from information_schema.tables)",
    "exists (select 1 from lines, duckdb_settings())",
    "exists (select 1 from lines a join lines b on true)",
    "exists (select 1 from documents)",
    "exists (select 1 from chunk)",
    "exists (with x as (select 1) select 1 from x)",
    "exists (select 1 from lines union select 1)",
    "exists (select 1 from lines where exists (select 1 from lines))",
    "exists (values (1))",
    "exists (from range(1000000000))",
    "PRAGMA database_list",
    "ATTACH 'x.db'",
    "SET threads = 9",
    "INSTALL httpfs",
    "select 1",
    "getenv('HOME') = ''",
    "current_setting('memory_limit') = ''",
    "getvariable('x') = 1",
    "repeat('x', 1000000000) = ''",
    "list_sum(range(1000000000)) > 1",
    "sum(amount) > 1",
    "row_number() over () = 1",
    "columns(*) is null",
    "documents is null",
    "$1 = 1",
    "state = 'x' AS y",
    "state = 'x', true",
    "distinct true",
    "true GROUP BY ALL",
    "true ORDER BY 1",
    "true LIMIT 1",
    "now() > created_at",
    "current_date > date",
    "random() > 0.5",
    "main.lower(state) = 'x'",
    "system.main.lower(state) = 'x'",
    "(amount, 1) = (1, 1)",
    "list_filter([1], lambda x: true) is null",
    "state COLLATE de = 'x'",
    "cast(state as json) is null",
    "amount = 1e3",
    "amount / 3 > 1",
    "amount::double > 1",
    "(select avg(quantity) from lines) > 1",
    "state = '\x00'",
    "amount",
    "today",
    "",
    "   ",
    "--",
    "not " * 900 + "true",
    "(" * 1800 + "true" + ")" * 1800,
    "true " + " and true" * 600,
]


@pytest.mark.parametrize("sql", RULES)
def test_a_condition_over_columns_is_a_rule(book: RuleBook, sql: str) -> None:
    """Columns, lines, dates and decimals in one condition are read."""
    rule = book.read(sql, source=SOURCE)

    assert sql == rule.sql


@pytest.mark.parametrize("sql", HOSTILE)
def test_everything_else_is_refused(book: RuleBook, sql: str) -> None:
    """A text that is no condition, or reaches further than the document, is refused naming the setting."""
    with pytest.raises(BadInput) as refused:
        book.read(sql, source=SOURCE)

    assert str(refused.value).startswith(SOURCE)


@given(text=st.text(max_size=60))
def test_no_text_is_more_than_bad_input(book: RuleBook, text: str) -> None:
    """Whatever a person types ends as a rule or as `BadInput`, never as another error."""
    problem = SOURCE
    try:
        book.read(text, source=SOURCE)
    except BadInput as refused:
        problem = str(refused)

    assert problem.startswith(SOURCE)


@pytest.mark.parametrize(
    "sql, position, hint",
    [
        ("stat = 'x'", 1, "state"),
        ("state = 'ü' AND partnr = 'x'", 17, "partner"),
        ("state = 'ü' AND lowwer(partner) = 'x'", 17, "lower"),
        ("exists (select 1 from lines where lines.quantty > 1)", 35, "quantity"),
    ],
)
def test_a_misspelt_name_is_found_and_a_near_one_offered(
    book: RuleBook, sql: str, position: int, hint: str
) -> None:
    """The message names the character and what may have been meant."""
    with pytest.raises(BadInput) as refused:
        book.read(sql, source=SOURCE)

    assert position == refused.value.details["position"]
    assert hint in str(refused.value)


def test_native_columns_are_named_for_the_connector(book: RuleBook) -> None:
    """A rule says which native columns of documents and of lines it needs."""
    rule = book.read(
        "native.priority = '1' and exists (select 1 from lines l where l.native.lot = documents.native.lot2)",
        source=SOURCE,
    )

    assert (
        rule.native,
        rule.lines_native,
        rule.uses_lines,
    ) == (("lot2", "priority"), ("lot",), True)


@pytest.mark.parametrize(
    "sql, demanded",
    [
        ("not is_closed", False),
        ("state = 'x' and not documents.is_closed and amount > 1", False),
        ("is_closed and amount > 1", True),
        ("not is_closed or amount > 1", None),
        ("is_closed and not is_closed", None),
        ("not (is_closed and amount > 1)", None),
        ("is_closed is null", None),
    ],
)
def test_what_is_demanded_of_is_closed_is_known(
    book: RuleBook, sql: str, demanded: bool | None
) -> None:
    """Only what certainly follows from the condition is handed to the ERP as a filter."""
    assert demanded is book.read(sql, source=SOURCE).is_closed
