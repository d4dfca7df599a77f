"""What a plan tells of documents with fields that nobody shall see: masked before anything of it is stored or shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from recovery.at_rest.hidden_values import hidden_values
from recovery.at_rest.redaction import SHOWN_COLUMNS, Redaction

if TYPE_CHECKING:
    from connectors.contract import Image, Problem, Ref

_TOLD: Final = ("facts", "remainder")
"""Where the details of an operation tell figures of the document; whatever else stands there decides what is done."""


def shown_of_plan(
    redaction: Redaction,
    system: str,
    ref: Ref,
    details: Mapping[str, Any],
    problems: Iterable[Problem],
    images: Sequence[Image],
) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """Return details and problems of one document as the plan shall tell them; what it does is not touched."""
    hidden = hidden_values(redaction, system, *images)
    shown = dict(details)
    for name in _TOLD:
        if shown.get(name):
            columns = redaction.shown_columns(system, ref.model, shown[name])
            told = {n: v for n, v in columns.items() if n not in SHOWN_COLUMNS}
            shown[name] = {**columns, **hidden.masked(told)}
    return shown, tuple(replace(each, text=hidden.masked(each.text)) for each in problems)
