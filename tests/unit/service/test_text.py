"""Which language is spoken, and that text of an ERP does no harm."""

from __future__ import annotations

import gettext
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from core.encoding import dumps, loads
from core.text import Text, text
from service.text import Language, cell_width, choose_language, clean


@pytest.mark.parametrize(
    "written, shown",
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("two\nlines\r", "two\\nlines\\r"),
        ("\x9b2J", "\\x9b2J"),
        ("a\u202etxt.exe", "a\\u202etxt.exe"),
        ("\ud800", "\\ud800"),
        ("Müller & 王 GmbH", "Müller & 王 GmbH"),
    ],
)
def test_erp_text_has_no_effect_on_a_terminal(written: str, shown: str) -> None:
    """What would act is shown instead; every other character stays."""
    assert shown == clean(written)


@pytest.mark.parametrize("written, width", [("abc", 3), ("结案", 4), ("e\u0301", 1), ("", 0)])
def test_width_is_what_a_terminal_takes(written: str, width: int) -> None:
    """A Chinese character takes two columns, a combining mark none."""
    assert width == cell_width(written)


@pytest.mark.parametrize(
    "asked, configured, environment, spoken",
    [
        ("zh_CN", "en", {"LANG": "en_US.UTF-8"}, "zh_CN"),
        (None, "zh_CN", {"LANG": "en_US.UTF-8"}, "zh_CN"),
        (None, "auto", {"LANG": "zh_CN.GB18030"}, "zh_CN"),
        (None, None, {"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        (None, None, {"LANGUAGE": "fr:zh_CN", "LANG": "fr_FR"}, "zh_CN"),
        (None, None, {"LANG": "de_DE.UTF-8"}, "en"),
        ("zh-Hans", None, {}, "zh_CN"),
        ("Chinese (Simplified)_China.936", None, {}, "zh_CN"),
        ("klingon", None, {"LANG": "zh_CN"}, "en"),
    ],
)
def test_language(
    asked: str | None, configured: str | None, environment: dict[str, str], spoken: str
) -> None:
    """The option goes before the settings, and these before the machine."""
    assert spoken == choose_language(asked, configured, environment)


def test_values_are_cleaned_and_put_in_words(english: Language) -> None:
    """A value of the ERP cannot forge a line, and a code of ours is read as a word."""
    said = english.say(
        text("{what} {name} is {state}", what="change set", name="a\nb", state="needs_person")
    )

    assert said == "change set a\\nb is a person must look"


class _Catalogue(gettext.NullTranslations):
    def gettext(self, message: str) -> str:
        return {"is no line of this document": "不是此单据的行"}.get(message, message)


@pytest.mark.parametrize("place", ["problem", "reason"])
def test_what_is_wrong_is_said_in_the_language_of_the_reader(place: str) -> None:
    """A template of ours within an error is translated, the words of a library stand as they are."""
    language = Language(catalogue=_Catalogue())

    assert "不是此单据的行" == language.say(
        Text(f"{{{place}}}", {place: "is no line of this document"})
    )
    assert "no such file" == language.say(Text(f"{{{place}}}", {place: "no such file"}))


def test_texts_within_texts_are_translated_too(english: Language) -> None:
    """A reason inside a message is cleaned like the message."""
    assert english.say(text("{problem}!", problem=text("{x}", x="\x07"))) == "\\x07!"


@pytest.mark.parametrize(
    "value, shown",
    [
        (Decimal("1234567.50"), "1,234,567.50"),
        (Decimal("-0.5"), "-0.5"),
        (Decimal("1E+3"), "1,000"),
        (Decimal(0), "0"),
    ],
)
def test_numbers_keep_every_digit(english: Language, value: Decimal, shown: str) -> None:
    """Groups of three, and no digit more or less."""
    assert shown == english.number(value)


@pytest.mark.parametrize(
    "amount, currency, shown",
    [
        ("312", "EUR", "312.00 EUR"),
        ("312.125", "EUR", "312.125 EUR"),
        ("312", "JPY", "312 JPY"),
        ("1", None, "1.00"),
    ],
)
def test_money_has_the_places_of_its_currency(
    english: Language, amount: str, currency: str | None, shown: str
) -> None:
    """At least those places; what an ERP keeps more exactly is shown so."""
    assert shown == english.money(Decimal(amount), currency)


def test_moments_are_shown_in_the_zone_of_the_reader() -> None:
    """UTC inside, the reader's wall clock outside."""
    language = Language(zone=ZoneInfo("Asia/Shanghai"))

    assert language.moment(datetime(2026, 1, 31, 23, 30, tzinfo=UTC)) == "2026-02-01 07:30"


def test_plurals(english: Language) -> None:
    """One row is one row."""
    assert english.ngettext("{count} row", "{count} rows", 1) == "1 row"
    assert english.ngettext("{count} row", "{count} rows", 2) == "2 rows"


def test_moments_of_a_stored_sentence_are_shown_in_the_zone_of_the_reader() -> None:
    """The journal gives them back as text in UTC; days and words stay as they are."""
    said = text(
        "{system} waits until {until}; {expired_at}; pruned {pruned_at}; {held_at}",
        system="2026-01-31T23:30:00Z",
        until=datetime(2026, 1, 31, 23, 30, 5, tzinfo=UTC),
        expired_at="2026-01-31T23:30:00+00:00",
        pruned_at="2026-01-31",
        held_at="2026-01-31T23:30:00",
    )
    stored = Text.from_dict(loads(dumps(said.as_dict())))
    language = Language("en", gettext.NullTranslations(), ZoneInfo("Asia/Shanghai"))

    assert language.say(stored) == (
        "2026-01-31T23:30:00Z waits until 2026-02-01 07:30:05; 2026-02-01 07:30;"
        " pruned 2026-01-31; 2026-01-31T23:30:00"
    )
