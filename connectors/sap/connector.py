"""SAP behind the contract."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from config.sap import SapOptions
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
from connectors.finding import action_of, find_action
from connectors.http import client_for
from connectors.sap import proof as proofs
from connectors.sap import target as targets
from connectors.sap.actions import SapAction, Target
from connectors.sap.errors import Vocabulary
from connectors.sap.layouts import layout_of
from connectors.sap.ledger_actions import ledger_actions
from connectors.sap.maintenance_actions import maintenance_actions
from connectors.sap.odata_changes import Changer, ways
from connectors.sap.odata_reading import ODataReader
from connectors.sap.odata_services import Catalogue
from connectors.sap.odata_transport import Gateway
from connectors.sap.posted_actions import posted_actions
from connectors.sap.production_actions import production_actions
from connectors.sap.project_actions import project_actions
from connectors.sap.proof import Trust
from connectors.sap.purchase_actions import purchase_actions
from connectors.sap.sales_actions import sales_actions
from connectors.sap.services import ByOData, Services
from connectors.sap.transport import LARGEST_ANSWER_BYTES, Session, credentials
from connectors.sap.units import units
from connectors.sap.values import VALUE_TYPES
from core.errors import (
    STOPS_THE_RUN,
    AccessDenied,
    BadInput,
    ContractBroken,
    Frozen,
    LoginFailed,
    NotAllowed,
    NotFound,
    RefusedError,
    StaleRecord,
    TransientError,
)
from core.text import N_

if TYPE_CHECKING:
    import pyarrow as pa

    from connectors.proving import FindProof, ProofSubject
    from connectors.sap.envelopes import Parameters
    from connectors.sap.kinds import Bulk
    from connectors.sap.layouts import Layout

ACTIONS: Final[tuple[type[SapAction], ...]] = (
    *purchase_actions(),
    *sales_actions(),
    *production_actions(),
    *maintenance_actions(),
    *posted_actions(),
    *ledger_actions(),
    *project_actions(),
)


class SapSystem:
    """One client of a SAP system, as a `connectors.contract.System`."""

    kind = "sap"

    def __init__(
        self,
        name: str,
        options: SapOptions,
        session: Session,
        services: Services,
        gateway: Gateway,
        catalogue: Catalogue,
    ) -> None:
        self.name = name
        self.parallel_calls = options.parallel_calls
        self._options = options
        self._session = session
        self._services = services
        self._gateway = gateway
        self._catalogue = catalogue
        self._reader = ODataReader(session, services, gateway, catalogue)
        self._trust = Trust(name)
        self._actions: Mapping[str, SapAction] = {}

    def check(self) -> SystemCheck:
        bulk = self._bulk()
        return targets.check(
            self._session,
            self._services,
            self._gateway,
            self._catalogue,
            self._sap_actions(),
            kinds=bulk.kinds(),
            listings=bulk.listings(),
            proof=self._trust.standing(self.proof_subject),
        )

    def actions(self) -> Mapping[str, Action]:
        return self._sap_actions()

    def documents(self, kind: Kind, criteria: Criteria) -> Iterator[pa.RecordBatch]:
        self._require_kind(kind)
        return self._bulk().documents(kind, criteria)

    def lines(self, kind: Kind, criteria: Criteria) -> Iterator[pa.RecordBatch]:
        self._require_kind(kind)
        return self._bulk().lines(kind, criteria)

    def find(self, kind: Kind, numbers: Sequence[str]) -> Mapping[str, tuple[Ref, ...]]:
        self._require_kind(kind)
        return self._bulk().find(kind, numbers)

    def preparation(self, *, remove: bool) -> tuple[Step, ...]:
        del remove
        return ()

    def people(self, users: Collection[str]) -> Mapping[str, str]:
        del users
        return {}

    def schema(self, model: str) -> Mapping[str, FieldInfo]:
        structure = self._reader.structure(_layout(model), model)
        return {
            name: FieldInfo(name, VALUE_TYPES[scalar.sort], is_stored=True, is_readonly=True)
            for name, scalar in structure.scalars().items()
        }

    def read(self, refs: Sequence[Ref], fields: Sequence[str]) -> list[Record]:
        if not refs:
            return []
        (model,) = {ref.model for ref in refs}
        return self._reader.records(_layout(model), refs, fields)

    def capture(self, steps: Sequence[Step], known: Sequence[Image | None]) -> list[Image]:
        if not steps:
            return []
        return self._reader.capture(self._action(steps[0].action), steps, known)

    def apply(self, calls: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        if not calls:
            return []
        action = action_of(self._sap_actions(), calls)
        if action.refusal is not None:
            raise NotAllowed(reason=action.refusal)
        answers: list[Answer] = []
        with self._carrier(action, fence) as carry_out:
            for call in calls:
                try:
                    answers.append(_one(carry_out, call))
                except (LoginFailed, AccessDenied, TransientError, Frozen) as error:
                    if not answers:
                        raise
                    # Each document is committed for itself: those before this one stand.
                    rest = calls[len(answers) :]
                    return [*answers, *(Answer(each.operation_id, unsent=error) for each in rest)]
        return answers

    def close(self) -> None:
        self._session.close()

    @contextmanager
    def _carrier(self, action: SapAction, fence: Fence) -> Iterator[Callable[[Call], object]]:
        """Yield what carries out one document, over the channel of the action."""
        way = action.way
        if isinstance(way, ByOData):
            channel = self._catalogue.channels[action.layout.root.model]
            changer = Changer(self._gateway, self._reader, channel, action)
            yield lambda call: changer.carry_out(call, fence)
            return

        def carry_out(call: Call) -> object:
            parameters = action.parameters(call)
            self._ask_first(action, call, parameters)
            return unit.carry_out(
                parameters,
                judge=lambda reply: action.judge(self._session.vocabulary, call, reply),
                require_unchanged=lambda: self._require_unchanged(call),
                fence=fence,
            )

        with units(self._session, way) as unit:
            yield carry_out

    def _ask_first(self, action: SapAction, call: Call, parameters: Parameters) -> None:
        """Ask SAP's own check, where it has one: what it refuses (a closed period) is never sent as a change."""
        check = self._services.reader(action.check_function)
        if check is not None:
            reply = self._session.call(check, parameters)
            refused = action.judge(self._session.vocabulary, call, reply)
            if refused is not None:
                raise refused

    def _require_unchanged(self, call: Call) -> None:
        """Asked while SAP holds the lock: what is stored must be what the change was planned on."""
        (now,) = self.capture([call.step], [call.before])
        if now != call.before:
            raise StaleRecord(
                system=self.name,
                said=N_("somebody changed it after it was read; the change was rolled back"),
            )

    # --- proved before trusted --------------------------------------------------------------------

    def proof_subject(self) -> ProofSubject:
        made = self._made(self._look())
        return proofs.subject_of(self._options, self._services, self._catalogue, made)

    def trust(self, find_proof: FindProof) -> None:
        self._trust.learn(find_proof)
        self._actions = {}

    def trust_as_copy(self) -> None:
        self._trust.as_copy()
        self._actions = {}

    def look_again(self) -> None:
        # Descriptions are what was pinned when they were fetched; the proof may be another one.
        self._actions = {}

    def capture_whole(self, steps: Sequence[Step]) -> list[Image]:
        if not steps:
            return []
        layout = self._action(steps[0].action).layout
        return self._reader.whole(layout, [step.ref.key for step in steps])

    def forward_only(self) -> Mapping[str, frozenset[str]]:
        return proofs.forward_only(list(self._sap_actions().values()), self._catalogue.stamps())

    def census(self) -> Mapping[str, int]:
        return {}

    # --- what is there --------------------------------------------------------------------------------

    def _look(self) -> Target:
        functions = sorted({action.function for action in ACTIONS if action.function})
        return Target(
            system=self.name,
            structures=self._reader.structures(),
            ways={name: self._services.changing(name) for name in functions},
            wrappers={name: self._services.wrapper_of(name) for name in functions},
            over_odata=ways(ACTIONS, self._catalogue),
            offers_unproven=self._options.unproven,
            rejection_reason=self._options.rejection_reason,
            reversal_reason=self._options.reversal_reason,
        )

    def _made(self, target: Target) -> dict[str, SapAction]:
        return {action.name: action(target) for action in ACTIONS}

    def _sap_actions(self) -> Mapping[str, SapAction]:
        if not self._actions:
            target = self._look()
            refusals = self._trust.refusals(
                list(self._made(target).values()),
                self.proof_subject,
                trusted=self._options.trusted_actions,
            )
            made = self._made(replace(target, refusals=refusals))
            # What no service lets us read is no action here.
            self._actions = {name: action for name, action in made.items() if action.is_readable}
        return self._actions

    def _action(self, name: str) -> SapAction:
        return find_action(self._sap_actions(), name)

    def _bulk(self) -> Bulk:
        from connectors.sap.kinds import Bulk

        return Bulk(self._reader)

    def _require_kind(self, kind: Kind) -> None:
        from connectors.sap.sources import sources_here

        if not sources_here(kind, self._reader):
            raise NotFound(
                N_("No service in storno.yaml reads documents of kind {name}."),
                what="kind",
                name=kind.value,
            )


def open_system(name: str, options: Any) -> SapSystem:
    """Open a system with its validated options; the first call reads the descriptions of its services."""
    if not isinstance(options, SapOptions):
        raise ContractBroken(problem="options of another kind of system")
    from connectors.sap.sources import SOURCES

    unknown = sorted(options.lists.keys() - set(SOURCES))
    if unknown:
        raise BadInput(
            N_("{source}: lists names {name}, which is no kind of documents that SAP has here"),
            source=name,
            name=", ".join(unknown),
        )
    http = client_for(
        name,
        options,
        max_answer_bytes=LARGEST_ANSWER_BYTES,
        headers=credentials(options.user, options.password.get_secret_value()),
        parallel_calls=options.parallel_calls,
    )
    known, own = Vocabulary(), options.messages
    vocabulary = Vocabulary(
        locked=known.locked | set(own.locked),
        missing=known.missing | set(own.missing),
        period=known.period | set(own.period),
        state=known.state | set(own.state),
        rights=known.rights | set(own.rights),
    )
    session = Session(
        name,
        http,
        client=options.client,
        user=options.user,
        language=options.language,
        vocabulary=vocabulary,
    )
    gateway = Gateway(
        name,
        http,
        client=options.client,
        user=options.user,
        language=options.language,
        vocabulary=vocabulary,
    )
    services, catalogue = Services(name, options, http), Catalogue(name, options, http)
    return SapSystem(name, options, session, services, gateway, catalogue)


def _layout(model: str) -> Layout:
    found = layout_of(model)
    if found is None:
        raise NotFound(what="model", name=model)
    return found


def _one(carry_out: Callable[[Call], object], call: Call) -> Answer:
    """Carry out one document of a batch; what concerns it alone is its answer."""
    try:
        carry_out(call)
    except STOPS_THE_RUN:
        raise
    except RefusedError as error:
        return Answer(call.operation_id, error)
    return Answer(call.operation_id)


__all__ = ["SapSystem", "open_system"]
