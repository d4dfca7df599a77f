"""Business that came to a document after it was closed: harmless, changing the result, or in the way of a rollback."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from config.recipes import LINES
from connectors.contract import Effect, LaterBusiness
from connectors.judging import DELETED
from connectors.odbc.document_rows import PERIOD, counting
from connectors.odbc.formulas import NOTHING, ready_condition
from connectors.odbc.recipe_judging import chosen_lines, hangs_on, other_books
from core.text import N_, Text

if TYPE_CHECKING:
    from config.recipes import LaterRule
    from connectors.contract import Image, Ref, Step
    from connectors.odbc.recipe_actions import RecipeAction


def later_business(
    action: RecipeAction, step: Step, after: Image, now: Image
) -> tuple[LaterBusiness, ...]:
    """Sort what happened to a document since it was left so, as the recipe says."""
    then, current = action.rows(step, after), action.rows(step, now)
    if current.document is None:
        return (DELETED,)
    elsewhere = other_books(then.document or {}, current.document)
    if elsewhere is not None:
        return (LaterBusiness(Effect.BLOCKS, elsewhere),)
    found = [
        LaterBusiness(Effect(rule.effect), Text(rule.text))
        for rule in action.rules.later
        if _happened(action, rule, step, after, now)
    ]
    if _has_new_line(action, step, then.lines.keys(), current.lines.keys()):
        found.append(LaterBusiness(Effect.BLOCKS, Text(N_("a line was added to it since"))))
    was_open = (then.document or {}).get(PERIOD) != "closed"
    if was_open and current.document.get(PERIOD) == "closed":
        found.append(LaterBusiness(Effect.BLOCKS, Text(N_("its period was closed meanwhile"))))
    return tuple(found)


def _happened(action: RecipeAction, rule: LaterRule, step: Step, after: Image, now: Image) -> bool:
    rules = action.rules.table_of(rule.of)
    counts = None if rules.only is None else counting(rules.only)
    chosen = chosen_lines(step)
    appears = ready_condition(rule.appears) if rule.appears is not None else None
    current = action.rows(step, now)
    sight, then_sight = current.sight(), action.rows(step, after).sight()
    lines = [row for ref, row in current.lines.items() if not chosen or ref.key in chosen]
    for record in now.of_model(rules.table):
        if rule.of == LINES and chosen and record.ref.key not in chosen:
            continue
        row = record.fields or {}
        if counts is not None and not counts(row, NOTHING):
            continue
        if not hangs_on(action.rules, rule.of, row, lines):
            continue
        was = after.get(record.ref)
        old = was.fields if was is not None else None
        if (
            appears is not None
            and appears(row, sight)
            and (old is None or not appears(old, then_sight))
        ):
            return True
        # What is new is judged by what it says, and a new line has a reason of its own.
        if old is not None and any(
            not action.normal_form.is_same(old.get(name), row.get(name)) for name in rule.changed
        ):
            return True
    return False


def _has_new_line(
    action: RecipeAction, step: Step, then: Iterable[Ref], now: Iterable[Ref]
) -> bool:
    """Whether a line came where the recipe says that what happens to lines matters."""
    is_watched = any(rule.changed and rule.of == LINES for rule in action.rules.later)
    return is_watched and not chosen_lines(step) and bool({*now} - {*then})
