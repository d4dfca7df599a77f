"""Rules are SQL: one condition over the canonical columns, run by DuckDB in memory, locked down.

What a rule can reach: the columns of its document, the document's lines, `today`, `days_since(x)` and
`ratio(a, b)`. What it cannot reach: files, the network, extensions, settings, other tables, the clock. It has a
time limit and a memory limit. Amounts and quantities stay decimals; what would make them floats is refused.
Documents stream through in chunks, so that a hundred thousand need no more memory than a few thousand.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from closing.expression import Expression, statement_of, take_apart
from core.errors import BadInput
from core.text import N_

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

CHUNK_ROWS: Final = 20_000  # documents judged by one query
ROW: Final = "storno.row"  # keeps the order of the ERP through joins


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query of a rule may use."""

    seconds: float = 30.0
    memory_megabytes: int = 1024
    threads: int = 2


@dataclass(frozen=True, slots=True)
class Judged:
    """Some documents and, for each rule asked, one answer a document: True, False, or None for unknown."""

    documents: pa.RecordBatch
    answers: tuple[tuple[bool | None, ...], ...]


LinesSource = Callable[[tuple[str, ...]], "Iterable[pa.RecordBatch]"]
"""Called with native column names; yields the lines of the documents that are being judged."""


class RuleBook:
    """A locked-down DuckDB with the rules of one closing. Used by one thread, closed once.

    `read` says whether a text is a rule; `judge` answers rules for a stream of documents.
    """

    def __init__(self, *, today: date, zone: str = "UTC", limits: Limits | None = None) -> None:
        import duckdb  # a third of a second, which most commands do not need

        self._limits = limits or Limits()
        self._errors = duckdb.Error
        self._interrupted = duckdb.InterruptException
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise BadInput(
                N_("{source}: there is no time zone {name!r}."), source="timezone", name=zone
            ) from error
        self._today = today
        self._is_closed = False
        self._duckdb = duckdb.connect(
            ":memory:",
            config={
                "allow_community_extensions": "false",
                "allow_persistent_secrets": "false",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "enable_external_access": "false",
                "memory_limit": f"{self._limits.memory_megabytes}MB",
                "python_enable_replacements": "false",
                "temp_directory": "",
                "threads": str(self._limits.threads),
            },
        )
        for statement in (
            # Both values are ours: a checked zone name and an ISO date.
            f"SET TimeZone='{zone}'",
            f"CREATE MACRO days_since(x) AS date_diff('day', CAST(x AS DATE), DATE '{today.isoformat()}')",
            "CREATE MACRO ratio(a, b) AS CAST(round(CAST(a AS DOUBLE) / nullif(b, 0), 9) AS DECIMAL(38, 9))",
            "SET disabled_filesystems='LocalFileSystem'",
            "SET max_expression_depth=150",
            "SET lock_configuration=true",
        ):
            self._run(statement)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the memory."""
        self._is_closed = True
        self._duckdb.close()

    def read(self, sql: str, *, source: str) -> Expression:
        """Return the rule that `sql` is. Raises `BadInput` naming `source`, the place and the nearest names.

        The rule is parsed, walked, and bound to empty tables, so that a rule which passes can only fail on
        the values of a document.
        """
        from connectors.columns import (
            documents_schema,
            lines_schema,
        )

        statement = statement_of(sql, source=source)
        try:
            parsed = self._run("SELECT json_serialize_sql(?)", statement)
        except self._errors as error:
            raise self._refusal(error, source) from error
        rule = take_apart(
            str(parsed[0][0]),
            sql,
            source=source,
            documents=[*documents_schema().names, "today"],
            lines=lines_schema().names,
        )
        empty = documents_schema(rule.native).empty_table()
        try:
            self._register("no_lines", lines_schema(rule.lines_native).empty_table())
            self._show_lines("no_lines", rule.lines_native)
            query = f"SELECT ({rule.sql}\n) FROM {self._documents(empty)} LIMIT 0"  # noqa: S608 - checked above
            with self._time_limit(source):
                (found,) = self._duckdb.sql(query).types
        except self._errors as error:
            raise self._refusal(error, source) from error
        finally:
            self._forget()
        if str(found) not in {"BOOLEAN", '"NULL"'}:
            raise BadInput(
                N_("{source}: this is no condition: it gives {type}, not true or false."),
                source=source,
                type=str(found),
            )
        return rule

    def judge(
        self,
        batches: Iterable[pa.RecordBatch],
        rules: Sequence[Expression],
        *,
        where: Expression | None = None,
        lines: LinesSource | None = None,
    ) -> Iterator[Judged]:
        """Yield the documents that `where` holds for, in their order, with the answers of `rules`.

        Without `where`, every document comes back. A rule is only asked about documents that come back.
        Raises `BadInput` naming the rule that fails on a value.
        """
        asked = [*rules, *([where] if where is not None else [])]
        if any(rule.uses_lines for rule in asked):
            self._load_lines(asked, lines)
        try:
            for chunk in _chunks(batches):
                yield from self._judge_chunk(chunk, rules, where)
        finally:
            self._forget()

    def _judge_chunk(
        self, chunk: pa.Table, rules: Sequence[Expression], where: Expression | None
    ) -> Iterator[Judged]:
        table = self._select(chunk, rules, where)
        count = len(chunk.schema)
        for batch in table.to_batches():
            if batch.num_rows == 0:
                continue
            answers = [batch.column(count + index).to_pylist() for index in range(len(rules))]
            documents = batch.select(list(range(count)))
            rows = tuple(zip(*answers, strict=True)) if answers else ((),) * batch.num_rows
            yield Judged(documents, rows)

    def _select(
        self, chunk: pa.Table, rules: Sequence[Expression], where: Expression | None
    ) -> pa.Table:
        import pyarrow as pa

        numbered = chunk.append_column(ROW, pa.array(range(chunk.num_rows), pa.int64()))
        columns = [f"documents.{_quoted(name)}" for name in chunk.schema.names]
        columns += [f"({rule.sql}\n) AS {_quoted(f'rule.{i}')}" for i, rule in enumerate(rules)]
        condition = f"WHERE ({where.sql}\n)" if where is not None else ""
        query = (
            f"SELECT {', '.join(columns)} FROM {self._documents(numbered)} {condition} "  # noqa: S608 - checked by take_apart
            f"ORDER BY documents.{_quoted(ROW)}"
        )
        asked = [*([where] if where is not None else []), *rules]
        source = ", ".join(dict.fromkeys(rule.source for rule in asked))
        try:
            with self._time_limit(source):
                found = self._duckdb.sql(query).to_arrow_table()
        except self._errors as error:
            if len(asked) > 1:
                self._find_offender(chunk, rules, where)
            raise self._refusal(error, source) from error
        # DuckDB's own Arrow types differ in nullability and time zone; the schema of the connector stands.
        kept = found.select(list(range(len(columns) - len(rules)))).cast(chunk.schema)
        for index in range(len(rules)):
            kept = kept.append_column(f"rule.{index}", found.column(len(chunk.schema) + index))
        return kept

    def _find_offender(
        self, chunk: pa.Table, rules: Sequence[Expression], where: Expression | None
    ) -> None:
        """Ask the rules one by one, so that the message names the one that fails."""
        if where is not None:
            self._select(chunk, (), where)
        for rule in rules:
            self._select(chunk, (rule,), where)

    def _documents(self, table: pa.Table) -> str:
        """Register `table` and return the FROM item that rules see: today and the native columns put in."""
        self._register("chunk", table)
        names = [name for name in table.schema.names if name.startswith("native.")]
        native = _packed([name.removeprefix("native.") for name in names])
        today = f"DATE '{self._today.isoformat()}' AS today"
        return f"(SELECT *, {today}{native} FROM chunk) AS documents"  # noqa: S608 - our own names

    def _load_lines(self, rules: Sequence[Expression], lines: LinesSource | None) -> None:
        import pyarrow as pa

        from connectors.columns import lines_schema

        source = next(rule.source for rule in rules if rule.uses_lines)
        if lines is None:
            raise BadInput(N_("{source}: the lines of documents are not read here."), source=source)
        native = tuple(sorted({name for rule in rules for name in rule.lines_native}))
        try:
            self._register("no_lines", lines_schema(native).empty_table())
            self._run("CREATE OR REPLACE TEMP TABLE kept_lines AS SELECT * FROM no_lines")
            for batch in lines(native):
                self._register("more_lines", pa.Table.from_batches([batch]))
                self._run("INSERT INTO kept_lines BY NAME SELECT * FROM more_lines")
            self._show_lines("kept_lines", native)
        except self._errors as error:
            raise self._refusal(error, source) from error

    def _show_lines(self, table: str, native: Sequence[str]) -> None:
        """Let rules see `table` as lines, its native columns put together."""
        self._run(f"CREATE OR REPLACE TEMP VIEW lines AS SELECT *{_packed(native)} FROM {table}")  # noqa: S608 - our own names

    def _run(self, statement: str, *values: str) -> list[Any]:
        """Run one statement to its end: DuckDB takes the next one only when nothing of this is left."""
        return self._duckdb.execute(statement, list(values)).fetchall()

    def _register(self, name: str, table: pa.Table) -> None:
        self._duckdb.register(name, table)

    def _forget(self) -> None:
        """Drop what rules could see, so that the next question starts clean."""
        if self._is_closed:  # a reader that stopped early: its stream ends after the book
            return
        for statement in ("DROP VIEW IF EXISTS lines", "DROP TABLE IF EXISTS kept_lines"):
            self._run(statement)
        for name in ("chunk", "no_lines", "more_lines"):
            self._duckdb.unregister(name)

    @contextmanager
    def _time_limit(self, source: str) -> Iterator[None]:
        timer = threading.Timer(self._limits.seconds, self._duckdb.interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield
        except self._interrupted as error:
            raise BadInput(
                N_("{source}: the rule took longer than {seconds} seconds and was stopped."),
                source=source,
                seconds=self._limits.seconds,
            ) from error
        finally:
            timer.cancel()
            timer.join()  # so that a late interrupt cannot hit the next query

    def _refusal(self, error: duckdb.Error, source: str) -> BadInput:
        message = str(error).partition("\n\nLINE ")[0].partition("\n")[0]
        problem = message.partition("Error: ")[2] or message
        return BadInput(N_("{source}: {problem}"), source=source, problem=problem)


def read_rule(sql: str, *, source: str, today: date, zone: str = "UTC") -> Expression:
    """Return the rule that `sql` is, without keeping a database open. Raises `BadInput`."""
    with RuleBook(today=today, zone=zone) as book:
        return book.read(sql, source=source)


def filter_documents(
    batches: Iterable[pa.RecordBatch],
    where: str | Expression,
    *,
    today: date,
    zone: str = "UTC",
    lines: LinesSource | None = None,
    source: str = "--where",
    limits: Limits | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield the documents for which `where` is true, in their order. A condition that is unknown is not true.

    Native columns have to be asked for by the caller first: `read_rule(...).native` names them.
    """
    with RuleBook(today=today, zone=zone, limits=limits) as book:
        rule = book.read(where, source=source) if isinstance(where, str) else where
        for judged in book.judge(batches, (), where=rule, lines=lines):
            yield judged.documents


def known_columns() -> Mapping[str, str]:
    """Return the columns that a rule may name, with what they mean; `lines.` marks those of lines."""
    from connectors.columns import DOCUMENT_COLUMNS, LINE_COLUMNS

    return {
        **{name: meaning for name, _, meaning in DOCUMENT_COLUMNS},
        **{f"lines.{name}": meaning for name, _, meaning in LINE_COLUMNS},
    }


def _chunks(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Join small batches and keep large ones: about `CHUNK_ROWS` rows each."""
    import pyarrow as pa

    held: list[Any] = []
    rows = 0
    for batch in batches:
        if held and batch.schema != held[0].schema:
            yield pa.Table.from_batches(held)
            held, rows = [], 0
        held.append(batch)
        rows += batch.num_rows
        if rows >= CHUNK_ROWS:
            yield pa.Table.from_batches(held)
            held, rows = [], 0
    if rows:
        yield pa.Table.from_batches(held)


def _packed(native: Sequence[str]) -> str:
    """Return the column `native` that holds the native columns under their own names; nothing without any."""
    parts = ", ".join(f"{_quoted(name)} := {_quoted(f'native.{name}')}" for name in native)
    return f", struct_pack({parts}) AS native" if parts else ""


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
