"""`storno audit`: is the journal what Storno wrote? Checkpoints to be kept elsewhere, evidence for others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog

from core.errors import UsageError
from core.events import Event
from core.text import N_, text
from service.cli.audit_files import (
    add_line,
    checkpoints_gone,
    checkpoints_to_add_to,
    public_keys,
    read_pack,
    read_stored_checkpoints,
    signing_key,
    write_key,
    write_pack,
)
from service.cli.parser import Builder, Parser
from service.cli.running import change_set_document
from service.cli.session import Session
from service.problems import Exit

if TYPE_CHECKING:
    from recovery.auditing.checkpoints import Checkpoint
    from recovery.auditing.pack_check import PackReport


def add(name: str, parser: Parser, builder: Builder) -> None:
    """Put the commands of the group into `parser`."""
    del name
    say = builder.translate
    commands = builder.group(parser)
    verified = builder.command(
        commands,
        "verify",
        verify,
        summary=N_("check the audit chain, the plans and every image; or an evidence pack"),
        description=N_(
            "Finds a line that was edited, removed, inserted or put elsewhere, a plan that was edited after"
            " it was made, and an image that was altered. With a checkpoint that was kept elsewhere it also"
            " finds newest lines that were cut off, and a chain that was written anew: without one, nobody"
            " can see that. With --pack no journal is needed."
        ),
        examples=[
            "storno audit verify",
            "storno audit verify --checkpoint /mnt/audit/checkpoints.jsonl --public-key audit.pem.pub",
            "storno audit verify --pack evidence-0199a2b3 --public-key audit.pem.pub",
        ],
    )
    _add_checkpoint(verified, builder)
    _add_public_key(verified, builder)
    verified.add_argument(
        "--pack",
        type=Path,
        metavar="FOLDER|FILE",
        help=say(N_("check this evidence pack instead of the journal")),
    )
    signed = builder.command(
        commands,
        "checkpoint",
        checkpoint,
        summary=N_("sign the newest audit line, to be kept elsewhere"),
        description=N_(
            "Checks the chain, then signs its newest line. Kept where those who can write to the journal"
            " cannot write, it shows later that nothing before it was cut off or written anew. Run it by a"
            " timer, and send the line away."
        ),
        examples=[
            "storno audit checkpoint --begin",
            "storno audit checkpoint",
            "storno audit checkpoint --out /mnt/audit/checkpoints.jsonl",
        ],
    )
    signed.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help=say(
            N_(
                "add it to this file, one line each; else to audit.checkpoints of storno.yaml; else it is"
                " only shown"
            )
        ),
    )
    signed.add_argument(
        "--begin",
        action="store_true",
        help=say(
            N_("make the file, which is not there yet; without this a missing one is an error")
        ),
    )
    signed.set_defaults(public_key=[])
    exported = builder.command(
        commands,
        "export",
        export,
        summary=N_("write everything about one change set, signed, for an auditor"),
        description=N_(
            "Writes a JSON file, a page to read and print, and a signature over both. It can be checked with the"
            " public key, without the journal and without a network. What the redaction rules hide is masked."
        ),
        examples=[
            "storno audit export 0199a2b3-4c5d --out evidence-0199a2b3",
            "storno audit export 0199a2b3-4c5d --out evidence.zip --language zh_CN",
        ],
    )
    exported.add_argument(
        "id", metavar="CHANGE_SET", help=say(N_("the beginning is enough; or `last`"))
    )
    exported.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FOLDER|FILE.zip",
        help=say(N_("a new folder, or one zip file")),
    )
    made = builder.command(
        commands,
        "key",
        make_key,
        summary=N_("make the key that signs checkpoints and evidence"),
        description=N_(
            "Writes the private key to FILE, which nobody else may read, and the public key to FILE.pub, which"
            " everybody may. Neither is kept in the journal."
        ),
        examples=["storno audit key --out secrets/audit.pem"],
    )
    made.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help=say(N_("a file that is not there"))
    )


def _add_checkpoint(parser: Parser, builder: Builder) -> None:
    parser.add_argument(
        "--checkpoint",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help=builder.translate(
            N_("files of checkpoints; else audit.checkpoints of storno.yaml, where it names one")
        ),
    )


def _add_public_key(parser: Parser, builder: Builder) -> None:
    parser.add_argument(
        "--public-key",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help=builder.translate(
            N_("the public key, from where you trust; else that of storno.yaml")
        ),
    )


# --- verify -----------------------------------------------------------------------------------------


def verify(session: Session) -> int:
    """Verify the whole journal, or one pack."""
    return _verify_journal(session) if session.arguments.pack is None else _verify_pack(session)


def _verify_journal(session: Session) -> int:
    from recovery.auditing.checkpoints import compare

    output, journal = session.output, session.journal
    checkpoints = read_stored_checkpoints(session)
    keys = public_keys(session) if checkpoints else []
    if checkpoints and not keys:
        raise UsageError(
            N_("A checkpoint proves nothing without the public key: --public-key FILE")
        )
    report = journal.verify()
    problems = list(report.problems)
    with journal.reading() as connection:
        problems += compare(connection, journal.seed, checkpoints, keys)
    gone = checkpoints_gone(session)
    if gone is not None:
        said = text(GONE, file=str(gone))
        output.say(said, style="red")
    if not problems:
        output.say(N_("The audit chain is intact."), style="green")
    else:
        output.say(N_("The journal was changed by somebody else than Storno:"), style="red")
        for problem in problems:
            output.line(f"  {session.language.say(problem)}")
        output.say(N_("Keep this file as it is, and compare it with a backup."))
    output.say(
        text(
            N_("{lines} lines, {moves} moves, {images} images were checked."),
            lines=report.line_count,
            moves=report.move_count,
            images=report.image_count,
        )
    )
    newest = max((each.line for each in checkpoints), default=None)
    if gone is None:
        _say_what_is_not_seen(session, checkpoints, report.line_count)
    output.document(
        {
            "is_intact": not problems and gone is None,
            "lines": report.line_count,
            "moves": report.move_count,
            "images": report.image_count,
            "checkpoints": len(checkpoints),
            "newest_checkpoint": newest,
            "problems": problems if gone is None else [*problems, said],
        }
    )
    return Exit.DONE if not problems and gone is None else Exit.PERSON_NEEDED


GONE: Final = N_(
    "The checkpoints that storno.yaml names are not there: {file}. Put the file back from where it is kept; without"
    " it nobody sees that the journal's end was cut off. Was it never begun: storno audit checkpoint --begin"
)


def _say_what_is_not_seen(session: Session, checkpoints: list[Checkpoint], last: int) -> None:
    output = session.output
    if not checkpoints:
        output.say(
            N_(
                "Not checked, for want of a checkpoint that was kept elsewhere: whether newest lines were cut"
                " off together with what they tell, and whether whoever holds the database wrote all of it"
                " anew. From now on: storno audit checkpoint"
            ),
            style="yellow",
        )
        return
    newest = max(checkpoints, key=lambda each: each.line)
    output.say(
        text(
            N_("{count} checkpoints were compared; the newest is of {moment}, line {line}."),
            count=len(checkpoints),
            moment=newest.made_at,
            line=newest.line,
        )
    )
    if newest.line < last:
        output.say(
            text(
                N_(
                    "Lines from {first} on are younger than any checkpoint: a cut behind them is not seen."
                ),
                first=newest.line + 1,
            )
        )


def _verify_pack(session: Session) -> int:
    from recovery.auditing.pack_check import check_pack

    source = session.arguments.pack
    keys = public_keys(session)
    report = check_pack(
        read_pack(source), str(source), keys, read_stored_checkpoints(session, asked_only=True)
    )
    _show_pack_report(session, report, is_trusted=bool(keys))
    session.output.document(
        {
            **{name: getattr(report, name) for name in report.__slots__ if name != "change_set"},
            "change_set_id": report.change_set,
            "is_intact": report.is_intact,
            "is_trusted": bool(keys),
        }
    )
    return Exit.DONE if report.is_intact else Exit.PERSON_NEEDED


def _show_pack_report(session: Session, report: PackReport, *, is_trusted: bool) -> None:
    output = session.output
    if report.is_intact:
        output.say(N_("The pack is what was signed, and agrees with itself."), style="green")
    else:
        output.say(N_("The pack is not what was signed:"), style="red")
        for problem in report.problems:
            output.line(f"  {session.language.say(problem)}")
    output.facts(
        [
            (N_("Change set"), f"{report.change_set} ({session.language.word(report.state)})"),
            (N_("Operations"), str(report.operation_count)),
            (N_("Audit lines"), str(report.line_count)),
            (N_("Signed by"), report.made_by),
            (N_("Key"), report.key),
        ]
    )
    if not is_trusted:
        output.say(
            N_(
                "The key came with the pack: this shows that nothing was damaged, not who signed it. With the"
                " public key from where you trust: --public-key FILE"
            ),
            style="yellow",
        )
    if not report.plan_is_checked:
        output.say(
            N_(
                "The approved plan holds masked fields, so its hash cannot be computed from the pack."
            )
        )
    if report.gap_count:
        output.say(
            text(
                N_(
                    "Audit lines between those of the change set were too many for the pack (gaps: {count});"
                    " that they follow each other, the signature alone says."
                ),
                count=report.gap_count,
            )
        )
    if report.checkpoint_count:
        output.say(
            text(
                N_("It agrees with {count} checkpoints that were kept elsewhere."),
                count=report.checkpoint_count,
            )
        )


# --- sign -------------------------------------------------------------------------------------------


def checkpoint(session: Session) -> int:
    """Sign the newest line."""
    from core import encoding
    from recovery.auditing.checkpoints import make_checkpoint

    key = signing_key(session)
    place, begins = (
        session.arguments.out or session.settings.audit.checkpoints,
        session.arguments.begin,
    )
    earlier = [] if place is None else checkpoints_to_add_to(place, begins=begins)
    made = make_checkpoint(
        session.journal,
        key,
        actor=session.services.actor,
        earlier=earlier,
        older_keys=public_keys(session) if earlier else (),
    )
    line = encoding.dumps(made.as_dict()).decode()
    if place is None:
        session.output.line(line)
    else:
        add_line(place, line)
        session.output.say(
            text(
                N_("Line {line} is signed with key {key}: {file}"),
                line=made.line,
                key=key.public.id,
                file=str(place),
            )
        )
    session.output.document({"checkpoint": made.as_dict(), "file": place})
    return Exit.DONE


def export(session: Session) -> int:
    """Write an evidence pack."""
    key = signing_key(session)
    change_set = session.journal.change_set(session.arguments.id)
    report = write_pack(session, change_set, key, session.arguments.out)
    structlog.get_logger(__name__).info(
        Event.EVIDENCE_EXPORTED, change_set_id=change_set.id, key=key.public.id
    )
    session.output.say(
        text(
            N_("Written: {file} ({count} operations, {lines} audit lines), signed with key {key}."),
            file=str(session.arguments.out),
            count=report.operation_count,
            lines=report.line_count,
            key=key.public.id,
        )
    )
    session.output.command(
        f"storno audit verify --pack {session.arguments.out} --public-key FILE",
        why=N_("anywhere, without the journal"),
    )
    document: dict[str, Any] = {
        name: getattr(report, name) for name in ("key", "operation_count", "line_count")
    }
    session.output.document(
        {
            "change_set": change_set_document(change_set),
            **document,
            "file": session.arguments.out,
        }
    )
    return Exit.DONE


def make_key(session: Session) -> int:
    """Make a key pair."""
    public, place = write_key(session.arguments.out)
    output = session.output
    output.say(
        text(N_("The private key is in {file}: keep a copy in a safe place."), file=str(place))
    )
    output.say(
        text(
            N_("The public key {key} is in {file}: give it to whoever shall verify."),
            key=public.id,
            file=f"{place}.pub",
        )
    )
    output.say(N_("Write into storno.yaml:"))
    output.line("  audit:")
    output.line(f"    signing_key: ${{file:{place.as_posix()}}}")
    output.document({"key": public.id, "private_key": place, "public_key": f"{place}.pub"})
    return Exit.DONE
