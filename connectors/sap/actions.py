"""What every action on SAP has in common: the document that it reads, the BAPI that it calls, how that commits."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from connectors.contract import Action, Executor, Image, Instruction, Reversibility, Step
from connectors.sap.errors import Vocabulary, messages_of
from connectors.sap.services import ByOData, Refused, Stateful, Wrapped
from connectors.sap.wrapper import parameters_of
from core.text import N_, Text

if TYPE_CHECKING:
    from connectors.contract import Call
    from connectors.sap.envelopes import Parameters, Reply
    from connectors.sap.layouts import Layout
    from connectors.sap.services import BapiWay, Way
    from connectors.sap.shapes import Structure
    from core.errors import RefusedError

TRACE_NOTE: Final = N_(
    "SAP keeps a change document of every change (CDHDR), with user, day and transaction"
)


CHANGE_DOCUMENTS: Final[Mapping[str, frozenset[str]]] = {
    "CDHDR": frozenset({"*"}),
    "CDPOS": frozenset({"*"}),
}
"""SAP's own trail: trace of every change."""


@dataclass(frozen=True, slots=True)
class Target:
    """What actions must know of the SAP that they run on, found out from descriptions alone.

    `structures` holds the models that a service offers for reading, `ways` how the change of each BAPI becomes
    permanent, `wrappers` the names of the functions that stand for BAPIs, `over_odata` the same of actions on documents that an OData service has, `refusals` why Storno does not carry out an action itself, whatever the services offer.
    """

    system: str = ""
    structures: Mapping[str, Structure] = field(default_factory=dict)
    ways: Mapping[str, BapiWay] = field(default_factory=dict)
    wrappers: Mapping[str, str] = field(default_factory=dict)
    over_odata: Mapping[str, Way] = field(default_factory=dict)
    refusals: Mapping[str, Text] = field(default_factory=dict)
    offers_unproven: bool = False
    rejection_reason: str | None = None
    reversal_reason: str = ""

    def fields(self, model: str, names: frozenset[str]) -> frozenset[str]:
        """Return those of the names that the model has here."""
        structure = self.structures.get(model)
        return names & structure.scalars().keys() if structure is not None else frozenset()


class SapAction(Action):
    """An action whose footprint is what this system describes of the fields that it wants.

    Subclasses write `wanted`, `ours`, `derived` and `trace` with all that they know; an instance keeps what is here.
    """

    layout: ClassVar[Layout]
    function: ClassVar[str]  # the BAPI that makes the change
    check_function: ClassVar[str] = (
        ""  # one of SAP's that says what the change would say, and keeps nothing
    )
    wanted: ClassVar[Mapping[str, frozenset[str]]]
    is_proven: ClassVar[bool] = True  # its fields come from a real data dictionary
    to_check: ClassVar[str] = N_("its fields are known from public descriptions alone")  # where not
    # Why a session of ours would not do, so that only a wrapper of the BAPI is called (marked with N_).
    only_wrapped: ClassVar[str] = ""
    # Where the way back exists over some channels alone: the other half of the pair, and what is said where one of
    # the two is missing (marked with N_).
    other_half: ClassVar[str] = ""
    no_way_back: ClassVar[str] = ""
    batch_size = 10
    is_parallel = True
    settles_after = timedelta(seconds=600)  # rdisp/max_wprun_time ends a dialogue step by then
    trace_note = TRACE_NOTE

    def __init__(self, target: Target) -> None:
        self.target = target
        kind = type(self)
        self.footprint = {  # type: ignore[misc]
            model: found
            for model, names in kind.wanted.items()
            if (found := target.fields(model, names)) or model == self.layout.root.model
        }
        self.ours = self._here(kind.ours)  # type: ignore[misc]
        self.derived = self._here(kind.derived)  # type: ignore[misc]
        self.trace = self._here(kind.trace)  # type: ignore[misc]
        way = self.way
        self.has_compare_and_set = isinstance(way, Stateful) or (
            isinstance(way, ByOData) and way.has_version
        )
        if not self.has_way_back:
            self.reversibility = Reversibility.MANUAL  # type: ignore[misc]
            self.reversibility_note = self.no_way_back  # type: ignore[misc]
            self.reopen_action = None  # type: ignore[misc]
        if self.refusal is not None:
            self.executors = (Executor.BY_PERSON,)  # type: ignore[misc]

    @property
    def way(self) -> Way:
        """How its change becomes permanent here: over OData where a service has its documents, else by its BAPI."""
        over = self.target.over_odata.get(self.name)
        if over is None or isinstance(over, ByOData):
            return over or self._by_bapi
        by_bapi = self._by_bapi
        return over if isinstance(by_bapi, Refused) else by_bapi

    @property
    def has_way_back(self) -> bool:
        """Whether the channels of this system have both halves of a pair that some channels have one half of."""
        if not self.other_half or isinstance(self._by_bapi, Wrapped | Stateful):
            return True
        return not any(
            isinstance(self.target.over_odata.get(name), ByOData)
            for name in (self.name, self.other_half)
        )

    @property
    def _by_bapi(self) -> BapiWay:
        found = self.target.ways.get(self.function)
        if found is None:
            return Refused(
                Text(N_("no service offers {function}"), {"function": self.function}), None
            )
        if self.only_wrapped and not isinstance(found, Wrapped | Refused):
            asked = {
                "function": self.function,
                "wrapper": self.target.wrappers.get(self.function, ""),
                "parameters": ", ".join(parameters_of(self.function)),
            }
            reason = Text(self.only_wrapped, asked)
            return Refused(reason, found.change.function)
        return found

    @property
    def refusal(self) -> Text | None:
        """Why Storno does not carry it out itself; None where it does."""
        way = self.way
        if isinstance(way, Refused):
            return way.reason
        if not self.is_proven and not self.target.offers_unproven:
            return Text(
                N_("{function} is known from public descriptions alone: unproven: true offers it"),
                {"function": self.function or self.name},
            )
        return self.target.refusals.get(self.name)

    @property
    def is_readable(self) -> bool:
        """Whether a service offers what it reads."""
        return self.layout.root.model in self.target.structures

    @abstractmethod
    def parameters(self, call: Call) -> Parameters:
        """Return what its BAPI is given for one document. Raises `RefusedError` where there is nothing to do."""

    def judge(self, vocabulary: Vocabulary, call: Call, reply: Reply) -> RefusedError | None:
        """Return the refusal in an answer; None where SAP has nothing against it."""
        del call
        return vocabulary.error(self.target.system, messages_of(reply))

    def instruction(self, step: Step, image: Image) -> Instruction:
        """Return the transaction and what to press there."""
        return Instruction(
            screen=Text(N_("the document {number}"), {"number": step.ref.key}),
            press=Text(self.title),
            reason=Text(N_("see the plan")),
        )

    def _here(self, declared: Mapping[str, frozenset[str]]) -> Mapping[str, frozenset[str]]:
        """Return of a declaration what lies in this footprint; `*` and tables outside it stay."""
        found = {
            model: names & (self.footprint[model] | {"*"}) if model in self.footprint else names
            for model, names in declared.items()
        }
        return {model: names for model, names in found.items() if names}
