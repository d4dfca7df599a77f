"""`storno audit`: is the journal what Storno wrote? Checkpoints to be kept elsewhere, evidence for others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import structlog

from core.events import Event
from core.text import N_, text
from service.cli.audit_files import (
    add_line,
    checkpoints_to_add_to,
    public_keys,
    signing_key,
    write_key,
    write_pack,
)
from service.cli.parser import Builder, Parser
from service.cli.running import change_set_document
from service.cli.session import Session
from service.cli.verifying import verify
from service.problems import Exit


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
