"""Triggers that customers put on an ERP's tables; Storno finds them there and must cope."""

from __future__ import annotations

from typing import Final, Literal

from sandbox.legacy.build import Practice
from sandbox.legacy.schema import Backend, quote

Kind = Literal["logs", "undoes", "refuses"]

_CLOSING: Final = {
    "u8": ("PO_Podetails", "cbCloser"),
    "k3": ("POOrderEntry", "FMRPClosed"),
    "digiwin": ("PURTD", "TD016"),
    "tiptop": ("pmn_file", "pmn16"),
}


def add_trigger(practice: Practice, kind: Kind) -> str:
    """Put a trigger on the lines of purchase orders and give its name.

    It ``logs`` every change of the closing column in a table of its own (``zz_log``), silently ``undoes`` it, or ``refuses`` it.
    """
    table, column = _CLOSING[practice.erp.NAME]
    name = f"zz_{kind}"
    session = practice.connect()
    try:
        if kind == "logs":
            session.run('create table "zz_log" ("line" varchar(60), "was" varchar(60))')
        for statement in _statements(practice.backend, kind, name, table, column):
            session.run(statement)
        session.commit()
    finally:
        session.close()
    return name


def _statements(backend: Backend, kind: Kind, name: str, table: str, column: str) -> list[str]:
    old, new = f"old.{quote(column)}", f"new.{quote(column)}"
    on = quote(table)
    log = f"insert into \"zz_log\" values ('{table}', {old})"  # noqa: S608 - names of ours
    if backend == "postgresql":
        differs = f"{old} is distinct from {new}"
        body = {
            "logs": f"{log}; return new;",
            "undoes": f"{new} := {old}; return new;",
            "refuses": "raise exception 'the customer does not want this';",
        }[kind]
        when = "after" if kind == "logs" else "before"
        fires = f"{when} update on {on} for each row when ({differs})"
        return [
            f"create function {name}() returns trigger language plpgsql as $$ begin {body} end $$",
            f"create trigger {name} {fires} execute function {name}()",
        ]
    if backend == "mariadb":
        body = {
            "logs": log,
            "undoes": f"set {new} = {old}",
            "refuses": "signal sqlstate '45000' set message_text = 'the customer does not want this'",
        }[kind]
        when = "after" if kind == "logs" else "before"
        # One statement without a semicolon, so the client sends it whole; `binary` tells y from Y.
        if kind != "undoes":
            body = f"if not (binary {old} <=> binary {new}) then {body}; end if"
            return [_whole(f"create trigger {name} {when} update on {on} for each row {body}")]
        return [f"create trigger {name} {when} update on {on} for each row {body}"]
    body = {
        "logs": log,
        "undoes": f"update {on} set {quote(column)} = {old} where rowid = new.rowid",  # noqa: S608
        "refuses": "select raise(abort, 'the customer does not want this')",
    }[kind]
    differs = f"{old} is not {new}"
    return [f"create trigger {name} after update on {on} when {differs} begin {body}; end"]


def _whole(statement: str) -> str:
    """MariaDB's client ends a statement at a semicolon; as prepared text it passes one through."""
    text = statement.encode().hex()
    return f"execute immediate convert(x'{text}' using utf8mb4)"
