"""Text for people in their language: which language, gettext, and ERP text that cannot do harm.

`python -m service.text extract|update|check|compile` keeps the catalogues (see `service.catalogue`).
"""

from __future__ import annotations

import gettext
import locale
import os
import re
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from decimal import Context, Decimal
from pathlib import Path
from typing import Any, Final

from core.text import Text

DOMAIN: Final = "storno"
LOCALE_FOLDER: Final = Path(__file__).parent / "locale"
SOURCE_LANGUAGE: Final = "en"
LANGUAGES: Final = ("en", "zh_CN")
VARIABLES: Final = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
"""Asked in this order, as gettext does."""

# A code stands in these places of a template; people read the word for it.
CODED_PLACES: Final = frozenset({"what", "state", "to", "kind", "executor", "status"})

# What turns the direction of text round, or hides in it, can make a line look like another one.
_DECEIVING: Final = frozenset(
    "\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
_HARMFUL: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff" + "".join(sorted(_DECEIVING)) + "]"
)
_ESCAPES: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def clean(written: str) -> str:
    r"""Return text of an ERP so that a terminal shows it and obeys none of it.

    Control characters, escape sequences, line ends and marks that turn the direction of writing
    appear as `\n`, `\x1b`, `\u202e`: seen, and without effect.
    """
    return _HARMFUL.sub(_escape, written)


def _escape(found: re.Match[str]) -> str:
    sign = found.group()
    number = ord(sign)
    return _ESCAPES.get(sign) or (f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}")


def cell_width(written: str) -> int:
    """Return how many columns of a terminal a text takes; a Chinese character takes two."""
    if written.isascii():
        return len(written)
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        for sign in written
    )


def choose_language(
    asked: str | None, configured: str | None, environment: Mapping[str, str] | None = None
) -> str:
    """Return the language to speak: what was asked for, what is configured, what the machine speaks."""
    for wanted in (asked, configured):
        if wanted and wanted != "auto":
            return _known(wanted) or SOURCE_LANGUAGE
    environment = os.environ if environment is None else environment
    for variable in VARIABLES:
        for wanted in filter(None, environment.get(variable, "").split(":")):
            found = _known(wanted)
            if found:
                return found
            if variable != "LANGUAGE":
                # LC_ALL=C overrules LANG=zh_CN, as everywhere.
                return SOURCE_LANGUAGE
    if sys.platform == "win32":
        return _known(locale.getlocale()[0] or "") or SOURCE_LANGUAGE
    return SOURCE_LANGUAGE


def _known(wanted: str) -> str | None:
    """Return the one of our languages that `zh_CN.GB18030`, `zh-Hans` or `Chinese (Simplified)_China` means."""
    plain = wanted.partition(".")[0].partition("@")[0].replace("-", "_")
    for language in LANGUAGES:
        if plain.lower() == language.lower():
            return language
    first = plain.lower().partition("_")[0]
    if first == "zh" or first.startswith("chinese"):
        return "zh_CN"
    return "en" if first in {"en", "english"} else None


def catalogue_of(language: str) -> gettext.NullTranslations:
    """Return the catalogue of a language; the English of the source needs none."""
    if language == SOURCE_LANGUAGE:
        return gettext.NullTranslations()
    return gettext.translation(DOMAIN, LOCALE_FOLDER, [language], fallback=True)


@dataclass(frozen=True, slots=True)
class Language:
    """One language, and the time zone in which its reader counts days."""

    code: str = SOURCE_LANGUAGE
    catalogue: gettext.NullTranslations = field(default_factory=gettext.NullTranslations)
    zone: tzinfo = UTC

    @classmethod
    def of(cls, code: str, zone: tzinfo = UTC) -> Language:
        """Return the language with its catalogue read."""
        return cls(code, catalogue_of(code), zone)

    def translate(self, template: str) -> str:
        """Return the template in this language; English where the catalogue has nothing."""
        # The empty msgid is the catalogue's own header.
        return self.catalogue.gettext(template) if template else ""

    def say(self, text: Text | str) -> str:
        """Return one sentence for a person: translated, filled in, and harmless to a terminal.

        A plain `str` is a marked template of ours without places.
        """
        if isinstance(text, str):
            return self.translate(text)
        values = {name: self._value(name, value) for name, value in text.values.items()}
        return Text(text.template, values).translated(self.translate)

    def ngettext(self, singular: str, plural: str, count: int, **values: Any) -> str:
        """Return the form that fits `count`, filled with it and `values`."""
        found = self.catalogue.ngettext(singular, plural, count)
        return Text(found, {"count": count, **self._values(values)}).fill(found)

    def _values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._value(name, value) for name, value in values.items()}

    def _value(self, name: str, value: Any) -> Any:
        match value:
            case Text():
                return self.say(value)
            case str() if name in CODED_PLACES:
                return clean(self.translate(coded_word(value)))
            case str() if name in {"problem", "reason"}:
                # `NotAllowed(reason=N_(...))`: a marked template of ours, or the words of a person or a library.
                return clean(self.translate(value))
            case str() if name == "until" or name.endswith("_at"):
                return self._stored_moment(value)
            case str():
                return clean(value)
            case datetime():
                return self.moment(value)
            case Decimal():
                return self.number(value)
            case int():
                return value
            case _:
                return clean(str(value))

    def _stored_moment(self, value: str) -> str:
        """Return a moment that the journal gave back as text; whatever is none (a day) stays."""
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return clean(value)
        if moment.tzinfo is None:
            return clean(value)
        seconds = (
            f":{moment.second:02}" if moment.second else ""
        )  # of a wait they may be all that counts
        return self.moment(moment) + seconds

    def word(self, code: str | None) -> str:
        """Return what people call a state, kind, reversibility ...; `-` for nothing."""
        return "-" if code is None else clean(self.translate(coded_word(code)))

    def number(self, value: Decimal) -> str:
        """Return a decimal as people write it, every digit kept: `1,234.50`."""
        sign, digits = ("-", format(-value, "f")) if value < 0 else ("", format(value, "f"))
        whole, dot, places = digits.partition(".")
        return f"{sign}{int(whole):,}{dot}{places}"

    def money(self, amount: Decimal, currency: str | None) -> str:
        """Return an amount with at least the places of its currency, and the currency's code."""
        from core.money import decimal_places

        places = decimal_places(currency) if currency else 2
        exponent = amount.as_tuple().exponent
        if isinstance(exponent, int) and -exponent < places:
            amount = amount.quantize(Decimal(1).scaleb(-places), context=Context(prec=100))
        return f"{self.number(amount)} {clean(currency or '')}".rstrip()

    def total(self, amount: Decimal, currency: str | None) -> str:
        """Return an amount that was worked out (quantity by price), rounded to the currency's places."""
        from core.money import Money

        rounded = Money(amount, currency).rounded().amount if currency else amount
        return self.money(rounded, currency)

    def moment(self, value: datetime) -> str:
        """Return a moment in the reader's zone, to the minute."""
        return value.astimezone(self.zone).strftime("%Y-%m-%d %H:%M")

    def day(self, value: date) -> str:
        """Return a day; ISO is unambiguous in every language we speak."""
        return value.isoformat()


def coded_word(code: str) -> str:
    """Return the marked template for a code of ours, the code itself for any other."""
    from service.words import WORDS

    return WORDS.get(code, code)


if __name__ == "__main__":
    from service.catalogue import main

    sys.exit(main(sys.argv[1:]))
