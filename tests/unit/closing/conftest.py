"""One rule book for all tests of a module: opening DuckDB takes longer than most tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from closing.rules import RuleBook
from tests.unit.closing.factories import TODAY


@pytest.fixture(scope="module")
def book() -> Iterator[RuleBook]:
    with RuleBook(today=TODAY, zone="Asia/Shanghai") as opened:
        yield opened
