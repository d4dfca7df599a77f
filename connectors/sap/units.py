"""Units of work: what is changed becomes permanent as a whole, or nothing of it, and no lock stays behind.

`Wrapped`: the customer's function changes and commits, or rolls back, in one call. `Stateful`: a session is opened
by a call that changes nothing (so it has a name before there is a lock to be freed), then for each document the
change, a look at what is still stored, COMMIT with WAIT. Whatever goes wrong before is rolled back in that session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from connectors.sap.errors import IS_ANSWERED, UPDATE_FAILED, messages_of
from connectors.sap.services import BapiWay, Refused, Stateful, Wrapped
from connectors.sap.transport import Conversation, Session
from core.errors import NotAllowed, OutcomeUnknown, RefusedError, Rejected, StornoError
from core.text import N_

if TYPE_CHECKING:
    from connectors.contract import Fence
    from connectors.sap.envelopes import Parameters, Reply

Judge = Callable[["Reply"], RefusedError | None]
"""Says whether an answer is a refusal."""

WAIT: Final = {"WAIT": "X"}
"""COMMIT WORK AND WAIT: without it the update goes on behind the answer, and its failure is told to nobody."""


class Unit(Protocol):
    """Makes one change permanent at a time."""

    def carry_out(
        self,
        parameters: Parameters,
        *,
        judge: Judge,
        require_unchanged: Callable[[], None],
        fence: Fence,
    ) -> Reply:
        """Make one change permanent, and return what SAP answered to it.

        `require_unchanged` is asked while SAP holds the lock of the document, where there is such a moment. Raises
        SAP's refusal; `TransientError` where certainly nothing stands; `OutcomeUnknown` where that is not certain.
        """


@contextmanager
def units(session: Session, way: BapiWay) -> Iterator[Unit]:
    """Yield what makes changes permanent this way; a session in SAP ends with the block in every case."""
    match way:
        case Wrapped():
            yield _Wrapped(session, way)
        case Stateful():
            kept = _Stateful(session, way)
            try:
                yield kept
            finally:
                kept.end()
        case Refused():
            raise NotAllowed(reason=way.reason)


class _Wrapped:
    def __init__(self, session: Session, way: Wrapped) -> None:
        self._session = session
        self._way = way

    def carry_out(
        self,
        parameters: Parameters,
        *,
        judge: Judge,
        require_unchanged: Callable[[], None],
        fence: Fence,
    ) -> Reply:
        del require_unchanged  # there is no moment between the lock and the COMMIT
        fence()
        reply = self._session.call(self._way.change, parameters, is_write=True, commits=True)
        _refuse(judge(reply))
        return reply


class _Stateful:
    def __init__(self, session: Session, way: Stateful) -> None:
        self._session = session
        self._way = way
        self._conversation: Conversation | None = None

    def carry_out(
        self,
        parameters: Parameters,
        *,
        judge: Judge,
        require_unchanged: Callable[[], None],
        fence: Fence,
    ) -> Reply:
        conversation = self._opened()
        try:
            reply = conversation.call(self._way.change, parameters)
            _refuse(judge(reply))
            require_unchanged()
            fence()
            self._commit(conversation)
        except RefusedError:
            self._roll_back()
            raise
        except BaseException:
            self.end()
            raise
        return reply

    def end(self) -> None:
        """End the session: what was not committed is gone, and its locks are free."""
        conversation, self._conversation = self._conversation, None
        if conversation is not None:
            conversation.end(self._way.rollback)

    def _opened(self) -> Conversation:
        if self._conversation is None:
            self._conversation = Conversation(self._session)
            self._conversation.call(self._way.rollback, {})
        if not self._conversation.is_kept:
            raise Rejected(
                N_(
                    "{system}: the service {service} keeps no session: SAP would forget the change before its COMMIT"
                ),
                system=self._session.system,
                service=self._way.service,
                said="",
            )
        return self._conversation

    def _commit(self, conversation: Conversation) -> None:
        reply = conversation.call(self._way.commit, WAIT, commits=True)
        refused = self._session.vocabulary.error(self._session.system, messages_of(reply))
        if refused is not None and refused.details.get("message") != UPDATE_FAILED:
            # COMMIT is known to say one thing alone; whatever else it says leaves open what was kept.
            said = refused.details["said"]
            details = {"system": self._session.system, "problem": said, IS_ANSWERED: True}
            raise OutcomeUnknown(**details)
        _refuse(refused)

    def _roll_back(self) -> None:
        if self._conversation is not None:
            try:
                self._conversation.call(self._way.rollback, {})
            except StornoError:
                self.end()


def _refuse(refused: RefusedError | None) -> None:
    if refused is not None:
        raise refused


def keeps_sessions(session: Session, way: Stateful) -> bool:
    """Whether the service really keeps sessions, found out without changing anything."""
    conversation = Conversation(session)
    try:
        conversation.call(way.rollback, {})
        return conversation.is_kept
    finally:
        conversation.end(way.rollback)
