"""Every table of the journal. Whoever copies, compares or makes all of them imports this."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

import recovery
from recovery.sql.columns import metadata

if TYPE_CHECKING:
    from sqlalchemy import Table


def all_tables() -> tuple[Table, ...]:
    """Return the tables of every `schema` module, those that others refer to first."""
    for module in pkgutil.iter_modules(recovery.__path__):
        if module.name == "schema" or module.name.startswith("schema_"):
            importlib.import_module(f"recovery.{module.name}")
    return tuple(metadata.sorted_tables)
