"""The words of an evidence page: everything that stands in it is escaped here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from html import escape
from typing import Any, Final

from core import encoding
from core.text import N_, Text
from service.text import Language

_GOOD: Final = frozenset({"applied", "confirmed", "rolled_back", "approved", "already"})
_BAD: Final = frozenset({"failed", "refused", "needs_person", "in_doubt", "rejected", "expired"})
_CARE: Final = frozenset({"paused", "partly_applied", "partly_rolled_back", "dropped"})


class PageWords:
    """Turns texts, codes and values into HTML in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def say(self, template: str, **values: Any) -> str:
        """Return one sentence in the reader's language."""
        return self.language.say(Text(template, values))

    def h(self, template: str, **values: Any) -> str:
        """Return one sentence, escaped."""
        return escape(self.say(template, **values))

    def word(self, code: Any) -> str:
        """Return what people call a code of ours, escaped."""
        return escape(self.language.word(None if code is None else str(code)))

    def text(self, stored: Mapping[str, Any] | Text | None) -> str:
        """Return a stored text, escaped."""
        if stored is None:
            return ""
        found = stored if isinstance(stored, Text) else Text.from_dict(stored)
        return escape(self.language.say(found))

    def moment(self, moment: datetime | str | None) -> str:
        """Return a moment to the second, in the reader's zone."""
        if moment is None:
            return "–"
        found = encoding.parse_moment(moment) if isinstance(moment, str) else moment
        return escape(f"{found.astimezone(self.language.zone):%Y-%m-%d %H:%M:%S}")

    def badge(self, code: str) -> str:
        """Return a state as a coloured badge."""
        tones = ((_GOOD, "good"), (_BAD, "bad"), (_CARE, "care"))
        tone = next((tone for codes, tone in tones if code in codes), "plain")
        return f'<span class="badge {tone}">{self.word(code)}</span>'

    def person(self, actor: Mapping[str, Any] | None) -> str:
        """Return a name, and how it is known."""
        if actor is None:
            return "–"
        return f'{escape(actor["name"])} <span class="soft">({self.word(actor["how"])})</span>'

    def value(self, value: Any) -> str:
        """Return the value of an ERP's field; nothing and the empty text are told apart."""
        match value:
            case None:
                return '<span class="soft">–</span>'
            case "":
                return '<span class="soft">""</span>'
            case bool():
                return self.h(N_("yes")) if value else self.h(N_("no"))
            case datetime():
                return self.moment(value)
            case Decimal():
                return escape(format(value, "f"))
            case bytes():
                return escape(self.language.ngettext("{count} byte", "{count} bytes", len(value)))
            case list() | tuple():
                return escape(", ".join(str(each) for each in value))
            case _:
                return escape(str(value))
