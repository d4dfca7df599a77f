"""What a person is told who carries an action out: screen, number, button and reason, in the ERP's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.contract import Image, Instruction, Kind, Step
from connectors.odbc.recipe_judging import chosen_lines, number_of, positions
from core.text import N_, Text

if TYPE_CHECKING:
    from config.recipes import ByPerson
    from connectors.odbc.recipe_actions import RecipeAction


def instruction_of(
    action: RecipeAction, by_person: ByPerson, step: Step, image: Image
) -> Instruction:
    """Return the menu path with the document and its chosen lines, the button, and why."""
    press = by_person.press if action.verb == "close" else by_person.reopen_press
    number = number_of(action.rules, image, step.ref)
    chosen = chosen_lines(step)
    values: dict[str, object] = {"screen": by_person.screen, "number": number}
    if chosen:
        values["lines"] = ", ".join(positions(action.rules, image, chosen))
    screen = N_("{screen}: {number}, lines {lines}") if chosen else N_("{screen}: {number}")
    return Instruction(
        screen=Text(screen, values),
        press=Text(press or action.title),
        reason=Text(_reason(action)),
    )


def _reason(action: RecipeAction) -> str:
    if action.verb != "close":
        return N_("it was closed by mistake")
    is_period = action.kind is Kind.ACCOUNTING_PERIOD
    return N_("everything of it is booked") if is_period else N_("the remainder will never come")
