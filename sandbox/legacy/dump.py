"""An independent witness: every row of a practice database as it lies there, and every difference between two dumps.

It asks the database's own catalogue what there is, not ``schema``, and goes neither through ODBC nor through Storno. A
value is the database's own exact text; NULL is None, and old text that is not UTF-8 stands as its bytes, ``x'c2dd'``.
"""

from __future__ import annotations

from typing import Any, Final

from sandbox.legacy.build import Practice
from sandbox.legacy.databases import PostgresSession, Session
from sandbox.legacy.schema import quote
from sandbox.tryton.oracle import Difference, Tables, compare

__all__ = ["Difference", "Tables", "compare", "dump", "dump_session"]

_OURS: Final = {"rowversion_counter"}


def dump(practice: Practice) -> Tables:
    """Table, then key (its columns joined by |), then column: text."""
    session = practice.connect()
    try:
        return dump_session(session)
    finally:
        session.close()


def dump_session(session: Session) -> Tables:
    """As ``dump``, of whatever database this session is in; a row without a key stands under its own values."""
    reader = {"sqlite": _sqlite, "postgresql": _postgresql, "mariadb": _mariadb}
    return reader[session.backend](session)


def _told(rows: list[tuple[Any, ...]], names: list[str], key: list[str]) -> dict[str, Any]:
    places = [names.index(name) for name in key]
    if not places:
        return _told_by_values(rows, names)
    return {
        "|".join(str(row[place]) for place in places): dict(zip(names, row, strict=True))
        for row in rows
    }


def _told_by_values(rows: list[tuple[Any, ...]], names: list[str]) -> dict[str, Any]:
    if "id" in names and len({row[names.index("id")] for row in rows}) == len(rows):
        return _told(rows, names, ["id"])
    found: dict[str, Any] = {}
    for row in sorted(rows, key=repr):
        text = repr(row)
        while text in found:
            text += "+"
        found[text] = dict(zip(names, row, strict=True))
    return found


def _sqlite(session: Session) -> Tables:
    found: Tables = {}
    for (table,) in session.rows(
        "select name from sqlite_schema where type = 'table' and name not like 'sqlite%'"
    ):
        if table in _OURS:
            continue
        columns = session.rows(f"pragma table_info({quote(table)})")
        names = [column[1] for column in columns]
        key = [c[1] for c in sorted(columns, key=lambda c: int(c[5])) if c[5]]
        told = ", ".join(f"quote({quote(name)})" for name in names)
        rows = [
            tuple(None if cell == "NULL" else cell for cell in row)
            for row in session.rows(f"select {told} from {quote(table)}")  # noqa: S608 - quoted names
        ]
        found[table] = _told(rows, names, key)
    return found


def _postgresql(session: Session) -> Tables:
    if not isinstance(session, PostgresSession):
        raise TypeError(session)
    found: Tables = {}
    for (table,) in session.rows(
        "select tablename from pg_tables where schemaname = 'public' order by tablename"
    ):
        names = [
            name
            for (name,) in session.rows(
                "select attname from pg_attribute where attrelid = cast(? as regclass) "
                "and attnum > 0 and not attisdropped order by attnum",
                [quote(table)],
            )
        ]
        key = [
            name
            for (name,) in session.rows(
                "select a.attname from pg_index i, unnest(i.indkey) with ordinality as k(at, pos), "
                "pg_attribute a where i.indrelid = cast(? as regclass) and i.indisprimary "
                "and a.attrelid = i.indrelid and a.attnum = k.at order by k.pos",
                [quote(table)],
            )
        ]
        found[table] = _told(session.copied(table), names, key)
    return found


def _mariadb(session: Session) -> Tables:
    found: Tables = {}
    for (table,) in session.rows(
        "select table_name from information_schema.tables where table_schema = database() "
        "and table_type = 'BASE TABLE' order by table_name"
    ):
        columns = session.rows(
            "select column_name, data_type, character_set_name from information_schema.columns "
            "where table_schema = database() and table_name = ? order by ordinal_position",
            [table],
        )
        key = [
            name
            for (name,) in session.rows(
                "select column_name from information_schema.key_column_usage where "
                "table_schema = database() and table_name = ? and constraint_name = 'PRIMARY' "
                "order by ordinal_position",
                [table],
            )
        ]
        # Bytes come as hexadecimal digits, so no client's notion of text stands between.
        told = ", ".join(
            f"hex({quote(name)})"
            if charset or kind in {"binary", "varbinary", "blob"}
            else f"hex(cast({quote(name)} as char))"
            for name, kind, charset in columns
        )
        text = [
            charset == "utf8mb4" or (charset is None and kind != "binary")
            for _, kind, charset in columns
        ]
        rows = [
            tuple(_decoded(cell, utf8) for cell, utf8 in zip(row, text, strict=True))
            for row in session.rows(f"select {told} from {quote(table)}")  # noqa: S608 - quoted names
        ]
        found[table] = _told(rows, [name for name, _, _ in columns], key)
    return found


def _decoded(cell: str | None, utf8: bool) -> str | None:
    if cell is None:
        return None
    return bytes.fromhex(cell).decode() if utf8 else f"x'{cell.lower()}'"
