"""Alarms delivered: from the journal's outbox to named people, through Apprise, in their language.

A message holds the id of a change set, a system, a number and what to do next: no field, no words of an ERP. It is sent
after the commit that it tells of, by a thread of its own or at the end of a command, so a mail server that hangs slows
nothing. Each alarm reaches a person once; only where a process dies between sending and storing that it sent, twice.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import structlog

from config.secrets import REDACTED, redact
from core import clock
from core.events import Event
from core.text import N_, Text, text
from recovery.stopping import alarms
from recovery.stopping.alarms import Alarm, AlarmKind, Delivery
from service.text import Language, choose_language

if TYPE_CHECKING:
    from config.settings import Settings
    from recovery.journal import Journal

log = structlog.get_logger(__name__)

POLL_SECONDS: Final = 5.0
"""How long an alarm of a run that goes on waits until it is sent."""

LAST_SECONDS: Final = 10.0
"""How long the end of a command waits for messages that are on their way; the rest stays in the outbox."""

SHORTEST_SECRET: Final = 4
LONGEST_PROBLEM: Final = 200
_BETWEEN: Final = re.compile(r"[/:@?&=,\s]+")


@dataclass(frozen=True, slots=True)
class Message:
    """What a person reads."""

    title: str
    body: str


Post = Callable[[str, Message], str | None]
"""Sends one message to one address; returns what is wrong, None when it was taken. Raises nothing."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is told."""

    name: str
    addresses: tuple[str, ...]
    wanted: frozenset[AlarmKind]
    language: Language

    @property
    def services(self) -> tuple[str, ...]:
        """What the addresses go through: all of an address that may be shown."""
        return tuple(address.partition("://")[0] for address in self.addresses)


def people_of(settings: Settings) -> dict[str, Person]:
    """Return who is named in storno.yaml."""
    return {
        name: Person(
            name,
            tuple(address.get_secret_value() for address in each.addresses),
            frozenset(AlarmKind(word) for word in each.alarms),
            Language.of(choose_language(each.language, settings.language), settings.zone),
        )
        for name, each in settings.notify.items()
    }


# --- what is said -----------------------------------------------------------------------------------


TITLES: Final[Mapping[AlarmKind, str]] = {
    AlarmKind.FROZEN: N_("Storno: frozen"),
    AlarmKind.THAWED: N_("Storno: thawed"),
    AlarmKind.IN_DOUBT: N_("Storno: in doubt"),
    AlarmKind.NEEDS_PERSON: N_("Storno: a person must look"),
    AlarmKind.RUN_STOPPED: N_("Storno: a run was stopped"),
    AlarmKind.BREAKER_OPENED: N_("Storno: a system fails"),
}

_SAID: Final[Mapping[AlarmKind, tuple[str, ...]]] = {
    AlarmKind.FROZEN: (
        N_("{person} stopped writes of Storno ({where})."),
        N_("People and other programs are not stopped."),
        N_("What is frozen, and why: storno freeze"),
    ),
    AlarmKind.THAWED: (
        N_("{person} lifted a freeze ({where})."),
        N_("What waited goes on when somebody lets it: storno changes list"),
    ),
    AlarmKind.IN_DOUBT: (
        N_("Change set {change_set} ({where}): operations whose answer was lost: {count}."),
        N_("Storno reads to find out what became of them: storno changes show {change_set}"),
    ),
    AlarmKind.NEEDS_PERSON: (
        N_("Change set {change_set} ({where}): operations that a person must look at: {count}."),
        N_("Which ones, and why: storno changes show {change_set}"),
        N_(
            "Look into the ERP, then: storno changes settle {change_set} NO --as confirmed|refused|not-sent"
            " --reason TEXT"
        ),
    ),
    AlarmKind.RUN_STOPPED: (
        N_("Change set {change_set} ({where}) was stopped by a rule. Nothing more is sent."),
        N_("Why: storno changes show {change_set}"),
    ),
    AlarmKind.BREAKER_OPENED: (
        N_("{where}: calls that failed in a row: {count}. Nothing is sent there for a while."),
        N_("Can it be reached: storno systems check {where}"),
    ),
}


def message_of(alarm: Alarm, language: Language) -> Message:
    """Return an alarm in words."""
    where: Text | str = alarm.system or text(N_("all systems"))
    values = {
        "person": alarm.actor or "-",
        "where": where,
        "change_set": (alarm.change_set_id or "-")[:13],
        "count": alarm.count,
    }
    lines = [language.say(Text(each, values)) for each in _SAID[alarm.kind]]
    return Message(language.say(TITLES[alarm.kind]), "\n".join(lines))


def trial(language: Language) -> Message:
    """Return what `storno notify test` sends."""
    return Message(
        language.say(N_("Storno: a test")),
        language.say(N_("This is a test. Messages like this one will tell of freezes and doubts.")),
    )


# --- sending ----------------------------------------------------------------------------------------


def post(address: str, message: Message) -> str | None:
    """Send through Apprise, which knows the services; its words are kept without any part of the address."""
    import apprise

    library = logging.getLogger("apprise")
    library.propagate = False  # its lines may show parts of an address; what matters is returned
    asset = apprise.AppriseAsset(
        app_id="Storno",
        app_desc="Storno",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        async_mode=False,
    )
    service = address.partition("://")[0]
    try:
        with apprise.LogCapture(level=logging.WARNING, name="apprise") as said:  # type: ignore[no-untyped-call]
            box = apprise.Apprise(asset=asset)
            if not box.add(address):
                return f"{service}: not an address that Apprise understands"
            if box.notify(
                title=message.title, body=message.body, body_format=apprise.NotifyFormat.TEXT
            ):
                return None
            problem = said.getvalue()
    except Exception as error:  # noqa: BLE001 - forty services, each with exceptions of its own
        problem = type(error).__name__
    lines = [line.rpartition(" - ")[2] for line in problem.splitlines() if line.strip()]
    return f"{service}: {_without_address(lines[-1] if lines else 'not taken', address)}"


def _without_address(said: str, address: str) -> str:
    """Take every part of an address out of what a library said; any of them may be the token."""
    _, _, rest = address.partition("://")
    parts = {part for part in _BETWEEN.split(rest) if len(part) >= SHORTEST_SECRET}
    for part in sorted(parts | {unquote(part) for part in parts}, key=len, reverse=True):
        said = said.replace(part, REDACTED)
    return redact(said)[:LONGEST_PROBLEM]


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one round of deliveries came to."""

    sent: int = 0
    failed: int = 0


class Courier:
    """Delivers what is in the outbox of one journal."""

    def __init__(self, journal: Journal, people: Mapping[str, Person], post: Post = post) -> None:
        self._journal = journal
        self._people = people
        self._post = post
        self._alone = threading.Lock()

    def deliver(self, *, again: bool = False, seconds: float | None = None) -> Delivered:
        """Send what is due, the oldest first; with `again` also what waits for its next try or was given up.

        Begins nothing new after `seconds`. Raises what the journal raises, nothing of any service.
        """
        end = None if seconds is None else clock.monotonic() + seconds
        sent = failed = 0
        delivery: Delivery | None = None
        with self._alone:
            if not again and not self._has_work():
                return Delivered()
            with self._journal.aside() as connection:
                alarms.address(
                    connection, {each.name: each.wanted for each in self._people.values()}
                )
            while end is None or clock.monotonic() < end:
                with self._journal.aside() as connection:
                    delivery = alarms.claim(connection, self._people, again=again, after=delivery)
                if delivery is None:
                    break
                problem = self._send(delivery)
                with self._journal.aside() as connection:
                    if problem is None:
                        alarms.delivered(connection, delivery)
                    else:
                        alarms.failed(connection, delivery, problem)
                sent, failed = sent + (problem is None), failed + (problem is not None)
        return Delivered(sent, failed)

    def _has_work(self) -> bool:
        with self._journal.reading() as connection:
            return bool(self._people) and alarms.has_work(connection)

    def _send(self, delivery: Delivery) -> str | None:
        person = self._people[delivery.person]
        problem = tell(person, message_of(delivery.alarm, person.language), self._post)
        names = {"kind": delivery.alarm.kind.value, "person": person.name}
        if problem is None:
            log.info(Event.ALARM_DELIVERED, **names)
        else:
            log.warning(Event.ALARM_FAILED, problem=problem, **names)
        return problem

    # --- beside a run ---------------------------------------------------------------------------

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Deliver every few seconds, in a thread of its own, while the block runs; nothing of it reaches the block."""
        if not self._people:
            yield
            return
        ended = threading.Event()

        def work() -> None:
            while not ended.wait(POLL_SECONDS):
                self._quietly(LAST_SECONDS)

        worker = threading.Thread(target=work, name="storno-alarms", daemon=True)
        worker.start()
        try:
            yield
        finally:
            ended.set()

    def finish(self, seconds: float = LAST_SECONDS) -> None:
        """Deliver what is left at the end of a command, for at most so long; the rest stays in the outbox."""
        if not self._people:
            return
        last = threading.Thread(
            target=self._quietly, args=(seconds,), name="storno-alarms", daemon=True
        )
        last.start()
        last.join(seconds)

    def _quietly(self, seconds: float) -> None:
        try:
            self.deliver(seconds=seconds)
        except Exception as error:  # noqa: BLE001 - what was committed stands, whatever becomes of telling
            log.warning(Event.ALARM_FAILED, problem=type(error).__name__)


def tell(person: Person, message: Message, post: Post = post) -> str | None:
    """Send to every address of a person; None when one of them took it, else what each said."""
    problems = [post(address, message) for address in person.addresses]
    return None if None in problems else "; ".join(str(each) for each in problems)


def try_out(person: Person, post: Post = post) -> Sequence[tuple[str, str | None]]:
    """Send a test to every address of a person; return for each its service and what is wrong."""
    message = trial(person.language)
    return [
        (service, post(address, message))
        for service, address in zip(person.services, person.addresses, strict=True)
    ]
