"""A legacy ERP's database behind the contract: what the recipe says, over ODBC."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from config.recipe_files import load_recipe
from config.recipes import DOCUMENT, LINES
from config.systems import OdbcOptions
from connectors.contract import (
    Action,
    Answer,
    Call,
    Criteria,
    Fence,
    FieldInfo,
    Image,
    Kind,
    Record,
    Ref,
    Step,
    SystemCheck,
    no_fence,
)
from connectors.odbc import proof as proofs
from connectors.odbc import target as targets
from connectors.odbc.calling import refuse, require_unchanged, writes_of
from connectors.odbc.closers import longest_of, users_of
from connectors.odbc.connection import Database
from connectors.odbc.document_rows import PERIOD
from connectors.odbc.fitting import fitted
from connectors.odbc.images import DATABASE, Images, Part
from connectors.odbc.periods import KindPeriod, Periods
from connectors.odbc.places import Places, read_by_place
from connectors.odbc.proof import Trust
from connectors.odbc.recipe_actions import RecipeAction
from connectors.odbc.recipe_judging import Pen
from connectors.odbc.recipe_rows import Scribe
from connectors.odbc.recipe_verbs import actions_of
from connectors.odbc.target import LiveKind, Target
from connectors.odbc.writing import write
from core import clock
from core.encoding import Value
from core.errors import (
    ContractBroken,
    NotAllowed,
    NotFound,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from config.recipes import Recipe
    from connectors.proving import FindProof, ProofSubject


FRESH_SECONDS: Final = 10.0
"""So long a look at tables, triggers and the proof is good; a run that begins later looks again."""


class OdbcSystem:
    """One database of a legacy ERP, as a `connectors.contract.System`."""

    kind = "odbc"
    parallel_calls = 1

    def __init__(self, name: str, options: OdbcOptions, recipe: Recipe) -> None:
        self.name = name
        self._options = options
        self._recipe = recipe
        self._database = Database(name, options)
        self._target: Target | None = None
        self._actions: Mapping[str, RecipeAction] = {}
        self._periods = Periods(self._database, recipe)
        self._trust = Trust(name, options, recipe)
        self._looked_at = clock.monotonic()

    def check(self) -> SystemCheck:
        self._forget()
        return targets.check(
            self._database,
            self._look(),
            self._recipe_actions(),
            proof=self._trust.standing(self.proof_subject),
            refusal=self._trust.refusal(),
        )

    def actions(self) -> Mapping[str, Action]:
        return self._recipe_actions()

    def documents(self, kind: Kind, criteria: Criteria) -> Iterator[pa.RecordBatch]:
        from connectors.odbc.kinds import documents

        return documents(self._database, self._kind(kind), criteria)

    def lines(self, kind: Kind, criteria: Criteria) -> Iterator[pa.RecordBatch]:
        from connectors.odbc.kinds import lines

        return lines(self._database, self._kind(kind), criteria)

    def find(self, kind: Kind, numbers: Sequence[str]) -> Mapping[str, tuple[Ref, ...]]:
        from connectors.odbc.lookup import find

        return find(self._database, self._kind(kind), numbers)

    def preparation(self, *, remove: bool) -> tuple[Step, ...]:
        del remove
        return ()

    def people(self, users: Collection[str]) -> Mapping[str, str]:
        del users
        return {}

    def schema(self, model: str) -> Mapping[str, FieldInfo]:
        return targets.schema_of(self._look(), model)

    def read(self, refs: Sequence[Ref], fields: Sequence[str]) -> list[Record]:
        if not refs:
            return []
        (model,) = {ref.model for ref in refs}
        kind, place = self._place(model)
        key = kind.rules.table_of(place).key
        live = kind.tables[place]
        plain = [name for name in fields if name != PERIOD]
        is_dated = PERIOD in fields and place == DOCUMENT
        period = self._period(kind)
        needed = {*plain, *(period.columns if is_dated else ())}
        places = self._places(kind)
        with self._database.reading() as session:
            images = Images(session)
            if places is not None and place == LINES:
                return read_by_place(places, images, kind, refs, plain)
            rows = images.rows(live.name, key, [ref.key for ref in refs], needed)
        found = []
        for ref in refs:
            row = rows.get(ref.key)
            if row is None:
                found.append(Record(ref, None))
                continue
            record = row.record(model, plain)
            if is_dated:
                state = period.of(row.fields)
                record = replace(record, fields={**(record.fields or {}), PERIOD: state})
            found.append(record)
        return found

    def capture(self, steps: Sequence[Step], known: Sequence[Image | None]) -> list[Image]:
        if not steps:
            return []
        action = self._action(steps[0].action)
        self._periods.forget()
        footprint = _with_database(action.parts)
        kind = self._look().kinds[str(action.kind)]
        period, places = self._period(kind), self._places(kind)
        keys = [step.ref.key for step in steps]
        with self._database.reading() as session:
            images = Images(session)
            if places is None:
                return images.capture(footprint, keys, known, finish=period.add_to)
            bare = [places.without_lines(image) for image in known]
            found = images.capture(footprint, keys, bare, finish=period.add_to)
        return [places.by_place(image, was) for image, was in zip(found, known, strict=True)]

    def apply(self, calls: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        if not calls:
            return []
        action = self._action(calls[0].step.action)
        if any(call.step.action != action.name for call in calls):
            raise ContractBroken(problem="a batch has calls of several actions")
        if action.pen.refusal is not None:
            raise NotAllowed(reason=action.pen.refusal)
        refuse(self.name, action, calls)
        moment = clock.now().astimezone(ZoneInfo(self._options.time_zone))
        kind = self._look().kinds[str(action.kind)]
        period, places = self._period(kind), self._places(kind)
        if places is not None:
            calls = places.of_calls(calls)
        writes = writes_of(self.name, action, calls, moment)
        write(
            self._database,
            writes,
            check=lambda _, images: require_unchanged(self.name, action, calls, images, period),
            before_commit=fence,
        )
        return [Answer(call.operation_id) for call in calls]

    def close(self) -> None:
        self._database.close()

    # --- proved before trusted --------------------------------------------------------------------

    def proof_subject(self) -> ProofSubject:
        return proofs.subject_of(
            self._database, self._recipe, self._look(), self._options, self._trust
        )

    def trust(self, find_proof: FindProof) -> None:
        self._trust.learn(find_proof)
        self._actions = {}

    def trust_as_copy(self) -> None:
        self._trust.as_copy()
        self._actions = {}

    def look_again(self) -> None:
        if clock.monotonic() - self._looked_at >= FRESH_SECONDS:
            self._forget()

    def capture_whole(self, steps: Sequence[Step]) -> list[Image]:
        if not steps:
            return []
        return proofs.capture_whole(self._database, self._action(steps[0].action), steps)

    def forward_only(self) -> Mapping[str, frozenset[str]]:
        return proofs.forward_only(self._look())

    def census(self) -> Mapping[str, int]:
        return proofs.census(self._database, self._look())

    # --- what is there --------------------------------------------------------------------------------

    def _forget(self) -> None:
        self._database.forget()
        self._periods.forget_tables()
        self._target = None
        self._actions = {}

    def _look(self) -> Target:
        if self._target is None:
            self._target = targets.look(self._database, self._recipe)
            self._looked_at = clock.monotonic()
        return self._target

    def _recipe_actions(self) -> Mapping[str, RecipeAction]:
        if not self._actions:
            known = {kind.value for kind in Kind}
            kinds = self._look().kinds.values()
            verbs = ("close", "reopen", "restore")
            pen = self._pen([f"{kind.name}.{verb}" for kind in kinds for verb in verbs])
            self._actions = {
                action.name: action
                for kind in kinds
                if kind.name in known
                for action in actions_of(
                    self._recipe,
                    kind.name,
                    kind.rules,
                    Scribe(kind.rules, partial(self._fit, kind)),
                    pen,
                )
            }
            for action in self._actions.values():
                kind = self._look().kinds[str(action.kind)]
                action.also_trace(_by_itself(kind))
                action.normal_form = self._database.dialect.normal_form  # type: ignore[misc]
                if kind.blocking:
                    action.executors = ()  # type: ignore[misc]  # nobody: not even what is closed is seen
        return self._actions

    def _fit(self, kind: LiveKind, place: str, name: str, value: Value) -> Value:
        """Return a value as the live column holds it."""
        if value == "" and self._database.dialect.normal_form.empty_is_null:
            return None
        live = kind.tables.get(place)
        column = live.columns.get(name) if live is not None else None
        zone = ZoneInfo(self._options.time_zone)
        return value if column is None else fitted(value, column, zone)

    def _pen(self, names: Sequence[str]) -> Pen:
        options = self._options
        return Pen(
            closer=options.closer,
            closers=options.closers,
            rules=self._recipe.closer,
            users=users_of(self._database, self._recipe),
            longest=longest_of(self._look().kinds.values(), self._recipe),
            refusals=self._trust.refusals(names, self.proof_subject),
            zone=options.time_zone,
        )

    def _places(self, kind: LiveKind) -> Places | None:
        lines = kind.rules.lines
        return Places(kind.rules) if lines is not None and lines.renewed else None

    def _period(self, kind: LiveKind) -> KindPeriod:
        date = kind.shown.get(DOCUMENT, {}).get("date")
        return KindPeriod(self._periods, self._recipe, kind.rules.period, date, self._look().book)

    def _action(self, name: str) -> RecipeAction:
        found = self._recipe_actions().get(name)
        if found is None:
            raise NotFound(what="action", name=name)
        return found

    def _kind(self, kind: Kind) -> LiveKind:
        from connectors.odbc.kinds import kind_of

        return kind_of(self._look().kinds, kind)

    def _place(self, model: str) -> tuple[LiveKind, str]:
        for kind in self._look().kinds.values():
            for place in kind.tables:
                if kind.rules.table_of(place).table == model:
                    return kind, place
        raise NotFound(what="model", name=model)


def open_system(name: str, options: Any) -> OdbcSystem:
    """Open a system with its validated options; the first call connects."""
    if not isinstance(options, OdbcOptions):
        raise ContractBroken(problem="options of another kind of system")
    recipe = load_recipe(options.recipe or "generic", options.recipes)
    return OdbcSystem(name, options, recipe)


def _with_database(parts: Sequence[Part]) -> tuple[Part, ...]:
    first, *others = parts
    return (replace(first, fields=first.fields | {DATABASE}), *others)


def _by_itself(kind: LiveKind) -> dict[str, frozenset[str]]:
    """Return per table the columns that change with every write of a row (ON UPDATE CURRENT_TIMESTAMP and its like)."""
    return {
        kind.rules.table_of(place).table: frozenset(
            column.name for column in live.columns.values() if column.updates_itself
        )
        for place, live in kind.tables.items()
        if place in (DOCUMENT, LINES)
    }


__all__ = ["OdbcSystem", "open_system"]
