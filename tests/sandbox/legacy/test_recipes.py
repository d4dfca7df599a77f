"""The practice databases and the recipes that Storno ships tell of the same tables."""

from __future__ import annotations

import pytest

from config.recipe_files import load_recipe
from sandbox.legacy.build import ERPS
from tests.sandbox.recipe_names import named

_RECIPES = {"u8": "u8", "k3": "k3_wise", "digiwin": "workflow", "tiptop": "tiptop"}


@pytest.mark.parametrize("erp", _RECIPES)
def test_what_a_recipe_names_is_there(erp: str) -> None:
    """Every table and column of the shipped recipe stands in the practice database, spelled alike."""
    columns = {table.name: set(table.names) for table in ERPS[erp].TABLES}
    missing = {
        f"{table}.{column}"
        for table, column in named(load_recipe(_RECIPES[erp]))
        if column not in columns.get(table, set())
    }

    assert set() == missing
