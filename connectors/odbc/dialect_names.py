"""Which sort of SQL a name in storno.yaml, or an ODBC driver, stands for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from connectors.odbc.dialects import Dialect
from core.errors import ContractBroken, NotFound

_PLACES: Final[Mapping[str, str]] = {
    "postgresql": "connectors.odbc.dialect_postgresql:PostgreSQL",
    "mariadb": "connectors.odbc.dialect_mariadb:MariaDB",
    "sqlite": "connectors.odbc.dialect_sqlite:SQLite",
    "sqlserver": "connectors.odbc.dialect_sqlserver:SQLServer",
    "oracle": "connectors.odbc.dialect_oracle:Oracle",
    "db2": "connectors.odbc.dialect_db2:Db2",
}

NAMES: Final = tuple(sorted(_PLACES))


def dialect_of(name: str, *, encoding: str | None = None) -> Dialect:
    """Return the dialect of that name. Raises `NotFound`."""
    place = _PLACES.get(name)
    if place is None:
        raise NotFound(what="dialect", name=name, known=", ".join(NAMES))
    module, _, cls = place.partition(":")
    made = getattr(import_module(module), cls)(encoding)
    if not isinstance(made, Dialect):
        raise ContractBroken(problem=f"{place} is no dialect")
    return made


_BY_DRIVER: Final = (
    ("psqlodbc", "postgresql"),
    ("postgres", "postgresql"),
    ("pgodbc", "postgresql"),
    ("maodbc", "mariadb"),
    ("mariadb", "mariadb"),
    ("myodbc", "mariadb"),
    ("mysql", "mariadb"),
    ("sqlite", "sqlite"),
    ("sql server", "sqlserver"),
    ("sqlserver", "sqlserver"),
    ("msodbcsql", "sqlserver"),
    ("mssql", "sqlserver"),
    ("sql native client", "sqlserver"),
    ("freetds", "sqlserver"),
    ("tdsodbc", "sqlserver"),
    ("oracle", "oracle"),
    ("sqora", "oracle"),
    ("db2", "db2"),
)


def dialect_by_driver(driver: str) -> str | None:
    """Return the name of the dialect that a driver's name, path or product tells, None where it does not."""
    lower = driver.lower()
    return next((name for part, name in _BY_DRIVER if part in lower), None)
