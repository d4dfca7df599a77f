"""Documents in scope, each with its route or with every reason against it. Reads only, memory flat."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from closing.expression import Expression
from closing.model import Candidate, Closing
from connectors.contract import Criteria, Problem, Ref
from core.errors import BadInput, NotFound
from core.text import N_, Text

if TYPE_CHECKING:
    import pyarrow as pa

    from closing.rules import RuleBook
    from connectors.contract import System

NUMBERS_AT_ONCE: Final = 1_000
_KEY: Final = re.compile(r"(?:[\w.]+,)?\d+", re.ASCII)
FACTS: Final = (
    "reference",
    "partner",
    "date",
    "due",
    "state",
    "currency",
    "amount",
    "ordered_quantity",
    "received_quantity",
    "invoiced_quantity",
    "remaining_quantity",
    "remaining_amount",
    "closed_by",
    "closed_at",
    "closed_how",
)
"""Columns of the document that the plan keeps, so that it can be read without the ERP."""


@dataclass(frozen=True, slots=True)
class GivenNumbers:
    """A list of numbers as a person gave it: each once, in its order, and how many came twice."""

    numbers: tuple[str, ...]
    repeated: tuple[str, ...]

    @classmethod
    def of(cls, numbers: Iterable[str]) -> GivenNumbers:
        """Strip blanks, drop empty ones, count repetitions."""
        seen: dict[str, int] = {}
        for number in numbers:
            stripped = number.strip()
            if stripped:
                seen[stripped] = seen.get(stripped, 0) + 1
        return cls(tuple(seen), tuple(number for number, count in seen.items() if count > 1))


def find_candidates(
    system: System, closing: Closing, book: RuleBook, given: GivenNumbers | None
) -> Iterator[Candidate]:
    """Yield every document in scope once; with `given`, a candidate or the reasons for each number."""
    if given is None:
        where = closing.where
        is_closed = where.is_closed if where is not None else None
        criteria = Criteria(is_closed=is_closed, native=closing.native())
        for row, answers in _judge(system, closing, book, criteria, where=where):
            yield _candidate(closing, row, answers)
        return
    for start in range(0, len(given.numbers), NUMBERS_AT_ONCE):
        chunk = given.numbers[start : start + NUMBERS_AT_ONCE]
        yield from _find_numbers(system, closing, book, chunk)


def find_refs(
    system: System, closing: Closing, book: RuleBook, refs: Sequence[Ref]
) -> Iterator[Candidate]:
    """Yield a candidate or the reasons for each of these documents."""
    for start in range(0, len(refs), NUMBERS_AT_ONCE):
        chunk = dict.fromkeys(refs[start : start + NUMBERS_AT_ONCE])
        found = dict[Ref, Candidate]()
        criteria = Criteria(keys=tuple(str(ref) for ref in chunk), native=closing.native())
        for row, answers in _judge(system, closing, book, criteria, where=None):
            ref = Ref(row["model"], row["key"])
            if ref in chunk:
                found[ref] = _named(closing, row, answers)
        for ref in chunk:
            missing = Problem("not_found", Text(N_("there is no such document any more")))
            yield found.get(ref) or Candidate(ref, None, None, (missing,))


def _find_numbers(
    system: System, closing: Closing, book: RuleBook, numbers: Sequence[str]
) -> Iterator[Candidate]:
    """Yield candidates in the order of the list.

    Every document may be named by model and key (where several have one number), one without a number by its key.
    """
    by_number: dict[str, list[Candidate]] = {number: [] for number in numbers}
    criteria = Criteria(numbers=tuple(numbers), native=closing.native())
    for row, answers in _judge(system, closing, book, criteria, where=None):
        if row["number"] in by_number:
            by_number[row["number"]].append(_named(closing, row, answers))
    keys = tuple(
        number for number, found in by_number.items() if not found and _KEY.fullmatch(number)
    )
    if keys:
        criteria = Criteria(keys=keys, native=closing.native())
        for row, answers in _judge(system, closing, book, criteria, where=None):
            named = f"{row['model']},{row['key']}"
            for key in (named,) if row["number"] is not None else (named, row["key"]):
                if key in keys:
                    by_number[key].append(_named(closing, row, answers))
    for number, found in by_number.items():
        if len(found) == 1:
            yield found[0]
        elif found:
            text = Text(
                N_("{count} documents have this number: {keys}"),
                {"count": len(found), "keys": ", ".join(str(item.ref) for item in found)},
            )
            yield Candidate(None, number, None, (Problem("ambiguous", text),))
        else:
            missing = Problem("not_found", Text(N_("there is no document with this number")))
            yield Candidate(None, number, None, (missing,))


def _named(closing: Closing, row: Mapping[str, Any], answers: Sequence[bool | None]) -> Candidate:
    """Judge a document that a person named: out of scope is a reason that is told."""
    candidate = _candidate(closing, row, answers[1:] if closing.where is not None else answers)
    if closing.where is None or answers[0]:
        return candidate
    demanded = closing.where.is_closed
    if demanded is False and row["is_closed"]:
        problem = Problem("already_closed", Text(N_("it is closed already")))
    elif demanded is True and row["is_closed"] is False:
        problem = Problem("not_closed", Text(N_("it is not closed")))
    else:
        text = Text(N_("it is out of scope: {scope}"), {"scope": closing.where.sql})
        problem = Problem("out_of_scope", text)
    return replace(candidate, route=None, problems=(problem,))


def _judge(
    system: System,
    closing: Closing,
    book: RuleBook,
    criteria: Criteria,
    where: Expression | None,
) -> Iterator[tuple[dict[str, Any], Sequence[bool | None]]]:
    """Yield document rows with the answers of: the scope (when it does not filter), routes, checks.

    Routes and checks are only asked about documents in scope, and a route's checks only about documents that
    fit it, so that they cannot fail on the values of others.
    """
    scope = closing.where if where is None else None
    rules = [
        *([scope] if scope is not None else []),
        *(_guarded(route.when, scope) for route in closing.routes if route.when is not None),
        *(_guarded(check.holds, scope) for check in closing.checks),
        *(
            _guarded(check.holds, scope, route.when)
            for route in closing.routes
            for check in route.checks
        ),
    ]

    def lines(native: tuple[str, ...]) -> Iterable[pa.RecordBatch]:
        return system.lines(closing.kind, replace(criteria, native=native))

    columns = ["model", "key", "number", "is_closed", *FACTS]
    with _naming_rule(closing):
        documents = system.documents(closing.kind, criteria)
        for judged in book.judge(documents, rules, where=where, lines=lines):
            rows = judged.documents.select(columns).to_pylist()
            yield from zip(rows, judged.answers, strict=True)


@contextmanager
def _naming_rule(closing: Closing) -> Iterator[None]:
    """Name the rule that asks for a native field which the system has not."""
    try:
        yield
    except NotFound as error:
        if error.details.get("what") != "field":
            raise
        name = error.details.get("name")
        asking = (r.source for r in closing.expressions() if name in (*r.native, *r.lines_native))
        source = next(asking, f"closings.{closing.name}")
        raise BadInput(source=source, problem=error.text) from error


def _guarded(rule: Expression, *guards: Expression | None) -> Expression:
    """Return `rule`, asked only where every guard holds; unknown elsewhere."""
    for guard in guards:
        if guard is not None:
            rule = replace(
                rule,
                sql=f"CASE WHEN ({guard.sql}\n) THEN ({rule.sql}\n) END",
                native=tuple(sorted({*rule.native, *guard.native})),
                lines_native=tuple(sorted({*rule.lines_native, *guard.lines_native})),
                uses_lines=rule.uses_lines or guard.uses_lines,
            )
    return rule


def _candidate(
    closing: Closing, row: Mapping[str, Any], answers: Sequence[bool | None]
) -> Candidate:
    """Take the first route that fits, and every check that does not hold."""
    left = iter(answers)
    fits = [True if route.when is None else next(left) for route in closing.routes]
    route = next((found for found, holds in zip(closing.routes, fits, strict=True) if holds), None)
    problems = []
    if route is None:
        problems.append(Problem("no_route", _own_words(closing.otherwise)))
    judged = [(check, next(left)) for check in closing.checks]
    for each in closing.routes:
        of_route = [(check, next(left)) for check in each.checks]
        judged += of_route if each is route else []
    for check, holds in judged:
        if holds is None:
            text = Text(
                N_("{reason} (cannot be decided: a value is missing)"), {"reason": check.reason}
            )
            problems.append(Problem(check.code, text))
        elif not holds:
            problems.append(Problem(check.code, _own_words(check.reason)))
    return Candidate(
        Ref(row["model"], row["key"]),
        row["number"],
        None if problems else route,
        tuple(problems),
        {name: row[name] for name in FACTS if row[name] is not None},
    )


def _own_words(reason: str) -> Text:
    """Words of the operator: shown as they are, in no catalogue."""
    return Text("{reason}", {"reason": reason})
