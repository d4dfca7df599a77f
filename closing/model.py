"""What a closing is: which documents, which checks, which action. Frozen values; everything validated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from connectors.contract import (
    Action,
    ActionSupport,
    Executor,
    Kind,
    Problem,
    Ref,
    Reversibility,
    SystemCheck,
)
from core.errors import BadInput
from core.text import N_, Text

if TYPE_CHECKING:
    from closing.expression import Expression
    from closing.rules import RuleBook
    from config.closings import Check as CheckSettings
    from config.closings import ClosingSettings
    from core.encoding import Value

WORST_LAST: Final = tuple(Reversibility)
"""From best to worst, as `Reversibility` is written down."""


@dataclass(frozen=True, slots=True)
class Check:
    """A condition that must be true. One that cannot be decided (a value is missing) is not."""

    code: str
    holds: Expression
    reason: str  # the operator's own words


@dataclass(frozen=True, slots=True)
class Route:
    """One way to close: the first route whose condition holds is taken."""

    name: str
    when: Expression | None  # None: always
    action: Action
    executor: Executor
    arguments: Mapping[str, Value] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()


def in_the_name_of(routes: Iterable[Route], person: str) -> tuple[Route, ...]:
    """Return the routes with the person for whom they are carried out, where the ERP will show one name a person."""
    return tuple(
        replace(route, arguments={PERSON: person, **route.arguments})
        if route.action.is_personal
        else route
        for route in routes
    )


PERSON: Final = "closer"
"""The argument of a personal action that names a person of Storno."""


@dataclass(frozen=True, slots=True)
class Closing:
    """One closing of `storno.yaml`, with its rules read and its actions found on the system."""

    name: str
    title: str
    kind: Kind
    where: Expression | None  # the scope
    routes: tuple[Route, ...]
    checks: tuple[Check, ...] = ()
    otherwise: str = ""  # what people read about a document that no route fits

    def all_checks(self) -> tuple[Check, ...]:
        """Return the checks of the closing, then those of its routes."""
        return self.checks + tuple(check for route in self.routes for check in route.checks)

    def expressions(self) -> tuple[Expression, ...]:
        """Return every rule, the scope first."""
        rules = [self.where, *(route.when for route in self.routes)]
        rules += [check.holds for check in self.all_checks()]
        return tuple(rule for rule in rules if rule is not None)

    def native(self) -> tuple[str, ...]:
        """Return the native columns that the rules ask the connector for."""
        return tuple(sorted({name for rule in self.expressions() for name in rule.native}))


@dataclass(frozen=True, slots=True)
class Candidate:
    """One document that was looked at: a route, or the reasons why it cannot be closed (all of them)."""

    ref: Ref | None  # None: the number names no document, or several
    number: str | None
    route: Route | None
    problems: tuple[Problem, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)  # what the plan shows of the document


@dataclass(frozen=True, slots=True)
class PlanProgress:
    """How far planning has come."""

    looked_at: int
    ready: int
    excepted: int


ReportProgress = Callable[[PlanProgress], None]


def say_nothing(progress: PlanProgress) -> None:
    """Take a progress report and show it to nobody."""
    del progress


def worst(found: tuple[Reversibility, ...]) -> Reversibility:
    """Return the worst of several reversibilities: a chain is only as good as its worst link."""
    return max(found, key=WORST_LAST.index)


def choose_action(
    source: str,
    actions: Mapping[str, Action],
    support: Mapping[str, ActionSupport],
    *,
    name: str,
    kind: Kind,
    executor: Executor | None,
) -> tuple[Action, Executor]:
    """Return the action that a route names, and who carries it out. Raises `BadInput` naming the setting `source`.

    Where a route does not say who, Storno does it if it may, else a person.
    """
    action = actions.get(name)
    if action is None or action.kind is not kind:
        known = sorted(found for found, item in actions.items() if item.kind is kind)
        if not known:
            raise BadInput(
                N_(
                    "{source}: nothing closes or opens {kind} on this system; why not: storno systems check"
                ),
                source=source,
                kind=kind.value,
            )
        raise BadInput(
            N_("{source}: there is no action {name!r} for {kind} on this system. Known: {known}"),
            source=source,
            name=name,
            kind=kind.value,
            known=", ".join(known) or "-",
        )
    found = support.get(name)
    if executor is None:
        executor = default_executor(action, found)
    if executor not in action.executors:
        details = {
            "source": source,
            "name": name,
            "executor": executor.value,
            "known": ", ".join(possible.value for possible in action.executors) or "-",
        }
        if found is not None and found.note is not None:
            raise BadInput(
                N_(
                    "{source}: {name} cannot be carried out by {executor}: {problem}. Possible: {known}"
                ),
                **details,
                problem=found.note,
            )
        raise BadInput(
            N_("{source}: {name} cannot be carried out by {executor}. Possible: {known}"), **details
        )
    if executor is not Executor.BY_PERSON and found is not None and not found.is_available:
        raise BadInput(
            N_("{source}: {name} is not available on this system: {problem}"),
            source=source,
            name=name,
            problem=found.note or Text(N_("the system does not offer it to our user")),
        )
    return action, executor


def default_executor(action: Action, support: ActionSupport | None) -> Executor:
    """Return who carries an action out where nobody says: Storno if it may, else a person."""
    is_available = support is None or support.is_available
    if Executor.INTERFACE in action.executors and is_available:
        return Executor.INTERFACE
    return Executor.BY_PERSON if Executor.BY_PERSON in action.executors else Executor.INTERFACE


def choose_kind(source: str, name: str, kinds: tuple[Kind, ...]) -> Kind:
    """Return the kind that a closing names. Raises `BadInput` when this system has none such."""
    for kind in kinds:
        if kind.value == name:
            return kind
    raise BadInput(
        N_("{source}: this system has no {name!r}, or our user may not read it. Known: {known}"),
        source=source,
        name=name,
        known=", ".join(kind.value for kind in kinds),
    )


def read_closing(
    name: str,
    settings: ClosingSettings,
    *,
    actions: Mapping[str, Action],
    check: SystemCheck,
    book: RuleBook,
) -> Closing:
    """Return the closing that the settings describe, for this system.

    Raises `BadInput` naming the setting (`closings.stale.routes[1].when`) when a rule is none, or when the
    system has no such kind or action.
    """
    key = f"closings.{name}"
    kind = choose_kind(f"{key}.kind", settings.kind, check.kinds)
    support = {found.action: found for found in check.actions}

    def checks(at: str, found: Sequence[CheckSettings]) -> tuple[Check, ...]:
        return tuple(
            Check(
                each.code,
                book.read(each.holds, source=f"{at}.checks[{number}].holds"),
                each.reason,
            )
            for number, each in enumerate(found, start=1)
        )

    routes = []
    for number, route in enumerate(settings.routes, start=1):
        at = f"{key}.routes[{number}]"
        action, executor = choose_action(
            f"{at}.action",
            actions,
            support,
            name=route.action,
            kind=kind,
            executor=None if route.executor is None else Executor(route.executor),
        )
        when = book.read(route.when, source=f"{at}.when")
        routes.append(
            Route(route.name, when, action, executor, route.arguments, checks(at, route.checks))
        )
    return Closing(
        name=name,
        title=settings.title or name,
        kind=kind,
        where=book.read(settings.scope, source=f"{key}.scope"),
        routes=tuple(routes),
        checks=checks(key, settings.checks),
        otherwise=settings.otherwise,
    )
