"""The one place that wires: settings in, everything that a command or a worker needs out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from config.settings import Settings
from config.systems import GenericOptions
from connectors import registry
from connectors.proving import Provable
from core.errors import NotFound
from core.retry import RetryPolicy
from core.text import N_
from recovery.model import Actor

if TYPE_CHECKING:
    from datetime import date

    from config.politeness import PolitenessSettings
    from connectors.contract import Action, System
    from connectors.proving import Proof
    from recovery.apply import RunOptions
    from recovery.approval import ApprovalPolicy
    from recovery.at_rest.redaction import Redaction
    from recovery.at_rest.sealing import Keys
    from recovery.journal import Journal
    from recovery.workers.politeness import Manners, Politeness
    from service.notify import Courier

_FILE: Final = "sqlite:///"

OpenSystem = Callable[[str, str, Any], "System"]
"""Name, kind and options of a system in, the opened system out."""


class Services:
    """What one process works with. The journal and each system are opened when first used, and once."""

    def __init__(self, settings: Settings, open_system: OpenSystem) -> None:
        self.settings = settings
        self._open_system = open_system
        self._systems: dict[str, System] = {}
        self._journal: Journal | None = None
        self._actor: Actor | None = None
        self._courier: Courier | None = None

    @property
    def journal(self) -> Journal:
        """The journal. Raises `JournalNewer`, `JournalFull`, `JournalBroken`."""
        if self._journal is None:
            from recovery.journal import Journal

            self._journal = Journal.open(
                self.settings.journal_url, keys=self.journal_keys, redaction=self.redaction
            )
        return self._journal

    @property
    def journal_keys(self) -> Keys:
        """The keys that seal the images of the journal."""
        from recovery.at_rest.sealing import Keys

        return Keys([(each.name, each.secret) for each in self.settings.journal.keys])

    @property
    def redaction(self) -> Redaction:
        """Which fields nobody shall see."""
        from recovery.at_rest.redaction import of_settings

        return of_settings(self.settings.redaction)

    @property
    def actor(self) -> Actor:
        """Who acts: a claimed name, until accounts exist."""
        if self._actor is None:
            self._actor = Actor(self.settings.actor_name)
        return self._actor

    @property
    def courier(self) -> Courier:
        """What tells named people of alarms."""
        if self._courier is None:
            from service.notify import Courier, people_of

            self._courier = Courier(self.journal, people_of(self.settings))
        return self._courier

    def notifying(self) -> AbstractContextManager[None]:
        """Tell people of alarms while the block runs, beside it; nothing is done where nobody is named."""
        return self.courier.at_work() if self.settings.notify else nullcontext()

    def system(self, name: str) -> System:
        """Return the system of this name in storno.yaml, opened. Raises `NotFound`, and what opening raises."""
        if name not in self._systems:
            options = self.settings.systems.get(name)
            if options is None:
                raise NotFound(
                    N_("There is no system {name!r} in storno.yaml. Known: {known}"),
                    what="system",
                    name=name,
                    known=", ".join(self.settings.systems) or "-",
                )
            given = options.options if isinstance(options, GenericOptions) else options
            system = self._open_system(name, options.kind, given)
            if isinstance(system, Provable):
                system.trust(lambda: self._proof_of(name))
            self._systems[name] = system
        return self._systems[name]

    def _proof_of(self, name: str) -> Proof | None:
        """Return the newest proof of a system; a journal is not made for the question."""
        url = self.settings.journal_url
        if self._journal is None and url.startswith(_FILE) and not Path(url[len(_FILE) :]).exists():
            return None
        return self.journal.proof(name)

    def opened_actions(self) -> Mapping[str, Action]:
        """Return the actions of the systems that are open now; nothing is opened for it."""
        found: dict[str, Action] = {}
        for system in self._systems.values():
            found |= system.actions()
        return found

    @property
    def today(self) -> date:
        """The day in the time zone in which people count days."""
        from core import clock

        return clock.now().astimezone(self.settings.zone).date()

    @property
    def retry_policy(self) -> RetryPolicy:
        """How long an unreachable or busy system is asked again."""
        return RetryPolicy(deadline_seconds=self.settings.run.retry_deadline_seconds)

    @property
    def run_options(self) -> RunOptions:
        """How change sets are carried out."""
        from recovery.apply import RunOptions

        run = self.settings.run
        return RunOptions(
            batch_size=run.batch_size,
            retry=self.retry_policy,
            stop_after_equal_refusals=run.stop_after_equal_refusals,
            politeness=self.politeness,
            lease_seconds=run.lease_seconds,
        )

    @property
    def politeness(self) -> Politeness:
        """How each system is treated while change sets are carried out."""
        from recovery.workers.politeness import Politeness

        systems = self.settings.systems
        return Politeness({name: self._manners(each.politeness) for name, each in systems.items()})

    def _manners(self, given: PolitenessSettings) -> Manners:
        from zoneinfo import ZoneInfo

        from config.politeness import read_quiet_hours
        from recovery.workers.politeness import Manners, QuietHours

        zone = ZoneInfo(given.time_zone) if given.time_zone else self.settings.zone
        quiet = [read_quiet_hours(each) for each in given.quiet_hours]
        return Manners(
            calls_per_second=given.calls_per_second,
            concurrency=given.calls_at_a_time,
            quiet_hours=tuple(QuietHours(start, end, zone, days) for days, start, end in quiet),
            breaker_after=given.breaker_after,
            breaker_seconds=given.breaker_seconds,
            stop_after_unexpected=given.stop_after_unexpected,
            stop_at_percent=given.stop_at_percent,
        )

    @property
    def approval_policy(self) -> ApprovalPolicy:
        """Who must agree before a change set runs."""
        from recovery.approval import ApprovalPolicy

        approval = self.settings.approval
        return ApprovalPolicy(approval.policy, approval.limit)

    def close(self) -> None:
        """Tell people what they must know, log out everywhere and close the journal; every one is tried."""
        if self._journal is not None and self.settings.notify:
            self.courier.finish()
        opened: list[System | Journal] = [
            *self._systems.values(),
            *([self._journal] if self._journal else []),
        ]
        self._systems, self._journal, self._courier = {}, None, None
        errors: list[Exception] = []
        for each in opened:
            try:
                each.close()
            except Exception as error:  # noqa: BLE001 - the next one is closed all the same
                errors.append(error)
        if errors:
            raise errors[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except Exception:
            # What went wrong first is what people must read.
            if error is None:
                raise


def build(settings: Settings, *, open_system: OpenSystem = registry.open_system) -> Services:
    """Return the services for these settings. A test hands in its own way to open systems."""
    return Services(settings, open_system)
