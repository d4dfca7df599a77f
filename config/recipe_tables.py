"""The tables of a recipe: documents, their lines, what hangs on them, and the small types of every section."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from config.expressions import ONLY_IN_WRITES, Expression, parse
from config.fields import Code, Flag, Section, Words, wrong
from core.text import N_

DOCUMENT_COLUMNS: Final = frozenset(
    {
        "reference", "partner", "partner_key", "company", "date", "due", "currency", "amount", "ordered_quantity",
        "received_quantity", "invoiced_quantity", "remaining_quantity", "remaining_amount", "state", "closed_how",
        "closed_by", "closed_at", "approved_by", "is_paid", "progress", "owner", "created_at", "changed_at",
        "changed_by",
    }
)  # fmt: skip
"""Canonical columns of a document that a recipe may fill; sums over lines follow from the lines."""

LINE_COLUMNS: Final = frozenset(
    {
        "position", "item", "item_key", "description", "unit", "quantity", "received_quantity",
        "invoiced_quantity", "remaining_quantity", "unit_price", "amount", "currency", "due", "state",
    }
)  # fmt: skip
"""Canonical columns of a line that a recipe may fill."""

DOCUMENT: Final = "document"
LINES: Final = "lines"

_TABLE: Final = re.compile(r"[^\x00-\x1f'\"`\[\];,]{1,128}")
_TYPE: Final = re.compile(
    r"(text|binary)(\([1-9][0-9]{0,4}\))?|number|whole|date|time|moment|flag|row_version"
)


def _expression(written: Any) -> Any:
    match written:
        case Expression():
            return written
        case None:
            return parse("null")
        case bool():
            return parse(str(written).lower())
        case int() | Decimal():
            return parse(str(written))
        case str():
            return parse(written)
        case _:
            raise wrong(N_("must be an expression, as in coalesce(cCloser, '') <> ''"))


def _condition(found: Expression) -> Expression:
    if found.functions() & ONLY_IN_WRITES:
        raise wrong(N_("closer(), today(), now() and keep() stand only in what a write sets"))
    return found


def _identifier(written: str) -> str:
    if not _TABLE.fullmatch(written) or written != written.strip():
        raise wrong(N_("must be the plain name of a table or column, without quotes"))
    return written


def _column_type(written: str) -> str:
    if not _TYPE.fullmatch(written):
        raise wrong(
            N_(
                "must be text, text(20), binary, number, whole, date, time, moment, flag or row_version"
            )
        )
    return written


Formula = Annotated[Expression, BeforeValidator(_expression), AfterValidator(_condition)]
"""An expression over what was read."""

Assignment = Annotated[Expression, BeforeValidator(_expression)]
"""An expression for what is written; `closer()`, `today()`, `now()` and `keep()` may stand in it."""

Identifier = Annotated[str, AfterValidator(_identifier)]
"""The name of a table or column as the ERP has it."""

ColumnType = Annotated[str, AfterValidator(_column_type)]
"""What sort of values a column holds: `text(20)`, `number`, `date`, `moment` ..."""

Certainty = Literal["certain", "check"]


def _canonical(known: frozenset[str]) -> AfterValidator:
    def check(name: str) -> str:
        if name not in known:
            raise wrong(
                N_("is no canonical column; known: {known}"), known=", ".join(sorted(known))
            )
        return name

    return AfterValidator(check)


DocumentColumn = Annotated[str, _canonical(DOCUMENT_COLUMNS)]
"""A canonical column of documents."""

LineColumn = Annotated[str, _canonical(LINE_COLUMNS)]
"""A canonical column of lines."""

Assignments = dict[Identifier, Assignment]


class RecipeSection(Section):
    """A part of a recipe."""

    model_config: ClassVar[ConfigDict] = ConfigDict(arbitrary_types_allowed=True)


class Table(RecipeSection):
    """A table and what is known of its columns beyond those that expressions name."""

    table: Identifier
    """Its name, as the ERP has it; the schema comes from the system's settings."""
    key: tuple[Identifier, ...] = Field(min_length=1)
    """The columns that name a row."""
    only: Formula | None = None
    """Rows that count, where the table holds other things too."""
    row_version: Identifier | None = None
    """A column that the database itself changes with every write of a row: trace, and proof that nobody wrote."""
    advances: Assignments = Field(default_factory=dict)
    """Columns that every write of a row moves forward, as `FLAG: FLAG + 1`: trace, never put back."""
    types: dict[Identifier, ColumnType] = Field(default_factory=dict)
    """What sort of values columns hold; `storno systems check` compares it with the live schema."""
    labels: dict[Identifier, Words] = Field(default_factory=dict)
    """What the ERP's own screens call columns."""


class Lookup(RecipeSection):
    """A table with names for keys that documents hold."""

    table: Identifier
    """Its name."""
    on: dict[Identifier, Identifier] = Field(min_length=1)
    """Its columns, each with the column of the document (or line) that it equals."""


class DocumentTable(Table):
    """The table with one row a document."""

    number: tuple[Identifier, ...] = Field(min_length=1)
    """The columns of the number that people use."""
    separator: str = "-"
    """What stands between the parts of a number."""
    columns: dict[DocumentColumn, Formula] = Field(default_factory=dict)
    """Canonical columns (docs/reference/columns.md), each with its expression."""
    lookups: dict[Code, Lookup] = Field(default_factory=dict)
    """Tables that expressions may name: `vendor.cVenName`."""


class LinesTable(Table):
    """The table with the lines of documents."""

    link: dict[Identifier, Identifier] = Field(min_length=1)
    """Columns of the line, each with the column of the document that it equals."""
    renewed: Flag = False
    """Whether the ERP writes the lines anew at every save, so that their keys tell nothing: then a line is known by
    its place in the document, in the order of the key."""
    columns: dict[LineColumn, Formula] = Field(default_factory=dict)
    """Canonical columns of lines, each with its expression."""
    lookups: dict[Code, Lookup] = Field(default_factory=dict)
    """Tables that expressions may name: `item.cInvName`."""


class RelatedTable(Table):
    """Rows of other documents that hang on a document or on its lines: receipts, invoices, prepayments."""

    of: Literal["document", "lines"] = "lines"
    """What they hang on."""
    link: dict[Identifier, Identifier] = Field(min_length=1)
    """Its columns, each with the column of the document or line that it equals."""
    columns: tuple[Identifier, ...] = ()
    """Columns to keep in images beside those that expressions need."""
