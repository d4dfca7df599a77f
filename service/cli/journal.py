"""`storno journal`: what is in the journal, is it whole, backups; retention and keys stand in `journal_keeping`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.text import N_, text
from service.cli.journal_keeping import add_keys, add_retention, size_text
from service.cli.parser import Builder, Parser
from service.cli.progress import Progress
from service.cli.session import Session
from service.problems import Exit

if TYPE_CHECKING:
    from recovery.sql.health import Health


def add(name: str, parser: Parser, builder: Builder) -> None:
    """Put the commands of the group into `parser`."""
    del name
    say = builder.translate
    commands = builder.group(parser)
    builder.command(
        commands,
        "show",
        show,
        summary=N_("where it is, how large, what is in it, with which keys it is sealed"),
        examples=["storno journal show"],
    )
    builder.command(
        commands,
        "check",
        check,
        summary=N_("read all of it: the database, the audit chain, plans, every image"),
        description=N_(
            "A short look at its end is part of every start. This reads everything and changes nothing;"
            " others go on working."
        ),
        examples=["storno journal check"],
    )
    backup = builder.command(
        commands,
        "backup",
        back_up,
        summary=N_("write a checked copy while others go on writing"),
        description=N_(
            "The copy is one SQLite file, also of a journal in PostgreSQL. It gets its name when it was"
            " read and verified as a whole. What is sealed stays sealed: keep the keys elsewhere."
        ),
        examples=["storno journal backup backups/journal-2026-11-22.db"],
    )
    backup.add_argument("file", metavar="FILE", type=Path, help=say(N_("the file to write")))
    backup.add_argument(
        "--replace", action="store_true", help=say(N_("replace the file where it exists"))
    )
    restored = builder.command(
        commands,
        "restore",
        restore,
        summary=N_("fill an empty journal from a backup"),
        description=N_(
            "Into the journal of storno.yaml, which must be new or without any change set; a broken one"
            " is moved away first, by you."
        ),
        examples=["storno journal restore backups/journal-2026-11-22.db"],
    )
    restored.add_argument("file", metavar="FILE", type=Path, help=say(N_("the backup")))
    add_retention(commands, builder)
    add_keys(commands, builder)


# --- what is in it --------------------------------------------------------------------------------------


def show(session: Session) -> int:
    """Show what is in the journal."""
    from recovery.sql.health import figures

    found = figures(session.journal)
    output, language = session.output, session.language
    counts = found.counts
    oldest = "" if found.oldest is None else language.moment(found.oldest)
    newest = "" if found.newest is None else language.moment(found.newest)
    output.facts(
        [
            (N_("Journal"), found.name),
            (N_("Revision"), found.revision),
            (N_("Size"), size_text(session, found.size_bytes)),
            (
                N_("Free within it"),
                size_text(session, found.free_bytes) if found.free_bytes else "",
            ),
            (N_("Change sets"), str(counts["change_set"])),
            (N_("Operations"), str(counts["operation"])),
            (
                N_("Images"),
                f"{counts['image']} ({size_text(session, found.image_bytes)})",
            ),
            (N_("Audit lines"), str(counts["audit_line"])),
            (N_("Oldest"), oldest),
            (N_("Newest"), newest),
            (N_("Pruned"), str(found.pruned_count)),
            (N_("Held"), str(found.held_count)),
        ]
    )
    for key in found.keys:
        output.say(
            text(_key_template(key), name=key.name or "", count=key.image_count),
            style="" if key.is_configured else "yellow",
        )
    if len(found.keys) > 1 and any(key.image_count and not key.is_active for key in found.keys):
        output.command("storno journal rotate", why=N_("seals everything with the first key"))
    output.document(
        {
            **{name: getattr(found, name) for name in found.__slots__ if name != "keys"},
            "keys": [{name: getattr(key, name) for name in key.__slots__} for key in found.keys],
        }
    )
    return Exit.DONE


def _key_template(key: Any) -> str:
    if key.name is None:
        return N_("Not sealed: {count} images. Whoever has the file can read them.")
    if key.is_active:
        return N_("Sealed with key {name}, which is in use: {count} images.")
    if key.is_configured:
        return N_("Sealed with key {name}, an older one: {count} images.")
    return N_("Sealed with key {name}, which is not in storno.yaml: {count} images.")


def check(session: Session) -> int:
    """Read everything and tell what is wrong."""
    from recovery.sql.health import check as check_journal

    with Progress(session.output, N_("Reading the journal")):
        health = check_journal(session.journal)
    output = session.output
    if not health.problems:
        output.say(N_("The journal is whole."), style="green")
    else:
        output.say(N_("The journal is not whole:"), style="red")
        for problem in health.problems:
            output.line(f"  {session.language.say(problem)}")
        output.say(N_("Keep it as it is, and compare it with a backup."))
    _say_checked(session, health)
    output.document({"is_whole": not health.problems, **_health_document(health)})
    return Exit.DONE if not health.problems else Exit.PERSON_NEEDED


def _say_checked(session: Session, health: Health) -> None:
    report = health.report
    session.output.say(
        text(
            N_("{lines} lines, {moves} moves, {images} images were checked."),
            lines=report.line_count,
            moves=report.move_count,
            images=report.image_count,
        )
    )


def _health_document(health: Health) -> dict[str, Any]:
    report = health.report
    return {
        "lines": report.line_count,
        "moves": report.move_count,
        "images": report.image_count,
        "problems": list(health.problems),
    }


# --- backups --------------------------------------------------------------------------------------------


def back_up(session: Session) -> int:
    """Write a checked copy."""
    from recovery.sql.backup import back_up as write_backup

    arguments, output = session.arguments, session.output
    with Progress(output, N_("Writing a copy and reading it again")):
        health = write_backup(session.journal, arguments.file, replace=arguments.replace)
    size = arguments.file.stat().st_size
    output.say(
        text(
            N_("{file} was written and verified: {size}."),
            file=str(arguments.file),
            size=size_text(session, size),
        ),
        style="green",
    )
    _say_checked(session, health)
    output.document({"file": str(arguments.file), "size_bytes": size, **_health_document(health)})
    return Exit.DONE


def restore(session: Session) -> int:
    """Fill an empty journal from a backup."""
    from recovery.sql.restore import restore as read_backup

    services, output = session.services, session.output
    with Progress(output, N_("Reading the backup")):
        health = read_backup(
            session.arguments.file,
            session.settings.journal_url,
            keys=services.journal_keys,
            actor=services.actor,
        )
    output.say(N_("The journal holds what the backup holds, and it was verified."), style="green")
    output.say(
        N_(
            "What was on its way then does not go on: it may have been done since. Plans have expired, and what was not"
            " sent is left out."
        )
    )
    output.command("storno changes list", why=N_("what waits for a person"))
    _say_checked(session, health)
    output.document({"file": str(session.arguments.file), **_health_document(health)})
    return Exit.DONE
