"""Images of documents of a recipe, made by hand: whatever a test does not say is nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from config.recipe_files import load_recipe
from connectors.contract import Image, Record, Ref, Step
from connectors.odbc.document_rows import PERIOD
from connectors.odbc.formulas import Writer
from connectors.odbc.recipe_actions import RecipeAction
from connectors.odbc.recipe_judging import Pen, changed
from connectors.odbc.recipe_rows import Scribe
from connectors.odbc.recipe_verbs import actions_of
from core.encoding import Value

WRITER = Writer("王芳", datetime(2026, 11, 22, 9, 30, tzinfo=UTC))

Fields = Mapping[str, Value]


def actions(
    recipe: str, kind: str = "purchase_order", pen: Pen | None = None
) -> dict[str, RecipeAction]:
    found = load_recipe(recipe)
    scribe = Scribe(found.kinds[kind], lambda _place, _name, value: value)
    pen = pen or Pen(closer="王芳", rules=found.closer)
    return {
        action.verb: action for action in actions_of(found, kind, found.kinds[kind], scribe, pen)
    }


def image(
    action: RecipeAction,
    document: Fields,
    *lines: Fields,
    related: Mapping[str, Fields] | None = None,
) -> Image:
    """Make an image with whatever else the recipe needs set to nothing."""
    rules = action.rules
    records = [_record(action, "document", "1", document)]
    records += [_record(action, "lines", f"1|{n}", line) for n, line in enumerate(lines, start=1)]
    for place, fields in (related or {}).items():
        records.append(_record(action, place, "R1", fields))
    assert rules.closed is not None
    return Image(tuple(sorted(records, key=lambda record: record.ref)))


def _record(action: RecipeAction, place: str, key: str, fields: Fields) -> Record:
    everything: dict[str, Value] = dict.fromkeys(action.rules.needed(place))
    unknown = fields.keys() - everything.keys() - {PERIOD}
    assert not unknown
    return Record(Ref(action.rules.table_of(place).table, key), {**everything, **fields})


def with_fields(before: Image, key: str, **fields: Value) -> Image:
    return Image(
        tuple(
            replace(r, fields={**(r.fields or {}), **fields}) if r.ref.key == key else r
            for r in before.records
        )
    )


def cell(found: Image, key: str, name: str) -> Value:
    (record,) = [r for r in found.records if r.ref.key == key and name in (r.fields or {})]
    return (record.fields or {})[name]


def step_of(action: RecipeAction, **arguments: Value) -> Step:
    return Step(action.name, Ref(action.model, "1"), arguments)


def done(action: RecipeAction, step: Step, before: Image) -> Image:
    return changed(before, action.changes(step, before, WRITER))


def taken_back(
    all_of: dict[str, RecipeAction], step: Step, before: Image, after: Image, now: Image
) -> Image:
    (back,) = all_of["close"].inverse(step, before, after)
    return done(all_of["restore"], back, now)
