"""Closing, reopening and taking back: the three actions of a kind that a recipe closes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from config.recipes import PERIODS
from connectors.contract import Executor, Image, Problem, Ref, Reversibility, Step
from connectors.judging import MISSING
from connectors.odbc.document_rows import RowChange, Rows
from connectors.odbc.formulas import Writer
from connectors.odbc.recipe_actions import NOBODY, UNFIT, RecipeAction
from connectors.odbc.recipe_judging import Pen, changed, chosen_lines
from connectors.odbc.recipe_rows import Scribe
from core.text import N_, Text

if TYPE_CHECKING:
    from config.recipes import KindRecipe, Recipe
    from core.encoding import Value

_NOT_EXACT: Final = N_(
    "a person opens it again in the ERP: names and dates of closing are then what the ERP itself writes"
)
_CLOSED_AGAIN: Final = N_(
    "a person closes it again in the ERP: names and dates of closing are then what the ERP itself writes"
)

_BY_ITSELF: Final = Problem(
    "closed_by_itself",
    Text(
        N_(
            "it closed by itself, since everything came; a return that is booked in the ERP opens it"
        )
    ),
)
_NOT_CLOSED: Final = frozenset({MISSING.code, "missing_line", "open", UNFIT})


class CloseAction(RecipeAction):
    """The remainder will never come: the document, or some of its lines, is closed."""

    verb = "close"
    title = N_("Close: the remainder will never come")

    def __init__(
        self, recipe: Recipe, kind: str, rules: KindRecipe, scribe: Scribe, pen: Pen
    ) -> None:
        super().__init__(recipe, kind, rules, scribe, pen)
        if kind == PERIODS:
            self.title = N_("Close the period")  # type: ignore[misc]
        if self.rules.close is None:
            self.executors = (Executor.BY_PERSON,)  # type: ignore[misc]
        has_way_back = self.rules.reopen is not None or (
            self.rules.by_person is not None and self.rules.by_person.reopen_press is not None
        )
        self.reopen_action = f"{kind}.reopen" if has_way_back else None  # type: ignore[misc]
        if self.is_written_by_us:
            return
        self.reversibility = (  # type: ignore[misc]
            Reversibility.MANUAL if has_way_back else Reversibility.NONE
        )
        self.reversibility_note = (  # type: ignore[misc]
            _NOT_EXACT if has_way_back else N_("this ERP does not open it again")
        )

    def changes(self, step: Step, image: Image, writer: Writer) -> list[RowChange]:
        if self.rules.close is None:
            return []
        return self.scribe.close(self.rows(step, image), writer, chosen_lines(step))

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        now = self.rows(step, after)
        chosen = chosen_lines(step)
        if not chosen:
            return self.is_closed(now)
        return set(chosen) <= {ref.key for ref in self.closed_lines(now)}

    def _state_problems(self, step: Step, rows: Rows) -> Iterator[Problem]:
        chosen = chosen_lines(step)
        closed = {ref.key for ref in self.closed_lines(rows)} if chosen else set()
        if self.is_closed(rows) or (chosen and closed >= set(chosen)):
            yield Problem("closed", Text(N_("it is closed already")))
        if chosen and not set(chosen) <= {ref.key for ref in rows.lines}:
            yield Problem("missing_line", Text(N_("a line of it does not exist any more")))

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        if self.reversibility is Reversibility.NONE:
            return ()
        if self.rules.close is None:
            # No cell of it is ours to put back: a person opens it, and that is read back.
            chosen = chosen_lines(step)
            arguments: dict[str, Value] = {"lines": chosen} if chosen else {}
            return (Step(f"{self.kind}.reopen", step.ref, arguments),)
        return self._way_back(step, before, after)

    def expected(self, step: Step, image: Image) -> Image | None:
        return None if self.rules.close is None else super().expected(step, image)


class ReopenAction(RecipeAction):
    """Opens what anybody closed, when no before image says what stood there."""

    verb = "reopen"
    title = N_("Open it again")

    def __init__(
        self, recipe: Recipe, kind: str, rules: KindRecipe, scribe: Scribe, pen: Pen
    ) -> None:
        super().__init__(recipe, kind, rules, scribe, pen)
        if kind == PERIODS:
            self.title = N_("Reopen the period")  # type: ignore[misc]
        if self.rules.reopen is None:
            self.executors = (Executor.BY_PERSON,)  # type: ignore[misc]
        if self.rules.reopen is None or not self.is_written_by_us:
            self.reversibility = Reversibility.MANUAL  # type: ignore[misc]
            self.reversibility_note = _CLOSED_AGAIN  # type: ignore[misc]
        self.remark = (rules.reopen.note or "") if rules.reopen else ""  # type: ignore[misc]

    def remainder(self, image: Image) -> None:
        """Return nothing: opening gives nothing up."""

    def changes(self, step: Step, image: Image, writer: Writer) -> list[RowChange]:
        if self.rules.reopen is None:
            return []
        return self.scribe.reopen(self.rows(step, image), writer, chosen_lines(step))

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        found = super().problems(step, image)
        if self.rules.reopen is None or any(each.code in _NOT_CLOSED for each in found):
            return found
        return (*found, _BY_ITSELF) if self._opens_nothing(step, image) else found

    def _opens_nothing(self, step: Step, image: Image) -> bool:
        """Whether all of it, or a line that was chosen, would stay closed."""
        then = changed(image, self.changes(step, image, NOBODY))
        chosen = chosen_lines(step)
        if chosen:
            return any(ref.key in chosen for ref in self.closed_lines(self.rows(step, then)))
        return self._ends(step, then) == self._ends(step, image)

    def lines(self, image: Image, names: Sequence[str]) -> tuple[Ref, ...]:
        if self.rules.closed is None or self.rules.closed.line is None:
            return ()
        return super().lines(image, names)

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        if self.rules.reopen is None:
            now = self.rows(step, after)
            chosen = chosen_lines(step)
            if chosen:
                there = {ref.key for ref in now.lines} - {r.key for r in self.closed_lines(now)}
                return set(chosen) <= there
            return now.document is not None and not self.is_closed(now)
        return super().is_done(step, before, after)

    def _state_problems(self, step: Step, rows: Rows) -> Iterator[Problem]:
        chosen = chosen_lines(step)
        closed = {ref.key for ref in self.closed_lines(rows)}
        if chosen and not set(chosen) <= {ref.key for ref in rows.lines}:
            yield Problem("missing_line", Text(N_("a line of it does not exist any more")))
        elif chosen and not set(chosen) <= closed:
            yield Problem("open", Text(N_("a line of these is not closed")))
        elif not self.is_closed(rows) and not closed:
            yield Problem("open", Text(N_("it is not closed")))

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        if self.rules.reopen is None:
            chosen = chosen_lines(step)
            arguments: dict[str, Value] = {"lines": chosen} if chosen else {}
            return (Step(f"{self.kind}.close", step.ref, arguments),)
        return self._way_back(step, before, after)

    def expected(self, step: Step, image: Image) -> Image | None:
        return None if self.rules.reopen is None else super().expected(step, image)


class RestoreAction(RecipeAction):
    """Puts back what stood there, to the last letter; what follows from business meanwhile is recomputed."""

    verb = "restore"
    title = N_("Put back what stood there")
    is_link = True

    def changes(self, step: Step, image: Image, writer: Writer) -> list[RowChange]:
        return self.scribe.put_back(self.rows(step, image), step.arguments, writer)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return self._way_back(step, before, after)


def actions_of(
    recipe: Recipe, kind: str, rules: KindRecipe, scribe: Scribe, pen: Pen
) -> tuple[RecipeAction, ...]:
    """Return the actions of one kind: none where nobody knows how one sees that it is closed.

    `rules` are the recipe's own for the kind, spelled as the live tables are.
    """
    if rules.closed is None or (rules.close is None and rules.by_person is None):
        return ()
    found: list[RecipeAction] = [CloseAction(recipe, kind, rules, scribe, pen)]
    if found[0].reopen_action is not None:
        found.append(ReopenAction(recipe, kind, rules, scribe, pen))
    if found[0].reversibility is not Reversibility.NONE:
        found.append(RestoreAction(recipe, kind, rules, scribe, pen))
    return tuple(found)
