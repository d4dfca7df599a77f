"""`storno freeze` and `storno thaw`: stop every write of Storno in a scope, at once, and let it go again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from core.errors import NotFound, UsageError
from core.text import N_, text
from service.cli.freeze_view import (
    freeze_document,
    show_changes,
    show_flight,
    show_freezes,
    show_waiting,
)
from service.cli.parser import Builder, Parser
from service.cli.session import Session
from service.problems import Exit

if TYPE_CHECKING:
    from recovery.freezes import Scope
    from recovery.model import Operation

LIST: Final = "list"
LOOKED_AT: Final = 20
LOOK_SECONDS: Final = 15.0
LATELY: Final = timedelta(minutes=30)
SHOWN: Final = 20


def add(name: str, parser: Parser, builder: Builder) -> None:
    """Put the options of the command into `parser`."""
    if name == "thaw":
        _add_thaw(parser, builder)
        return
    say = builder.translate
    parser.add_argument(
        "scope",
        nargs="*",
        metavar="SCOPE",
        help=say(
            N_(
                "all, or system:NAME kind:KIND document:NUMBER user:NAME change-set:ID; of several, all"
                " must fit. Nothing, or `list`: what is frozen now"
            )
        ),
    )
    parser.add_argument("--reason", metavar="TEXT", help=say(N_("why; kept in the journal")))
    parser.add_argument(
        "--except-rollback",
        action="store_true",
        help=say(N_("let rollbacks go on: support takes back while nothing else moves")),
    )
    parser.add_argument(
        "--no-look",
        action="store_true",
        help=say(N_("do not ask the ERP who changed these documents last")),
    )
    parser.add_argument(
        "--preview",
        action="store_true",
        help=say(N_("show what would be stopped, and freeze nothing")),
    )
    parser.add_argument(
        "--all", action="store_true", help=say(N_("with `list`: also freezes that were lifted"))
    )
    parser.set_defaults(run=freeze_or_list)
    builder.examples(
        parser,
        'storno freeze all --reason "the warehouse counts"',
        'storno freeze system:erp kind:purchase_order --reason "wrong list" --except-rollback',
        'storno freeze system:erp document:PO0000001 --reason "the supplier called"',
        "storno freeze list",
    )


def _add_thaw(parser: Parser, builder: Builder) -> None:
    say = builder.translate
    parser.add_argument("id", metavar="ID", help=say(N_("the freeze; the beginning is enough")))
    parser.add_argument("--reason", metavar="TEXT", help=say(N_("why; kept in the journal")))
    parser.set_defaults(run=thaw)
    builder.examples(parser, 'storno thaw 0199a2b3-4c5d --reason "counted"')


def freeze_or_list(session: Session) -> int:
    """Freeze a scope, or show what is frozen."""
    scope = session.arguments.scope
    return list_freezes(session) if scope in ([], [LIST]) else freeze_scope(session)


def list_freezes(session: Session) -> int:
    """Show the freezes in force."""
    from recovery import freezes

    found = freezes.list_freezes(session.journal, with_thawed=session.arguments.all)
    if found:
        show_freezes(session, found)
    else:
        session.output.say(N_("Nothing is frozen."))
    session.output.document({"freezes": [freeze_document(each) for each in found]})
    return Exit.DONE


def freeze_scope(session: Session) -> int:
    """Freeze first; then say what is in flight, and who else writes."""
    from recovery import freezes

    arguments, output, journal = session.arguments, session.output, session.journal
    scope = _scope(session)
    if arguments.preview:
        return _preview(session, scope)
    reason = _reason(arguments.reason, N_("A freeze needs a reason: --reason TEXT"))
    frozen = freezes.freeze(
        journal,
        scope,
        actor=session.services.actor,
        reason=reason,
        spares_rollback=arguments.except_rollback,
    )
    output.say(
        text(N_("Frozen: {scope} (freeze {name})."), scope=str(scope), name=frozen.short_id),
        style="bold",
    )
    output.say(
        N_(
            "From now on Storno sends nothing of it, whichever process would. People and other programs are"
            " not stopped."
        )
    )
    if arguments.except_rollback:
        output.say(N_("Rollbacks go on; taking a rollback back does not."))
    document: dict[str, Any] = {"freeze": freeze_document(frozen)}
    _say_if_unknown(session, scope)
    output.flush()
    waiting = show_waiting(session, scope, limit=SHOWN)
    count, operations = show_flight(session, scope, limit=LOOKED_AT)
    document |= {"stopped": waiting, "in_flight": {"count": count, "operations": operations.shown}}
    output.command(f"storno thaw {frozen.short_id} --reason TEXT", why=N_("lifts it"))
    document["changed"] = None  # nobody asked
    if not arguments.no_look:
        output.flush()
        document["changed"] = _look(session, scope, operations.found)
    output.document(document)
    return Exit.DONE


def _preview(session: Session, scope: Scope) -> int:
    session.output.say(text(N_("Nothing was frozen. {scope} would stop:"), scope=str(scope)))
    waiting = show_waiting(session, scope, limit=SHOWN)
    count, operations = show_flight(session, scope, limit=LOOKED_AT)
    session.output.document(
        {"stopped": waiting, "in_flight": {"count": count, "operations": operations.shown}}
    )
    return Exit.DONE


def thaw(session: Session) -> int:
    """Lift a freeze; say what waited for it."""
    from recovery import freezes

    arguments, output, journal = session.arguments, session.output, session.journal
    reason = _reason(arguments.reason, N_("A thaw needs a reason: --reason TEXT"))
    found = freezes.thaw(journal, arguments.id, actor=session.services.actor, reason=reason)
    output.say(text(N_("Thawed: {scope}."), scope=str(found.scope)), style="bold")
    waiting = freezes.paused_by(journal, found)
    if waiting:
        output.say(N_("What waited for it does not go on by itself:"))
        for change_set_id in waiting:
            output.command(f"storno changes resume {change_set_id[:13]}")
    left = freezes.list_freezes(journal)
    if left:
        output.say(N_("Still frozen:"))
        show_freezes(session, left)
    output.document(
        {
            "thawed": freeze_document(found) | {"thawed_reason": reason},
            "waiting": waiting,
            "freezes": [freeze_document(each) for each in left],
        }
    )
    return Exit.DONE


# --- the scope ------------------------------------------------------------------------------------


def _scope(session: Session) -> Scope:
    """Read the scope; a name that was mistyped is refused, because its freeze would stop nothing."""
    from recovery.freezes import parse_scope
    from service.cli.documents import kind_of

    scope = parse_scope(session.arguments.scope)
    systems = session.settings.systems
    if scope.system is not None and scope.system not in systems:
        raise NotFound(
            N_("There is no system {name!r} in storno.yaml. Known: {known}"),
            what="system",
            name=scope.system,
            known=", ".join(systems) or "-",
        )
    if scope.kind is not None:
        scope = replace(scope, kind=kind_of(scope.kind).value)
    if scope.change_set_id is not None:
        scope = replace(scope, change_set_id=session.journal.change_set(scope.change_set_id).id)
    return scope


def _say_if_unknown(session: Session, scope: Scope) -> None:
    """The freeze stands; a name that never acted may be a mistyped one."""
    from recovery import freezes

    if scope.person is None:
        return
    known = freezes.people(session.journal)
    if scope.person not in {*known, session.services.actor.name}:
        session.output.say(
            text(
                N_("Nobody called {name!r} has acted here so far. Known: {known}"),
                name=scope.person,
                known=", ".join(known) or "-",
            ),
            style="yellow",
        )


def _reason(written: str | None, missing: str) -> str:
    reason = (written or "").strip()
    if not reason:
        raise UsageError(missing)
    return reason


def _look(session: Session, scope: Scope, in_flight: list[Operation]) -> list[dict[str, Any]]:
    """Ask the ERP who changed what Storno worked on lately. The freeze is in force, whatever comes of it."""
    from core import clock
    from recovery.stopping import frozen
    from recovery.stopping.recent import recent_changes

    since = clock.now() - LATELY
    lately = frozen.touched(session.journal, scope, since, limit=LOOKED_AT)
    operations = list({op.step.ref: op for op in [*in_flight, *lately]}.values())[:LOOKED_AT]
    if scope.number is not None and not operations:
        operations = session.journal.operations_of_numbers([scope.number], system=scope.system)
        operations = operations[:LOOKED_AT]
    if not operations:
        return []
    session.output.note(
        text(
            N_(
                "Asking the ERP who changed these documents lately: {count} ... The freeze stands; Ctrl-C"
                " ends only the question."
            ),
            count=len(operations),
        )
    )
    try:
        changes, unseen = recent_changes(session.services.system, operations, seconds=LOOK_SECONDS)
    except KeyboardInterrupt:
        return []
    return show_changes(session, changes, unseen)
