"""What one command has at hand: its arguments, its output, and the services, opened when asked for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import StornoError, UsageError
from core.text import N_, Text, text
from service.cli.output import Output
from service.cli.streams import is_terminal

if TYPE_CHECKING:
    from config.settings import Settings
    from connectors.contract import System
    from recovery.journal import Journal
    from service.app import Services
    from service.text import Language

BuildServices = Callable[["Settings"], "Services"]

YES = frozenset({"y", "yes", "是", "好", "确认"})


class Session:
    """One command from its arguments to its exit code."""

    def __init__(
        self, arguments: argparse.Namespace, output: Output, build: BuildServices | None = None
    ) -> None:
        self.arguments = arguments
        self.output = output
        self.working_on: str | None = None  # the change set that a run is busy with
        self._build = build
        self._settings: Settings | None = None
        self._services: Services | None = None

    @property
    def language(self) -> Language:
        """The language of the reader; its time zone is right once the settings were read."""
        return self.output.language

    @property
    def is_json(self) -> bool:
        """Whether a program reads the answer."""
        return self.output.is_json

    @property
    def settings(self) -> Settings:
        """The settings, read once; the log is set up with them. Raises `ConfigError`, `SettingsMissing`."""
        if self._settings is None:
            from config import logging
            from config.settings import load
            from connectors import registry

            asked = getattr(self.arguments, "config", None)
            settings = load(Path(asked) if asked else None, kinds=registry.kinds())
            log = settings.log
            if getattr(self.arguments, "verbose", False):
                log = log.model_copy(update={"level": "debug"})
            logging.configure(log)
            self.output.language = replace(self.language, zone=settings.zone)
            if settings.redaction:
                from recovery.at_rest.redaction import of_settings

                self.output.redaction = of_settings(settings.redaction)
            self._settings = settings
        return self._settings

    def log_failure(self, error: BaseException, code: int) -> None:
        """Write into the log how the command ended; without settings there is no log yet."""
        if self._settings is None:
            return
        import structlog

        from core.events import Event

        structlog.get_logger(__name__).info(
            Event.COMMAND_FAILED,
            exit_code=code,
            code=getattr(error, "code", None),
            error=str(error) or type(error).__name__,
        )

    @property
    def services(self) -> Services:
        """The services, built once."""
        if self._services is None:
            settings = self.settings
            if self._build is None:
                from service.app import build

                self._build = build
            self._services = self._build(settings)
        return self._services

    @property
    def build(self) -> BuildServices | None:
        """What makes services, where it is not the usual: a worker makes more of them."""
        return self._build

    @property
    def journal(self) -> Journal:
        """The journal, opened."""
        return self.services.journal

    def system(self, name: str) -> System:
        """Return a system, opened."""
        return self.services.system(name)

    def close(self) -> None:
        """Close what was opened."""
        if self._services is not None:
            services, self._services = self._services, None
            services.close()

    def confirm(self, question: Text | str) -> bool:
        """Ask a person; `--yes` answers. Raises `UsageError` where nobody can be asked."""
        if getattr(self.arguments, "yes", False):
            return True
        if self.is_json or not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
            raise UsageError(N_("Nobody can be asked here: add --yes to go on without a question."))
        self.output.flush()
        sys.stderr.write(f"{self.language.say(question)} [y/N] ")
        sys.stderr.flush()
        answer = sys.stdin.readline().strip().lower()
        if answer in YES:
            return True
        self.output.say(N_("Nothing was changed."))
        return False

    def standing(self) -> tuple[Text, dict[str, Any]] | None:
        """Say where the change set stands that was being worked on when the command was cut short."""
        if self.working_on is None or self._services is None:
            return None
        try:
            change_set = self._services.journal.change_set(self.working_on)
            counts = self._services.journal.counts(change_set.id)
        except StornoError:
            return None
        from recovery.states import SETTLED, ChangeSetState

        done = sum(count for state, count in counts.items() if state in SETTLED)
        is_open = change_set.state in {ChangeSetState.RUNNING, ChangeSetState.PAUSED}
        template = (
            N_(
                "Change set {name} is {state}: {done} of {total} operations are settled. Nothing is lost."
                " Go on with: storno changes resume {name}"
            )
            if is_open
            else N_("Change set {name} is {state}.")
        )
        said = text(
            template,
            name=change_set.short_id,
            state=change_set.state.value,
            done=done,
            total=change_set.operation_count,
        )
        return said, {
            "id": change_set.id,
            "state": change_set.state.value,
            "settled": done,
            "operations": change_set.operation_count,
        }
