"""Whether what was said about conflicts fits the systems it is for: the fields are there, and numbers are numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.errors import BadInput
from core.text import N_, Text
from recovery.conflicts.resolutions import EVERY_FIELD, Origin, Rule, Rules, Way

if TYPE_CHECKING:
    from connectors.contract import FieldInfo, System
    from recovery.model import Operation
    from recovery.running.judgement import Systems

NUMBERS: Final = frozenset({"Decimal", "int", "any"})
"""Types of fields to which something can be added, as `FieldInfo` names them."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """A rule that does not fit a system. `is_unknown`: another system may have its field."""

    rule: Rule
    system: str
    problem: Text
    is_unknown: bool = False


def unfit_rules(
    systems: Systems, rules: Rules, operations: Iterable[Operation]
) -> tuple[Unfit, ...]:
    """Return the policies that do not fit the systems of these operations.

    Raises `BadInput` for what was said on the command line: a field or a document that is not there, and a
    difference that would be added to what is no quantity.
    """
    if not rules.rules:
        return ()
    documents = list(operations)
    found: list[Unfit] = []
    for system_name in dict.fromkeys(each.system for each in documents):
        here = [each for each in documents if each.system == system_name]
        kinds = {each.kind.value for each in here}
        fields = _fields(systems(system_name), kinds)
        for rule in rules.rules:
            if rule.kind is None or rule.kind in kinds:
                found += _unfit(systems(system_name), rule, fields)
    _require_commands(found, rules, documents)
    return tuple(each for each in found if each.rule.origin is Origin.POLICY)


def _fields(system: System, kinds: Iterable[str]) -> dict[str, set[str]]:
    """Return, per model, every field that an action on these kinds of documents calls its own."""
    found: dict[str, set[str]] = {}
    wanted = set(kinds)
    for action in system.actions().values():
        if action.kind.value in wanted:
            for model, names in action.ours.items():
                found.setdefault(model, set()).update(names)
    return found


def _unfit(system: System, rule: Rule, fields: Mapping[str, set[str]]) -> list[Unfit]:
    if rule.field == EVERY_FIELD:
        if rule.way is not Way.ADD_DIFFERENCE:
            return []
        return [Unfit(rule, system.name, Text(_NAME_IT))]
    models = [
        model
        for model, names in fields.items()
        if rule.model in (None, model) and rule.field in names
    ]
    if not models:
        values = {"system": system.name, "field": rule.place.rpartition(":")[2]}
        return [Unfit(rule, system.name, Text(_UNKNOWN, values), is_unknown=True)]
    if rule.way is not Way.ADD_DIFFERENCE:
        return []
    return [
        Unfit(rule, system.name, Text(_NO_NUMBER, {"model": model, "field": rule.field}))
        for model in models
        if not _is_number(system.schema(model).get(rule.field))
    ]


def _is_number(info: FieldInfo | None) -> bool:
    # A relation is kept as the number of another record, to which nobody adds anything.
    return info is None or (info.relation is None and info.type in NUMBERS)


def _require_commands(found: Iterable[Unfit], rules: Rules, documents: Iterable[Operation]) -> None:
    systems = {each.system for each in documents}
    called = {each.called for each in documents}
    unfit: dict[Rule, list[Unfit]] = {}
    for each in found:
        if each.rule.origin is Origin.COMMAND:
            unfit.setdefault(each.rule, []).append(each)
    for rule, problems in unfit.items():
        # What one of several systems does not have is for the others.
        if len(problems) >= len(systems) or not all(each.is_unknown for each in problems):
            raise BadInput(source=rule.place, problem=problems[0].problem)
    for rule in rules.rules:
        if rule.number is not None and rule.number not in called:
            raise BadInput(
                source=rule.place, problem=N_("no document of this number is among them")
            )


_NAME_IT: Final = N_("a difference is added to a field that is named, never to every field")
_UNKNOWN: Final = N_("nothing that Storno changes in {system} is called {field}")
_NO_NUMBER: Final = N_("{model}.{field} is no quantity and no amount: nothing can be added to it")
