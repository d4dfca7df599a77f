"""Moments in the journal are UTC, whatever the database makes of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql, sqlite

from recovery.sql.columns import UTCDateTime

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
DIALECTS: list[Dialect] = [sqlite.dialect(), postgresql.dialect()]  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("dialect", DIALECTS, ids=["sqlite", "postgresql"])
def test_a_moment_comes_back_aware(dialect: Dialect) -> None:
    """SQLite gives naive values back; nobody ever sees one."""
    column = UTCDateTime()

    assert NOON == column.process_result_value(NOON.replace(tzinfo=None), dialect)
    assert UTC is getattr(column.process_result_value(NOON, dialect), "tzinfo", None)
    assert column.process_result_value(None, dialect) is None


def test_a_moment_of_another_zone_is_stored_as_utc() -> None:
    """20:00 in Taipei is noon."""
    taipei = datetime(2026, 1, 5, 20, 0, tzinfo=timezone(timedelta(hours=8)))
    stored = UTCDateTime().process_bind_param(taipei, DIALECTS[0])

    assert NOON == stored
    assert stored is not None
    assert UTC is stored.tzinfo
    assert UTCDateTime().process_bind_param(None, DIALECTS[0]) is None


def test_a_naive_moment_is_refused() -> None:
    """Nobody could tell when that was."""
    with pytest.raises(ValueError, match="naive"):
        UTCDateTime().process_bind_param(NOON.replace(tzinfo=None), DIALECTS[0])
