"""The native libraries: pyodbc and arrow-odbc, imported when they are first needed, and by this module alone.

Their wheels for Linux bring no driver manager. So a machine without one runs Storno all the same, and whoever needs
it is told what to install.
"""

from __future__ import annotations

import locale
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from core.errors import PackageMissing
from core.text import N_

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from connectors.odbc.connection import Database
    from connectors.odbc.dialects import Statement


def keep_every_character() -> None:
    """Let this process speak UTF-8 to C libraries, where its locale would not.

    In any other locale (`LC_ALL=C` of a service, one that is not installed) the driver manager of unixODBC cuts each
    character of a statement down to its low byte, without any error: Chinese names of columns become others.
    """
    for name in ("C.UTF-8", "en_US.UTF-8"):
        if locale.getlocale(locale.LC_CTYPE)[1] == "UTF-8" or os.name == "nt":
            return
        with suppress(locale.Error):
            locale.setlocale(locale.LC_CTYPE, name)


def driver_module() -> Any:
    """Return pyodbc, imported when it is first needed. Raises `PackageMissing`."""
    keep_every_character()
    try:
        import pyodbc
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError):
            raise PackageMissing(
                package="pyodbc", command="pip install -r requirements/base.txt"
            ) from error
        # Its wheel for Linux has no driver manager in it.
        raise PackageMissing(
            N_("There is no ODBC driver manager on this machine ({said}). Install it: {command}"),
            package="unixodbc",
            command="apt-get install unixodbc",
            said=str(error),
        ) from error
    # A connection that is given up must be gone at the server, with its locks.
    pyodbc.pooling = False
    return pyodbc


def installed_drivers() -> tuple[str, ...]:
    """Return the names of the ODBC drivers that this machine knows, sorted."""
    return tuple(sorted(driver_module().drivers()))


def arrow_errors() -> tuple[type[Exception], ...]:
    """Return what arrow-odbc raises."""
    from arrow_odbc import Error

    return (Error,)


def has_no_room(error: Exception) -> bool:
    """Whether arrow-odbc met a value that is longer than its buffer. It never cuts one."""
    return "too large to be written into the allocated buffer" in str(error)


def arrow_reader(
    database: Database,
    statement: Statement,
    *,
    size: int,
    longest: int,
    largest_bytes: int,
    typed: Callable[[pa.Schema], pa.Schema] | None = None,
) -> Any:
    """Return arrow-odbc's reader for a statement whose values are all text; `typed` says what it makes of its columns.

    A value for which there is no room is an error: `has_no_room`.
    """
    driver_module()  # It says what to install where the driver manager is missing.
    from arrow_odbc import TextEncoding, read_arrow_batches_from_odbc

    return read_arrow_batches_from_odbc(
        query=statement.sql,
        connection_string=database.connection_string(bulk=True),
        parameters=list(statement.parameters) or None,
        batch_size=size,
        max_bytes_per_batch=largest_bytes,
        max_text_size=longest,
        max_binary_size=longest,
        map_schema=typed,
        # The driver fills one buffer while a batch is made of the other.
        fetch_concurrently=True,
        login_timeout_sec=None if database.dialect.begin else max(1, int(database.limits.connect)),
        payload_text_encoding=TextEncoding[database.dialect.bulk_encoding],
    )
