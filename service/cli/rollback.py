"""`storno rollback`: take a change set or documents back; shown first, asked once, read back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.errors import NotAllowed, UsageError
from core.text import N_, text
from service.cli.parser import Builder, Parser, one_of
from service.cli.progress import Progress
from service.cli.rollback_view import preview_document, show_preview
from service.cli.running import result_document, run_change_set, show_result
from service.cli.session import Session
from service.problems import Exit

if TYPE_CHECKING:
    from recovery.model import ChangeSet
    from recovery.preview import RollbackPreview
    from recovery.selection import Selection

WAYS: Final = ("stop", "skip", "recompute", "force")


def add(name: str, parser: Parser, builder: Builder) -> None:
    """Put the options of the command into `parser`."""
    del name
    say = builder.translate
    parser.add_argument(
        "id",
        nargs="?",
        metavar="ID",
        help=say(N_("the change set; the beginning is enough; or `last`")),
    )
    parser.add_argument(
        "--documents",
        nargs="+",
        metavar="NUMBER",
        default=[],
        help=say(N_("what Storno did last to these documents")),
    )
    parser.add_argument(
        "--from",
        dest="file",
        metavar="FILE",
        type=Path,
        help=say(N_("the documents in this file: Excel, CSV, or one a line")),
    )
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="NUMBER",
        default=[],
        help=say(N_("of the change set, only these documents")),
    )
    parser.add_argument(
        "--lines",
        nargs="+",
        metavar="LINE",
        default=[],
        help=say(
            N_(
                "of the one document, only these lines: their positions or keys; what follows from"
                " lines is worked out anew"
            )
        ),
    )
    parser.add_argument("--system", metavar="NAME", help=say(N_("documents of this system")))
    parser.add_argument("--kind", metavar="KIND", help=say(N_("documents of this kind")))
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
    parser.add_argument("--reason", metavar="TEXT", help=say(N_("why; kept in the journal")))
    parser.add_argument("-y", "--yes", action="store_true", help=say(N_("do not ask")))
    parser.set_defaults(run=rollback)
    builder.examples(
        parser,
        "storno rollback 0199a2b3-4c5d --preview",
        'storno rollback 0199a2b3-4c5d --reason "wrong supplier"',
        'storno rollback --documents PO0000001 PO0000002 --reason "closed by mistake"',
        'storno rollback --documents PO0000001 --lines 2 --reason "this line is still to come"',
    )


def rollback(session: Session) -> int:
    """Preview, ask, take back, read back."""
    from recovery.preview import OnConflict, Status, preview

    arguments, output, services = session.arguments, session.output, session.services
    selection = _selection(session)
    way = OnConflict(arguments.on_conflict)
    if not arguments.preview:
        _require_reason(arguments.reason)
        if way is OnConflict.FORCE:
            raise NotAllowed(
                reason=N_(
                    "forcing needs a second person, and accounts do not exist yet; resolve by hand"
                )
            )
    with Progress(output, N_("Reading what is there now")):
        found = preview(
            services.journal,
            services.system,
            selection,
            on_conflict=way,
            policy=services.retry_policy,
        )
    if not output.is_json:
        show_preview(session, found)
    clean = found.with_status(Status.CLEAN)
    if arguments.preview:
        if clean:
            output.command(_typed(arguments), why=N_("asks first, then does it"))
        output.document(preview_document(found))
        return _exit_of(found, way)
    if not clean:
        output.say(N_("There is nothing to do that Storno can do."))
        output.document(preview_document(found))
        return _exit_of(found, way)
    if not session.confirm(
        session.language.ngettext(
            "Take {count} document back in {system}?",
            "Take {count} documents back in {system}?",
            len(clean),
            system=", ".join(sorted({item.last.system for item in clean})),
        )
    ):
        return Exit.PERSON_NEEDED
    finished = _carry_out(session, found)
    if not output.is_json:
        show_result(session, finished)
    output.document({**result_document(session, finished), **preview_document(found)})
    return _exit_after(session, finished, found, way)


def _typed(arguments: Any) -> str:
    """Return the command that does what was previewed."""
    parts = ["storno rollback"]
    if arguments.id is not None:
        parts.append(arguments.id)
    if arguments.documents:
        parts += ["--documents", *arguments.documents]
    if arguments.file is not None:
        parts += ["--from", str(arguments.file)]
    if arguments.only:
        parts += ["--only", *arguments.only]
    if arguments.lines:
        parts += ["--lines", *arguments.lines]
    if arguments.on_conflict != "stop":
        parts += ["--on-conflict", arguments.on_conflict]
    return " ".join([*parts, "--reason TEXT"])


def _require_reason(reason: str | None) -> None:
    if not (reason or "").strip():
        raise UsageError(N_("A rollback needs a reason: --reason TEXT. To look only: --preview"))


def _selection(session: Session) -> Selection:
    from recovery.selection import Selection
    from service.cli.documents import kind_of

    arguments = session.arguments
    numbers = list(arguments.documents)
    if arguments.file is not None:
        from closing.numbers import read_numbers

        numbers += read_numbers(arguments.file)
    if (arguments.id is None) == (not numbers):
        raise UsageError(
            N_("Name either a change set, or documents with --documents or --from FILE.")
        )
    if numbers and arguments.only:
        raise UsageError(N_("--only belongs to a change set; leave it out with --documents."))
    return Selection(
        change_set_id=arguments.id,
        numbers=tuple(dict.fromkeys(numbers)),
        system=arguments.system,
        kind=None if arguments.kind is None else kind_of(arguments.kind),
        only=tuple(arguments.only),
        lines=tuple(arguments.lines),
    )


def _carry_out(session: Session, found: RollbackPreview) -> ChangeSet:
    """Store the rollback on the evidence that was shown, approve it by who answered, run it."""
    from recovery.approval import approve
    from recovery.rollback import store_rollback

    services = session.services
    planned = store_rollback(
        services.journal, found, actor=services.actor, reason=session.arguments.reason
    )
    approved = approve(services.journal, planned.id, services.actor)
    return run_change_set(session, approved, text(N_("Taking back {name}"), name=approved.short_id))


def _exit_of(found: RollbackPreview, way: Any) -> Exit:
    """Return 1 when a document stays as it is that was asked for, unless it is skipped on purpose."""
    from recovery.preview import OnConflict, Status

    fine = {Status.CLEAN, Status.ALREADY_BACK}
    if way is OnConflict.SKIP:
        fine.add(Status.CONFLICT)
    left = [item for item in found.items if item.status not in fine]
    return Exit.PERSON_NEEDED if left else Exit.DONE


def _exit_after(session: Session, finished: ChangeSet, found: RollbackPreview, way: Any) -> Exit:
    """Judge what was to be taken back: documents that were left alone are counted by the preview."""
    from recovery.preview import Status
    from recovery.states import OperationState

    if finished.finished_at is None:
        return Exit.PERSON_NEEDED
    counts = session.journal.counts(finished.id)
    left_alone = sum(
        1 for item in found.items if item.status not in {Status.CLEAN, Status.ALREADY_BACK}
    )
    others = finished.operation_count - counts.get(OperationState.CONFIRMED, 0) - left_alone
    return Exit.PERSON_NEEDED if others > 0 else _exit_of(found, way)
