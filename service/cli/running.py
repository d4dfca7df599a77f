"""Carrying a change set out from the command line: approval, question, progress, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from core.errors import NotAllowed
from core.text import N_, Text, text
from service.cli.output import Column, Table
from service.cli.progress import Progress
from service.cli.rollback_groups import counts_by_system, show_by_system
from service.cli.session import Session
from service.problems import Exit

if TYPE_CHECKING:
    from closing.drawing import DrawnPlan
    from closing.model import PlanProgress
    from recovery.apply import Progress as RunProgress
    from recovery.model import ChangeSet, Operation
    from recovery.states import OperationState

SHOWN_PROBLEMS: Final = 50


def require_approval(session: Session, change_set: ChangeSet) -> ChangeSet:
    """Return the change set approved: it is already, or the policy in force lets it run without a person.

    Raises `NotAllowed` saying how to approve it.
    """
    from recovery.approval import approve_by_policy
    from recovery.states import ChangeSetState

    waiting = {ChangeSetState.PLANNED, ChangeSetState.AWAITING_APPROVAL}
    if change_set.state not in waiting:
        return change_set
    services = session.services
    return approve_by_policy(
        services.journal, change_set.id, services.approval_policy, services.actor
    )


def is_allowed_without_person(session: Session, change_set: ChangeSet) -> bool:
    """Whether the policy lets this plan run without approval; nothing is stored."""
    from connectors.contract import Reversibility

    policy = session.services.approval_policy
    if policy.name != "none" or change_set.operation_count > policy.limit:
        return False
    operations = session.journal.operations(change_set.id)
    return all(each.reversibility is Reversibility.EXACT for each in operations)


def require_known_way(session: Session, change_set: ChangeSet) -> None:
    """Raise `NotAllowed` before a person is asked anything, when the plan waits for its approval."""
    from recovery.states import ChangeSetState

    waiting = {ChangeSetState.PLANNED, ChangeSetState.AWAITING_APPROVAL}
    if change_set.state in waiting and not is_allowed_without_person(session, change_set):
        raise NotAllowed(
            N_("Plan {name} waits for approval: storno close approve {name}"),
            name=change_set.short_id,
        )


def run_change_set(session: Session, change_set: ChangeSet, title: Text) -> ChangeSet:
    """Run or go on with a change set, with progress; errors pass through, the session knows what was running."""
    from recovery.apply import run

    services, language = session.services, session.language
    session.working_on = change_set.id
    with services.notifying(), Progress(session.output, title) as progress:

        def show(now: RunProgress) -> None:
            detail = ", ".join(
                f"{language.word(word)} {count}"
                for word, count in (
                    ("confirmed", now.confirmed),
                    ("refused", now.refused),
                    ("dropped", now.dropped),
                    ("in_doubt", now.in_doubt),
                )
                if count
            )
            progress.show(now.done, now.total, detail)

        finished = run(
            services.journal,
            services.system,
            change_set.id,
            actor=services.actor,
            progress=show,
            options=services.run_options,
        )
    session.working_on = None
    return finished


def exit_of(change_set: ChangeSet) -> Exit:
    """Return 0 when every operation holds; anything else needs a person."""
    from recovery.states import ChangeSetState

    return Exit.DONE if change_set.state is ChangeSetState.APPLIED else Exit.PERSON_NEEDED


def show_result(session: Session, change_set: ChangeSet) -> None:
    """Show what became of a run: figures, what did not hold and why, what to type next."""
    from recovery.states import ChangeSetState, OperationState

    output, language = session.output, session.language
    counts = session.journal.counts(change_set.id)
    style = "green" if change_set.state is ChangeSetState.APPLIED else "yellow"
    output.say(
        text(
            N_("Change set {name} is {state}."),
            name=change_set.short_id,
            state=change_set.state.value,
        ),
        style=style,
    )
    output.facts(
        [
            (N_("Operations"), counts_text(session, change_set, counts)),
            (N_("Note"), "" if change_set.note is None else language.say(change_set.note)),
        ]
    )
    show_by_system(session, change_set)
    _show_problems(session, change_set, counts)
    _show_residue(session, change_set)
    name = change_set.short_id
    if change_set.state is ChangeSetState.PAUSED:
        if counts.get(OperationState.SENT):
            output.command(f"storno close worklist {name}", why=N_("what people have to do"))
        if counts.get(OperationState.NEEDS_PERSON):
            output.command(
                f"storno changes settle {name} NO --as confirmed|refused|not-sent --reason TEXT",
                why=N_("when you have looked into the ERP"),
            )
        output.command(
            f"storno changes resume {name}", why=N_("reads back what was done, and goes on")
        )
        output.command(
            f"storno changes stop {name} --reason TEXT", why=N_("ends it: the rest is left out")
        )
    output.command(f"storno changes show {name}", why=N_("every field before and after"))
    if counts.get(OperationState.CONFIRMED) and change_set.state is not ChangeSetState.PAUSED:
        output.command(f"storno rollback {name} --preview", why=N_("what taking it back would do"))


def counts_text(
    session: Session, change_set: ChangeSet, counts: Mapping[OperationState, int]
) -> str:
    """Return how many operations are where; those that found their work done are no problem and told apart."""
    language = session.language
    already = session.journal.count_already(change_set.id)
    listed = [
        f"{language.word(state.value)} {count}"
        for state, n in counts.items()
        if (count := n - (already if state.value == "dropped" else 0))
    ]
    return ", ".join([*listed, *([f"{language.word('already')} {already}"] if already else [])])


def state_word(session: Session, operation: Operation) -> str:
    """Return the state of an operation in the reader's language."""
    from recovery.states import ALREADY

    word = ALREADY if operation.error_code == ALREADY else operation.state.value
    return session.language.word(word)


def _show_problems(
    session: Session, change_set: ChangeSet, counts: dict[OperationState, int]
) -> None:
    """List operations that did not hold, with their reasons."""
    from recovery.states import ALREADY, OperationState

    output, language = session.output, session.language
    wanted = {
        OperationState.REFUSED,
        OperationState.DROPPED,
        OperationState.IN_DOUBT,
        OperationState.NEEDS_PERSON,
    }
    # What found its work done is no problem.
    total = sum(counts.get(state, 0) for state in wanted)
    total -= session.journal.count_already(change_set.id)
    if not total:
        return
    found = (
        operation
        for operation in session.journal.operations(change_set.id, states=wanted)
        if operation.error_code != ALREADY
    )
    titles = [
        Column(language.say(N_("No.")), is_number=True),
        Column(language.say(N_("Number")), is_whole=True),
        Column(language.say(N_("State")), is_whole=True),
        Column(language.say(N_("Reason"))),
    ]
    rows = [
        [
            str(operation.position),
            operation.called,
            language.word(operation.state.value),
            "" if operation.reason is None else language.say(operation.reason),
        ]
        for operation in islice(found, SHOWN_PROBLEMS)
    ]
    output.table(Table(titles, rows))
    if total > len(rows):
        output.note(
            text(
                N_("{count} more: storno changes show {name}"),
                count=total - len(rows),
                name=change_set.short_id,
            )
        )


def _show_residue(session: Session, change_set: ChangeSet) -> None:
    """Name the documents that a rollback brought back otherwise than they were: `confirmed` alone hides it."""
    found = [operation.called for operation in _with_residue(session, change_set)]
    if found:
        session.output.say(
            text(
                N_("Not exactly as before: {count} ({names})"),
                count=len(found),
                names=", ".join(found[:SHOWN_PROBLEMS]) + (" ..." * (len(found) > SHOWN_PROBLEMS)),
            ),
            style="yellow",
        )


def _with_residue(session: Session, change_set: ChangeSet) -> Iterator[Operation]:
    if change_set.purpose.value != "rollback":
        return
    for operation in session.journal.operations(change_set.id):
        if operation.result.get("residue"):
            yield operation


def change_set_document(change_set: ChangeSet) -> dict[str, Any]:
    """Return a change set for `--json`."""
    plain = {name: getattr(change_set, name) for name in change_set.__slots__}
    for name in ("actor", "approved_by"):
        actor = plain[name]
        plain[name] = None if actor is None else {"name": actor.name, "how": actor.how}
    return plain


def operation_document(operation: Operation) -> dict[str, Any]:
    """Return an operation for `--json`, without its images."""
    plain = {name: getattr(operation, name) for name in operation.__slots__ if name != "step"}
    step = operation.step
    plain["action"] = step.action
    plain["document"] = {"model": step.ref.model, "key": step.ref.key}
    plain["arguments"] = dict(step.arguments)
    return plain


def result_document(session: Session, change_set: ChangeSet) -> dict[str, Any]:
    """Return what became of a run, for `--json`."""
    from recovery.states import OperationState

    def problems() -> Iterator[dict[str, Any]]:
        for operation in session.journal.operations(change_set.id):
            if operation.state is not OperationState.CONFIRMED:
                yield operation_document(operation)

    return {
        "change_set": change_set_document(change_set),
        "counts": session.journal.counts(change_set.id),
        "systems": counts_by_system(session, change_set),
        "not_confirmed": problems(),
        "residue": (operation_document(found) for found in _with_residue(session, change_set)),
    }


def carry_out(session: Session, change_set: ChangeSet) -> int:
    """Run, and show what became of it."""
    finished = run_change_set(
        session, change_set, text(N_("Closing {name}"), name=change_set.short_id)
    )
    if not session.is_json:
        show_result(session, finished)
    session.output.document(result_document(session, finished))
    return exit_of(finished)


def approve_and_carry_out(session: Session, drawn: DrawnPlan) -> int:
    """Store a plan that was shown, and carry it out: who answered the question approved what was shown."""
    from recovery.approval import approve

    planned = session.journal.plan(drawn.draft, drawn.operations, drawn.exceptions)
    return carry_out(session, approve(session.journal, planned.id, session.services.actor))


def given_numbers(session: Session) -> list[str] | None:
    """Return the numbers that were typed and those of the file; None where neither was given."""
    arguments = session.arguments
    if not arguments.numbers and arguments.file is None:
        return None
    from closing.numbers import read_numbers

    listed = [] if arguments.file is None else read_numbers(arguments.file)
    return [*arguments.numbers, *listed]


def expiry(session: Session) -> datetime:
    """Return the moment until which a plan made now is good."""
    from core import clock

    return clock.now() + timedelta(hours=session.settings.plans.expire_after_hours)


def shown_by(progress: Progress) -> Callable[[PlanProgress], None]:
    """Return what shows the progress of planning."""
    language = progress.language

    def show(now: PlanProgress) -> None:
        said = text(
            N_("{ready} ready, {exceptions} exceptions"),
            ready=now.ready,
            exceptions=now.excepted,
        )
        progress.show(now.looked_at, None, language.say(said))

    return show
