"""`storno rollback`: take a change set or documents back; shown first, asked once, read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from core.errors import UsageError
from core.text import N_, text
from service.cli.freeze_view import freezes_on_rollback
from service.cli.parser import Builder, Parser, one_of
from service.cli.progress import Progress
from service.cli.queueing import add_queue, queue_up
from service.cli.resolving import add_resolve, require_fitting, rules_of, typed_resolves
from service.cli.rollback_asked import add_asked, selection_of, typed_asked
from service.cli.rollback_view import preview_document, show_preview
from service.cli.running import result_document, run_change_set, show_result
from service.cli.session import Session
from service.problems import Exit

if TYPE_CHECKING:
    from recovery.model import ChangeSet
    from recovery.reversing.preview import RollbackPreview

WAYS: Final = ("stop", "skip", "recompute", "force")


def add(name: str, parser: Parser, builder: Builder) -> None:
    """Put the options of the command into `parser`."""
    del name
    say = builder.translate
    add_asked(parser, builder)
    parser.add_argument(
        "--preview", action="store_true", help=say(N_("show what would be done, and do nothing"))
    )
    parser.add_argument(
        "--on-conflict",
        type=one_of(WAYS, "way"),
        default="stop",
        metavar="stop|skip|recompute|force",
        help=say(
            N_(
                "a document that somebody else changed: leave it for a person (default); leave it on"
                " purpose; go on where the ERP derives the field; force needs accounts"
            )
        ),
    )
    add_resolve(parser, builder)
    parser.add_argument("--reason", metavar="TEXT", help=say(N_("why; kept in the journal")))
    add_queue(parser, builder)
    parser.add_argument("-y", "--yes", action="store_true", help=say(N_("do not ask")))
    parser.set_defaults(run=rollback)
    builder.examples(
        parser,
        "storno rollback 0199a2b3-4c5d --preview",
        'storno rollback 0199a2b3-4c5d --reason "wrong supplier"',
        'storno rollback --documents PO0000001 PO0000002 --reason "closed by mistake"',
        "storno rollback 0199a2b3-4c5d --resolve note=keep_theirs --preview",
        'storno rollback 0199a2b3-4c5d --resolve PO0000001:quantity=add_difference --reason "wrong list"',
        'storno rollback --documents PO0000001 --lines 2 --reason "this line is still to come"',
        'storno rollback 0199a2b3-4c5d --operations 3 5-8 --with-dependents --reason "wrong step"',
        'storno rollback --since 3h --by lin --system erp --reason "wrong afternoon"',
    )


def rollback(session: Session) -> int:
    """Preview, ask, take back, read back."""
    from recovery.conflicts.forcing import permit
    from recovery.reversing.preview import OnConflict, Status, preview

    arguments, output, services = session.arguments, session.output, session.services
    selection = selection_of(session)
    way = OnConflict(arguments.on_conflict)
    rules = rules_of(services.settings, arguments.resolve)
    if not arguments.preview:
        _require_reason(arguments.reason)
        if way is OnConflict.FORCE or rules.forces:
            permit(services.actor)
    with Progress(output, N_("Reading what is there now")):
        found = preview(
            services.journal,
            services.system,
            selection,
            on_conflict=way,
            rules=rules,
            policy=services.retry_policy,
        )
    require_fitting(session, found.unfit)
    if not output.is_json:
        show_preview(session, found)
    clean = found.with_status(Status.CLEAN)
    in_the_way = freezes_on_rollback(session, [item.last for item in clean])
    if arguments.preview:
        if clean:
            output.command(_typed(arguments), why=N_("asks first, then does it"))
        output.document(preview_document(found))
        return _exit_of(found, way)
    if not clean:
        output.say(N_("There is nothing to do that Storno can do."))
        output.document(preview_document(found))
        return _exit_of(found, way)
    if in_the_way:
        raise in_the_way[0].error()
    if not session.confirm(
        session.language.ngettext(
            "Take {count} document back in {system}?",
            "Take {count} documents back in {system}?",
            len(clean),
            system=", ".join(sorted({item.last.system for item in clean})),
        )
    ):
        return Exit.PERSON_NEEDED
    approved = _store(session, found)
    if arguments.queue:
        return queue_up(session, approved)
    finished = run_change_set(
        session, approved, text(N_("Taking back {name}"), name=approved.short_id)
    )
    if not output.is_json:
        show_result(session, finished)
    output.document({**result_document(session, finished), **preview_document(found)})
    return _exit_after(session, finished, found, way)


def _typed(arguments: Any) -> str:
    """Return the command that does what was previewed."""
    parts = ["storno rollback", *typed_asked(arguments)]
    if arguments.on_conflict != "stop":
        parts += ["--on-conflict", arguments.on_conflict]
    parts += typed_resolves(arguments.resolve)
    return " ".join([*parts, "--reason TEXT"])


def _require_reason(reason: str | None) -> None:
    if not (reason or "").strip():
        raise UsageError(N_("A rollback needs a reason: --reason TEXT. To look only: --preview"))


def _store(session: Session, found: RollbackPreview) -> ChangeSet:
    """Store the rollback on the evidence that was shown, approved by who answered."""
    from recovery.approval import approve
    from recovery.rollback import store_rollback

    services = session.services
    planned = store_rollback(
        services.journal, found, actor=services.actor, reason=session.arguments.reason
    )
    return approve(services.journal, planned.id, services.actor)


def _exit_of(found: RollbackPreview, way: Any) -> Exit:
    """Return 1 when a document stays as it is that was asked for, unless it is skipped on purpose."""
    from recovery.reversing.preview import OnConflict, Status

    fine = {Status.CLEAN, Status.ALREADY_BACK, Status.KEPT}
    if way is OnConflict.SKIP:
        fine.add(Status.CONFLICT)
    left = [item for item in found.items if item.status not in fine]
    return Exit.PERSON_NEEDED if left else Exit.DONE


def _exit_after(session: Session, finished: ChangeSet, found: RollbackPreview, way: Any) -> Exit:
    """Judge what was to be taken back: documents that were left alone are counted by the preview."""
    from recovery.reversing.preview import Status
    from recovery.states import OperationState

    if finished.finished_at is None:
        return Exit.PERSON_NEEDED
    counts = session.journal.counts(finished.id)
    left_alone = sum(
        1 for item in found.items if item.status not in {Status.CLEAN, Status.ALREADY_BACK}
    )
    others = finished.operation_count - counts.get(OperationState.CONFIRMED, 0) - left_alone
    return Exit.PERSON_NEEDED if others > 0 else _exit_of(found, way)
