"""A table of orders that are all open, for tests of what writing does on real servers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.contract import Ref
from connectors.odbc.connection import Database
from connectors.odbc.images import Images, Row
from connectors.odbc.values import Change, New
from connectors.odbc.written import Write

COUNT = 20


def run(database: Database, *statements: str) -> None:
    with database.writing() as session:
        for statement in statements:
            session.change(statement)
        session.commit()


def stored(database: Database) -> dict[str, Row]:
    with database.reading() as session:
        keys = [str(n) for n in range(COUNT)]
        return Images(session).rows("orders", ["id"], keys, ["no", "closed", "flag"])


def closing(
    before: dict[str, Row], change: Callable[[str], dict[str, Change]] | None = None
) -> list[Write]:
    """Close every order, relying on what was read."""
    return [
        Write(
            f"operation-{key}",
            Ref("orders", key),
            ("id",),
            {"closed": row.cell("closed"), "flag": row.cell("flag")},
            {"closed": New("y"), "flag": New(row.fields["flag"] + 1)}  # type: ignore[operator]
            if change is None
            else change(key),
        )
        for key, row in before.items()
    ]


def is_closed(rows: dict[str, Row]) -> set[Any]:
    return {row.fields["closed"] for row in rows.values()}
