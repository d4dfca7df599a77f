"""The expressions in a recipe: a small, portable part of SQL that is parsed here and never pasted into a statement.

A recipe is written once and must mean the same on every database and on an image that was read long ago, so
an expression is kept as a tree: `connectors.odbc.formulas` works it out in Python and compiles it for a dialect,
with every identifier quoted and every value bound. What can be written:

* columns (`TD016`, `"odd name"`, `vendor.cVenName` of a lookup), numbers, text in `'...'`, `null`, `true`, `false`;
* `+ - * /`, `= <> < <= > >=`, `in (...)`, `not in (...)`, `is null`, `is not null`, `and or not`, `case when ... end`;
* `coalesce(a, b)`, `trim(a)`, `least(a, b)`, `greatest(a, b)`, `text(a)`, `concat(a, b)`;
* over the rows of a place (`lines` or one of `related`): `any(lines, c)`, `every(lines, c)`, `sum(lines, x)`,
  `count(lines, c)`, `max(lines, x)`, `min(lines, x)`; names inside stand for columns of that place;
* in what a write sets: `closer()`, `today()`, `now()`, `today('yyyyMMdd')`, `now('HH:mm:ss')`, and `keep()`: the
  value that would stand there otherwise.

Text compares exactly, case included; blanks at its end do not count, as in a padded column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NoReturn

from config.fields import wrong
from core.text import N_

LONGEST_EXPRESSION: Final = 4_000
DEEPEST_EXPRESSION: Final = 40


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that stands in the recipe itself."""

    value: str | int | Decimal | bool | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the row at hand, or of the lookup `place`."""

    name: str
    place: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """`operator` is one of + - * / = <> < <= > >= and or not in is_null negate."""

    operator: str
    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """The value of the first branch whose condition holds, else `otherwise`."""

    branches: tuple[tuple[Node, Node], ...]
    otherwise: Node


@dataclass(frozen=True, slots=True)
class Function:
    """A function of values; its name is one of FUNCTIONS."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Over:
    """A function over the rows of a place: any, every, sum, count, max, min."""

    name: str
    place: str
    body: Node


Node = Literal | Column | Operation | Case | Function | Over

FUNCTIONS: Final[dict[str, tuple[int, int]]] = {
    "coalesce": (2, 9),
    "trim": (1, 1),
    "text": (1, 1),
    "concat": (2, 9),
    "least": (2, 9),
    "greatest": (2, 9),
    "closer": (0, 0),
    "today": (0, 1),
    "now": (0, 1),
    "keep": (0, 0),
}
"""How many arguments each function takes, at least and at most."""

OVER: Final = frozenset({"any", "every", "sum", "count", "max", "min"})
ONLY_IN_WRITES: Final = frozenset({"closer", "today", "now", "keep"})
FORMATS: Final = re.compile(r"(?:yyyy|yy|MM|dd|HH|mm|ss|fff|[-/:. T年月日])+")
"""What `today('...')` and `now('...')` may be told."""

_KEYWORDS: Final = frozenset(
    "and or not in is null true false case when then else end".split()  # noqa: SIM905
)
_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<number>\d+(?:\.\d+)?(?![\w.]))
      | (?P<text>'(?:[^']|'')*')
      | (?P<quoted>"(?:[^"]|"")+")
      | (?P<word>[^\W\d][\w$\#]*)
      | (?P<sign><>|!=|<=|>=|[-+*/=<>(),.])
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression of a recipe: as it was written, and as a tree."""

    written: str
    node: Node

    def __str__(self) -> str:
        return self.written

    def columns(self) -> frozenset[str]:
        """Return the columns of the row at hand that it needs, lookups and places left out."""
        return frozenset(
            node.name
            for node in _walk(self.node, inside=False)
            if isinstance(node, Column) and node.place is None
        )

    def lookups(self) -> frozenset[tuple[str, str]]:
        """Return the columns of lookups that it needs, each with its lookup."""
        return frozenset(
            (node.place, node.name)
            for node in _walk(self.node, inside=True)
            if isinstance(node, Column) and node.place is not None
        )

    def places(self) -> dict[str, frozenset[str]]:
        """Return per place (`lines` ...) the columns of its rows that it needs."""
        found: dict[str, frozenset[str]] = {}
        for node in _walk(self.node, inside=False):
            if isinstance(node, Over):
                names = Expression("", node.body).columns()
                found[node.place] = found.get(node.place, frozenset()) | names
        return found

    def functions(self) -> frozenset[str]:
        """Return the functions that it calls."""
        return frozenset(
            node.name for node in _walk(self.node, inside=True) if isinstance(node, Function)
        )


def _walk(node: Node, *, inside: bool) -> Iterator[Node]:
    """Yield a tree's nodes; those within a function over a place only when `inside`."""
    yield node
    match node:
        case Operation(_, operands) | Function(_, operands):
            below: tuple[Node, ...] = operands
        case Case(branches, otherwise):
            below = (*(part for branch in branches for part in branch), otherwise)
        case Over(_, _, body) if inside:
            below = (body,)
        case _:
            below = ()
    for child in below:
        yield from _walk(child, inside=inside)


def parse(written: str) -> Expression:
    """Read an expression. Raises the error that a validator of the settings raises."""
    if len(written) > LONGEST_EXPRESSION:
        raise wrong(N_("this expression is too long"))
    reader = _Reader(written)
    node = reader.disjunction(0)
    if reader.peek() is not None:
        reader.fail()
    return Expression(written, node)


class _Reader:
    """Reads an expression from left to right, one level of precedence a method."""

    def __init__(self, written: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._at = 0
        position = 0
        end = len(written.rstrip())
        while position < end:
            found = _TOKEN.match(written, position)
            if found is None or found.lastgroup is None:
                raise wrong(
                    N_("cannot be read from character {at} on: a sign that is not known here"),
                    at=position + 1,
                )
            kind = found.lastgroup
            value = found[kind]
            if kind == "word" and value.lower() in _KEYWORDS:
                kind, value = "keyword", value.lower()
            self._tokens.append((kind, value))
            position = found.end()
        if not self._tokens:
            raise wrong(N_("must not be empty; write null for nothing and '' for an empty text"))

    def peek(self) -> tuple[str, str] | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def fail(self) -> NoReturn:
        token = self.peek()
        if token is None:
            raise wrong(N_("ends too early: something is missing at the end"))
        raise wrong(N_("cannot be read at word {at}: {word}"), at=self._at + 1, word=token[1])

    def take(self, *values: str) -> str | None:
        """Take the next sign or keyword when it is one of `values`."""
        token = self.peek()
        if token is not None and token[0] in ("sign", "keyword") and token[1] in values:
            self._at += 1
            return token[1]
        return None

    def expect(self, value: str) -> None:
        if self.take(value) is None:
            self.fail()

    def disjunction(self, depth: int) -> Node:
        if depth > DEEPEST_EXPRESSION:
            raise wrong(N_("is nested too deeply"))
        node = self.conjunction(depth)
        while self.take("or"):
            node = Operation("or", (node, self.conjunction(depth)))
        return node

    def conjunction(self, depth: int) -> Node:
        node = self.negation(depth)
        while self.take("and"):
            node = Operation("and", (node, self.negation(depth)))
        return node

    def negation(self, depth: int) -> Node:
        if self.take("not"):
            if depth > DEEPEST_EXPRESSION:
                raise wrong(N_("is nested too deeply"))
            return Operation("not", (self.negation(depth + 1),))
        return self.predicate(depth)

    def predicate(self, depth: int) -> Node:
        node = self.addition(depth)
        sign = self.take("=", "<>", "!=", "<", "<=", ">", ">=")
        if sign:
            return Operation("<>" if sign == "!=" else sign, (node, self.addition(depth)))
        if self.take("is"):
            is_not = self.take("not")
            self.expect("null")
            found: Node = Operation("is_null", (node,))
            return Operation("not", (found,)) if is_not else found
        is_not = self.take("not")
        if self.take("in"):
            self.expect("(")
            found = Operation("in", (node, *self.several(depth)))
            return Operation("not", (found,)) if is_not else found
        if is_not:
            self.fail()
        return node

    def addition(self, depth: int) -> Node:
        node = self.product(depth)
        while sign := self.take("+", "-"):
            node = Operation(sign, (node, self.product(depth)))
        return node

    def product(self, depth: int) -> Node:
        node = self.unary(depth)
        while sign := self.take("*", "/"):
            node = Operation(sign, (node, self.unary(depth)))
        return node

    def unary(self, depth: int) -> Node:
        if self.take("-"):
            if depth > DEEPEST_EXPRESSION:
                raise wrong(N_("is nested too deeply"))
            return Operation("negate", (self.unary(depth + 1),))
        return self.primary(depth)

    def several(self, depth: int) -> tuple[Node, ...]:
        """Read values between commas up to the closing parenthesis."""
        found = [self.disjunction(depth + 1)]
        while self.take(","):
            found.append(self.disjunction(depth + 1))
        self.expect(")")
        return tuple(found)

    def primary(self, depth: int) -> Node:
        if self.take("("):
            node = self.disjunction(depth + 1)
            self.expect(")")
            return node
        if self.take("case"):
            return self.case(depth + 1)
        constant = self.take("null", "true", "false")
        if constant:
            return Literal({"null": None, "true": True, "false": False}[constant])
        token = self.peek()
        if token is None or token[0] in ("sign", "keyword"):
            self.fail()
        kind, value = token
        self._at += 1
        if kind == "number":
            return Literal(Decimal(value) if "." in value else int(value))
        if kind == "text":
            return Literal(value[1:-1].replace("''", "'"))
        return self.named(kind, value, depth)

    def named(self, kind: str, value: str, depth: int) -> Node:
        if kind == "word" and self.take("("):
            return self.call(value.lower(), depth)
        name = value[1:-1].replace('""', '"') if kind == "quoted" else value
        if not self.take("."):
            return Column(name)
        token = self.peek()
        if token is None or token[0] not in ("word", "quoted"):
            self.fail()
        self._at += 1
        inner = token[1][1:-1].replace('""', '"') if token[0] == "quoted" else token[1]
        return Column(inner, name)

    def call(self, name: str, depth: int) -> Node:
        if name in OVER:
            token = self.peek()
            if token is None or token[0] != "word":
                self.fail()
            self._at += 1
            if name == "count" and self.take(")"):
                return Over(name, token[1], Literal(value=True))
            self.expect(",")
            body = self.disjunction(depth + 1)
            self.expect(")")
            return Over(name, token[1], body)
        limits = FUNCTIONS.get(name)
        if limits is None:
            known = ", ".join(sorted({*FUNCTIONS, *OVER}))
            raise wrong(N_("there is no function {name}; known: {known}"), name=name, known=known)
        arguments = () if self.take(")") else self.several(depth)
        if not limits[0] <= len(arguments) <= limits[1]:
            raise wrong(N_("the function {name} takes another number of values"), name=name)
        if name in ("today", "now"):
            _check_format(name, arguments)
        return Function(name, arguments)

    def case(self, depth: int) -> Node:
        if depth > DEEPEST_EXPRESSION:
            raise wrong(N_("is nested too deeply"))
        branches: list[tuple[Node, Node]] = []
        while self.take("when"):
            condition = self.disjunction(depth)
            self.expect("then")
            branches.append((condition, self.disjunction(depth)))
        if not branches:
            self.fail()
        otherwise = self.disjunction(depth) if self.take("else") else Literal(None)
        self.expect("end")
        return Case(tuple(branches), otherwise)


def _check_format(name: str, arguments: tuple[Node, ...]) -> None:
    for each in arguments:
        is_text = isinstance(each, Literal) and isinstance(each.value, str)
        if not is_text or not FORMATS.fullmatch(str(each.value)):  # type: ignore[union-attr]
            raise wrong(
                N_("{name}('...') is told a format of yyyy MM dd HH mm ss, as in 'yyyyMMdd'"),
                name=name,
            )
        form = str(each.value)  # type: ignore[union-attr]
        has_time = any(sign in form for sign in ("HH", "mm", "ss", "fff"))
        if has_time and (name == "today" or ("mm" in form and "HH" not in form)):
            raise wrong(
                N_(
                    "{name}('{form}'): mm are minutes, months are MM; the time of day is told by now('HH:mm:ss')"
                ),
                name=name,
                form=form,
            )
