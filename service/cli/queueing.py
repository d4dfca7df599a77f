"""`--queue`: leave a change set to a worker instead of carrying it out here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.text import N_, text
from service.cli.running import change_set_document
from service.problems import Exit

if TYPE_CHECKING:
    from recovery.model import ChangeSet
    from service.cli.parser import Builder, Parser
    from service.cli.session import Session


def add_queue(parser: Parser, builder: Builder) -> None:
    """Add the option."""
    parser.add_argument(
        "--queue",
        action="store_true",
        help=builder.translate(
            N_("leave it to a worker (`storno worker`), and do not wait for it")
        ),
    )


def queue_up(session: Session, change_set: ChangeSet) -> int:
    """Let a worker carry out a change set that may run, and say where to look."""
    from recovery.workers.queue import enqueue_now

    output, name = session.output, change_set.short_id
    enqueue_now(session.journal, change_set.id, session.services.actor)
    output.say(text(N_("Change set {name} waits for a worker."), name=name), style="green")
    output.command("storno worker list", why=N_("who works, and what waits"))
    output.command(f"storno changes show {name}", why=N_("how far it is"))
    output.document({"change_set": change_set_document(change_set), "is_queued": True})
    return Exit.DONE
