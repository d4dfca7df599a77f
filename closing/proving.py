"""Proving that a system may be written to: every action carried out and taken back on a copy of it, through change sets.

Knows systems by their contract only: what a proof is about, and what must be equal before and after, the connector says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from closing.trial import Trial, Trying
from connectors.contract import System
from connectors.proving import Proof, ProofSubject, Provable, differing
from core import clock, retry
from core.errors import BadInput
from core.events import Event
from core.text import N_
from recovery.apply import RunOptions
from recovery.auditing.proofs import store_proof

if TYPE_CHECKING:
    from datetime import date

    from recovery.journal import Journal
    from recovery.model import Actor

log = structlog.get_logger(__name__)

SOURCE: Final = "systems prove"

ReportTrial = Callable[[str, int, int], None]
"""Told the action that is tried next, how many were and how many there are."""


def say_no_trial(action: str, done: int, total: int) -> None:
    """Take a report and show it to nobody."""
    del action, done, total


@dataclass(frozen=True, slots=True)
class Proving:
    """What `storno systems prove` found: each action, and the proof that was stored (None: nothing was proved)."""

    subject: ProofSubject
    trials: tuple[Trial, ...]
    proof: Proof | None


def prove(
    journal: Journal,
    system: System,
    copy: System,
    *,
    actor: Actor,
    today: date,
    options: RunOptions | None = None,
    report: ReportTrial = say_no_trial,
) -> Proving:
    """Carry out and take back one document per action on the copy, compare, and store the proof.

    Raises `BadInput` where a proof would prove nothing: the copy is the system itself, or differs from it.
    """
    subject = require_comparable(system, copy)
    trying = Trying(journal, copy, actor, today, options or RunOptions())
    trying.trust()
    trying.finish_earlier()
    trials = []
    for done, name in enumerate(subject.actions):
        report(name, done, len(subject.actions))
        trials.append(trying.try_out(name))
    proved = tuple(trial.action for trial in trials if trial.is_proved)
    proof = None
    if proved:
        proof = Proof(
            system=system.name,
            copy=copy.name,
            place=subject.place,
            proved_at=clock.now(),
            proved_by=actor.name,
            fingerprint=subject.fingerprint,
            actions=proved,
            details={
                "trials": [trial.as_dict() for trial in trials],
                "facts": [fact.as_dict() for fact in subject.facts],
            },
        )
        store_proof(journal, proof, trying.last_change_set, actor=actor)
        log.info(Event.SYSTEM_PROVED, system=system.name, copy=copy.name, actions=proved)
        if isinstance(system, Provable):
            system.trust(lambda: journal.proof(system.name))
    return Proving(subject, tuple(trials), proof)


def require_comparable(system: System, copy: System) -> ProofSubject:
    """Return what is to be proved on the copy. Raises `BadInput`; reads only."""
    if not isinstance(system, Provable):
        raise BadInput(
            N_("{source}: {system} needs no proof: its ERP judges every write itself."),
            source=SOURCE,
            system=system.name,
        )
    if not isinstance(copy, Provable) or system.kind != copy.kind:
        raise BadInput(
            N_("{source}: {copy} is no copy of {system}: it is a system of another kind."),
            source=SOURCE,
            system=system.name,
            copy=copy.name,
        )
    live = retry.transient(system.proof_subject)
    there = retry.transient(copy.proof_subject)
    if system.name == copy.name or live.place == there.place:
        raise BadInput(
            N_(
                "{source}: {copy} is {system} itself ({place}). Restore a copy, and name it in storno.yaml as a"
                " system of its own."
            ),
            source=SOURCE,
            system=system.name,
            copy=copy.name,
            place=live.place,
        )
    follower = next((n for n, s in ((system, live), (copy, there)) if s.is_follower), None)
    if follower is not None:
        raise BadInput(
            N_(
                "{source}: {follower} follows another server and shows what is written there. Name the server that is"
                " written to, and a copy that follows none."
            ),
            source=SOURCE,
            follower=follower.name,
        )
    if there.refusal is not None:
        raise BadInput(
            N_("{source}: nothing is written to {copy}: {reason}"),
            source=SOURCE,
            copy=copy.name,
            reason=there.refusal,
        )
    changed = differing(live.fingerprint, there.fingerprint)
    if changed:
        raise BadInput(
            N_(
                "{source}: {copy} is not like {system}, so it proves nothing about it. These differ: {what}."
                " Restore a fresh copy, with the same server version, driver and recipe."
            ),
            source=SOURCE,
            system=system.name,
            copy=copy.name,
            what=", ".join(changed),
        )
    if not there.actions:
        raise BadInput(
            N_("{source}: there is nothing to prove: no action of {system} writes."),
            source=SOURCE,
            system=system.name,
        )
    return there
