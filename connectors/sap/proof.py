"""What must be proved before Storno changes anything in a SAP system, and whether it was.

That a unit of work is all or nothing is a promise of a customer's function, or of a service's settings: only a trial
shows it. A proof is good for the services, modes, hashes and wrappers that it was made with.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from connectors.contract import Reversibility
from connectors.proving import ProofStanding, ProofSubject, distrust, standing
from connectors.sap.odata_services import names_of as odata_names_of
from connectors.sap.services import ByOData, Refused, Stateful, Wrapped, names_of
from core.text import N_, Text

if TYPE_CHECKING:
    from config.sap import SapOptions
    from connectors.proving import FindProof, Proof
    from connectors.sap.actions import SapAction
    from connectors.sap.odata_services import Catalogue
    from connectors.sap.services import Services, Way

_NOTHING: Final = ProofSubject("", {}, ())


class Trust:
    """Whether Storno itself may write: what was proved."""

    def __init__(self, system: str) -> None:
        self._system = system
        self._find: FindProof | None = None
        self._is_copy = False

    def learn(self, find: FindProof) -> None:
        """Learn where the proof is to be found."""
        self._find = find

    def as_copy(self) -> None:
        """Trust without a proof: this is the copy on which it is made."""
        self._is_copy = True

    @property
    def proof(self) -> Proof | None:
        """The newest proof, None where there is none or nobody keeps any."""
        return None if self._find is None else self._find()

    def refusals(
        self,
        actions: Sequence[SapAction],
        subject: Callable[[], ProofSubject],
        *,
        trusted: Collection[str],
    ) -> Mapping[str, Text]:
        """Return why Storno itself does not carry out each of these actions; those without a reason it does.

        A way back was proved with what it takes back. What nothing takes back can be proved by nobody: `trusted`
        names such actions, on the word of whoever wrote storno.yaml.
        """
        if self._is_copy:
            return {}
        found = self.proof
        about = _NOTHING if found is None else subject()
        reasons: dict[str, Text | None] = {}
        for action in actions:
            if is_provable(action):
                reasons[action.name] = distrust(about, found, action.name, self._system)
            elif action.name not in trusted:
                reasons[action.name] = Text(
                    N_(
                        "nothing takes {action} back, so no proof covers it: a person does it, or Storno once"
                        " storno.yaml names it under trusted_actions"
                    ),
                    {"action": action.name},
                )
        for action in actions:
            back = getattr(action, "back", None)
            if back in reasons and reasons.get(action.name) is None:
                reasons[back] = None
        return {name: reason for name, reason in reasons.items() if reason is not None}

    def standing(self, subject: Callable[[], ProofSubject]) -> ProofStanding | None:
        """Return how the newest proof stands against what is here now; None on a copy."""
        return None if self._is_copy else standing(subject(), self.proof, self._system)


def subject_of(
    options: SapOptions,
    services: Services,
    catalogue: Catalogue,
    actions: Mapping[str, SapAction],
) -> ProofSubject:
    """Say what a proof of this system is about, from its descriptions alone."""
    able = [
        action
        for action in actions.values()
        if not isinstance(action.way, Refused) and action.is_readable
    ]
    ways = {
        action.name if isinstance(action.way, ByOData) else action.function: action.way
        for action in able
    }
    return ProofSubject(
        place=place_of(options),
        fingerprint={
            **names_of(services.all),
            **odata_names_of(catalogue),
            **{f"function {name}": _told(way) for name, way in sorted(ways.items())},
        },
        actions=tuple(action.name for action in able if is_provable(action) and _is_asked(action)),
        facts=tuple(_facts(ways)),
    )


def place_of(options: SapOptions) -> str:
    """Return where a system is: its host and its client."""
    parts = urlsplit(options.url)
    return f"{parts.hostname}:{parts.port or parts.scheme} client {options.client}"


def forward_only(
    actions: Sequence[SapAction], stamps: Mapping[str, frozenset[str]]
) -> Mapping[str, frozenset[str]]:
    """Return per model the fields that never go back; `stamps` are those that SAP sets with every change."""
    found: dict[str, frozenset[str]] = dict(stamps)
    for action in actions:
        for model, names in action.trace.items():
            found[model] = found.get(model, frozenset()) | names
    return found


def is_provable(action: SapAction) -> bool:
    """Whether an action can be carried out on a copy and taken back, which is what a proof is."""
    return action.reversibility in (Reversibility.EXACT, Reversibility.COMPENSATING)


def _is_asked(action: SapAction) -> bool:
    return action.refusal is None or action.name in action.target.refusals


def _told(way: Way) -> str:
    match way:
        case Wrapped():
            return f"wrapped {way.service} {way.change.function.name}"
        case Stateful():
            return f"stateful {way.service}"
        case ByOData():
            return f"odata {way.service} {way.verb} {way.name}"
        case Refused():
            return "refused"


def _facts(ways: Mapping[str, Way]) -> Iterator[Text]:
    for name, way in sorted(ways.items()):
        if isinstance(way, Wrapped):
            yield Text(
                N_("{function} is changed and committed by {wrapper}, a function of the customer"),
                {"function": name, "wrapper": way.change.function.name},
            )
        elif isinstance(way, Stateful):
            yield Text(
                N_("{function} is committed in a session of the service {service}"),
                {"function": name, "service": way.service},
            )
        elif isinstance(way, ByOData):
            yield Text(
                N_("{action} is done over the OData service {service}"),
                {"action": name, "service": way.service},
            )
