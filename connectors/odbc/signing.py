"""Whether somebody's name is written into the ERP, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from connectors.contract import Problem
from core.text import N_, Text

if TYPE_CHECKING:
    from config.recipes import KindRecipe
    from connectors.contract import Step
    from connectors.odbc.recipe_judging import Pen


def name_problems(pen: Pen, rules: KindRecipe, verb: str, step: Step) -> Iterator[Problem]:
    """Say what is wrong with the name that a step writes; nothing where it writes none."""
    if needs_name(rules, verb):
        yield from closer_problems(pen, pen.name(step))


def closer_problems(pen: Pen, name: str | None) -> Iterator[Problem]:
    """Say what is wrong with the name that would be written."""
    if not name:
        yield Problem(
            "no_closer", Text(N_("nobody's name is set for closing: write closer into storno.yaml"))
        )
        return
    longest = pen.longest or (pen.rules.longest if pen.rules is not None else None)
    if longest is not None and len(name) > longest:
        yield Problem(
            "closer_too_long",
            Text(
                N_("the name {name} is longer than the {longest} characters of its column"),
                {"name": name, "longest": longest},
            ),
        )
    if pen.users is not None and name not in pen.users:
        yield Problem("closer_unknown", Text(N_("the ERP has no user {name}"), {"name": name}))


def writes_name(rules: KindRecipe, verb: str) -> bool:
    """Whether closing or reopening writes somebody's name."""
    rule = rules.close if verb == "close" else rules.reopen if verb == "reopen" else None
    if rule is None:
        return False
    assigned = (*rule.lines.values(), *rule.document.values())
    return any("closer" in each.functions() for each in assigned)


def needs_name(rules: KindRecipe, verb: str) -> bool:
    """Whether somebody's name may be written: by the verb itself, or by what follows from other columns."""
    recomputed = (*rules.recomputed.lines.values(), *rules.recomputed.document.values())
    return writes_name(rules, verb) or any("closer" in each.functions() for each in recomputed)
