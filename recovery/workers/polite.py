"""Before each batch and each call to a system: its quiet hours, its breaker, its pace, and whose turn it is.

What is asked costs next to nothing where a system has no manners: then it is not even wrapped. Else a read costs a look
at memory, and once a second one at the journal; a write, which asks its fence as well, one at the journal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import structlog

from connectors.contract import Answer, Call, Fence, Image, Step, System, no_fence
from core import clock
from core.errors import (
    HeldOff,
    JournalBusy,
    JournalFull,
    OutcomeUnknown,
    StornoError,
    TransientError,
)
from core.events import Event
from core.text import Text
from recovery.stopping.alarms import AlarmKind, raise_alarm
from recovery.workers import politeness, system_state
from recovery.workers.politeness import Manners, Politeness
from recovery.workers.system_state import SystemState

if TYPE_CHECKING:
    from recovery.journal import Journal
    from recovery.running.judgement import Systems

log = structlog.get_logger(__name__)

T = TypeVar("T")

LOOK_SECONDS: Final = 1.0
"""What another worker found out about a system is known here after at most so long."""

TURN_SECONDS: Final = 5.0
"""After so long a run lets others have their turn, when some wait."""

POLL_SECONDS: Final = 0.5
_OURS: Final = (JournalFull, JournalBusy)
"""Transient errors that the fence may raise in the middle of a call, and that say nothing about the system."""


class Gate:
    """The way to the systems for one run; several threads may call one system."""

    def __init__(
        self,
        journal: Journal,
        rules: Politeness,
        should_stop: Callable[[], bool] | None = None,
    ) -> None:
        self._journal = journal
        self._rules = rules
        self._should_stop = should_stop
        self._doors: dict[str, _Door] = {}

    def systems(self, systems: Systems) -> Systems:
        """Return the same systems, treated politely."""

        def find(name: str) -> System:
            system = systems(name)
            if not self._rules.of(name).holds_back:
                return system
            door = self._door(name)
            door.parallel_calls = system.parallel_calls
            return cast("System", PoliteSystem(system, door))

        return find

    def admit(self, system: str) -> None:
        """Return when a batch may begin, after a short wait if need be. Raises `HeldOff` where the wait is long.

        A batch that has begun is finished, and read back, whatever the hour.
        """
        if self._rules.of(system).holds_back:
            self._door(system).admit(self._wait)

    def leave(self) -> None:
        """Give back what the run has at every system."""
        claim = self._journal.claim
        if claim is not None and any(door.has_place for door in self._doors.values()):
            with self._journal.writing() as writer:
                system_state.leave_place(writer.connection, claim)

    def _door(self, name: str) -> _Door:
        if name not in self._doors:
            self._doors[name] = _Door(self._journal, name, self._rules.of(name))
        return self._doors[name]

    def _wait(self, seconds: float, error: HeldOff) -> bool:
        """Wait and return whether to look again; raise the error instead where it is too long, or time to stop."""
        if seconds > self._rules.longest_wait_seconds:
            raise error
        end = clock.monotonic() + seconds
        while (left := end - clock.monotonic()) > 0:
            if self._should_stop is not None and self._should_stop():
                raise error
            clock.sleep(min(left, LOOK_SECONDS))
        return True


class _Door:
    """The way to one system."""

    def __init__(self, journal: Journal, name: str, manners: Manners) -> None:
        self.name = name
        self.manners = manners
        self.granted: int | None = None
        self.parallel_calls: int | None = None  # known once the system was met
        self._journal = journal
        self._alone = Lock()
        self._state = SystemState()
        self._looked_at = -math.inf
        self._is_probing = False
        self._asked_at = -math.inf
        self._next_call, self._calls_left = 0.0, 0

    @property
    def has_place(self) -> bool:
        """Whether a place was asked for."""
        return self.granted is not None

    # --- before a batch ---------------------------------------------------------------------------

    def admit(self, wait: Callable[[float, HeldOff], bool]) -> None:
        """Return when a batch may begin. Raises `HeldOff`."""
        while True:
            now = clock.now()
            quiet_until = self.manners.quiet_until(now)
            if quiet_until is not None:
                left = (quiet_until - now).total_seconds()
                wait(left, self._held_off(left, politeness.QUIET))
                continue
            with self._alone:
                self._look(is_fresh=True)
                left, why = self._state.held_seconds, self._why()
            if left > 0:
                wait(left, self._held_off(left, why))
                continue
            break
        self._take_turn(wait)

    def _take_turn(self, wait: Callable[[float, HeldOff], bool]) -> None:
        limit = self.manners.concurrency
        claim = self._journal.claim
        if limit is None or claim is None:
            return
        if self.granted and clock.steady() - self._asked_at < TURN_SECONDS:
            return
        begun, is_anew = clock.monotonic(), bool(self.granted)
        while True:
            with self._journal.writing() as writer:
                self.granted = system_state.ask_place(
                    writer.connection,
                    self.name,
                    claim,
                    calls=min(self.parallel_calls or limit, limit),
                    limit=limit,
                    anew=is_anew,
                )
            if self.granted:
                self._asked_at = clock.steady()
                return
            is_anew = False
            waited = clock.monotonic() - begun
            error = self._held_off(politeness.LONGEST_WAIT_SECONDS, politeness.busy_text(limit))
            # Having waited counts: others may have the system for hours.
            wait(POLL_SECONDS if waited < politeness.LONGEST_WAIT_SECONDS else math.inf, error)

    # --- around a call ------------------------------------------------------------------------------

    def before_call(self, *, is_write: bool) -> None:
        """Return when the call may be made. Raises `HeldOff`, and then nothing was sent."""
        with self._alone:
            # Before a write as late as possible, as the fence is asked.
            self._look(is_fresh=is_write)
            if self._state.held_seconds > 0 or (self._state.is_broken and not self._is_probing):
                self._look(is_fresh=True)
                self._try_again(is_write=is_write)
            wait = self._next_slot()
        clock.sleep(wait)

    def _try_again(self, *, is_write: bool) -> None:
        """Let one read through once the time alone is over; raise `HeldOff` for everything else."""
        state = self._state
        if state.held_seconds > 0:
            raise self._held_off(state.held_seconds, self._why())
        if not state.is_broken:
            return
        if not is_write:
            with self._journal.writing() as writer:
                self._is_probing = system_state.begin_probe(writer.connection, self.name)
            if self._is_probing:
                return
        raise self._held_off(self.manners.breaker_seconds, self._why())

    def after_call(self, error: BaseException | None) -> None:
        """Remember how it went. What the call did stays what it did: nothing raised here reaches the caller.

        Else a journal that is busy for a moment would turn a write that was done into one that was not sent.
        """
        try:
            self._remember(error)
        except StornoError as untold:
            log.warning(
                Event.SYSTEM_STATE_UNTOLD, system=self.name, code=untold.code, error=str(untold)
            )

    def _remember(self, error: BaseException | None) -> None:
        if isinstance(error, TransientError) and not isinstance(error, (*_OURS, HeldOff)):
            with self._alone:
                self._failed(error)
        elif isinstance(error, OutcomeUnknown) and error.details.get("retry_after"):
            with self._alone, self._journal.writing() as writer:
                system_state.hold_off(
                    writer.connection,
                    self.name,
                    float(error.details["retry_after"]),
                    system_state.ASKED,
                )
                self._looked_at = -math.inf
        elif error is None and (self._state.failure_count or self._is_probing):
            with self._alone:
                self._answered()

    def _answered(self) -> None:
        with self._journal.writing() as writer:
            is_well = system_state.all_well(writer.connection, self.name, is_probe=self._is_probing)
        self._is_probing = False
        self._state = SystemState()
        if not is_well:
            self._looked_at = -math.inf  # somebody else knows better by now

    def _failed(self, error: TransientError) -> None:
        after = self.manners.breaker_after
        with self._journal.writing() as writer:
            connection = writer.connection
            count = system_state.count_failure(connection, self.name)
            if after is not None and (count >= after or self._is_probing):
                seconds = max(self.manners.breaker_wait(count), error.retry_after or 0.0)
                is_new = system_state.hold_off(connection, self.name, seconds, system_state.BREAKER)
                if is_new:
                    claim = self._journal.claim
                    raise_alarm(
                        connection,
                        AlarmKind.BREAKER_OPENED,
                        system=self.name,
                        change_set_id=None if claim is None else claim.change_set_id,
                        count=count,
                    )
                    log.warning(
                        Event.SYSTEM_HELD_OFF,
                        system=self.name,
                        seconds=round(seconds, 1),
                        failures=count,
                        problem=str(error),
                    )
            elif error.retry_after is not None:
                system_state.hold_off(connection, self.name, error.retry_after, system_state.ASKED)
        self._is_probing = False
        self._looked_at = -math.inf

    def _look(self, *, is_fresh: bool = False) -> None:
        now = clock.steady()
        if not is_fresh and now - self._looked_at < LOOK_SECONDS:
            return
        with self._journal.reading() as connection:
            self._state = system_state.read_state(connection, self.name)
        self._looked_at = now

    def _next_slot(self) -> float:
        """Return how many seconds from now the next call may begin."""
        rate = self.manners.calls_per_second
        if rate is None:
            return 0.0
        now = clock.steady()
        # A slot that nobody used is gone: calls that were saved up would come all at once.
        while self._calls_left and self._next_call < now - 1 / rate:
            self._calls_left -= 1
            self._next_call += 1 / rate
        if not self._calls_left:
            self._calls_left = max(1, math.floor(rate))
            with self._journal.writing() as writer:
                wait = system_state.reserve_calls(
                    writer.connection, self.name, rate=rate, count=self._calls_left
                )
            self._next_call = clock.steady() + wait
        begin = self._next_call
        self._calls_left -= 1
        self._next_call += 1 / rate
        return max(0.0, begin - clock.steady())

    def _why(self) -> Text:
        if self._state.is_broken:
            return politeness.failed_text(self._state.failure_count)
        return politeness.ASKED

    def _held_off(self, seconds: float, reason: Text) -> HeldOff:
        until: datetime = clock.now() + timedelta(seconds=math.ceil(seconds))
        until = until.replace(microsecond=0)
        return HeldOff(system=self.name, until=until, reason=reason, retry_after=round(seconds, 3))


class PoliteSystem:
    """A system whose calls wait for their turn; everything else is the system itself."""

    def __init__(self, system: System, door: _Door) -> None:
        self._system = system
        self._door = door

    def __getattr__(self, name: str) -> Any:
        """Whatever is not a call of a run."""
        return getattr(self._system, name)

    @property
    def parallel_calls(self) -> int:
        """How many calls at the same time the run may make now."""
        calls = self._system.parallel_calls
        return calls if self._door.granted is None else max(1, min(calls, self._door.granted))

    def capture(self, steps: Sequence[Step], known: Sequence[Image | None]) -> list[Image]:
        """Read, politely."""
        return self._call(lambda: self._system.capture(steps, known), is_write=False)

    def apply(self, calls: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        """Write, politely."""
        return self._call(lambda: self._system.apply(calls, fence), is_write=True)

    def _call(self, call: Callable[[], T], *, is_write: bool) -> T:
        self._door.before_call(is_write=is_write)
        try:
            answer = call()
        except BaseException as error:
            self._door.after_call(error)
            raise
        self._door.after_call(None)
        return answer
