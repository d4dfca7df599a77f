"""Works a recipe's expressions out over rows that were read; `formulas_sql` says the same as SQL.

Three-valued logic, text compared to the last letter but for blanks at its end, `every` over
no rows is false (a document without lines is never closed by its lines).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from config.expressions import Case, Column, Expression, Function, Literal, Node, Operation, Over
from connectors.odbc.formula_values import arithmetic, compare, is_in, is_true, number_of, truth_of
from connectors.odbc.values import plain_text
from core.encoding import Value
from core.errors import ContractBroken

Row = Mapping[str, Value]
"""One row: the columns as the recipe spells them."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes, and when: what `closer()`, `today()` and `now()` stand for. `moment` is the ERP's own time."""

    closer: str
    moment: datetime


class Sight(NamedTuple):
    """What an expression sees beside its row: the rows of places, the writer, and what `keep()` would leave."""

    places: Mapping[str, Sequence[Row]] = MappingProxyType({})
    writer: Writer | None = None
    kept: Value = None


NOTHING: Final = Sight()


Worked = Callable[[Row, Sight], Value]
"""An expression made ready: it is worked out for thousands of rows, so its tree is walked once."""


def ready(expression: Expression) -> Worked:
    """Return a function that gives what the expression comes to over a row."""
    return _ready(expression.node)


def ready_condition(expression: Expression) -> Callable[[Row, Sight], bool]:
    """Return a function that says whether a condition holds for a row; what is not known does not."""
    return _ready_truth(expression.node)


def value_of(expression: Expression, row: Row, sight: Sight = NOTHING) -> Value:
    """Return what an expression comes to over one row."""
    return _ready(expression.node)(row, sight)


def holds(expression: Expression, row: Row, sight: Sight = NOTHING) -> bool:
    """Whether a condition holds for a row; what is not known does not."""
    return is_true(value_of(expression, row, sight))


Condition = Callable[[Row, Sight], bool]

_MOST_KNOWN: Final = 1_000
"""So many texts are remembered with what a condition made of them."""

_TEXTS: Final = {str, type(None)}

_MOST_COLUMNS: Final = 3
"""Of more columns, too few texts come together again."""


def _ready_truth(node: Node) -> Condition:
    if isinstance(node, Operation) and node.operator == "or":
        one, other = map(_ready_truth, node.operands)
        return lambda row, sight: one(row, sight) or other(row, sight)
    work = _ready(node)
    names = _only_columns(node)
    if names is None or len(names) != 1:
        return lambda row, sight: is_true(work(row, sight))
    (name,) = names
    known: dict[Value, bool] = {}

    def remembered(row: Row, sight: Sight) -> bool:
        value = row.get(name)
        found = known.get(value)
        if found is None:
            found = is_true(work(row, sight))
            # As in `_remembered`; a column that was not read is an error each time.
            if type(value) in _TEXTS and name in row:
                if len(known) >= _MOST_KNOWN:
                    known.clear()
                known[value] = found
        return found

    return remembered


def _remembered(node: Node, work: Worked) -> Worked:
    """Return what works a node out, and remembers what came of the texts of few columns, where it takes nothing else."""
    names = _only_columns(node)
    if names is None or not 0 < len(names) <= _MOST_COLUMNS:
        return work
    known: dict[Any, Value] = {}
    texts_of = itemgetter(*names)

    def remembered(row: Row, sight: Sight) -> Value:
        try:
            texts = texts_of(row)
        except KeyError:
            return work(row, sight)
        if texts in known:
            return known[texts]
        found = work(row, sight)
        # Texts and nothing else: 1 is True for Python, and 1.0 is 1.00.
        if _TEXTS >= set(map(type, texts if type(texts) is tuple else (texts,))):
            if len(known) >= _MOST_KNOWN:
                known.clear()
            known[texts] = found
        return found

    return remembered


def looks_at_each(expression: Expression) -> bool:
    """Whether the rows of a place count one by one only: how many are alike, and in which order, is all the same."""
    waiting = [expression.node]
    while waiting:
        match waiting.pop():
            case Operation(_, operands) | Function(_, operands):
                waiting += operands
            case Case(branches, otherwise):
                waiting += [*(each for branch in branches for each in branch), otherwise]
            case Over(name, _, body):
                if name not in ("any", "every"):
                    return False
                waiting.append(body)
            case _:
                pass
    return True


def _only_columns(node: Node) -> tuple[str, ...] | None:
    """Return the columns from which a condition follows, and from nothing else; None where it takes more."""
    names = set[str]()
    waiting = [node]
    while waiting:
        match waiting.pop():
            case Column(name, None):
                names.add(name)
            case Literal():
                pass
            case Operation(_, operands):
                waiting += operands
            case Function("coalesce" | "trim", arguments):
                waiting += arguments
            case _:
                return None
    return tuple(sorted(names))


# --- in Python ----------------------------------------------------------------------------------


def _ready(node: Node) -> Worked:
    match node:
        case Literal(value):
            return lambda _row, _sight: value
        case Column(name, None):
            return _ready_column(name)
        case Column(name, place):
            raise ContractBroken(problem=f"{place}.{name} can be read by the bulk face only")
        case Operation(operator, operands):
            work = _ready_operation(operator, tuple(_ready(each) for each in operands))
            return _remembered(node, work)
        case Case(branches, otherwise):
            return _ready_case(
                tuple((_ready(when), _ready(then)) for when, then in branches), _ready(otherwise)
            )
        case Function(name, arguments):
            return _ready_function(name, tuple(_ready(each) for each in arguments))
        case Over(name, place, body):
            return _ready_over(name, place, body)


def _ready_column(name: str) -> Worked:
    def column(row: Row, _sight: Sight) -> Value:
        try:
            return row[name]
        except KeyError:
            raise ContractBroken(
                problem=f"an expression needs column {name}, which was not read"
            ) from None

    return column


def _ready_case(branches: tuple[tuple[Worked, Worked], ...], otherwise: Worked) -> Worked:
    def case(row: Row, sight: Sight) -> Value:
        for condition, then in branches:
            if is_true(condition(row, sight)):
                return then(row, sight)
        return otherwise(row, sight)

    return case


def _ready_operation(operator: str, operands: tuple[Worked, ...]) -> Worked:
    first, *others = operands
    if operator in ("and", "or"):
        (second,) = others
        return _ready_junction(first, second, decisive=operator == "or")
    match operator:
        case "not":

            def negation(row: Row, sight: Sight) -> Value:
                truth = truth_of(first(row, sight))
                return None if truth is None else not truth

            return negation
        case "is_null":
            return lambda row, sight: first(row, sight) is None
        case "negate":

            def negative(row: Row, sight: Sight) -> Value:
                number = number_of(first(row, sight))
                return None if number is None else -number

            return negative
        case "in":
            return lambda row, sight: is_in(
                first(row, sight), [each(row, sight) for each in others]
            )
        case "+" | "-" | "*" | "/":
            return lambda row, sight: arithmetic(
                operator, number_of(first(row, sight)), number_of(others[0](row, sight))
            )
        case _:
            return lambda row, sight: compare(operator, first(row, sight), others[0](row, sight))


def _ready_junction(first: Worked, second: Worked, *, decisive: bool) -> Worked:
    def junction(row: Row, sight: Sight) -> Value:
        left = truth_of(first(row, sight))
        if left is decisive:
            return decisive
        right = truth_of(second(row, sight))
        if right is decisive:
            return decisive
        return None if left is None or right is None else not decisive

    return junction


def _ready_function(name: str, arguments: tuple[Worked, ...]) -> Worked:
    match name:
        case "coalesce":

            def first_known(row: Row, sight: Sight) -> Value:
                for each in arguments:
                    found = each(row, sight)
                    if found is not None:
                        return found
                return None

            return first_known
        case "keep":
            return lambda _row, sight: sight.kept
        case "closer" | "today" | "now":
            return lambda row, sight: _written(
                name, [each(row, sight) for each in arguments], sight
            )
        case _:
            return lambda row, sight: _function(name, [each(row, sight) for each in arguments])


def _function(name: str, values: Sequence[Value]) -> Value:
    if None in values:
        return None
    match name:
        case "trim":
            return values[0].strip(" ") if isinstance(values[0], str) else values[0]
        case "text":
            return plain_text(values[0])
        case "concat":
            return "".join(plain_text(value) for value in values)
        case _:
            numbers = [number for value in values if (number := number_of(value)) is not None]
            return min(numbers) if name == "least" else max(numbers)


def _written(name: str, values: Sequence[Value], sight: Sight) -> Value:
    if sight.writer is None:
        raise ContractBroken(problem=f"{name}() stands outside a write")
    if name == "closer":
        return sight.writer.closer
    moment = sight.writer.moment
    if values:
        return _formatted(moment, str(values[0]))
    if name == "today":
        return moment.date()
    return moment.replace(microsecond=0, tzinfo=None).isoformat(sep=" ")


_FORMAT: Final = (
    ("yyyy", "%Y"), ("yy", "%y"), ("MM", "%m"), ("dd", "%d"), ("HH", "%H"), ("mm", "%M"), ("ss", "%S"),
)  # fmt: skip


def _formatted(moment: datetime, form: str) -> str:
    form = form.replace("fff", f"{moment.microsecond // 1000:03d}")
    for sign, code in _FORMAT:
        form = form.replace(sign, moment.strftime(code))
    return form


def _ready_over(name: str, place: str, node: Node) -> Worked:
    body, condition = _ready(node), _ready_truth(node)

    def over(_row: Row, sight: Sight) -> Value:
        rows = sight.places.get(place)
        if rows is None:
            raise ContractBroken(problem=f"an expression looks at {place}, which was not read")
        if name in ("any", "every"):
            found = [condition(row, sight) for row in rows]
            return any(found) if name == "any" else bool(found) and all(found)
        return _gathered(name, [body(row, sight) for row in rows])

    return over


def _gathered(name: str, values: Sequence[Value]) -> Value:
    if name == "count":
        return sum(is_true(value) for value in values)
    known = [value for value in values if value is not None]
    if not known:
        return None
    if name == "sum":
        return sum((number_of(value) or Decimal(0) for value in known), Decimal(0))
    best = known[0]
    for value in known[1:]:
        if compare(">" if name == "max" else "<", value, best):
            best = value
    return best
