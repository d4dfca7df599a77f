"""Create, copy, rename, drop or list the databases of a PostgreSQL server.

Runs inside the practice venv (it has psycopg): ``python databases.py DSN create NAME [TEMPLATE] | drop NAME |
rename OLD NEW | list``.
"""

from __future__ import annotations

import json
import sys
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql


def main(dsn: str, action: str, *names: str) -> None:
    parts = urlsplit(dsn)
    address = urlunsplit((parts.scheme, parts.netloc, "/postgres", parts.query, ""))
    with psycopg.connect(address, autocommit=True) as connection:
        if action == "list":
            print(
                json.dumps(
                    [row[0] for row in connection.execute("SELECT datname FROM pg_database")]
                )
            )
            return
        first, *rest = (sql.Identifier(name) for name in names)
        if action == "create" and rest:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(first, rest[0]))
        elif action == "create":
            connection.execute(
                sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(first)
            )
        elif action == "drop":
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(first))
        elif action == "rename":
            connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(first, rest[0]))
        else:
            raise SystemExit(f"unknown action {action}")


if __name__ == "__main__":
    main(*sys.argv[1:])
