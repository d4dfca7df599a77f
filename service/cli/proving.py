"""`storno systems prove`: try every action of a system on a restored copy, and store the proof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.text import N_, Text, text
from service.cli.output import Column, Table
from service.cli.progress import Progress
from service.cli.session import Session
from service.problems import Exit

if TYPE_CHECKING:
    from closing.proving import Proving
    from closing.trial import Trial
    from connectors.proving import ProofStanding


def prove_system(session: Session) -> int:
    """Say what will be tried, ask, try it on the copy, show what was proved and what was not."""
    from closing.proving import prove, require_comparable

    arguments, output, services = session.arguments, session.output, session.services
    system, copy = session.system(arguments.name), session.system(arguments.copy)
    subject = require_comparable(system, copy)
    if not output.is_json:
        output.facts(
            [
                (N_("Copy"), f"{copy.name} ({subject.place})"),
                (N_("Tried on it"), ", ".join(subject.actions)),
                *((N_("Note"), session.language.say(fact)) for fact in subject.facts),
            ]
        )
    question = text(
        N_("Close and roll back one document per action in {copy}? Nobody may work in it."),
        copy=copy.name,
    )
    if not session.confirm(question):
        return Exit.PERSON_NEEDED
    with Progress(output, N_("Proving")) as progress:
        found = prove(
            session.journal,
            system,
            copy,
            actor=services.actor,
            today=services.today,
            options=services.run_options,
            report=lambda action, done, total: progress.show(done, total, action),
        )
    if not output.is_json:
        _show(session, found)
    output.document(
        {
            "system": system.name,
            "copy": copy.name,
            "is_proved": all(trial.is_proved for trial in found.trials),
            "actions": [trial.as_dict() for trial in found.trials],
            "fingerprint": dict(found.subject.fingerprint),
            "facts": [fact.as_dict() for fact in found.subject.facts],
        }
    )
    return Exit.DONE if all(trial.is_proved for trial in found.trials) else Exit.PERSON_NEEDED


def _show(session: Session, found: Proving) -> None:
    output, say = session.output, session.language.say
    columns = [
        Column(say(N_("Action")), is_whole=True),
        Column(say(N_("Number")), is_whole=True),
        Column(say(N_("Fields compared")), is_number=True),
        Column(say(N_("Result"))),
    ]
    rows = [
        [trial.action, trial.number or "-", str(trial.fields or "-"), _result(session, trial)]
        for trial in found.trials
    ]
    output.table(Table(columns, rows))
    for trial in found.trials:
        if trial.beside:
            beside = text(
                N_("{action} changed beside what it writes, and it came back: {fields}"),
                action=trial.action,
                fields=", ".join(trial.beside),
            )
            output.say(beside)
    if found.proof is None:
        output.say(N_("Nothing was proved, so Storno writes nothing there."), style="yellow")
        return
    proof = found.proof
    output.say(
        text(
            N_("Stored: {count} actions of {system} are proved on {copy}."),
            count=len(proof.actions),
            system=proof.system,
            copy=proof.copy,
        ),
        style="green" if len(proof.actions) == len(found.trials) else "yellow",
    )
    output.command(
        f"storno systems check {proof.system}", why=N_("the proof, and whether it holds")
    )


def _result(session: Session, trial: Trial) -> str:
    language = session.language
    if trial.problem is not None:
        return language.say(text(N_("not proved: {reason}"), reason=trial.problem))
    if trial.trace:
        return language.say(
            text(N_("proved; what only goes forward: {fields}"), fields=", ".join(trial.trace))
        )
    return language.say(N_("proved"))


def proof_facts(session: Session, standing: ProofStanding | None) -> list[tuple[str, str]]:
    """Return what `systems check` shows of a proof: when, by whom, on what, and whether it still holds."""
    if standing is None:
        return []
    language, proof = session.language, standing.proof
    if proof is None:
        return [(N_("Writing"), language.say(each)) for each in standing.problems]
    shown = text(
        N_("{at} by {person}, on {copy}: {actions}"),
        at=language.moment(proof.proved_at),
        person=proof.proved_by,
        copy=proof.copy,
        actions=", ".join(proof.actions),
    )
    holds = [Text(N_("it holds"))] if standing.is_valid else list(standing.problems)
    return [
        (N_("Writing proved"), language.say(shown)),
        *((N_("Proof"), language.say(each)) for each in holds),
    ]


def proof_document(standing: ProofStanding | None) -> dict[str, Any] | None:
    """Return the standing of a proof for `--json`."""
    if standing is None:
        return None
    proof = standing.proof
    return {
        "is_valid": standing.is_valid,
        "problems": list(standing.problems),
        "proved_at": None if proof is None else proof.proved_at,
        "proved_by": None if proof is None else proof.proved_by,
        "copy": None if proof is None else proof.copy,
        "place": None if proof is None else proof.place,
        "actions": [] if proof is None else list(proof.actions),
        "fingerprint": {} if proof is None else dict(proof.fingerprint),
    }
