"""The words of a rule: which functions, operators and types it may use. `docs/howto/write-a-closing.md` lists them."""

from __future__ import annotations

from typing import Final


def words(listed: str) -> frozenset[str]:
    """Return the words of a list that people can read."""
    return frozenset(listed.split())


OPERATORS: Final = words(
    "+ - * % || ~~ !~~ ~~* !~~* like_escape not_like_escape ilike_escape not_ilike_escape"
)
FUNCTIONS: Final = words(
    """abs round ceil ceiling floor trunc sign mod greatest least nullif ifnull if
    lower upper length trim ltrim rtrim left right substring substr position strpos
    starts_with ends_with prefix suffix contains concat regexp_matches regexp_full_match
    date_part date_trunc date_diff datediff year quarter month week day dayofweek isodow last_day
    make_date strftime to_days to_weeks to_months to_years days_since ratio"""
)
AGGREGATES: Final = words("count count_star sum min max bool_and bool_or any_value")
INEXACT: Final = words("/ // ** ^ avg mean median stddev sqrt pow power exp ln log")
CLOCKS: Final = words(
    """now current_date current_timestamp current_time localtime localtimestamp today
    get_current_timestamp get_current_time transaction_timestamp"""
)
TYPES: Final = words(
    """varchar text string char bpchar integer int int4 bigint int8 smallint decimal numeric date
    timestamp datetime timestamptz boolean bool interval"""
)
INEXACT_TYPES: Final = words("double float real float4 float8")
