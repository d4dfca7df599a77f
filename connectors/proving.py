"""Proved before trusted: what is promised by a system whose writes are tried on a copy first.

Some systems commit what they are told and judge nothing (a database), or promise in their documents what only a
trial shows (that a unit of work is all or nothing). Their connector is `Provable`: it says what a proof is about, and
writes only while the journal has a proof of exactly that. Everything else about a proof is done by change sets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from core.text import N_, Text

if TYPE_CHECKING:
    from datetime import datetime

    from connectors.contract import Image, Step


@dataclass(frozen=True, slots=True)
class ProofSubject:
    """What a proof of one system is about, found out by reading only.

    `place` tells one system from another, as the system itself says it, so that nobody takes the live one for its
    copy. `fingerprint` holds by name everything on which the way of writing rests; a proof is good for exactly that.
    """

    place: str
    fingerprint: Mapping[str, str]
    actions: tuple[str, ...]  # that must be proved before they are trusted
    facts: tuple[Text, ...] = ()  # triggers, collations: what whoever signs should have read
    refusal: Text | None = None  # why nothing is written here, whatever was proved
    is_follower: bool = (
        False  # it shows what is written to another server, so it is no copy, and has none
    )


@dataclass(frozen=True, slots=True)
class Proof:
    """That actions were carried out and taken back on a copy, and that nothing else was left there."""

    system: str
    copy: str
    place: str  # of the copy
    proved_at: datetime
    proved_by: str
    fingerprint: Mapping[str, str]
    actions: tuple[str, ...]  # that were proved
    details: Mapping[str, Any] = field(
        default_factory=dict
    )  # per action: document, change sets, findings


@dataclass(frozen=True, slots=True)
class ProofStanding:
    """What `storno systems check` tells of the newest proof: whether it still holds, and why not."""

    proof: Proof | None
    problems: tuple[Text, ...]  # empty: every action that could be proved is trusted

    @property
    def is_valid(self) -> bool:
        """Whether every action that needs a proof has a good one."""
        return self.proof is not None and not self.problems


FindProof = Callable[[], Proof | None]
"""Returns the newest proof that the journal has of a system."""


@runtime_checkable
class Provable(Protocol):
    """A system that writes nothing until its writing was proved on a copy. Its other half is `System`."""

    name: str

    def proof_subject(self) -> ProofSubject:
        """Say what a proof of this system is about, by reading only."""

    def trust(self, find_proof: FindProof) -> None:
        """Learn where the proof is to be found. Called once, before anything is asked; opens nothing."""

    def trust_as_copy(self) -> None:
        """Write without a proof: this system is a copy on which writing is being proved. Never for a live one."""

    def look_again(self) -> None:
        """Forget what was found out of tables and trust, unless just now: a run begins, maybe days after the last."""

    def capture_whole(self, steps: Sequence[Step]) -> list[Image]:
        """Read every field of every record that a step may touch, those outside its footprint too."""

    def forward_only(self) -> Mapping[str, frozenset[str]]:
        """Return per model the fields of such images that never go back: counters, row versions, stamps."""

    def census(self) -> Mapping[str, int]:
        """Count what a write might have created or deleted beyond its footprint, by model."""


def distrust(subject: ProofSubject, proof: Proof | None, action: str, system: str) -> Text | None:
    """Return why an action may not be carried out by Storno itself, None where a proof says that it may."""
    if subject.refusal is not None:
        return subject.refusal
    if proof is None:
        return Text(
            N_(
                "writing is not proved on a copy of this system; until it is, a person closes:"
                " storno systems prove {system} --on COPY"
            ),
            {"system": system},
        )
    changed = differing(proof.fingerprint, subject.fingerprint)
    if changed:
        return Text(
            N_(
                "what was proved on {copy} is no longer what is here ({what}); until it is proved again, a person"
                " closes: storno systems prove {system} --on COPY"
            ),
            {"copy": proof.copy, "what": ", ".join(changed), "system": system},
        )
    if action not in proof.actions:
        return Text(
            N_(
                "{action} was not proved on {copy}; until it is, a person does it:"
                " storno systems prove {system} --on COPY"
            ),
            {"action": action, "copy": proof.copy, "system": system},
        )
    return None


def standing(subject: ProofSubject, proof: Proof | None, system: str) -> ProofStanding:
    """Return how the newest proof stands against what is here now."""
    problems: list[Text] = []
    for action in subject.actions:
        found = distrust(subject, proof, action, system)
        if found is not None and found not in problems:
            problems.append(found)
    return ProofStanding(proof, tuple(problems))


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of everything in which two fingerprints differ, sorted."""
    return tuple(sorted(name for name in {*one, *other} if one.get(name) != other.get(name)))
