"""Recipes: what an ERP's own tables mean, as data. One YAML file an ERP, validated, versioned, frozen.

A recipe names tables, keys and columns, says how *closed* is recognised, what a close writes, what must hold
before, what reopening writes, and what nobody may write by SQL. `Recipe` and the sections below it are the whole
format; docs/reference/recipes.md is made from them. Expressions are those of `config.expressions`.

Every fact is `certain` (the vendor's own code or metadata, or several independent programs) or stands under
`to_check` with what the site has to look at; `storno systems check` shows those.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from config.expressions import Expression
from config.fields import Code, Flag, Whole, Words, wrong
from config.recipe_checks import (
    check_expression,
    check_place,
    check_tables,
    check_writes,
    exists,
    expressions,
    needed,
)
from config.recipe_periods import Period
from config.recipe_tables import (
    DOCUMENT,
    DOCUMENT_COLUMNS,
    LINE_COLUMNS,
    LINES,
    Assignments,
    Certainty,
    DocumentTable,
    Formula,
    Identifier,
    LinesTable,
    Lookup,
    RecipeSection,
    RelatedTable,
    Table,
)
from core.text import N_

__all__ = [
    "DOCUMENT", "DOCUMENT_COLUMNS", "KINDS", "LINES", "LINE_COLUMNS", "ByPerson", "Closed", "Closer", "DocumentTable",
    "Forbidden", "KindRecipe", "LaterRule", "LinesTable", "Lookup", "Period", "ProblemRule", "Recipe", "RelatedTable",
    "Table", "WriteRule",
]  # fmt: skip

KINDS: Final = (
    "purchase_order", "sales_order", "purchase_requisition", "production_order", "goods_receipt", "goods_issue",
    "stock_count", "customer_invoice", "supplier_invoice", "stock_balance", "open_item", "partner", "item", "price",
    "accounting_period",
)  # fmt: skip
"""Kinds of documents that a recipe may describe."""

PERIODS: Final = "accounting_period"
"""Closed on the ERP's own screen, always: it does more there than set a flag."""


class Closed(RecipeSection):
    """How one sees that a document is closed: a condition, never one literal."""

    document: Formula
    """Over the document and, with any(lines, ...) or every(lines, ...), its lines."""
    line: Formula | None = None
    """Over one line."""


class ProblemRule(RecipeSection):
    """A reason why a document cannot be closed now."""

    code: Code
    """A stable name for programs."""
    of: Code = DOCUMENT
    """Rows that are looked at: document, lines or one of `related`."""
    when: Formula
    """It is one when this holds for any of the rows."""
    text: Words
    """What people read."""
    is_for: Literal["close", "reopen", "both"] = "close"
    """What it stands in the way of."""


class WriteRule(RecipeSection):
    """What a close or a reopening writes, in one transaction: lines first, then the document."""

    lines_where: Formula | None = None
    """Which lines are written; the others stay as they are."""
    lines: Assignments = Field(default_factory=dict)
    """Columns of those lines."""
    document: Assignments = Field(default_factory=dict)
    """Columns of the document; any(lines, ...) sees the lines as they are then."""
    note: Words | None = None
    """What the approver should know."""


class Recomputed(RecipeSection):
    """Columns that follow from others and are worked out anew from the rows as they are now.

    After every write for the document; for lines only when they are opened again and business came meanwhile.
    """

    lines: Assignments = Field(default_factory=dict)
    """Per line; `keep()` is the value that would be put back."""
    document: Assignments = Field(default_factory=dict)
    """For the document; `keep()` is the value that stands there or would be put back."""


class LaterRule(RecipeSection):
    """Business after our operation, and what it means for taking it back."""

    code: Code
    """A stable name for programs."""
    effect: Literal["harmless", "changes_result", "blocks"]
    """`harmless`: goes on; `changes_result`: columns are recomputed and shown; `blocks`: stays closed."""
    of: Code = LINES
    """Rows that are looked at: document, lines or one of `related`."""
    changed: tuple[Identifier, ...] = ()
    """It happened when one of these columns differs from what we left ..."""
    appears: Formula | None = None
    """... or when this holds for a row now and did not before."""
    text: Words
    """What people read."""

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if not self.changed and self.appears is None:
            raise wrong(N_("needs changed, appears or both"))
        return self


class ByPerson(RecipeSection):
    """Where a person does it in the ERP, in the words of its own screens."""

    screen: Words
    """The menu path or the program."""
    press: Words
    """What closes a document there."""
    reopen_press: Words | None = None
    """What opens it again; without it the ERP has no way back."""


class KindRecipe(RecipeSection):
    """One kind of documents."""

    label: Words
    """What the ERP calls it."""
    certainty: Certainty = "certain"
    """Whether the facts of this section were proved, or must be checked by the site."""
    to_check: dict[str, Words] = Field(default_factory=dict)
    """Facts that a site must check although the section is certain: path within it, and what to look at."""
    document: DocumentTable
    """The table of documents."""
    lines: LinesTable | None = None
    """The table of their lines."""
    related: dict[Code, RelatedTable] = Field(default_factory=dict)
    """Tables of other documents that problems and later business look at."""
    closed: Closed | None = None
    """How one sees that it is closed."""
    problems: tuple[ProblemRule, ...] = ()
    """What must not be so before it is closed or reopened."""
    close: WriteRule | None = None
    """What a close writes. Without it Storno never writes: a person closes."""
    reopen: WriteRule | None = None
    """What reopening writes when nobody knows what stood there before."""
    recomputed: Recomputed = Recomputed()
    """What follows from other columns."""
    later: tuple[LaterRule, ...] = ()
    """What may have happened after a close."""
    period: Code | None = None
    """The entry of `periods` that must be open for the document's date."""
    by_person: ByPerson | None = None
    """Where a person closes it."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for path, place, expression in expressions(self):
            check_expression(self, path, place, expression)
        for path in self.to_check:
            if not exists(self, path):
                raise wrong(
                    N_("to_check names {path}, and this section has no such fact"), path=path
                )
        for code, place in [(r.code, r.of) for r in self.problems] + [
            (r.code, r.of) for r in self.later
        ]:
            check_place(self, place, code)
        check_tables(self)
        check_writes(self)
        return self

    def table_of(self, place: str) -> Table:
        """Return the table behind `document`, `lines` or the name of a related one. Raises `KeyError`."""
        if place == DOCUMENT:
            return self.document
        if place == LINES and self.lines is not None:
            return self.lines
        return self.related[place]

    def places(self) -> tuple[str, ...]:
        """Return every place: document, lines where it has them, then the related ones."""
        return (DOCUMENT, *((LINES,) if self.lines is not None else ()), *self.related)

    def needed(self, place: str) -> frozenset[str]:
        """Return the columns of a place that keys, links, rules and writes name: what an image holds.

        Columns that only the bulk face shows are not among them.
        """
        return needed(self, place)

    def written(self, place: str) -> frozenset[str]:
        """Return the columns of `document` or `lines` that close, reopen or recomputing may write."""
        if place not in (DOCUMENT, LINES):
            return frozenset()
        rules = [rule for rule in (self.close, self.reopen) if rule is not None]
        parts: list[Mapping[str, Expression]] = [
            (rule.lines if place == LINES else rule.document) for rule in rules
        ]
        parts.append(self.recomputed.lines if place == LINES else self.recomputed.document)
        return frozenset(name for part in parts for name in part)

    def shown(self, place: str) -> dict[str, Expression]:
        """Return the canonical columns of `document` or `lines` with their expressions."""
        table = self.table_of(place)
        return dict(table.columns) if isinstance(table, DocumentTable | LinesTable) else {}


class Users(RecipeSection):
    """Where the ERP keeps its users, to check the name that a close writes."""

    table: Identifier
    """Its table; it may lie in another database."""
    name: Identifier
    """The column with what a close writes."""
    only: Formula | None = None
    """Users that may work."""


class Closer(RecipeSection):
    """Whose name a close writes."""

    writes: Literal["name", "login"] = "name"
    """Whether the ERP keeps names or log-ins there."""
    longest: Whole = Field(ge=1, le=255)
    """How many characters the shortest of the columns takes."""
    users: Users | None = None
    """Where the name must occur."""


class Book(RecipeSection):
    """How the database's name says which set of books and year it is; both stand in every image."""

    database: Words
    """A pattern with the groups `book` and, where the name has it, `year`."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            pattern = re.compile(self.database)
        except re.error:
            raise wrong(N_("must be a regular expression")) from None
        if "book" not in pattern.groupindex:
            raise wrong(N_("must have the group (?P<book>...)"))
        return self


class Forbidden(RecipeSection):
    """Why nobody writes this ERP's tables by SQL, and where to go instead."""

    reason: Words
    """Why."""
    instead: Words
    """The way that the vendor supports."""


class Recipe(RecipeSection):
    """Everything that Storno knows of one ERP's tables."""

    recipe: Literal[1]
    """Version of this format."""
    name: Code
    """Its name, as the file's."""
    version: Whole = Field(ge=1)
    """Version of the recipe: raised with every change of what is written."""
    erp: Words
    """The ERP, and its versions."""
    product: Words
    """What `storno systems check` calls it."""
    databases: tuple[
        Literal[
            "sqlserver", "oracle", "postgresql", "mariadb", "mysql", "sqlite", "db2", "informix"
        ],
        ...,
    ] = Field(min_length=1)
    """Where the ERP keeps its data."""
    sources: dict[Code, Words] = Field(default_factory=dict)
    """Where the facts come from."""
    notes: tuple[Words, ...] = ()
    """What somebody who works with it should know."""
    case_matters: Flag = False
    """Whether letters of a flag differ in case alone, so that a collation may not be trusted."""
    forbidden: Forbidden | None = None
    """Set where nobody may write by SQL."""
    closer: Closer | None = None
    """Whose name a close writes, where it writes one."""
    book: Book | None = None
    """What the name of the database says."""
    periods: dict[Code, Period] = Field(default_factory=dict)
    """Periods, read only, by name."""
    kinds: dict[Code, KindRecipe] = Field(min_length=1)
    """Kinds of documents."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name, kind in self.kinds.items():
            if name not in KINDS:
                raise wrong(
                    N_("there is no kind {name}; known: {known}"), name=name, known=", ".join(KINDS)
                )
            if self.forbidden is not None and (kind.close or kind.reopen):
                raise wrong(
                    N_("{name} has writes, and writing by SQL is forbidden here"), name=name
                )
            if name == PERIODS and (kind.close or kind.reopen):
                raise wrong(
                    N_("{name} has writes, and periods are closed by people alone"), name=name
                )
            if kind.period is not None and kind.period not in self.periods:
                raise wrong(
                    N_("{name} names the period {period}, and there is none"),
                    name=name,
                    period=kind.period,
                )
            if self.closer is None and any(
                "closer" in each.functions() for _, _, each in expressions(kind)
            ):
                raise wrong(
                    N_("{name} writes closer(), and the recipe has no section closer"), name=name
                )
        return self

    def texts(self) -> tuple[str, ...]:
        """Return every text that people read while they work; a shipped recipe's are in the catalogues."""
        found: list[str] = [*self.notes]
        if self.forbidden is not None:
            found += [self.forbidden.reason, self.forbidden.instead]
        for kind in self.kinds.values():
            found += [rule.text for rule in kind.problems]
            found += [rule.text for rule in kind.later]
            found += kind.to_check.values()
            found += [each.note for each in (kind.close, kind.reopen) if each and each.note]
        return tuple(dict.fromkeys(found))

    def unsure(self) -> tuple[tuple[str, str], ...]:
        """Return every fact that the site must check: its path, and what to look at ('' for a whole section)."""
        found: list[tuple[str, str]] = []
        for name, kind in self.kinds.items():
            if kind.certainty == "check":
                found.append((f"kinds.{name}", ""))
            found += [(f"kinds.{name}.{path}", look) for path, look in kind.to_check.items()]
        found += [
            (f"periods.{name}", "")
            for name, period in self.periods.items()
            if period.certainty == "check"
        ]
        return tuple(found)
