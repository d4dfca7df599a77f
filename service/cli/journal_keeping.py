"""`storno journal prune|hold|release|holds|compact|new-key|rotate`: the journal kept for years."""

from __future__ import annotations

import base64
import os
import re
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from core.errors import BadInput, UsageError
from core.text import N_, text
from service.cli.parser import Builder
from service.cli.progress import Progress
from service.cli.running import change_set_document
from service.cli.session import Session
from service.problems import Exit

DAYS: Final = {"d": 1, "w": 7, "y": 365}
_AGE: Final = re.compile(r"(\d{1,6})([dwy])")
KIBIBYTE: Final = 1024


def size_text(session: Session, size: int) -> str:
    """Return a size as people read it."""
    from babel.numbers import format_decimal

    amount, unit = float(size), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):  # noqa: B007 - the last one stands
        if amount < KIBIBYTE:
            break
        amount /= KIBIBYTE
    shown = format_decimal(round(amount, 1 if unit != "B" else 0), locale=session.language.code)
    return f"{shown} {unit}"


def add_retention(commands: Any, builder: Builder) -> None:
    """Put the commands of retention into the group."""
    say = builder.translate
    pruned = builder.command(
        commands,
        "prune",
        prune,
        summary=N_("take away images of old change sets; these cannot be taken back any more"),
        description=N_(
            "What was done stays: documents, states, who and when, and the audit chain. The images go, so"
            " nothing can be taken back and no field can be shown. What is open, held, or was taken back by"
            " something younger stays as it is. Others go on working meanwhile."
        ),
        examples=[
            "storno journal prune --older-than 400d --preview",
            "storno journal prune --older-than 400d",
        ],
    )
    pruned.add_argument(
        "--older-than",
        required=True,
        metavar="AGE",
        help=say(N_("400d, 60w, 7y: change sets that ended before")),
    )
    pruned.add_argument(
        "--preview", action="store_true", help=say(N_("show what would go, and do nothing"))
    )
    pruned.add_argument("-y", "--yes", action="store_true", help=say(N_("do not ask")))
    for word, run, summary, example in (
        (
            "hold",
            hold,
            N_("keep the images of a change set whatever their age"),
            'storno journal hold 0199a2b3-4c5d --reason "tax audit 2026"',
        ),
        (
            "release",
            release,
            N_("let the images of a change set go with the others of their age"),
            'storno journal release 0199a2b3-4c5d --reason "audit is over"',
        ),
    ):
        held = builder.command(commands, word, run, summary=summary, examples=[example])
        held.add_argument("id", metavar="ID", help=say(N_("the change set")))
        held.add_argument(
            "--reason", required=True, metavar="TEXT", help=say(N_("why; kept in the journal"))
        )
    builder.command(
        commands,
        "holds",
        list_holds,
        summary=N_("list the change sets that are held, and why"),
        examples=["storno journal holds"],
    )
    compacted = builder.command(
        commands,
        "compact",
        compact,
        summary=N_("give free space back, and pack images of older versions anew"),
        description=N_(
            "Free space is used again by itself; this is for a disk that needs it. A journal in a file is"
            " written anew: others wait, and the disk needs as much room again for that time."
        ),
        examples=["storno journal compact"],
    )
    compacted.add_argument("-y", "--yes", action="store_true", help=say(N_("do not ask")))


def add_keys(commands: Any, builder: Builder) -> None:
    """Put the commands of keys into the group."""
    say = builder.translate
    made = builder.command(
        commands,
        "new-key",
        new_key,
        summary=N_("write a new key into a file of its own"),
        description=N_(
            "The key seals what images hold. Whoever has it can read them; without it nobody can, and"
            " nothing can be taken back: keep a copy in a safe place, apart from the backups."
        ),
        examples=["storno journal new-key secrets/journal-2026.key"],
    )
    made.add_argument("file", metavar="FILE", type=Path, help=say(N_("the file to write")))
    rotated = builder.command(
        commands,
        "rotate",
        rotate,
        summary=N_("seal everything anew with the first key of journal.keys"),
        description=N_(
            "Put the new key first, keep the old one below it, rotate, then take the old one out. Also"
            " seals a journal that was written without a key. Others go on working meanwhile."
        ),
        examples=["storno journal rotate"],
    )
    rotated.add_argument("-y", "--yes", action="store_true", help=say(N_("do not ask")))


# --- retention ------------------------------------------------------------------------------------------


def read_age(written: str) -> timedelta:
    """Return the time that `400d` means. Raises `BadInput`."""
    found = _AGE.fullmatch(written.strip().lower())
    if found is None or not int(found[1]):
        raise BadInput(source="--older-than", problem=text(N_("an age looks like 400d, 60w or 7y")))
    return timedelta(days=int(found[1]) * DAYS[found[2]])


def prune(session: Session) -> int:
    """Show what would go, ask, take it away."""
    from core import clock
    from recovery.at_rest import retention

    arguments, output, language = session.arguments, session.output, session.language
    before: datetime = clock.now() - read_age(arguments.older_than)
    found = retention.prunable(session.journal, before)
    output.facts(
        [
            (N_("Ended before"), language.moment(before)),
            (N_("Change sets that lose their images"), str(len(found.change_set_ids))),
            (N_("Operations in them"), str(found.operation_count)),
            (N_("Stay because they are open"), str(found.open_count)),
            (N_("Stay because they are held"), str(found.held_count)),
            (N_("Stay because something younger needs them"), str(found.needed_count)),
        ]
    )
    document: dict[str, Any] = {
        "before": before,
        "change_set_ids": list(found.change_set_ids),
        "operations": found.operation_count,
        "open": found.open_count,
        "held": found.held_count,
        "needed": found.needed_count,
    }
    if arguments.preview:
        output.say(
            N_("What loses its images cannot be taken back any more. Nothing was changed."),
            style="yellow",
        )
        output.document(document)
        return Exit.DONE
    if found.change_set_ids and not session.confirm(
        language.ngettext(
            "Take the images of {count} change set away? It cannot be taken back any more.",
            "Take the images of {count} change sets away? They cannot be taken back any more.",
            len(found.change_set_ids),
        )
    ):
        return Exit.PERSON_NEEDED
    with Progress(output, N_("Taking images away")) as progress:

        def tell(now: retention.Progress) -> None:
            progress.show(now.image_count, None, size_text(session, now.byte_count))

        done = retention.prune(session.journal, before, actor=session.services.actor, progress=tell)
    output.say(
        text(
            N_("{images} images of {change_sets} change sets are gone: {size}."),
            images=done.image_count,
            change_sets=done.change_set_count,
            size=size_text(session, done.byte_count),
        )
    )
    output.command("storno journal compact", why=N_("only where the disk needs the room now"))
    output.document(
        {
            **document,
            "pruned": {
                "change_sets": done.change_set_count,
                "images": done.image_count,
                "bytes": done.byte_count,
            },
        }
    )
    return Exit.DONE


def hold(session: Session) -> int:
    """Keep the images of a change set."""
    return _held_or_released(session, is_held=True)


def release(session: Session) -> int:
    """Let the images of a change set go with the others."""
    return _held_or_released(session, is_held=False)


def _held_or_released(session: Session, *, is_held: bool) -> int:
    from recovery.at_rest import retention

    arguments = session.arguments
    if not arguments.reason.strip():
        raise UsageError(N_("Say why: --reason TEXT"))
    change_set = session.journal.change_set(arguments.id)
    change: Callable[..., Any] = retention.hold if is_held else retention.release
    change(session.journal, change_set.id, actor=session.services.actor, reason=arguments.reason)
    template = (
        N_("The images of change set {name} stay until they are released.")
        if is_held
        else N_("The images of change set {name} may be pruned when they are old enough.")
    )
    session.output.say(text(template, name=change_set.short_id))
    session.output.document({"change_set": change_set_document(change_set), "is_held": is_held})
    return Exit.DONE


def list_holds(session: Session) -> int:
    """List what is held."""
    from recovery.at_rest.retention import holds
    from service.cli.output import Column, Table

    output = session.output
    found = holds(session.journal)
    language = session.language
    if found:
        columns = [
            Column(language.say(N_("Id")), is_whole=True),
            Column(language.say(N_("Since")), is_whole=True),
            Column(language.say(N_("By")), is_whole=True),
            Column(language.say(N_("Reason"))),
        ]
        rows = [
            [each.change_set_id[:13], language.moment(each.held_at), each.held_by, each.reason]
            for each in found
        ]
        output.table(Table(columns, rows))
    else:
        output.say(N_("Nothing is held."))
    output.document(
        {"holds": [{name: getattr(each, name) for name in each.__slots__} for each in found]}
    )
    return Exit.DONE


def compact(session: Session) -> int:
    """Pack older images anew, then give free space back."""
    from recovery.at_rest.rotation import repack
    from recovery.sql.health import compact as compact_journal

    output = session.output
    if not session.confirm(
        session.language.say(N_("Write the journal anew? Others wait until it is done."))
    ):
        return Exit.PERSON_NEEDED
    with Progress(output, N_("Packing images anew")) as progress:
        count = repack(session.journal, lambda done: progress.show(done, None, ""))
        before, after = compact_journal(session.journal)
    output.say(
        text(
            N_("{count} images were packed anew; the journal went from {before} to {after}."),
            count=count,
            before=size_text(session, before),
            after=size_text(session, after),
        )
    )
    output.document({"images": count, "before_bytes": before, "after_bytes": after})
    return Exit.DONE


# --- keys -----------------------------------------------------------------------------------------------


def new_key(session: Session) -> int:
    """Write a new key into a new file that nobody else may read."""
    from config.storage import KEY_BYTES

    file: Path = session.arguments.file
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise UsageError(
            N_("{file} exists already, and a key is never overwritten."), file=str(file)
        ) from error
    except OSError as error:
        raise UsageError(
            N_("{file} cannot be written: {problem}"), file=str(file), problem=error.strerror
        ) from error
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
    output = session.output
    output.say(text(N_("A new key is in {file}. Put it first in storno.yaml:"), file=str(file)))
    for line in (
        "journal:",
        "  keys:",
        f"    - name: {file.stem}",
        f"      key: ${{file:{file.as_posix()}}}",
    ):
        output.line(f"  {line}")
    output.command("storno journal rotate", why=N_("seals what is in the journal already"))
    output.say(
        N_(
            "Without the key nothing can be read or taken back: keep a copy apart from the backups."
        ),
        style="yellow",
    )
    output.document({"file": str(file)})
    return Exit.DONE


def rotate(session: Session) -> int:
    """Seal everything anew with the active key."""
    from recovery.at_rest import rotation

    output, journal = session.output, session.journal
    waiting = rotation.unrotated(journal)
    if not session.confirm(
        session.language.ngettext("Seal {count} image anew?", "Seal {count} images anew?", waiting)
    ):
        return Exit.PERSON_NEEDED
    with Progress(output, N_("Sealing images")) as progress:
        count = rotation.rotate(
            journal,
            actor=session.services.actor,
            progress=lambda done: progress.show(done, waiting, ""),
        )
    active = journal.vault.keys.active
    output.say(
        text(N_("{count} images were sealed anew with key {name}."), count=count, name=active),
        style="green",
    )
    output.say(
        N_("Older keys open nothing in this journal any more. Backups made before still need them.")
    )
    output.command("storno journal compact", why=N_("also takes old values out of free space"))
    output.document({"images": count, "key": active})
    return Exit.DONE
