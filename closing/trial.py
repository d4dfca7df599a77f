"""One action tried on a copy: carried out on a document, taken back, and everything compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from closing.drawing import Drawing
from closing.model import Candidate, Route, say_nothing
from connectors.contract import Action, Criteria, Executor, Image, Ref, Step, System, SystemCheck
from connectors.proving import Provable
from core import retry
from core.errors import BadInput, ContractBroken, NotAllowed, RefusedError
from core.text import N_, Text
from recovery.apply import RunOptions, run, stop
from recovery.approval import approve
from recovery.images import MISSING, differences
from recovery.model import ChangeSet, Draft, Purpose
from recovery.reversing.selection import Selection
from recovery.rollback import plan_rollback
from recovery.states import ChangeSetState, OperationState

if TYPE_CHECKING:
    from datetime import date

    from recovery.journal import Journal
    from recovery.model import Actor, FieldDifference

LOOKED_AT: Final = 500  # documents, open ones and closed ones each, before an action is given up
AT_ONCE: Final = 50
SHOWN: Final = 20
REASON: Final = "proving on a copy"


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one action on the copy. It is proved when there is no problem."""

    action: str
    number: str | None = None
    change_sets: tuple[str, ...] = ()  # what was done and what took it back, in order
    records: int = 0  # compared before and after, with every field
    fields: int = 0
    beside: tuple[str, ...] = ()  # changed beside what the action declares, and came back
    trace: tuple[str, ...] = ()  # only goes forward, as declared
    problem: Text | None = None

    @property
    def is_proved(self) -> bool:
        """Whether it was done, taken back, and left nothing."""
        return self.problem is None

    def as_dict(self) -> dict[str, Any]:
        """Return the form that the journal and `--json` keep."""
        found = {name: getattr(self, name) for name in self.__slots__}
        return found | {"problem": None if self.problem is None else self.problem.as_dict()}


@dataclass
class Round:
    """One action there and back: what was done so far, newest last."""

    done: list[ChangeSet] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)


class Trying:
    """Tries actions on the copy, one document each."""

    def __init__(
        self, journal: Journal, copy: System, actor: Actor, today: date, options: RunOptions
    ) -> None:
        if not isinstance(copy, Provable):
            raise ContractBroken(problem=f"{copy.name} cannot be proved")
        self._journal = journal
        self._copy = copy
        self._provable: Provable = copy
        self._actor = actor
        self._today = today
        self._options = options
        self.last_change_set = ""

    def trust(self) -> None:
        """Let the copy write: from here on it is one."""
        self._provable.trust_as_copy()
        self._check: SystemCheck = retry.transient(self._copy.check)
        self._actions: Mapping[str, Action] = self._copy.actions()

    # --- one action ---------------------------------------------------------------------------------

    def try_out(self, name: str) -> Trial:
        """Find a document, carry the action out, take it back, compare everything."""
        action = self._actions[name]
        found = self._find(action)
        if isinstance(found, Candidate):
            return self._there_and_back(action, found, before=None)
        # Nothing stands there to be opened again: then something is closed for it.
        closer = next((a for a in self._actions.values() if a.reopen_action == name), None)
        first = self._find(closer) if closer is not None else found
        if closer is None or not isinstance(first, Candidate):
            return Trial(name, problem=found)
        return self._there_and_back(action, first, before=closer)

    def _there_and_back(
        self, action: Action, candidate: Candidate, *, before: Action | None
    ) -> Trial:
        ref = _ref(candidate)
        step = Step(action.name, ref)
        counts, whole = self._provable.census(), self._whole(step)
        rounds, beside, problem = Round(), tuple[str, ...](), None
        for each in (before, action):
            if each is not None and problem is None:
                problem = self._carry_out(each, candidate, rounds)
        if problem is None:
            beside = self._beside(
                [each for each in (before, action) if each is not None], whole, self._whole(step)
            )
        problem = self._take_back(rounds) or problem
        forward = self._forward(action)
        now = self._whole(step)
        left = differences(whole, now, ignore=forward)
        if problem is None and left:
            problem = Text(
                N_("it is not as it was after the rollback: {fields}"),
                {"fields": ", ".join(_told(each) for each in left[:SHOWN])},
            )
        if problem is None and (after := self._provable.census()) != counts:
            moved = [
                f"{t}: {counts.get(t)} -> {after.get(t)}"
                for t in after
                if after[t] != counts.get(t)
            ]
            problem = Text(
                N_("rows came or went in other tables, or somebody works in the copy: {tables}"),
                {"tables": ", ".join(moved)},
            )
        return Trial(
            action.name,
            candidate.number,
            tuple(rounds.ids),
            len(whole.records),
            sum(len(record.fields or {}) for record in whole.records),
            beside,
            _names(differences(whole, now), only=forward),
            problem,
        )

    def _carry_out(self, action: Action, candidate: Candidate, rounds: Round) -> Text | None:
        drawing = self._draw(action, candidate)
        if drawing.exceptions:
            return drawing.exceptions[0].text
        draft = Draft(
            purpose=Purpose.PROVING,
            title=action.name,
            actor=self._actor,
            reason=REASON,
            details=drawing.details(shown_date=self._today.isoformat(), acting_as=None),
        )
        planned = self._journal.plan(draft, drawing.store, drawing.exceptions)
        self.last_change_set = planned.id
        try:
            done = self._run(planned, rounds)
        except RefusedError as error:
            # A right is missing, or everything is refused: that is what a proof is for.
            stop(
                self._journal,
                lambda _: self._copy,
                planned.id,
                actor=self._actor,
                reason=REASON,
                options=self._options,
            )
            return error.text
        if done.state is ChangeSetState.APPLIED:
            rounds.done.append(done)
            return None
        return self._why(done)

    def _take_back(self, rounds: Round) -> Text | None:
        """Roll back what was done, newest first; return what went wrong."""
        problem = None
        while rounds.done:
            problem = self._roll_back(rounds.done.pop(), rounds) or problem
        return problem

    def _roll_back(self, change_set: ChangeSet, rounds: Round) -> Text | None:
        try:
            planned = plan_rollback(
                self._journal,
                lambda _: self._copy,
                Selection(change_set_id=change_set.id),
                actor=self._actor,
                reason=REASON,
                policy=self._options.retry,
            )
        except NotAllowed as error:
            return error.text
        back = self._run(planned, rounds)
        if back.state is not ChangeSetState.APPLIED:
            return self._why(back)
        residue = [
            op.called for op in self._journal.operations(back.id) if op.result.get("residue")
        ]
        if residue:
            return Text(
                N_("the rollback left a residue: {documents}"), {"documents": ", ".join(residue)}
            )
        return None

    def _run(self, planned: ChangeSet, rounds: Round) -> ChangeSet:
        approve(self._journal, planned.id, self._actor)
        rounds.ids.append(planned.id)
        return run(
            self._journal,
            lambda _: self._copy,
            planned.id,
            actor=self._actor,
            options=self._options,
        )

    def _why(self, change_set: ChangeSet) -> Text:
        for operation in self._journal.operations(change_set.id):
            if operation.state is not OperationState.CONFIRMED and operation.reason is not None:
                return operation.reason
        return change_set.note or Text(
            N_("change set {name} is {state}"),
            {"name": change_set.short_id, "state": change_set.state.value},
        )

    # --- what is compared ---------------------------------------------------------------------------

    def _whole(self, step: Step) -> Image:
        (image,) = retry.transient(lambda: self._provable.capture_whole([step]))
        # What a driver cannot carry exactly is compared as the text that stands beside it.
        return Image(
            tuple(
                each if each.fields is None else replace(each, fields={**each.fields, **each.raw})
                for each in image.records
            )
        )

    def _forward(self, action: Action) -> Mapping[str, frozenset[str]]:
        found = dict(self._provable.forward_only())
        for model, names in action.trace.items():
            found[model] = found.get(model, frozenset()) | names
        return found

    def _beside(self, actions: Sequence[Action], before: Image, after: Image) -> tuple[str, ...]:
        """Name what changed that no action declares: a trigger, a default, a column that keeps itself."""
        declared: dict[str, frozenset[str]] = {}
        for action in actions:
            for fields in (action.ours, self._forward(action)):
                for model, names in fields.items():
                    declared[model] = declared.get(model, frozenset()) | names
        return _names(differences(before, after, ignore=declared))

    # --- documents ----------------------------------------------------------------------------------

    def _find(self, action: Action) -> Candidate | Text:
        """Return the first document that the action fits, or the reason that most of them had."""
        try:
            return self._first(action)
        except BadInput as error:
            # Nothing there lists such documents: this action cannot be tried; the others can.
            return error.text

    def _first(self, action: Action) -> Candidate | Text:
        reasons: Counter[str] = Counter()
        texts: dict[str, Text] = {}
        for is_closed in (False, True):
            for chunk in self._chunks(action, is_closed=is_closed):
                steps = [Step(action.name, _ref(each)) for each in chunk]
                images = retry.transient(
                    lambda steps=steps: self._copy.capture(steps, [None] * len(steps))  # type: ignore[misc]
                )
                for candidate, step, image in zip(chunk, steps, images, strict=True):
                    problems = action.problems(step, image)
                    if not problems:
                        return candidate
                    reasons[problems[0].code] += 1
                    texts[problems[0].code] = problems[0].text
        if not reasons:
            return Text(N_("the copy has no document to try it on"))
        ((code, _),) = reasons.most_common(1)
        return Text(
            N_("the copy has no document to try it on; of most, the reason is: {reason}"),
            {"reason": texts[code]},
        )

    def _chunks(self, action: Action, *, is_closed: bool) -> Iterator[list[Candidate]]:
        seen, chunk = 0, list[Candidate]()
        route = _route(action)
        for batch in self._copy.documents(action.kind, Criteria(is_closed=is_closed)):
            for row in batch.select(["model", "key", "number"]).to_pylist():
                if seen >= LOOKED_AT:
                    break
                if row["model"] != action.model:
                    continue
                seen += 1
                chunk.append(Candidate(Ref(row["model"], row["key"]), row["number"], route))
                if len(chunk) >= AT_ONCE:
                    yield chunk
                    chunk = []
            if seen >= LOOKED_AT:
                break
        if chunk:
            yield chunk

    def _draw(self, action: Action, candidate: Candidate) -> Drawing:
        route = _route(action)
        redaction = self._journal.redaction
        drawing = Drawing(self._copy, action.kind, (route,), self._check, say_nothing, redaction)
        drawing.take_all([Candidate(candidate.ref, candidate.number, route)])
        return drawing

    # --- what an earlier proof left -------------------------------------------------------------------

    def finish_earlier(self) -> None:
        """Finish and take back what a proof left on this copy whose process died."""
        begun = {ChangeSetState.RUNNING, ChangeSetState.PAUSED}
        rounds = Round()
        for purpose in (Purpose.ROLLBACK, Purpose.PROVING):
            for found in self._of(purpose, begun):
                run(
                    self._journal,
                    lambda _: self._copy,
                    found.id,
                    actor=self._actor,
                    options=self._options,
                )
        for found in self._of(Purpose.PROVING, {ChangeSetState.APPLIED}):
            # On a copy that was restored anew there is nothing to take back.
            self._roll_back(found, rounds)

    def _of(self, purpose: Purpose, states: set[ChangeSetState]) -> list[ChangeSet]:
        found = self._journal.change_sets(
            purpose=purpose, system=self._copy.name, states=states, limit=LOOKED_AT
        )
        if purpose is Purpose.ROLLBACK:
            found = [
                each
                for each in found
                if each.reverses_id is not None
                and self._journal.change_set(each.reverses_id).purpose is Purpose.PROVING
            ]
        return found


def _route(action: Action) -> Route:
    return Route(action.name, None, action, Executor.INTERFACE)


def _ref(candidate: Candidate) -> Ref:
    if candidate.ref is None:
        raise ContractBroken(problem="a document without a key cannot be tried")
    return candidate.ref


def _told(difference: FieldDifference) -> str:
    # In quotes: a blank more at the end is what a trigger leaves, and what nobody would see.
    before, after = (
        f'"{value}"' if isinstance(value, str) and value != MISSING else str(value)
        for value in (difference.before, difference.after)
    )
    return f"{difference.ref.model}.{difference.field}: {before} -> {after}"


def _names(
    found: Sequence[FieldDifference], only: Mapping[str, frozenset[str]] | None = None
) -> tuple[str, ...]:
    """Return each field of each model once, as people read it."""
    return tuple(
        sorted(
            {
                f"{each.ref.model}.{each.field}"
                for each in found
                if only is None or each.field in only.get(each.ref.model, ())
            }
        )
    )
