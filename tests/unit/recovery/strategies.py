"""What Hypothesis draws: values of every type, records, images."""

from __future__ import annotations

from datetime import UTC, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from connectors.contract import Image, Record, Ref
from core.encoding import Value

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=4) | st.sampled_from(
    ["0", "-0", "1E+2", "1.10", "1.1", "1E-30", "99999999999999999999999999999.99"]
).map(Decimal)

VALUES: st.SearchStrategy[Value] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    TEXTS,
    DECIMALS,
    st.dates(),
    st.datetimes(timezones=st.just(UTC)),
    st.times(),
    st.timedeltas(min_value=timedelta(days=-999_999_999), max_value=timedelta(days=999_999_998)),
    st.binary(max_size=20),
    st.lists(st.integers(-(2**63), 2**63 - 1) | TEXTS, max_size=4).map(tuple),
)

FIELDS = st.dictionaries(NAMES, VALUES, max_size=6)
REFS = st.builds(Ref, NAMES, NAMES)
RECORDS = st.builds(Record, REFS, st.none() | FIELDS, raw=st.dictionaries(NAMES, TEXTS, max_size=2))
IMAGES = st.lists(RECORDS, max_size=5, unique_by=lambda record: record.ref).map(
    lambda records: Image(tuple(sorted(records, key=lambda record: record.ref)))
)
