"""Closing, reopening and taking back, made from a recipe.

An action knows no table by itself: what it reads, writes, calls closed, refuses and recomputes stands in the
recipe. It judges images alone; the connector carries its writes out in one transaction.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, ClassVar, Final
from zoneinfo import ZoneInfo

from config.recipes import KindRecipe
from connectors.contract import (
    Action,
    Effect,
    Executor,
    Image,
    Instruction,
    Kind,
    LaterBusiness,
    Problem,
    Ref,
    Remainder,
    Step,
)
from connectors.judging import MISSING
from connectors.odbc.document_rows import PERIOD, RowChange, Rows
from connectors.odbc.formulas import Writer, ready_condition
from connectors.odbc.images import DATABASE
from connectors.odbc.recipe_instruction import instruction_of
from connectors.odbc.recipe_judging import (
    Pen,
    changed,
    chosen_lines,
    goes_forward,
    is_written_by,
    labels_of,
    lines_called,
    looked_at,
    parts_of,
    period_problem,
    remainder_of,
    seen,
    shown_by_itself,
    trace,
    without_nothing,
    word_of,
    written,
    written_places,
)
from connectors.odbc.recipe_later import later_business
from connectors.odbc.recipe_rows import Scribe
from connectors.odbc.signing import name_problems, writes_name
from core import clock
from core.errors import BadInput
from core.text import N_, Text

if TYPE_CHECKING:
    from config.recipes import Recipe
    from core.encoding import Value

NOBODY: Final = Writer("", datetime(2000, 1, 1, tzinfo=UTC))
SOMEBODY: Final = Writer("*", datetime(2000, 1, 2, 1, 1, 1, tzinfo=UTC))
"""Stand for the writer where only the outcome is asked for; what differs between them is a name or a date."""

_WINDOW: Final = N_(
    "its rows are compared under a lock that holds until COMMIT: what somebody changed is never overwritten"
)
_WIDER: Final = N_(
    "its rows are compared under a lock that holds until COMMIT, and tables that hang on it are asked right before;"
    " what the ERP books there alone in the last milliseconds is found only afterwards"
)

UNFIT: Final = "unfit"
"""The problem of rows that the recipe cannot work with."""

MOST_ROWS: Final = 1_000
"""Of so many images an action remembers the rows."""


class RecipeAction(Action):
    """What every action of a recipe shares: the footprint, the judging, the words."""

    verb: ClassVar[str]
    is_atomic_batch = True
    has_compare_and_set = True
    batch_size = 500

    def __init__(
        self, recipe: Recipe, kind: str, rules: KindRecipe, scribe: Scribe, pen: Pen
    ) -> None:
        found = rules
        pen = pen.of(f"{kind}.{self.verb}")
        self.recipe, self.rules, self.scribe, self.pen = recipe, found, scribe, pen
        self.kind = Kind(kind)  # type: ignore[misc]
        self.name = f"{kind}.{self.verb}"  # type: ignore[misc]
        self.model = found.document.table  # type: ignore[misc]
        self.parts = parts_of(found)
        pseudo = {DATABASE} | ({PERIOD} if found.period is not None else set())
        self.footprint = {  # type: ignore[misc]
            part.table: part.fields | (pseudo if part.table == self.model else frozenset())
            for part in self.parts
        }
        ours = {
            found.table_of(place).table: written(found, place) for place in written_places(found)
        }
        self.ours = without_nothing(ours)  # type: ignore[misc]
        self.derived = without_nothing(  # type: ignore[misc]
            {
                found.document.table: frozenset(found.recomputed.document),
                **({found.lines.table: frozenset(found.recomputed.lines)} if found.lines else {}),
            }
        )
        self.trace = without_nothing(  # type: ignore[misc]
            {found.table_of(place).table: trace(found, place) for place in found.places()}
        )
        self.trace_note = (  # type: ignore[misc]
            N_("counters and row versions that only go forward") if goes_forward(found) else ""
        )
        self.recomputes = True  # type: ignore[misc]
        self.is_personal = bool(pen.closers) and writes_name(found, self.verb)  # type: ignore[misc]
        self.labels = labels_of(found)  # type: ignore[misc]
        self.word = word_of(found, self.verb)  # type: ignore[misc]
        self.executors = (  # type: ignore[misc]
            (Executor.INTERFACE, Executor.BY_PERSON)
            if pen.refusal is None
            else (Executor.BY_PERSON,)
        )
        # What a person opens in the ERP goes back as the ERP does it.
        self.restores = self._written_back() if self.is_written_by_us else {}  # type: ignore[misc]
        self._line_closed = (
            ready_condition(found.closed.line) if found.closed and found.closed.line else None
        )
        self._document_closed = ready_condition(found.closed.document) if found.closed else None
        self._rows: dict[tuple[int, str], tuple[Image, Rows]] = {}
        self._writer = NOBODY
        stage = "close" if self.verb == "close" else "reopen"
        self._problems = tuple(
            (rule, ready_condition(rule.when))
            for rule in found.problems
            if rule.is_for in (stage, "both")
        )
        self.looked_at = looked_at(found, self.verb)
        self.window = _WIDER if any(self.looked_at) else _WINDOW  # type: ignore[misc]

    def _written_back(self) -> dict[str, frozenset[str]]:
        return without_nothing(
            {
                table: names
                - self.trace.get(table, frozenset())
                - self.derived.get(table, frozenset())
                for table, names in self.ours.items()
            }
        )

    def also_trace(self, columns: Mapping[str, frozenset[str]]) -> None:
        """Take columns into image and trace that the live tables change by themselves at every write."""
        here = {part.table: columns.get(part.table, frozenset()) for part in self.parts}
        self.parts = tuple(
            replace(part, fields=part.fields | here[part.table]) for part in self.parts
        )
        for name in ("footprint", "ours", "trace"):
            known: Mapping[str, frozenset[str]] = getattr(self, name)
            more = {
                table: known.get(table, frozenset()) | names
                for table, names in here.items()
                if names and (name == "footprint" or table in self.ours)
            }
            setattr(self, name, {**known, **more})
        self.restores = self._written_back() if self.is_written_by_us else {}  # type: ignore[misc]
        if any(here.values()):
            self.trace_note = N_("counters and row versions that only go forward")  # type: ignore[misc]

    @property
    def is_written_by_us(self) -> bool:
        """Whether Storno itself may carry it out here."""
        return self.pen.refusal is None

    # --- what it writes ---------------------------------------------------------------------

    @abstractmethod
    def changes(self, step: Step, image: Image, writer: Writer) -> list[RowChange]:
        """Return what is written, worked out from the rows of an image."""

    def writer(self, step: Step, moment: datetime) -> Writer:
        """Return whose name and which moment the step writes; `moment` is the ERP's own time."""
        day = step.arguments.get("date")
        if isinstance(day, date) and not isinstance(day, datetime):
            moment = moment.replace(year=day.year, month=day.month, day=day.day)
        found = Writer(self.pen.name(step) or "", moment)
        if found != self._writer:
            self._writer = found
        return self._writer

    def lines(self, image: Image, names: Sequence[str]) -> tuple[Ref, ...]:
        return lines_called(self.rules, image, names)

    def expected(self, step: Step, image: Image) -> Image | None:
        """Return the image as the step leaves it: the recipe itself says what is written."""
        moment = clock.now().astimezone(ZoneInfo(self.pen.zone))
        try:
            return changed(image, self.changes(step, image, self.writer(step, moment)))
        except BadInput:
            return None  # `problems` says why nobody can tell.

    def shown_name(self, arguments: Mapping[str, Value]) -> str | None:
        """Return the name that a close writes, where the ERP keeps one."""
        if not writes_name(self.rules, self.verb):
            return None
        return self.pen.name(Step(self.name, Ref(self.model, ""), arguments))

    # --- what the image says ------------------------------------------------------------------

    def rows(self, step: Step, image: Image) -> Rows:
        """Return the step's document with its lines and what hangs on them."""
        # A run asks for the rows of one image again and again: done already, problems, changes, done now.
        mark = id(image), step.ref.key
        known = self._rows.get(mark)
        if known is not None and known[0] is image:
            return known[1]
        if len(self._rows) >= MOST_ROWS:
            self._rows.clear()
        found = Rows(self.rules, image, step.ref)
        self._rows[mark] = image, found
        return found

    def is_closed(self, rows: Rows) -> bool:
        """Whether the document is closed, for certain."""
        if rows.document is None or self._document_closed is None:
            return False
        try:
            return self._document_closed(rows.document, rows.sight())
        except BadInput:
            return False

    def closed_lines(self, rows: Rows) -> frozenset[Ref]:
        """Return the lines that are closed, for certain; none where a recipe does not tell it line by line."""
        if self._line_closed is None:
            return frozenset()
        sight = rows.sight()
        try:
            return frozenset(
                ref for ref, row in rows.lines.items() if self._line_closed(row, sight)
            )
        except BadInput:
            return frozenset()

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        """Whether document and lines are as closed, or as open, as the recipe's own writes would make them.

        Where that was so before already (everything came meanwhile, so a line stays closed, by itself now), every cell
        must hold what would be written. What cannot be written at all was never done.
        """
        try:
            changes = self.changes(step, before, NOBODY)
            others = {each.ref: each.changes for each in self.changes(step, before, SOMEBODY)}
        except BadInput:
            return False
        wanted = changed(before, changes)
        if self._ends(step, after) != self._ends(step, wanted):
            return False
        if self._ends(step, before) != self._ends(step, wanted):
            return True
        return all(
            (now := after.get(each.ref)) is not None
            and now.fields is not None
            and all(
                self.normal_form.is_same(now.fields.get(name), getattr(change, "value", None))
                for name, change in each.changes.items()
                if name not in self.trace.get(each.ref.model, ())
                and change == others[each.ref].get(name)
            )
            for each in changes
        )

    def _ends(self, step: Step, image: Image) -> tuple[bool, bool, frozenset[Ref]]:
        """Return whether the document is there, whether it is closed, and which lines are."""
        rows = self.rows(step, image)
        return rows.document is not None, self.is_closed(rows), self.closed_lines(rows)

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        return self.refusals(step, image) or tuple(self._unfit(step, image))

    def refusals(self, step: Step, image: Image) -> tuple[Problem, ...]:
        """Return what the ERP's own program would say no to, without trying what would be written."""
        rows = self.rows(step, image)
        if rows.document is None:
            return (MISSING,)
        try:
            return (
                *self._state_problems(step, rows),
                *(
                    name_problems(self.pen, self.rules, self.verb, step)
                    if self.is_written_by_us
                    else ()
                ),
                *self._rule_problems(step, rows),
                *period_problem(rows),
            )
        except BadInput as error:
            return (Problem(UNFIT, error.text),)

    def _unfit(self, step: Step, image: Image) -> Iterator[Problem]:
        """Say what of this document's rows, or of their live columns, the recipe cannot work with."""
        try:
            self.remainder(image)
            if self.is_written_by_us:
                self.changes(step, image, self.writer(step, SOMEBODY.moment))
        except BadInput as error:
            yield Problem(UNFIT, error.text)

    def _state_problems(self, step: Step, rows: Rows) -> Iterator[Problem]:
        del step, rows
        yield from ()

    def _rule_problems(self, step: Step, rows: Rows) -> Iterator[Problem]:
        sight = rows.sight()
        for rule, condition in self._problems:
            for row in seen(step, rule, rows):
                if condition(row, sight):
                    yield Problem(rule.code, Text(rule.text))
                    break

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        try:
            return later_business(self, step, after, now)
        except BadInput as error:
            # A rule that cannot be asked may hold.
            return (LaterBusiness(Effect.BLOCKS, error.text),)

    # --- who, and what is given up ------------------------------------------------------------

    def is_ours(self, before: Image, after: Image) -> bool | None:
        """Whether the name that the ERP keeps for what changed is the one that we write."""
        return is_written_by(self.pen, self.rules, before, after)

    def changed_by(self, image: Image, ref: Ref) -> str | None:
        found = shown_by_itself(self.rules, image, ref, ("changed_by", "closed_by"))
        return None if found is None else str(found).strip() or None

    def changed_at(self, image: Image, ref: Ref) -> datetime | None:
        """Return the ERP's own time of the last change, as far as its columns tell it to the minute."""
        found = shown_by_itself(self.rules, image, ref, ("changed_at",))
        try:
            moment = found if isinstance(found, datetime) else datetime.fromisoformat(str(found))
        except ValueError:
            return None
        return (
            moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(self.pen.zone))
        )

    def remainder(self, image: Image) -> Remainder | None:
        if self.rules.lines is None:
            return None
        return remainder_of(self.rules, image)

    def instruction(self, step: Step, image: Image) -> Instruction:
        """Return the menu path and the button, in the words of the ERP's own screens."""
        by_person = self.rules.by_person
        if by_person is None:
            return super().instruction(step, image)
        return instruction_of(self, by_person, step, image)

    def inverse_to(
        self, step: Step, before: Image, after: Image, target: Image
    ) -> tuple[Step, ...]:
        """Return the way to the target; what was worked out from `before` is worked out anew where they differ."""
        if not self.inverse(step, target, after):
            return ()
        return self._way_back(step, target, after, worked_out_from=before)

    def _way_back(
        self, step: Step, before: Image, after: Image, *, worked_out_from: Image | None = None
    ) -> tuple[Step, ...]:
        arguments = self.scribe.way_back(step.ref, before, after, worked_out_from or before)
        if chosen := chosen_lines(step):
            arguments["lines"] = chosen
        return (Step(f"{self.kind}.restore", step.ref, arguments),)
