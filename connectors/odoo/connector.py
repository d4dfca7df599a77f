"""Odoo behind the contract."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from config.systems import OdooOptions
from connectors.contract import (
    Action,
    Answer,
    Call,
    Criteria,
    Fence,
    FieldInfo,
    Image,
    Kind,
    Record,
    Ref,
    Step,
    SystemCheck,
    no_fence,
)
from connectors.finding import action_of, find_action, names_of_users
from connectors.http import client_for
from connectors.odoo import target as targets
from connectors.odoo.actions import STAMP, USERS, OdooAction, Target
from connectors.odoo.catalogue import STAMP_INFO, Catalogue
from connectors.odoo.errors import IS_ANSWERED
from connectors.odoo.guard import guard_actions, guard_steps
from connectors.odoo.invoice_actions import invoice_actions
from connectors.odoo.order_actions import order_actions
from connectors.odoo.period_actions import period_actions
from connectors.odoo.production_actions import production_actions
from connectors.odoo.project_actions import project_actions
from connectors.odoo.reading import Reader
from connectors.odoo.stock_actions import stock_actions
from connectors.odoo.transport import Session, open_session
from core import clock
from core.errors import Busy, ContractBroken, NotFound, OutcomeUnknown, StornoError
from core.text import N_

if TYPE_CHECKING:
    import pyarrow as pa

    from connectors.odoo.kinds import Source
    from connectors.odoo.lookup import Setting


ACTIONS: Final[tuple[type[OdooAction], ...]] = (
    *order_actions(),
    *invoice_actions(),
    *stock_actions(),
    *production_actions(),
    *project_actions(),
    *period_actions(),
    *guard_actions(),
)

SERVER_LIMIT_SECONDS: Final = 120.0
"""Odoo kills a request that works longer, unless its administrator says otherwise."""

SHARE_OF_LIMIT: Final = 6
"""A batch may take this part of the limit: a server under load is several times slower."""


class OdooSystem:
    """One database of an Odoo server, as a `connectors.contract.System`."""

    kind = "odoo"

    def __init__(
        self, name: str, session: Session, *, limit_seconds: float, parallel_calls: int = 1
    ) -> None:
        self.name = name
        self.parallel_calls = parallel_calls
        self._session = session
        self._limit_seconds = min(limit_seconds, SERVER_LIMIT_SECONDS)
        self._target: Target | None = None
        self._reader: Reader | None = None
        self._actions: Mapping[str, OdooAction] = {}

    def check(self) -> SystemCheck:
        from connectors.odoo.sources import SOURCES

        target, actions = self._look(), self._odoo_actions()
        here = {
            kind: source.model
            for kind, sources in SOURCES.items()
            for source in reversed(sources)
            if source.is_here(target)
        }
        return targets.check(self._session, target, actions, here)

    def actions(self) -> Mapping[str, Action]:
        return self._odoo_actions()

    def documents(self, kind: Kind, criteria: Criteria) -> Iterator[pa.RecordBatch]:
        from connectors.odoo.kinds import read_documents

        return read_documents(_sources(kind), criteria, self._reading(), self._setting())

    def lines(self, kind: Kind, criteria: Criteria) -> Iterator[pa.RecordBatch]:
        from connectors.odoo.kinds import read_lines

        return read_lines(_sources(kind), criteria, self._reading(), self._setting())

    def find(self, kind: Kind, numbers: Sequence[str]) -> Mapping[str, tuple[Ref, ...]]:
        from connectors.odoo.kinds import find_documents

        return find_documents(_sources(kind), numbers, self._reading(), self._setting())

    def preparation(self, *, remove: bool) -> tuple[Step, ...]:
        return guard_steps(self._look(), remove=remove)

    def people(self, users: Collection[str]) -> Mapping[str, str]:
        return names_of_users(self, USERS, users)

    def schema(self, model: str) -> Mapping[str, FieldInfo]:
        found = self._look().fields.get(model)
        if found is None:
            raise NotFound(what="model", name=model)
        return {STAMP: STAMP_INFO} | dict(found)

    def read(self, refs: Sequence[Ref], fields: Sequence[str]) -> list[Record]:
        if not refs:
            return []
        (model,) = {ref.model for ref in refs}
        rows = self._reading().rows(model, [int(ref.key) for ref in refs], fields)
        return [
            Record(ref, {name: row[name] for name in fields})
            if (row := rows.get(int(ref.key))) is not None
            else Record(ref, None)
            for ref in refs
        ]

    def capture(self, steps: Sequence[Step], known: Sequence[Image | None]) -> list[Image]:
        if not steps:
            return []
        return self._reading().capture(self._action(steps[0].action), steps, known)

    def apply(self, calls: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        if not calls:
            return []
        action = action_of(self._odoo_actions(), calls)
        started = clock.monotonic()
        fence()
        try:
            answers = action.perform(self._session.fenced(fence), calls)
        except OutcomeUnknown as error:
            if not error.details.get(IS_ANSWERED):
                # It may have taken too long: whatever comes next is smaller.
                self._resize(action, len(calls) // 2)
            elif self._is_untouched(calls):
                # Odoo has answered and works on nothing any more, and every record is as it was, stamps
                # included: the lost race was rolled back.
                raise Busy(system=self.name, problem=error.details["problem"]) from error
            raise
        if action.kind is Kind.SETTING:
            self._forget()
        else:
            self._adapt(action, len(calls), clock.monotonic() - started)
        return answers

    def close(self) -> None:
        self._session.close()

    def _forget(self) -> None:
        """Look at the server anew: the guard came or went."""
        self._session.guard = self._target = self._reader = None
        self._actions = {}

    def _is_untouched(self, calls: Sequence[Call]) -> bool:
        images = [call.before for call in calls]
        try:
            return self.capture([call.step for call in calls], images) == images
        except StornoError:
            return False  # the operations are in doubt then, and settled like every lost answer

    def _adapt(self, action: OdooAction, count: int, seconds: float) -> None:
        """Size the next batch by how long this one took: well below the limit of a request."""
        fitting = int(self._limit_seconds / SHARE_OF_LIMIT / max(seconds / count, 0.001))
        # Never many times as many at once: a small batch says little about a big one.
        self._resize(action, min(fitting, 2 * max(count, action.batch_size)))

    def _resize(self, action: OdooAction, size: int) -> None:
        # What the action itself says is the most: some methods take one document a call, and beyond 200 a
        # call gets no cheaper a document.
        action.batch_size = max(1, min(size, type(action).batch_size))  # type: ignore[misc]

    def _look(self) -> Target:
        if self._target is None:
            self._target = targets.look(self._session)
        return self._target

    def _reading(self) -> Reader:
        if self._reader is None:
            catalogue = self._look().fields
            if not isinstance(catalogue, Catalogue):
                raise ContractBroken(problem="the target was not looked at")
            self._reader = Reader(self._session, catalogue)
        return self._reader

    def _odoo_actions(self) -> Mapping[str, OdooAction]:
        if not self._actions:
            target = self._look()
            self._actions = {action.name: action(target) for action in ACTIONS}
        return self._actions

    def _action(self, name: str) -> OdooAction:
        return find_action(self._odoo_actions(), name)

    def _setting(self) -> Setting:
        from connectors.odoo.lookup import Setting

        return Setting(self._look(), self._session, self._session.company)


def open_system(name: str, options: Any) -> OdooSystem:
    """Open a system with its validated options; the first call chooses the transport and logs in."""
    if not isinstance(options, OdooOptions):
        raise ContractBroken(problem="options of another kind of system")
    http = client_for(
        name,
        options,
        parallel_calls=options.parallel_calls,
    )
    session = open_session(
        name,
        http,
        database=options.database,
        user=options.user,
        secret=options.password.get_secret_value(),
        transport=options.transport,
        company=options.company,
    )
    return OdooSystem(
        name,
        session,
        limit_seconds=options.timeout_seconds.write,
        parallel_calls=options.parallel_calls,
    )


def _sources(kind: Kind) -> tuple[Source, ...]:
    from connectors.odoo.sources import SOURCES

    found = SOURCES.get(kind)
    if found is None:
        raise NotFound(
            N_("Odoo's connector does not know documents of kind {name}."),
            what="kind",
            name=kind.value,
        )
    return found
