"""A recipe's expressions as SQL, for the bulk face: identifiers quoted, values bound, one meaning everywhere.

Text is compared to the last letter whatever the column's collation; `every` over no rows is false, as in Python.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Protocol

import sqlalchemy as sa

from config.expressions import Case, Column, Expression, Function, Literal, Node, Operation, Over
from core.errors import ContractBroken

if TYPE_CHECKING:
    from sqlalchemy.sql.expression import FromClause

    from connectors.odbc.dialects import Dialect, Element

Rows = Callable[[str], "tuple[FromClause, Element]"]
"""Gives the table of a place and the condition that its rows belong to the row at hand."""


class Columns(Protocol):
    """What an expression asks of its row: its columns by name, in `c`."""

    @property
    def c(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Scope:
    """Where an expression stands in a statement: its own table, its lookups, and how places are found."""

    dialect: Dialect
    row: Columns
    lookups: Mapping[str, FromClause] = field(default_factory=dict)
    rows: Rows | None = None


@dataclass(frozen=True, slots=True)
class Spelled:
    """A row whose columns go by the names of the recipe, however the live table spells them."""

    c: Mapping[str, Any]


def restricted(
    select: sa.Select[Any],
    only: Expression | None,
    table: FromClause,
    names: Mapping[str, str],
    dialect: Dialect,
) -> sa.Select[Any]:
    """Let a SELECT have only the rows for which a condition of the recipe holds; `names` as `every_name` gives them."""
    if only is None:
        return select
    row = Spelled({name: table.c[here] for name, here in names.items()})
    return select.where(sql_of(only, Scope(dialect, row)))


def sql_of(expression: Expression, scope: Scope) -> Element:
    """Return an expression as SQL, values bound and identifiers quoted."""
    return _sql(expression.node, scope)


def _sql(node: Node, scope: Scope) -> Element:
    match node:
        case Literal(value):
            return _literal(value, scope.dialect)
        case Column(name, None):
            found: Element = scope.row.c[name]
            return found
        case Column(name, place):
            return scope.lookups[str(place)].c[name]
        case Operation(operator, operands):
            return _sql_operation(operator, operands, scope)
        case Case(branches, otherwise):
            return sa.case(
                *((_condition(when, scope), _sql(then, scope)) for when, then in branches),
                else_=_sql(otherwise, scope),
            )
        case Function(name, arguments):
            return _sql_function(name, arguments, scope)
        case Over(name, place, body):
            return _sql_over(name, place, body, scope)


def _literal(value: Any, dialect: Dialect) -> Element:
    match value:
        case None:
            return sa.null()
        case bool():
            return (
                sa.literal_column("true" if value else "false")
                if dialect.name == "postgresql"
                else _plain(int(value))
            )
        case str():
            return sa.literal(value, sa.String())
        case _:
            return _plain(value)


def _plain(number: int | Decimal) -> Element:
    # A number of the recipe's own, never of a user: bare digits let every database choose its type.
    return sa.literal_column(str(number))


_CONDITIONS: Final = frozenset(
    {"and", "or", "not", "is_null", "in", "=", "<>", "<", "<=", ">", ">="}
)


def _condition(node: Node, scope: Scope) -> Element:
    """Return a node where SQL wants a condition: most databases take no bare flag there."""
    is_condition = (isinstance(node, Operation) and node.operator in _CONDITIONS) or (
        isinstance(node, Over) and node.name in ("any", "every")
    )
    if is_condition:
        return _sql(node, scope)
    if isinstance(node, Literal) and isinstance(node.value, bool):
        return sa.literal_column("1") == sa.literal_column("1" if node.value else "0")
    return _sql(node, scope) == _literal(True, scope.dialect)


def _sql_operation(operator: str, operands: tuple[Node, ...], scope: Scope) -> Element:
    match operator:
        case "and":
            return sa.and_(*(_condition(each, scope) for each in operands))
        case "or":
            return sa.or_(*(_condition(each, scope) for each in operands))
        case "not":
            return sa.not_(_condition(operands[0], scope))
        case "is_null":
            return _sql(operands[0], scope).is_(sa.null())
        case "negate":
            return -_sql(operands[0], scope)
        case "in":
            first, *others = operands
            return sa.or_(*(_comparison("=", first, each, scope) for each in others))
        case "/":
            upper, lower = (sa.type_coerce(_sql(x, scope), sa.types.NullType()) for x in operands)
            # Whole numbers divide as decimals do, and by nothing comes nothing.
            whole = upper.op("*")(sa.literal_column("1.0"))
            return whole.op("/")(sa.func.nullif(lower, _plain(0)))
        case "+" | "-" | "*":
            left, right = (_sql(each, scope) for each in operands)
            return sa.type_coerce(left, sa.types.NullType()).op(operator)(right)
        case _:
            left_node, right_node = operands
            return _comparison(operator, left_node, right_node, scope)


def _comparison(operator: str, left: Node, right: Node, scope: Scope) -> Element:
    texts = [isinstance(each, Literal) and isinstance(each.value, str) for each in (left, right)]
    one, other = _sql(left, scope), _sql(right, scope)
    if any(texts):
        if scope.dialect.name == "oracle" and operator in ("=", "<>"):
            # Oracle keeps no empty text: it is nothing there.
            for element, node in ((one, right), (other, left)):
                if isinstance(node, Literal) and node.value == "":
                    return element.is_(sa.null()) if operator == "=" else element.is_not(sa.null())
        one, other = (
            element if is_text else _exact(element, scope.dialect)
            for element, is_text in zip((one, other), texts, strict=True)
        )
    elif _is_text(one) and _is_text(other):
        one, other = _exact(one, scope.dialect), _exact(other, scope.dialect)
    elif operator in ("=", "<>"):
        # As text, since not every database compares a text with a number.
        if _is_text(one) and (number := _number_literal(right)) is not None:
            one, other = _exact(sa.func.ltrim(one), scope.dialect), number
        elif _is_text(other) and (number := _number_literal(left)) is not None:
            one, other = number, _exact(sa.func.ltrim(other), scope.dialect)
    return {
        "=": one.__eq__, "<>": one.__ne__, "<": one.__lt__, "<=": one.__le__, ">": one.__gt__, ">=": one.__ge__,
    }[operator](other)  # fmt: skip


def _is_text(element: Element) -> bool:
    return isinstance(element.type, sa.String)


def _number_literal(node: Node) -> Element | None:
    if not isinstance(node, Literal) or isinstance(node.value, str | bool) or node.value is None:
        return None
    return sa.literal(str(node.value), sa.String())


def _exact(element: Element, dialect: Dialect) -> Element:
    """Make text compare to the last letter, blanks at its end aside, whatever the column's collation."""
    trimmed = sa.func.rtrim(element, type_=sa.String())
    match dialect.name:
        case "sqlserver":
            return sa.collate(trimmed, "Latin1_General_BIN2")
        case "mariadb":
            # The bytes of one character set say nothing about those of another.
            told = sa.func.convert(trimmed.op("using")(sa.literal_column("utf8mb4")))
            return sa.cast(told, sa.BINARY())
        case _:
            return trimmed


def _sql_function(name: str, arguments: tuple[Node, ...], scope: Scope) -> Element:
    values = [_sql(each, scope) for each in arguments]
    match name:
        case "coalesce":
            return sa.func.coalesce(*values)
        case "trim":
            return sa.func.ltrim(sa.func.rtrim(values[0]), type_=sa.String())
        case "text":
            return scope.dialect.as_text(values[0])
        case "concat":
            return joined([scope.dialect.as_text(each) for each in values])
        case "least" | "greatest":
            best = values[0]
            for each in values[1:]:
                is_better = best < each if name == "least" else best > each
                best = sa.case((is_better, best), else_=each)
            # Of what is not known, nobody knows the least.
            return sa.case((sa.or_(*(v.is_(sa.null()) for v in values)), sa.null()), else_=best)
        case _:
            raise ContractBroken(problem=f"{name}() stands outside a write")


def joined(texts: Sequence[Element]) -> Element:
    """Return texts one after the other."""
    found: Element = sa.type_coerce(texts[0], sa.String())
    for each in texts[1:]:
        found = found.concat(sa.type_coerce(each, sa.String()))
    return found


def _sql_over(name: str, place: str, body: Node, scope: Scope) -> Element:
    if scope.rows is None:
        raise ContractBroken(problem=f"an expression looks at {place}, which is not at hand")
    table, belongs = scope.rows(place)
    inner = Scope(scope.dialect, table)
    if name in ("any", "every"):
        condition = _condition(body, inner)
        found: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(table)
        if name == "any":
            return found.where(belongs, condition).exists()
        fails = sa.case((condition, sa.literal_column("0")), else_=sa.literal_column("1"))
        some = found.where(belongs).exists()
        return sa.and_(some, ~found.where(belongs, fails == sa.literal_column("1")).exists())
    value: Element
    if name == "count":
        value = sa.func.sum(
            sa.case((_condition(body, inner), sa.literal_column("1")), else_=sa.literal_column("0"))
        )
        value = sa.func.coalesce(value, sa.literal_column("0"))
    else:
        value = getattr(sa.func, name)(_sql(body, inner))
    return sa.select(value).select_from(table).where(belongs).scalar_subquery()
