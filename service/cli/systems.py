"""`storno systems`: which there are, and what can be seen and done there. Reads only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from core.errors import NotFound
from core.events import Event
from core.text import N_, text
from service.cli.output import Column, Table
from service.cli.parser import Builder, Parser
from service.cli.preparing import prepare_system
from service.cli.proving import proof_document, proof_facts, prove_system
from service.cli.session import Session
from service.problems import Exit

if TYPE_CHECKING:
    import argparse

    from connectors.contract import Action, ActionSupport, Backup, SystemCheck

log = structlog.get_logger(__name__)


def add(name: str, parser: Parser, builder: Builder) -> None:
    """Put the commands of the group into `parser`."""
    del name
    commands = builder.group(parser, default=list_systems)
    builder.command(
        commands,
        "list",
        list_systems,
        summary=N_("list the systems of storno.yaml"),
        examples=["storno systems list"],
    )
    check = builder.command(
        commands,
        "check",
        check_systems,
        summary=N_("log in, and say what is seen and what can be done"),
        description=N_(
            "Says as whom Storno acts, whether this user sees everything, and for each action whether it is"
            " available, what a rollback gives back, and what the ERP guarantees."
        ),
        examples=["storno systems check practice", "storno systems check practice --all"],
    )
    check.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=builder.translate(N_("names in storno.yaml; default: all")),
    )
    check.add_argument(
        "--all",
        action="store_true",
        help=builder.translate(N_("also the single steps that longer actions are made of")),
    )
    prepare = builder.command(
        commands,
        "prepare",
        prepare_system,
        summary=N_("install in a system what makes writes safer, or remove it again"),
        description=N_(
            "Some systems cannot refuse a write to a document that somebody changed a moment ago. Where an"
            " administrator of the system allows it, Storno installs there what compares and sets in one call."
            " It is shown before, done as a change set, read back, and can be rolled back."
        ),
        examples=["storno systems prepare odoo --preview", "storno systems prepare odoo --remove"],
    )
    prepare.add_argument("name", metavar="NAME", help=builder.translate(N_("name in storno.yaml")))
    prepare.add_argument(
        "--remove", action="store_true", help=builder.translate(N_("remove what was installed"))
    )
    prepare.add_argument(
        "--preview",
        action="store_true",
        help=builder.translate(N_("show what would be done, and do nothing")),
    )
    prepare.add_argument(
        "-y", "--yes", action="store_true", help=builder.translate(N_("do not ask"))
    )
    _add_prove(commands, builder)


def _add_prove(commands: argparse._SubParsersAction[Parser], builder: Builder) -> None:
    prove = builder.command(
        commands,
        "prove",
        prove_system,
        summary=N_("try every action on a restored copy; until then a person closes"),
        description=N_(
            "Closes and rolls back one document per action in the copy, as change sets, and compares every field"
            " before and after. The proof stands in the journal and holds while tables, columns, triggers, server,"
            " driver and recipe stay as they are."
        ),
        examples=["storno systems prove erp --on erp_copy"],
    )
    prove.add_argument("name", metavar="NAME", help=builder.translate(N_("name in storno.yaml")))
    prove.add_argument(
        "--on",
        dest="copy",
        metavar="COPY",
        required=True,
        help=builder.translate(N_("another system of storno.yaml: a copy in which nobody works")),
    )
    prove.add_argument("-y", "--yes", action="store_true", help=builder.translate(N_("do not ask")))


def list_systems(session: Session) -> int:
    """List names, kinds and addresses."""
    output, say = session.output, session.language.translate
    systems = [
        {"name": name, "kind": options.kind, "url": _address(options)}
        for name, options in session.settings.systems.items()
    ]
    if not systems:
        output.say(N_("storno.yaml names no system."))
    else:
        titles = (N_("System"), N_("Kind"), N_("Address"))
        rows = [[str(system[key] or "-") for key in ("name", "kind", "url")] for system in systems]
        output.table(Table([Column(say(title)) for title in titles], rows))
    output.document({"systems": systems})
    return Exit.DONE


def _address(options: Any) -> str | None:
    given = options.options if hasattr(options, "options") else vars(options)
    url = given.get("url")
    if url is not None:
        return str(url)
    # A database behind ODBC: its server and name; the connection string may hold a password.
    server, database = given.get("server"), given.get("database")
    return "/".join(str(part) for part in (server, database) if part is not None) or None


def check_systems(session: Session) -> int:
    """Check one system, or all."""
    settings = session.settings
    names = session.arguments.names or list(settings.systems)
    unknown = [name for name in names if name not in settings.systems]
    if unknown:
        raise NotFound(
            N_("There is no system {name!r} in storno.yaml. Known: {known}"),
            what="system",
            name=unknown[0],
            known=", ".join(settings.systems) or "-",
        )
    checks = []
    for name in names:
        system = session.system(name)
        check = system.check()
        log.info(Event.SYSTEM_CHECKED, system=name, sees_everything=check.sees_everything)
        _show(session, name, check, dict(system.actions()))
        checks.append({"name": name, "kind": system.kind, **_plain(check)})
    session.output.document({"systems": checks})
    return Exit.DONE if all(c["sees_everything"] for c in checks) else Exit.PERSON_NEEDED


def _plain(check: SystemCheck) -> dict[str, Any]:
    plain = {name: getattr(check, name) for name in check.__slots__}
    plain["actions"] = [
        {name: getattr(action, name) for name in action.__slots__} for action in check.actions
    ]
    plain["to_check"] = [{"fact": each.fact, "what": each.what} for each in check.to_check]
    plain["proof"] = proof_document(check.proof)
    backup = check.backup
    plain["backup"] = (
        None if backup is None else {"taken_at": backup.taken_at, "source": backup.source}
    )
    return plain


def _show(session: Session, name: str, check: SystemCheck, actions: dict[str, Action]) -> None:
    output, language = session.output, session.language
    yes, no = language.say(N_("yes")), language.say(N_("no"))
    output.line(name, style="bold")
    output.facts(
        [
            (N_("Product"), f"{check.product} {check.version}".strip()),
            (N_("Target"), check.target),
            (N_("Transport"), check.transport),
            (N_("Acts as"), check.acting_as),
            (N_("Sees everything"), yes if check.sees_everything else no),
            *((N_("Not seen"), language.say(limit)) for limit in check.limits),
            (N_("Documents"), ", ".join(language.word(kind.value) for kind in check.kinds)),
            *proof_facts(session, check.proof),
            *backup_facts(session, check.backup),
            *((N_("Note"), language.say(note)) for note in check.notes),
        ]
    )
    output.say()
    titles = [
        N_("Action"),
        N_("Available"),
        N_("Taken back"),
        N_("What it does"),
        N_("Whole batches"),
        N_("Compares first"),
    ]
    shown = [
        support
        for support in check.actions
        if session.arguments.all or not _is_link(actions.get(support.action))
    ]
    rows = [_row(session, support, actions.get(support.action)) for support in shown]
    # Where a terminal has no room for everything, the name says what the action does.
    columns = [
        Column(language.say(title), is_whole=number != 3, is_optional=number >= 3)
        for number, title in enumerate(titles)
    ]
    if rows:
        output.table(Table(columns, rows))
    else:
        output.say(N_("Nothing can be closed or opened here: the notes say why."))
    if len(shown) < len(check.actions):
        hidden = len(check.actions) - len(shown)
        output.say(text(N_("and {count} single steps of these (all of them: --all)"), count=hidden))
    said: dict[str, list[str]] = {}
    for support in shown:
        if support.note is not None:
            said.setdefault(language.say(support.note), []).append(support.action)
    for note, names in said.items():
        output.line(f"{', '.join(names)}: {note}")
    _show_unsure(session, check)
    output.say()


def _show_unsure(session: Session, check: SystemCheck) -> None:
    """Show what the site must look at itself, before anybody relies on it."""
    output, language = session.output, session.language
    if not check.to_check:
        return
    output.say()
    output.say(N_("To be checked by the site"), style="bold")
    columns = [
        Column(language.say(N_("Fact")), is_whole=True),
        Column(language.say(N_("What to look at"))),
    ]
    everything = language.say(N_("all of it"))
    rows = [
        [each.fact, everything if each.what is None else language.say(each.what)]
        for each in check.to_check
    ]
    output.table(Table(columns, rows))


def backup_facts(session: Session, backup: Backup | None) -> list[tuple[str, str]]:
    """Return when the last backup of the database was taken, and who says so."""
    if backup is None:
        return []
    language = session.language
    when = language.say(N_("unknown"))
    if backup.taken_at is not None:
        when = language.moment(backup.taken_at)
    return [(N_("Last backup"), f"{when} ({language.say(backup.source)})")]


def _is_link(action: Action | None) -> bool:
    return action is not None and action.is_link


def _row(session: Session, support: ActionSupport, action: Action | None) -> list[str]:
    language = session.language

    def answer(is_so: bool) -> str:
        return language.say(N_("yes")) if is_so else language.say(N_("no"))

    return [
        support.action,
        answer(support.is_available),
        language.word(support.reversibility.value),
        language.say(action.title) if action is not None else "-",
        answer(support.is_atomic_batch),
        answer(support.has_compare_and_set),
    ]
