"""What an alarm says, and what it never says."""

from __future__ import annotations

import gettext
from datetime import UTC, datetime

import pytest

from recovery.stopping.alarms import Alarm, AlarmKind
from service.cli.commands import build_parser
from service.cli.parser import Builder
from service.notify import _without_address, message_of
from service.text import Language

ID = "0199a2b3-4c5d-7000-8000-000000000000"


class Quoting(gettext.NullTranslations):
    """A language in which everything stands in quotes."""

    def gettext(self, message: str) -> str:
        return f"«{message}»"


def alarm(kind: AlarmKind) -> Alarm:
    """Return an alarm of a kind."""
    at = datetime(2026, 1, 5, tzinfo=UTC)
    return Alarm(ID, kind, at, ID, "erp", 3, None, "mei")


@pytest.mark.parametrize("kind", AlarmKind)
def test_every_kind_has_words(kind: AlarmKind) -> None:
    """A title, what happened, and what to type next."""
    found = message_of(alarm(kind), Language())

    assert found.title.startswith("Storno: ")
    assert "erp" in found.body
    assert "storno " in found.body
    assert "{" not in found.body


@pytest.mark.parametrize("kind", AlarmKind)
def test_every_line_is_translated(kind: AlarmKind) -> None:
    """Each person reads their own language."""
    found = message_of(alarm(kind), Language("xx", Quoting()))

    assert found.title.startswith("«")
    assert all(line.startswith("«") for line in found.body.splitlines())


@pytest.mark.parametrize("kind", AlarmKind)
def test_what_it_says_can_be_typed(kind: AlarmKind) -> None:
    """Each command, once what stands in capitals is filled in: nobody is sent to an error at night."""
    body = message_of(alarm(kind), Language()).body
    typed = [line.partition(": storno ")[2] for line in body.splitlines() if ": storno " in line]

    assert typed
    for line in typed:
        words = line.replace("NO", "3").replace("confirmed|refused|not-sent", "refused").split()
        build_parser(Builder(Language()), words[0]).parse_args(words)


def test_without_a_system_all_are_meant() -> None:
    """A freeze of everything."""
    at = datetime(2026, 1, 5, tzinfo=UTC)
    everything = Alarm(ID, AlarmKind.FROZEN, at, None, None, 1, ID, "mei")

    assert "all systems" in message_of(everything, Language()).body


@pytest.mark.parametrize(
    "said",
    [
        "Failed to send to https://hooks.example.com/T0KEN-ABC?x=p%40ss",
        "401 for user storno-bot, token T0KEN-ABC",
        "p@ss was not accepted by hooks.example.com",
    ],
)
def test_nothing_of_an_address_is_shown(said: str) -> None:
    """Any part of it may be the token, written as in an address or plain."""
    shown = _without_address(said, "jsons://storno-bot:p%40ss@hooks.example.com/T0KEN-ABC?x=y")

    for part in ("T0KEN-ABC", "storno-bot", "p%40ss", "p@ss", "hooks.example.com"):
        assert part not in shown
