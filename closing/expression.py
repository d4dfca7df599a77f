"""One SQL expression of a person, taken apart before it may run.

A rule is one scalar expression over the canonical columns. DuckDB's own parser says what the text is; this
module walks the parsed tree and lets through only what it knows: columns, constants, comparisons, functions of
a list, and sub-selects over `lines`. What it does not know is refused, so a new version of DuckDB that parses
something new makes a rule fail, never reach further.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from closing.vocabulary import (
    AGGREGATES,
    CLOCKS,
    FUNCTIONS,
    INEXACT,
    INEXACT_TYPES,
    OPERATORS,
    TYPES,
    words,
)
from core.encoding import loads
from core.errors import BadInput
from core.text import N_, Text

LENGTH_LIMIT: Final = 4_000  # characters; a rule that is longer is not read by anybody
_PREFIX: Final = "SELECT\n"
_NOWHERE: Final = 2**64 - 1  # DuckDB's location of a node that it made itself

_CLASSES: Final = words(
    "COMPARISON CONJUNCTION OPERATOR CASE BETWEEN CONSTANT FUNCTION CAST COLUMN_REF SUBQUERY"
)
_OPERATOR_TYPES: Final = words(
    """OPERATOR_NOT OPERATOR_IS_NULL OPERATOR_IS_NOT_NULL OPERATOR_COALESCE OPERATOR_NULLIF
    COMPARE_IN COMPARE_NOT_IN"""
)
_NATIVE: Final = re.compile(r"\w+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Expression:
    """What one text turned out to be. `native` names the native columns that it asks the connector for."""

    source: str  # the key in storno.yaml, or the option of a command
    sql: str
    native: tuple[str, ...]
    lines_native: tuple[str, ...]
    uses_lines: bool
    is_closed: bool | None = (
        None  # what it demands of `is_closed`, so that the ERP can filter already
    )


@dataclass(frozen=True, slots=True)
class _Scope:
    """Which columns a name can mean: by table name."""

    tables: Mapping[str, frozenset[str]]
    is_inside: bool  # of a sub-select over lines


def take_apart(
    serialized: str,
    sql: str,
    *,
    source: str,
    documents: Iterable[str],
    lines: Iterable[str],
) -> Expression:
    """Return the expression that `sql` is, judged by what DuckDB's parser said about `SELECT <sql>`.

    Raises `BadInput` naming `source`, the place and, for a misspelt name, the nearest known ones.
    """
    try:
        answer = loads(serialized)
    except RecursionError as error:
        raise BadInput(
            N_("{source}: the expression is nested too deeply."), source=source
        ) from error
    if answer.get("error"):
        raise _refuse_syntax(answer, sql, source)
    reader = _Reader(sql, source, frozenset(documents), frozenset(lines))
    reader.read(answer["statements"])
    return Expression(
        source,
        sql,
        tuple(sorted(reader.native)),
        tuple(sorted(reader.lines_native)),
        reader.uses_lines,
        _demanded(answer["statements"][0]["node"]["select_list"][0]),
    )


def _demanded(node: Mapping[str, Any]) -> bool | None:
    """Return what a condition demands of `is_closed`: `NOT is_closed`, alone or joined by AND."""
    if node.get("type") == "CONJUNCTION_AND":
        found = {_demanded(child) for child in node.get("children", ())} - {None}
        return found.pop() if len(found) == 1 else None
    is_negated = node.get("type") == "OPERATOR_NOT"
    column = node["children"][0] if is_negated else node
    path = [str(part).lower() for part in column.get("column_names", ())]
    return not is_negated if path in (["is_closed"], ["documents", "is_closed"]) else None


def statement_of(sql: str, *, source: str) -> str:
    """Return the statement that DuckDB shall parse. Raises `BadInput` for what needs no parser to refuse."""
    if not sql.strip():
        raise BadInput(N_("{source}: the expression is empty."), source=source)
    if len(sql) > LENGTH_LIMIT:
        raise BadInput(
            N_("{source}: the expression has more than {limit} characters."),
            source=source,
            limit=LENGTH_LIMIT,
        )
    if found := _CONTROL.search(sql):
        raise BadInput(
            N_("{source}, character {position}: a control character is not allowed."),
            source=source,
            position=found.start() + 1,
        )
    return _PREFIX + sql


def near(names: Iterable[str], name: str) -> str:
    """Return the known names that `name` may be meant for, nearest first; every known one when none is near."""
    known = sorted(names)
    return ", ".join(difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.6) or known)


def _refuse_syntax(answer: Mapping[str, Any], sql: str, source: str) -> BadInput:
    message = str(answer.get("error_message", ""))
    if message.startswith("Max expression depth"):
        return BadInput(N_("{source}: the expression is nested too deeply."), source=source)
    if answer.get("error_type") == "not implemented":  # COPY, ATTACH, PRAGMA, SET ...
        return BadInput(
            N_("{source}: only one SQL expression is allowed here, no statement."), source=source
        )
    place = answer.get("position")
    return BadInput(
        N_("{source}, character {position}: {problem}"),
        source=source,
        position=_character(sql, int(place)) if place is not None else 1,
        problem=message,
    )


def _character(sql: str, location: int) -> int:
    """Turn DuckDB's place (bytes, from the statement's start) into a character of the text, from 1."""
    offset = max(0, location - len(_PREFIX))
    return len(sql.encode("utf-8")[:offset].decode("utf-8", "ignore")) + 1


class _Reader:
    """Walks one parsed expression with a stack of its own: a text cannot nest it to death."""

    def __init__(
        self, sql: str, source: str, documents: frozenset[str], lines: frozenset[str]
    ) -> None:
        self._sql = sql
        self._source = source
        self._documents = documents
        self._lines = lines
        self.native: set[str] = set()
        self.lines_native: set[str] = set()
        self.uses_lines = False
        self._stack: list[tuple[Any, _Scope]] = []

    def read(self, statements: list[Any]) -> None:
        if len(statements) != 1:
            raise BadInput(
                N_("{source}: only one SQL expression is allowed here, no statement."),
                source=self._source,
            )
        node = statements[0]["node"]
        columns = node.get("select_list") or []
        is_plain = (
            _is_plain_select(node)
            and node["from_table"]["type"] == "EMPTY"
            and node["where_clause"] is None
            and not node["group_expressions"]
            and node["having"] is None
        )
        if not is_plain or len(columns) != 1 or columns[0].get("alias"):
            raise BadInput(
                N_(
                    "{source}: write one condition, such as {example}; no SELECT, FROM, AS or list."
                ),
                source=self._source,
                example="state = 'draft' AND days_since(date) > 90",
            )
        self._stack.append((columns[0], _Scope({"documents": self._documents}, is_inside=False)))
        while self._stack:
            item, scope = self._stack.pop()
            if isinstance(item, list):
                self._stack.extend((child, scope) for child in item)
            elif isinstance(item, dict):
                self._node(item, scope)

    def _node(self, node: dict[str, Any], scope: _Scope) -> None:
        kind = node.get("class")
        if kind is None:  # an argument, a literal, a branch of CASE
            if node.get("orders") or (node.get("name") and "expression" in node):
                raise self._refuse(N_("this form of SQL is not allowed in a rule"), node)
            self._stack.extend((child, scope) for child in node.values())
            return
        if kind not in _CLASSES or node.get("alias"):
            raise self._refuse(N_("this form of SQL is not allowed in a rule"), node)
        match kind:
            case "COLUMN_REF":
                self._column(node, scope)
                return
            case "SUBQUERY":
                self._subquery(node, scope)
                return
            case "FUNCTION":
                self._function(node, scope)
            case "CAST":
                self._cast(node)
                self._stack.append((node["child"], scope))
                return
            case "CONSTANT":
                literal = node.get("literal") or {}
                if literal.get("kind") == "NUMERIC" and "e" in str(literal.get("text", "")).lower():
                    raise self._refuse(N_("write the number without an exponent"), node)
            case "OPERATOR":
                if node["type"] not in _OPERATOR_TYPES:
                    raise self._refuse(N_("this form of SQL is not allowed in a rule"), node)
            case _:
                pass
        self._stack.extend((child, scope) for child in node.values())

    def _function(self, node: dict[str, Any], scope: _Scope) -> None:
        name = str(node["function_name"]).lower()
        if node.get("schema") or node.get("catalog"):
            raise self._refuse(N_("this form of SQL is not allowed in a rule"), node)
        if name in INEXACT:
            raise BadInput(
                N_(
                    "{source}, character {position}: {name} gives inexact numbers. Multiply the other side, "
                    "such as {example}, or use ratio(a, b), which is exact to 9 places."
                ),
                **self._place(node),
                name=name,
                example="remaining_quantity < 0.05 * ordered_quantity",
            )
        if name in CLOCKS:
            raise self._refuse_clock(name, node)
        if name in AGGREGATES:
            if not scope.is_inside:
                raise BadInput(
                    N_(
                        "{source}, character {position}: {name} needs a sub-select, such as {example}"
                    ),
                    **self._place(node),
                    name=name,
                    example="(SELECT count(*) FROM lines WHERE lines.document_key = documents.key) > 3",
                )
            return
        if name not in (OPERATORS if node.get("is_operator") else FUNCTIONS | OPERATORS):
            raise BadInput(
                N_(
                    "{source}, character {position}: the function {name!r} is not allowed in a rule. "
                    "Did you mean: {hint}?"
                ),
                **self._place(node),
                name=name,
                hint=near(FUNCTIONS | AGGREGATES, name),
            )

    def _cast(self, node: dict[str, Any]) -> None:
        target = node["type_expr"]
        name = str(target.get("type_name", "")).lower()
        if name in INEXACT_TYPES and target.get("query_location") == _NOWHERE:
            return  # DuckDB's own, inside of INTERVAL 3 DAY
        if name not in TYPES or target.get("schema") or target.get("catalog"):
            raise BadInput(
                N_(
                    "{source}, character {position}: the type {name!r} is not allowed in a rule. Known: {hint}"
                ),
                **self._place(node),
                name=name,
                hint="VARCHAR, INTEGER, BIGINT, DECIMAL(18, 4), DATE, TIMESTAMP, BOOLEAN",
            )

    def _column(self, node: dict[str, Any], scope: _Scope) -> None:
        path = [str(part) for part in node["column_names"]]
        table = path[0].lower() if len(path) > 1 and path[0].lower() in scope.tables else None
        rest = path[1:] if table is not None else path
        if len(rest) == 1 and rest[0].lower().startswith("native."):
            rest = ["native", rest[0][len("native.") :]]
        if len(rest) == 2 and rest[0].lower() == "native" and _NATIVE.fullmatch(rest[1]):
            of_lines = scope.is_inside and table != "documents"
            (self.lines_native if of_lines else self.native).add(rest[1])
            return
        name = rest[0].lower()
        known = (
            scope.tables[table] if table is not None else frozenset().union(*scope.tables.values())
        )
        if len(rest) == 1 and name in known:
            return
        if name in CLOCKS and name != "today":
            raise self._refuse_clock(name, node)
        raise BadInput(
            N_(
                "{source}, character {position}: there is no column {name!r}. Did you mean: {hint}? "
                "Native columns are written native.name."
            ),
            **self._place(node),
            name=".".join(path),
            hint=near(known, rest[-1]),
        )

    def _subquery(self, node: dict[str, Any], scope: _Scope) -> None:
        select = (node.get("subquery") or {}).get("node") or {}
        table = select.get("from_table") or {}
        is_plain = (
            not scope.is_inside
            and _is_plain_select(select)
            and table.get("type") == "BASE_TABLE"
            and str(table.get("table_name", "")).lower() == "lines"
            and not any(
                table.get(key)
                for key in (
                    "schema_name",
                    "catalog_name",
                    "sample",
                    "at_clause",
                    "column_name_alias",
                )
            )
        )
        if not is_plain:
            raise BadInput(
                N_(
                    "{source}, character {position}: a sub-select may only read the document's lines, "
                    "such as {example}"
                ),
                **self._place(node),
                example="EXISTS (SELECT 1 FROM lines WHERE lines.document_key = documents.key)",
            )
        self.uses_lines = True
        alias = str(table.get("alias") or "lines").lower()
        inside = _Scope({"documents": self._documents, alias: self._lines}, is_inside=True)
        columns = select["select_list"]
        is_star = len(columns) == 1 and columns[0].get("class") == "STAR"
        if not (is_star and node.get("subquery_type") in {"EXISTS", "NOT_EXISTS"}):
            self._stack.append((columns, inside))
        for key in ("where_clause", "group_expressions", "having"):
            self._stack.append((select.get(key), inside))
        self._stack.append((node.get("child"), scope))

    def _refuse_clock(self, name: str, node: Mapping[str, Any]) -> BadInput:
        return BadInput(
            N_(
                "{source}, character {position}: {name} is not allowed, because a plan must mean the same "
                "tomorrow. Write today, or days_since(column)."
            ),
            **self._place(node),
            name=name,
        )

    def _refuse(self, problem: str, node: Mapping[str, Any]) -> BadInput:
        return BadInput(
            N_("{source}, character {position}: {problem}"),
            **self._place(node),
            problem=Text(problem),
        )

    def _place(self, node: Mapping[str, Any]) -> dict[str, Any]:
        location = int(node.get("query_location", _NOWHERE))
        position = 1 if location == _NOWHERE else _character(self._sql, location)
        return {"source": self._source, "position": position}


def _is_plain_select(node: Mapping[str, Any]) -> bool:
    """Whether a parsed SELECT has none of the clauses that a rule never needs."""
    return (
        node.get("type") == "SELECT_NODE"
        and node.get("modifiers") == []
        and node.get("cte_map", {}).get("map") == []
        and node.get("aggregate_handling") == "STANDARD_HANDLING"
        and node.get("sample") is None
        and node.get("qualify") is None
    )
