"""Tables of a legacy ERP, written in the ERP's own types and translated for the databases that we can run.

A practice database cannot be SQL Server, Oracle or Informix; it is PostgreSQL, MariaDB or SQLite. Names keep the ERP's
spelling (they are quoted), so what is said of the ERP holds here word by word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

Backend = Literal["sqlite", "postgresql", "mariadb"]
BACKENDS: Final[tuple[Backend, ...]] = ("sqlite", "postgresql", "mariadb")

# `bit` becomes a small number everywhere: PostgreSQL's boolean cannot be compared with 1, SQL Server's can.
_TYPES: Final[dict[str, dict[Backend, str]]] = {
    "int": {"sqlite": "integer", "postgresql": "integer", "mariadb": "int"},
    "smallint": {"sqlite": "smallint", "postgresql": "smallint", "mariadb": "smallint"},
    "tinyint": {"sqlite": "smallint", "postgresql": "smallint", "mariadb": "smallint"},
    "bit": {"sqlite": "smallint", "postgresql": "smallint", "mariadb": "smallint"},
    "char": {"sqlite": "char{size}", "postgresql": "char{size}", "mariadb": "char{size}"},
    "varchar": {
        "sqlite": "varchar{size}",
        "postgresql": "varchar{size}",
        "mariadb": "varchar{size}",
    },
    "decimal": {
        "sqlite": "decimal{size}",
        "postgresql": "numeric{size}",
        "mariadb": "decimal{size}",
    },
    # SQL Server's datetime has milliseconds, and the date alone has the time 00:00.
    "datetime": {"sqlite": "datetime", "postgresql": "timestamp(3)", "mariadb": "datetime(3)"},
    "date": {"sqlite": "date", "postgresql": "date", "mariadb": "date"},
    # Eight bytes that the database itself counts up at every change of the row.
    "rowversion": {"sqlite": "blob", "postgresql": "bytea", "mariadb": "binary(8)"},
}
_SAME: Final = {
    "nvarchar": "varchar",
    "varchar2": "varchar",
    "numeric": "decimal",
    "number": "decimal",
}
_COLUMN: Final = re.compile(r"(\w+) (\w+)(\([\d,]+\))?(!gbk)?")


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    native: str  # the type as the ERP has it
    family: str
    size: str
    required: bool
    gbk: bool  # on MariaDB: a latin1 column that holds GBK bytes, as many an old installation has

    @property
    def width(self) -> int:
        return int(self.size.strip("()").split(",")[0]) if self.size else 0

    def declared(self, backend: Backend) -> str:
        text = _TYPES[self.family][backend].format(size=self.size)
        if self.gbk and backend == "mariadb":
            text += " character set latin1 collate latin1_bin"
        return text + (" not null" if self.required else "")


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    indexes: tuple[tuple[str, ...], ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def rowversion(self) -> str | None:
        return next((c.name for c in self.columns if c.family == "rowversion"), None)


def table(name: str, key: str, columns: str, *, index: Iterable[str] = ()) -> Table:
    """``columns`` is ``name type, name type(size), ...``; a type that ends in ``!gbk`` is old text."""
    keys = tuple(key.split())
    found = []
    for part in re.split(r",\s*(?![\d ]*\))", columns.strip()):
        match = _COLUMN.fullmatch(" ".join(part.split()))
        if match is None:
            message = f"{name}: this is no column: {part!r}"
            raise ValueError(message)
        column, kind, size, gbk = match.groups()
        found.append(
            Column(
                name=column,
                native=kind + (size or ""),
                family=_SAME.get(kind, kind),
                size=size or "",
                required=column in keys,
                gbk=gbk is not None,
            )
        )
    return Table(name, keys, tuple(found), tuple(tuple(one.split()) for one in index))


def quote(name: str) -> str:
    """MariaDB is asked for ANSI_QUOTES, so one spelling holds everywhere."""
    return '"' + name.replace('"', '""') + '"'


def statements(tables: Iterable[Table], backend: Backend) -> Iterator[str]:
    """What makes the empty tables, in order."""
    for one in tables:
        lines = [f"  {quote(c.name)} {c.declared(backend)}" for c in one.columns]
        lines.append(f"  primary key ({_list(one.key)})")
        tail = " engine=InnoDB" if backend == "mariadb" else ""
        yield f"create table {quote(one.name)} (\n" + ",\n".join(lines) + f"\n){tail}"
        for number, columns in enumerate(one.indexes, start=1):
            yield f"create index {quote(f'{one.name}_K{number:02d}')} on {quote(one.name)} ({_list(columns)})"


def triggers(tables: Iterable[Table], backend: Backend) -> Iterator[str]:
    """What makes the row versions count, once the first rows are there."""
    versioned = [one for one in tables if one.rowversion is not None]
    if versioned:
        yield from _counter(backend)
    for one in versioned:
        yield from _row_version(one, backend)


def _list(names: Iterable[str]) -> str:
    return ", ".join(quote(name) for name in names)


def row_version(count: int, backend: Backend) -> bytes:
    """What a freshly loaded row holds; the triggers go on from there."""
    return b"%08d" % count if backend == "sqlite" else count.to_bytes(8, "big")


FIRST_COUNT: Final = 10_000_000  # loaded rows stay below, so the counter never meets them


def _counter(backend: Backend) -> Iterator[str]:
    if backend == "sqlite":
        yield 'create table "rowversion_counter" ("last" integer not null)'
        yield f'insert into "rowversion_counter" values ({FIRST_COUNT})'  # noqa: S608 - a number of ours
    else:
        yield f'create sequence "rowversion_counter" start with {FIRST_COUNT}'
    if backend == "postgresql":
        yield (
            "create function next_row_version() returns trigger language plpgsql as $$ begin "
            "new.ufts := int8send(nextval('rowversion_counter')); return new; end $$"
        )


def _row_version(one: Table, backend: Backend) -> Iterator[str]:
    name, column = quote(one.name), quote(str(one.rowversion))
    trigger = quote(f"{one.name}_ufts")
    if backend == "postgresql":
        yield (
            f"create trigger {trigger} before insert or update on {name} "
            "for each row execute function next_row_version()"
        )
    elif backend == "mariadb":
        value = "unhex(lpad(hex(nextval(\"rowversion_counter\")), 16, '0'))"
        for event in ("insert", "update"):
            yield (
                f"create trigger {quote(f'{one.name}_ufts_{event}')} before {event} on {name} "
                f"for each row set new.{column} = {value}"
            )
    else:
        same = " and ".join(f"{quote(k)} = new.{quote(k)}" for k in one.key)
        for event in ("insert", "update"):
            made = f"create trigger {quote(f'{one.name}_ufts_{event}')} after {event} on {name}"
            next_one = '(select cast(printf(\'%08d\', "last") as blob) from "rowversion_counter")'
            change = f"update {name} set {column} = {next_one} where {same}"  # noqa: S608 - names of ours
            count = 'update "rowversion_counter" set "last" = "last" + 1'
            yield f"{made} begin {count}; {change}; end"
