"""What hidden fields of one document hold, to be found again where no field is named: in figures, in words of an ERP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from core.text import Text
from recovery.at_rest.redaction import MASK

if TYPE_CHECKING:
    from connectors.contract import Image
    from core.errors import StornoError
    from recovery.at_rest.redaction import Redaction

SHORTEST: Final = 3
"""A text that is shorter is not looked for within other texts: it stands in every second word."""

_TELLS_NOTHING: Final = frozenset({Decimal(0), Decimal(1)})


class HiddenValues:
    """The values that nobody shall see of one document; masks what equals them, and texts in which they stand.

    Nothing, yes and no, 0 and 1 are never looked for: they stand everywhere and tell nobody anything.
    """

    def __init__(self, values: Iterable[Any]) -> None:
        self._forms: set[Any] = set()
        words: set[str] = set()
        for value in values:
            for each in value if isinstance(value, (list, tuple)) else (value,):
                self._add(each, words)
        self._words = sorted(words, key=len, reverse=True)

    def _add(self, value: Any, words: set[str]) -> None:
        form = _form(value)
        if form is None:
            return
        self._forms.add(form)
        found = {str(value), str(form)}
        if isinstance(form, Decimal):
            found = {str(value), format(form, "f"), f"{form:,f}", f"{form:.2f}", f"{form:,.2f}"}
        words |= {each for each in found if len(each) >= SHORTEST}

    def __bool__(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._forms)

    def masked(self, value: Any) -> Any:
        """Return a value, a text, rows or records with the mask wherever a hidden value stands."""
        if not self._forms:
            return value
        match value:
            case Text():
                values = {name: self.masked(each) for name, each in value.values.items()}
                return replace(value, template=self._in_words(value.template), values=values)
            case Mapping():
                return {name: self.masked(each) for name, each in value.items()}
            case list() | tuple():
                return type(value)(self.masked(each) for each in value)
            case _ if _form(value) in self._forms:
                return MASK
            case str():
                return self._in_words(value)
            case _:
                return value

    def _in_words(self, said: str) -> str:
        for word in self._words:
            said = said.replace(word, MASK)
        return said


def hidden_values(redaction: Redaction, system: str, *images: Image | None) -> HiddenValues:
    """Return what the hidden fields of these images hold."""
    return HiddenValues(
        each
        for image in images
        if image is not None
        for record in image.records
        if record.fields is not None and redaction.hides_any(system, record.ref.model)
        for name, value in record.fields.items()
        if redaction.hides(system, record.ref.model, name)
        for each in (value, record.raw.get(name))
    )


def quieten(
    redaction: Redaction, system: str, images: Iterable[Image], said: Iterable[StornoError | None]
) -> None:
    """Take what these images hide out of what an ERP answered: logs, the journal and people get the rest of it."""
    errors = [each for each in said if each is not None]
    if not redaction or not errors:
        return
    hidden = hidden_values(redaction, system, *images)
    for error in errors:
        error.text = hidden.masked(error.text)
        kept = {"offenders": error.details["offenders"]} if "offenders" in error.details else {}
        error.details = {**hidden.masked(error.details), **kept}


def _form(value: Any) -> Any:
    """Return what two ways of writing one value have in common; None where there is nothing to look for."""
    match value:
        case None | bool() | bytes():
            return None
        case int() | float() | Decimal():
            number = Decimal(str(value))
        case datetime() | date():
            return value.isoformat()
        case str():
            if not value.strip():
                return None
            try:
                number = Decimal(value)
            except InvalidOperation:
                return value.strip()
        case _:
            return None
    if not number.is_finite() or number in _TELLS_NOTHING:
        return None
    return number.normalize()
