"""Every table of the journal. Whoever copies, compares or makes all of them imports this."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from recovery import sql
from recovery.sql.columns import metadata

if TYPE_CHECKING:
    from sqlalchemy import Table


def all_tables() -> tuple[Table, ...]:
    """Return the tables of every `schema` module, those that others refer to first.

    Whatever was imported before: a table that were missed here would be missing in a backup.
    """
    beside = (module.name for module in pkgutil.iter_modules(sql.__path__))
    parts = [f"{sql.__name__}.{name}" for name in beside if name.startswith("schema_")]
    for name in ("recovery.schema", *parts):
        importlib.import_module(name)
    return tuple(metadata.sorted_tables)
