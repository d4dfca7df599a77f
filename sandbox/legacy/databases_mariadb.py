"""MariaDB by its own command-line client: another program, so nothing of the ODBC driver can be at work in it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import IO, Any, Final

from sandbox.legacy.addresses import LegacyError, Server
from sandbox.legacy.schema import Backend, Table, quote

BATCH: Final = 300
_SIMPLE: Final = re.compile(r"[\w .,:@/()#+-]*", re.ASCII)
_MODE: Final = "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,STRICT_TRANS_TABLES"


class MariaSession:
    """MariaDB's own client, kept running; statements go in, tab-separated rows come out."""

    backend: Backend = "mariadb"

    def __init__(self, server: Server, database: str) -> None:
        client = shutil.which("mariadb")
        if client is None:
            raise LegacyError("there is no MariaDB client here: apt-get install mariadb-client")
        command = [
            client,
            "--no-defaults",
            "--protocol=tcp",
            f"--host={server.host}",
            f"--port={server.port}",
            f"--user={server.user}",
            "--default-character-set=utf8mb4",
            "--batch",
            "--unbuffered",
            "--skip-column-names",
            "--skip-reconnect",
            "--binary-mode",
            *([f"--database={database}"] if database else []),
        ]
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the session
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env={**os.environ, "MYSQL_PWD": server.password, "LC_ALL": "C.UTF-8"},
        )
        self._count = 0
        self._ask(f"set session sql_mode = '{_MODE}'")
        self._ask("set session autocommit = 0")
        self._ask("set session transaction isolation level read committed")

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        self._send(_filled(sql, values))
        return int(self._ask("select row_count()")[0][0] or 0)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._ask(_filled(sql, values))

    def load(self, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        old = [c.gbk for c in table.columns]
        for start in range(0, len(rows), BATCH):
            lines = [
                "(" + ",".join(literal(v, gbk=g) for v, g in zip(row, old, strict=True)) + ")"
                for row in rows[start : start + BATCH]
            ]
            self._ask(f"insert into {quote(table.name)} values " + ",".join(lines))  # noqa: S608

    def wait_for_locks(self, seconds: int) -> None:
        self._ask(f"set session innodb_lock_wait_timeout = {seconds}")

    def commit(self) -> None:
        self._ask("commit")

    def rollback(self) -> None:
        self._ask("rollback")

    def close(self) -> None:
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process.wait(20.0)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._said.close()

    def _send(self, sql: str) -> None:
        try:
            stdin = _pipe(self._process.stdin)
            stdin.write(sql.encode() + b";\n")
            stdin.flush()
        except BrokenPipeError as error:
            raise self._failed() from error

    def _ask(self, sql: str) -> list[tuple[Any, ...]]:
        """The client answers in order, so a mark behind the statement tells where its rows end."""
        self._count += 1
        mark = f"-- mark {self._count} --"
        self._send(sql)
        self._send(f"select '{mark}'")
        found: list[tuple[Any, ...]] = []
        for raw in _pipe(self._process.stdout):
            line = raw.decode().removesuffix("\n")
            if line == mark:
                return found
            found.append(tuple(_cell(cell) for cell in line.split("\t")))
        raise self._failed()

    def _failed(self) -> LegacyError:
        self._process.wait(20.0)
        self._said.seek(0)
        said = self._said.read().decode("utf-8", "replace").strip()
        return LegacyError(f"MariaDB refused: {said}")


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise LegacyError("the MariaDB client has ended")
    return pipe


_ESCAPES: Final = {"\\n": "\n", "\\t": "\t", "\\0": "\0", "\\\\": "\\"}


def _cell(text: str) -> str | None:
    if text == "NULL":
        return None
    return re.sub(r"\\[nt0\\]", lambda m: _ESCAPES[m.group()], text)


def _filled(sql: str, values: Sequence[Any]) -> str:
    parts = sql.split("?")
    if len(parts) != len(values) + 1:
        raise LegacyError(f"{len(values)} values for {len(parts) - 1} places: {sql}")
    return parts[0] + "".join(
        literal(value) + part for value, part in zip(values, parts[1:], strict=True)
    )


def literal(value: Any, *, gbk: bool = False) -> str:
    """A value as MariaDB reads it; text that is not plain goes as bytes, so no rule of quoting can harm it."""
    if value is None:
        return "null"
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if isinstance(value, bool | int | Decimal):
        return str(int(value) if isinstance(value, bool) else value)
    if isinstance(value, datetime):
        return f"'{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03d}'"
    text = str(value)
    if gbk:
        return f"_latin1 x'{text.encode('gbk').hex()}'"
    return f"'{text}'" if _SIMPLE.fullmatch(text) else f"_utf8mb4 x'{text.encode().hex()}'"
