"""What must be right within a recipe beyond the shape of its sections, and what follows from it for images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from config.fields import Section, wrong
from config.recipe_tables import DOCUMENT, LINES, DocumentTable, LinesTable, RelatedTable
from core.text import N_

if TYPE_CHECKING:
    from config.expressions import Expression
    from config.recipes import KindRecipe


def expressions(kind: KindRecipe) -> Iterator[tuple[str, str, Expression]]:
    """Yield every expression of a kind: its path, the place whose row it is over, itself."""
    for place in kind.places():
        table = kind.table_of(place)
        path = place if place in (DOCUMENT, LINES) else f"related.{place}"
        if table.only is not None:
            yield f"{path}.only", place, table.only
        for name, each in table.advances.items():
            yield f"{path}.advances.{name}", place, each
        for name, each in kind.shown(place).items():
            yield f"{path}.columns.{name}", place, each
    if kind.closed is not None:
        yield "closed.document", DOCUMENT, kind.closed.document
        if kind.closed.line is not None:
            yield "closed.line", LINES, kind.closed.line
    for problem in kind.problems:
        yield f"problems.{problem.code}", problem.of, problem.when
    for later in kind.later:
        if later.appears is not None:
            yield f"later.{later.code}", later.of, later.appears
    for verb, rule in (("close", kind.close), ("reopen", kind.reopen)):
        if rule is None:
            continue
        if rule.lines_where is not None:
            yield f"{verb}.lines_where", LINES, rule.lines_where
        for name, each in rule.lines.items():
            yield f"{verb}.lines.{name}", LINES, each
        for name, each in rule.document.items():
            yield f"{verb}.document.{name}", DOCUMENT, each
    for name, each in kind.recomputed.lines.items():
        yield f"recomputed.lines.{name}", LINES, each
    for name, each in kind.recomputed.document.items():
        yield f"recomputed.document.{name}", DOCUMENT, each


def check_expression(kind: KindRecipe, path: str, place: str, expression: Expression) -> None:
    if place not in kind.places():
        raise wrong(N_("{path} is about {place}, and this kind has none"), path=path, place=place)
    table = kind.table_of(place)
    lookups = table.lookups if isinstance(table, DocumentTable | LinesTable) else {}
    is_shown = ".columns." in path
    for lookup, _ in expression.lookups():
        if lookup not in lookups or not is_shown:
            raise wrong(
                N_("{path} names the lookup {name}, and there is none"), path=path, name=lookup
            )
    for over in expression.places():
        if over == DOCUMENT or over not in kind.places() or place != DOCUMENT:
            raise wrong(
                N_("{path} looks at the rows of {place}, which it cannot see"),
                path=path,
                place=over,
            )


def check_tables(kind: KindRecipe) -> None:
    """What an image could not hold, or nobody would ask for, is refused where the recipe is read."""
    if kind.lines is not None and kind.lines.only is not None:
        raise wrong(N_("lines have no only: every line of a document is closed with it, or stays"))
    seen: dict[str, str] = {}
    for place in kind.places():
        table = kind.table_of(place).table.lower()
        if table in seen:
            raise wrong(
                N_("{place} and {other} are the same table; one place with all its columns does"),
                place=place,
                other=seen[table],
            )
        seen[table] = place


def check_place(kind: KindRecipe, place: str, code: str) -> None:
    if place not in kind.places():
        raise wrong(N_("{path} is about {place}, and this kind has none"), path=code, place=place)


def check_writes(kind: KindRecipe) -> None:
    if kind.closed is None:
        if kind.close is not None or kind.reopen is not None or kind.by_person is not None:
            raise wrong(N_("says how to close, and not how one sees that it is closed"))
        return
    for rule in (kind.close, kind.reopen):
        if rule is None:
            continue
        if (rule.lines or rule.lines_where is not None) and kind.lines is None:
            raise wrong(N_("writes lines, and this kind has none"))
        if not rule.lines and not rule.document:
            raise wrong(N_("a close or reopening must write something"))
    if kind.close is not None and kind.by_person is None:
        raise wrong(N_("needs by_person: until writing is proved on a copy, a person closes"))
    keys = {*kind.document.key, *(kind.lines.key if kind.lines is not None else ())}
    for place in (DOCUMENT, LINES):
        if kind.written(place) & keys:
            raise wrong(N_("writes a column of the key"))
    if kind.lines is not None and kind.lines.renewed:
        if kind.written(LINES) or kind.lines.advances:
            raise wrong(N_("writes lines that are renewed: nobody could put them back"))
        if tuple(kind.lines.link.values()) != kind.document.key:
            raise wrong(N_("renewed lines must be linked by the key of their document"))
        if any(related.of == LINES for related in kind.related.values()):
            raise wrong(N_("nothing can hang on lines that are renewed"))


def exists(kind: KindRecipe, path: str) -> bool:
    """Whether `document.columns.state` or `problems.in_inspection` is a fact of this section."""
    value: Any = kind
    for part in path.split("."):
        if isinstance(value, Section):
            if part not in type(value).model_fields:
                return False
            value = getattr(value, part)
        elif isinstance(value, dict):
            if part not in value:
                return False
            value = value[part]
        elif isinstance(value, tuple):
            value = next((each for each in value if getattr(each, "code", each) == part), None)
        else:
            return False
        if value is None:
            return False
    return True


def needed(kind: KindRecipe, place: str) -> frozenset[str]:
    table = kind.table_of(place)
    found = {*table.key, *kind.written(place), *table.advances}
    if table.row_version is not None:
        found.add(table.row_version)
    if isinstance(table, DocumentTable):
        found |= set(table.number)
    if isinstance(table, LinesTable | RelatedTable):
        found |= set(table.link)
    if isinstance(table, RelatedTable):
        found |= set(table.columns)
    for name, linked in ((name, kind.table_of(name)) for name in kind.places()):
        if isinstance(linked, LinesTable | RelatedTable):
            owner = DOCUMENT if isinstance(linked, LinesTable) else linked.of
            if owner == place and name != place:
                found |= set(linked.link.values())
    for path, of, each in expressions(kind):
        is_shown = ".columns." in path and path.rpartition(".")[2] not in _IN_IMAGES
        if is_shown:
            continue
        if of == place:
            found |= each.columns()
        found |= each.places().get(place, frozenset())
    for later in kind.later:
        if later.of == place:
            found |= set(later.changed)
    return frozenset(found)


_IN_IMAGES: Final = frozenset(
    {
        "date", "currency", "quantity", "received_quantity", "invoiced_quantity", "remaining_quantity",
        "unit_price", "changed_by", "closed_by", "position",
    }
)  # fmt: skip
"""Canonical columns that actions judge by: the period, the remainder, who wrote, which line people mean."""
