"""How a recipe sees that a period is closed. Periods are read before a close and before a rollback, never written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from pydantic import Field, model_validator

from config.expressions import Expression
from config.fields import Section, Words, wrong
from config.recipe_tables import Certainty, ColumnType, Formula, Identifier, RecipeSection
from core.text import N_


class Flags(RecipeSection):
    """One row a period with a flag that says that it is closed (Yonyou U8: GL_mend)."""

    year: Formula | None = None
    """The year of a row; without it the year of the set of books counts."""
    month: Formula
    """The period of a row, 1 to 12."""
    closed: Formula
    """Whether the period is closed."""


class CurrentPeriod(RecipeSection):
    """Year and month in which the ERP works now; earlier ones are closed (Kingdee K/3: t_SystemProfile)."""

    year: Formula
    """Over all rows, with max(rows, ...)."""
    month: Formula
    """Over all rows, with max(rows, ...)."""


class Period(RecipeSection):
    """How one sees that a period is closed. Read before a close and before a rollback, never written."""

    certainty: Certainty = "certain"
    """Whether the facts of this section were proved, or must be checked by the site."""
    label: Words | None = None
    """What the ERP calls it."""
    table: Identifier
    """Its table."""
    only: Formula | None = None
    """Rows that count."""
    flags: Flags | None = None
    """One row a period."""
    current: CurrentPeriod | None = None
    """The period in which the ERP works now."""
    until: Formula | None = None
    """The last day that is closed, over all rows, with max(rows, ...)."""
    types: dict[Identifier, ColumnType] = Field(default_factory=dict)
    """What sort of values columns hold."""

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if sum(each is not None for each in (self.flags, self.current, self.until)) != 1:
            raise wrong(N_("needs one of flags, current and until"))
        return self

    def columns(self) -> frozenset[str]:
        """Return the columns that are read."""
        found: set[str] = set(self.types)
        for each in _formulas_of(self):
            found |= each.columns()
            for names in each.places().values():
                found |= names
        return frozenset(found)


def _formulas_of(section: Section) -> Iterator[Expression]:
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, Expression):
            yield value
        elif isinstance(value, Section):
            yield from _formulas_of(value)
