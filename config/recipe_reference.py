"""Writes docs/reference/recipes.md from the model and from the recipes that Storno ships."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from itertools import pairwise
from textwrap import dedent
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from config import recipe_periods, recipe_tables, recipes
from config.expressions import Expression
from config.recipe_files import load_recipe, recipe_names
from config.recipe_tables import RecipeSection

_HEAD: Final = """\
# Recipes

<!-- Written by `python docs/generate.py` from config/recipes.py and config/profiles/; do not edit. -->

A recipe says what the tables of a legacy ERP mean: how one sees that a document is closed, what a close writes, what must hold before.
It is one YAML file an ERP, named in `storno.yaml` as `recipe: NAME`.
A file of the same name in the folder `recipes:` of the system replaces a shipped one.
A file there that begins with `extends: u8` has the shipped recipe below it and gives only what differs; under `without` it lists facts that the site does not have, such as `kinds.purchase_order.close.lines.MODI_AP`.
[Write a recipe](../howto/write-a-recipe.md) goes through one line by line.

Every fact is certain, or stands under `to_check` with what the site must look at.
Certain means: the vendor's own program or table dictionary says so, or several independent programs agree.
`storno systems check` names what is to be checked, and every table, column and type that differs from the recipe.

## Expressions

Conditions and values are written in a small part of SQL that means the same on every database and on an image read long ago.
They are never pasted into a statement: identifiers are quoted and values bound.

* Columns (`TD016`, `"odd name"`, `vendor.cVenName` of a lookup), numbers, text in `'...'`, `null`, `true`, `false`.
* `+ - * /`, `= <> < <= > >=`, `in (...)`, `not in (...)`, `is null`, `is not null`, `and or not`, `case when ... then ... else ... end`.
* `coalesce(a, b)`, `trim(a)`, `least(a, b)`, `greatest(a, b)`, `text(a)`, `concat(a, b)`.
* Over the rows of a place (`lines`, or the name of a related table): `any(lines, c)`, `every(lines, c)`, `sum(lines, x)`, `count(lines, c)`, `max(lines, x)`, `min(lines, x)`.
  `every` over no rows is false: a document without lines is never closed by its lines.
* Only in what a write sets: `closer()`, `today()`, `now()`, `today('yyyyMMdd')`, `now('HH:mm:ss')`.
  `mm` are minutes and `MM` months; `today` has no time of day.
  They tell the time in `time_zone` of `storno.yaml`; a column whose moments have a zone of their own gets the same moment.
* Only under `recomputed`: `keep()`, the value that would stand there otherwise.

A comparison with nothing (NULL) is neither true nor false, and so is its `not`; a condition that is not true does not hold. Where a column may
hold nothing, say what that means: `coalesce(received, 0) < quantity`, `closed is null or closed <> 'Y'`.
Text compares to the last letter, case included; blanks at its end do not count. `trim` takes blanks away, no other signs.
A text equals a number only where it is written as that number: compare text with text.
Text that looks like a number or begins with a quote must itself stand in quotes in YAML: `TD016: "'y'"`.
"""

_SECTIONS: Final[tuple[tuple[str, type[RecipeSection]], ...]] = (
    ("", recipes.Recipe),
    ("forbidden", recipes.Forbidden),
    ("closer", recipes.Closer),
    ("closer.users", recipes.Users),
    ("book", recipes.Book),
    ("periods.NAME", recipes.Period),
    ("periods.NAME.flags", recipe_periods.Flags),
    ("periods.NAME.current", recipe_periods.CurrentPeriod),
    ("kinds.KIND", recipes.KindRecipe),
    ("kinds.KIND.document", recipes.DocumentTable),
    ("kinds.KIND.lines", recipes.LinesTable),
    ("kinds.KIND.related.NAME", recipes.RelatedTable),
    ("kinds.KIND.document.lookups.NAME", recipes.Lookup),
    ("kinds.KIND.closed", recipes.Closed),
    ("kinds.KIND.problems[]", recipes.ProblemRule),
    ("kinds.KIND.close", recipes.WriteRule),
    ("kinds.KIND.recomputed", recipes.Recomputed),
    ("kinds.KIND.later[]", recipes.LaterRule),
    ("kinds.KIND.by_person", recipes.ByPerson),
)

_TYPES: Final[dict[Any, str]] = {
    recipe_tables.Formula: "expression",
    recipe_tables.Assignment: "expression",
    recipe_tables.Assignments: "columns with an expression each",
    str: "text",
    int: "whole number",
    bool: "`true` or `false`",
    Expression: "expression",
}


def recipes_page() -> str:
    """Return the whole page."""
    parts = [_HEAD, "## The file\n"]
    parts += [_section(path, model) for path, model in _SECTIONS]
    parts.append("## What Storno ships\n")
    parts += [_shipped(name) for name in recipe_names()]
    return "\n".join(parts)


# --- the format -------------------------------------------------------------------------------------


def _section(path: str, model: type[RecipeSection]) -> str:
    title = f"`{path}`" if path else "At the top of the file"
    lines = [f"### {title}", "", *_sentences(inspect.cleandoc(model.__doc__ or "")), ""]
    texts = _docstrings(model)
    for name, field in model.model_fields.items():
        key = f"{path}.{name}" if path else name
        lines += [f"* `{key}`: {_kind(field)}.", *(f"  {line}" for line in _sentences(texts[name]))]
    return "\n".join([*lines, ""])


def _kind(field: FieldInfo) -> str:
    word = _type(field.annotation)
    if field.is_required():
        return f"{word}, required"
    default = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(default, bool):
        return f"{word}, default `{str(default).lower()}`"
    return f"{word}, default `{default}`" if isinstance(default, str) and default else word


def _type(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in get_args(annotation))
    if origin in (Union, UnionType):
        return _type(next(each for each in get_args(annotation) if each is not type(None)))
    if origin is dict:
        value = get_args(annotation)[1]
        return f"keys of your choice, each with {_article(_type(value))}"
    if origin is tuple:
        return f"list of {_type(get_args(annotation)[0])}"
    if hasattr(annotation, "__metadata__"):
        return _type(get_args(annotation)[0])
    return _TYPES.get(annotation, "section")


def _article(word: str) -> str:
    return word if word == "text" else f"a{'n' if word[0] in 'aeiou' else ''} {word}"


def _docstrings(model: type[RecipeSection]) -> dict[str, str]:
    """Return the text below each field of the class and of those that it inherits from."""
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if not issubclass(each, RecipeSection):
            continue
        tree = ast.parse(dedent(inspect.getsource(each))).body[0]
        for field, text in pairwise(tree.body if isinstance(tree, ast.ClassDef) else []):
            match field, text:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(written))),
                ):
                    found[name] = written
                case _:
                    pass
    return found


def _sentences(written: str) -> list[str]:
    """Return one sentence a line."""
    return re.split(r"(?<=[.?!]) (?=[A-Z`])", " ".join(written.split()))


# --- what is shipped --------------------------------------------------------------------------------


def _shipped(name: str) -> str:
    recipe = load_recipe(name)
    lines = [f"### `{name}`: {recipe.erp}", ""]
    lines.append(f"Version {recipe.version}; {', '.join(recipe.databases)}.")
    if recipe.forbidden is not None:
        lines.append(
            f"**Read only**: {recipe.forbidden.reason}. Instead: {recipe.forbidden.instead}."
        )
    lines += [f"{note.rstrip('.')}." for note in recipe.notes]
    lines += [
        "",
        "| kind | the ERP's word | tables | closed when | a close writes |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [_row(kind, rules) for kind, rules in recipe.kinds.items()]
    if recipe.periods:
        lines += ["", "Periods, read only:", ""]
        lines += [
            f"* `{period}`: table `{found.table}`{_sure(found.certainty)}"
            for period, found in recipe.periods.items()
        ]
    unsure = recipe.unsure()
    lines += ["", "To be checked by the site:" if unsure else "Every fact is certain.", ""]
    lines += [f"* `{path}`{': ' + _cell(look) if look else ''}" for path, look in unsure]
    if recipe.sources:
        lines += ["", "Where the facts come from:", ""]
        lines += [f"* `{code}`: {said}" for code, said in recipe.sources.items()]
    text = "\n".join(lines).rstrip()
    return re.sub(r"\n{3,}", "\n\n", text) + "\n"


def _row(kind: str, rules: recipes.KindRecipe) -> str:
    tables = ", ".join(f"`{rules.table_of(place).table}`" for place in rules.places())
    closed = f"`{_cell(str(rules.closed.document))}`" if rules.closed is not None else ""
    writes = "".join(_written(rules)) or ("nothing: a person closes" if rules.by_person else "")
    return f"| `{kind}` | {_cell(rules.label)} | {tables} | {closed} | {writes} |"


def _written(rules: recipes.KindRecipe) -> Iterator[str]:
    if rules.close is None:
        return
    names = [*rules.close.lines, *rules.close.document]
    yield ", ".join(f"`{name}`" for name in names)
    recomputed = [*rules.recomputed.lines, *rules.recomputed.document]
    if recomputed:
        yield f"; recomputed: {', '.join(f'`{name}`' for name in dict.fromkeys(recomputed))}"


def _sure(certainty: str) -> str:
    return "" if certainty == "certain" else ", to be checked"


def _cell(written: str) -> str:
    return " ".join(written.split()).replace("|", "\\|")
