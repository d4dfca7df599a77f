"""The one place that wires: settings in, everything that a command or a worker needs out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

    from connectors.contract import Action, System
    from connectors.proving import Proof
    from recovery.apply import RunOptions
    from recovery.approval import ApprovalPolicy
    from recovery.journal import Journal

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

    @property
    def journal(self) -> Journal:
        """The journal. Raises `JournalNewer`, `JournalFull`, `JournalBroken`."""
        if self._journal is None:
            from recovery.journal import Journal

            self._journal = Journal.open(self.settings.journal_url)
        return self._journal

    @property
    def actor(self) -> Actor:
        """Who acts: a claimed name, until accounts exist."""
        if self._actor is None:
            self._actor = Actor(self.settings.actor_name)
        return self._actor

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
        )

    @property
    def approval_policy(self) -> ApprovalPolicy:
        """Who must agree before a change set runs."""
        from recovery.approval import ApprovalPolicy

        approval = self.settings.approval
        return ApprovalPolicy(approval.policy, approval.limit)

    def close(self) -> None:
        """Log out everywhere and close the journal; every one is tried."""
        opened: list[System | Journal] = [
            *self._systems.values(),
            *([self._journal] if self._journal else []),
        ]
        self._systems, self._journal = {}, None
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
