"""A closed period is known as one, whatever type the flag has that an ERP keeps for it."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any, Final

import pytest

from config.recipe_periods import Period
from connectors.odbc.connection import Database
from connectors.odbc.periods import Periods, period_state
from tests.integration.odbc.orders import run

TYPES: Final = {
    "postgresql": {"boolean": "true", "smallint": "1", "real": "1", "numeric(3,1)": "1.0"},
    "mariadb": {"bit(1)": "b'1'", "tinyint(1)": "1", "double": "1", "decimal(3,1)": "1.0"},
    "sqlite": {"bit": "1", "boolean": "true", "real": "1", "decimal(3,1)": "1.0"},
}


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("written", ["closed", "closed = 1"])
def test_a_flag_closes_whatever_its_type(database: Database, place: int, written: str) -> None:
    """Named bare or compared with 1, a flag that is set means closed; one that is not, and nothing, mean open."""
    kind, yes = list(TYPES[database.dialect.name].items())[place]
    no = {"true": "false", "b'1'": "b'0'"}.get(yes, "0")
    run(
        database,
        f"create table mend (y float, m float, closed {kind})",
        f"insert into mend values (2026, 5, {yes}), (2026, 6, {no}), (2026, 7, null)",
    )
    period = Period.model_validate(
        {"table": "mend", "flags": {"year": "y", "month": "m", "closed": written}}
    )
    recipe: Any = SimpleNamespace(periods={"books": period})

    rows = Periods(database, recipe).rows("books")

    assert rows is not None
    assert ["closed", "open", "open", None] == [
        period_state(period, rows, date(2026, month, 3), None) for month in (5, 6, 7, 8)
    ]
