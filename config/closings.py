"""What a closing looks at, which way each document takes, and what must hold first. Rules are SQL.

Kinds, actions and columns are the connectors' words; the closing itself checks them when it is planned.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from config.fields import Code, Name, Section, Whole, Words, as_plain, wrong
from core.text import N_

SQL = Annotated[str, Field(min_length=1, max_length=4_000)]
"""One condition over the canonical columns of a document."""


def _not_empty(routes: tuple[Route, ...]) -> tuple[Route, ...]:
    if not routes:
        raise wrong(N_("must have at least one entry"))
    return routes


class Check(Section):
    """A condition that must hold; where it does not, the document is an exception."""

    code: Code
    """Stable name of the exception, for programs and reports."""
    holds: SQL
    """Condition in SQL; unknown (null) counts as not held."""
    reason: Words
    """What people read when it does not hold."""


class Route(Section):
    """One way to close: for which documents, by which action, carried out by whom."""

    name: Words
    """What people call this way."""
    when: SQL
    """Condition in SQL; a document takes the first route whose condition holds."""
    action: Words
    """Action of the connector, as `storno systems check` lists it."""
    executor: Literal["interface", "by_person"] | None = None
    """`interface`: Storno does it; `by_person`: a person does, from a worklist. Without it Storno does it where it may
    write, else a person."""
    arguments: Annotated[dict[str, Any], BeforeValidator(as_plain)] = Field(default_factory=dict)
    """Arguments of the action."""
    checks: tuple[Check, ...] = Field(default=(), strict=False)
    """Checks for documents on this route, after those of the closing."""


class ClosingSettings(Section):
    """One closing: find the documents of a kind that are ready, close them, explain the others."""

    system: Name
    """Name of a system above."""
    kind: Words
    """Kind of document, such as `purchase_order`."""
    title: str = ""
    """What people call this closing; the default is its name."""
    scope: SQL = "not is_closed"
    """Condition in SQL: which documents are looked at."""
    routes: Annotated[tuple[Route, ...], AfterValidator(_not_empty)] = Field(strict=False)
    """Ways to close; the first whose condition holds is taken."""
    checks: tuple[Check, ...] = Field(default=(), strict=False)
    """Checks for every document, whatever its route."""
    require_backup_hours: Whole | None = Field(default=None, ge=1)
    """How old the last backup of the database may be; where it is older, or nobody knows, nothing is closed."""
    otherwise: Words = N_("no route fits this document")
    """What people read about a document for which no route's condition holds."""
