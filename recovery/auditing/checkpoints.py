"""Checkpoints: signed statements that the audit chain had this line at this moment, to be kept elsewhere.

The chain alone cannot show that its newest lines were cut off, or that somebody who holds the database wrote all of it
anew: the tables would fit each other. A checkpoint kept where that person cannot write shows both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self

import structlog
from sqlalchemy import Connection, select

from core import clock, encoding
from core.errors import BadInput, JournalBroken, UsageError
from core.events import Event
from core.text import N_, Text
from recovery import schema
from recovery.auditing import audit
from recovery.auditing.signing import KEY, PublicKey, SigningKey, signer_of

if TYPE_CHECKING:
    from recovery.journal import Journal
    from recovery.model import Actor

log = structlog.get_logger(__name__)

FORMAT: Final = "storno-checkpoint/1"
_FIELDS: Final = ("format", "journal", "line", "hash", "written_at", "made_at", "made_by")
CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One signed statement. `document` is what was signed, signature and all."""

    journal: str
    line: int
    hash: str
    written_at: datetime | None
    made_at: datetime
    made_by: str
    document: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The id of the key that it says it was signed with."""
        return str(self.document.get(KEY))

    @classmethod
    def of(cls, document: Any, source: str) -> Self:
        """Read a checkpoint. Raises `BadInput` where it is none; its signature is not looked at here."""
        try:
            if document["format"] != FORMAT:
                raise BadInput(source=source, problem=N_("is no checkpoint of Storno"))
            written_at = document["written_at"]
            return cls(
                str(document["journal"]),
                int(document["line"]),
                str(document["hash"]),
                None if written_at is None else encoding.parse_moment(written_at),
                encoding.parse_moment(document["made_at"]),
                str(document["made_by"]),
                document,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(source=source, problem=N_("is no checkpoint of Storno")) from error

    def as_dict(self) -> dict[str, Any]:
        """Return what is written to the file."""
        return dict(self.document)


def make_checkpoint(
    journal: Journal,
    key: SigningKey,
    *,
    actor: Actor,
    earlier: Sequence[Checkpoint] = (),
    older_keys: Sequence[PublicKey] = (),
) -> Checkpoint:
    """Verify the chain, then sign its newest line.

    `older_keys` are those with which earlier ones were signed. Raises `UsageError` where one of them was signed with a
    key that is not known, and `JournalBroken` when the chain is not intact, or does not go on from one of the `earlier` checkpoints: what
    was tampered with is never signed.
    """
    keys = [key.public, *older_keys]
    known = {each.id for each in keys}
    for each in earlier:
        if each.key not in known:
            raise UsageError(
                N_(
                    "The checkpoint of {moment} (line {line}) was signed with another key ({key}). Name its public key"
                    " in storno.yaml as well (audit: public_key, a list), or begin a new file: storno audit checkpoint"
                    " --begin --out FILE"
                ),
                moment=each.made_at,
                line=each.line,
                key=each.key,
            )
    with journal.reading() as connection:
        _, _, problems = audit.verify_chain(connection, journal.seed)
        problems += compare(connection, journal.seed, earlier, keys)
        if problems:
            raise JournalBroken(journal=journal.name, problem=problems[0])
        document = sign_head(connection, journal.seed, key, actor)
    log.info(Event.CHECKPOINT_SIGNED, line=document["line"], key=document["key"])
    return Checkpoint.of(document, "checkpoint")


def sign_head(connection: Connection, seed: bytes, key: SigningKey, actor: Actor) -> dict[str, Any]:
    """Return a signed checkpoint of the newest line, as this transaction sees it."""
    line = connection.execute(
        select(schema.audit_line).order_by(schema.audit_line.c.number.desc()).limit(1)
    ).first()
    return key.sign(
        {
            "format": FORMAT,
            "journal": fingerprint(seed),
            "line": 0 if line is None else line.number,
            "hash": (audit.genesis(seed) if line is None else bytes(line.hash)).hex(),
            "written_at": None if line is None else encoding.moment_text(line.written_at),
            "made_at": encoding.moment_text(clock.now()),
            "made_by": actor.name,
        }
    )


def fingerprint(seed: bytes) -> str:
    """Return what names a journal in its checkpoints; nobody learns the seed from it."""
    return encoding.digest(b"journal", seed)


def read_checkpoints(written: str, source: str) -> list[Checkpoint]:
    """Read a file of checkpoints: one a line, as `storno audit checkpoint --out` appends them."""
    found = []
    for number, line in enumerate(written.splitlines(), start=1):
        if not line.strip():
            continue
        place = f"{source}:{number}"
        try:
            document = encoding.loads(line)
        except ValueError as error:
            raise BadInput(source=place, problem=N_("is no checkpoint of Storno")) from error
        found.append(Checkpoint.of(document, place))
    return found


def compare(
    connection: Connection,
    seed: bytes,
    checkpoints: Iterable[Checkpoint],
    keys: Sequence[PublicKey],
) -> list[Text]:
    """Return what does not fit between the chain and checkpoints that were kept elsewhere."""
    problems: list[Text] = []
    trusted = []
    for each in checkpoints:
        names = {"moment": each.made_at, "line": each.line}
        if signer_of(each.document, keys) is None:
            problems.append(
                Text(
                    N_(
                        "the checkpoint of {moment} (line {line}) was not signed with this key, or was edited"
                    ),
                    names,
                )
            )
        elif each.journal != fingerprint(seed):
            problems.append(
                Text(N_("the checkpoint of {moment} (line {line}) is of another journal"), names)
            )
        else:
            trusted.append(each)
    lines = _hashes(connection, sorted({each.line for each in trusted}))
    lines[0] = audit.genesis(seed).hex()
    last = audit.last_number(connection)
    for each in trusted:
        names = {"moment": each.made_at, "line": each.line, "last": last}
        if each.line > last:
            template = N_(
                "the checkpoint of {moment} saw line {line}, but the chain ends at line {last}: its end was"
                " cut off"
            )
        elif lines.get(each.line) != each.hash:
            template = N_(
                "audit line {line} is not the one that the checkpoint of {moment} saw: the chain was written"
                " anew"
            )
        else:
            continue
        problems.append(Text(template, names))
    return problems


def _hashes(connection: Connection, numbers: Sequence[int]) -> dict[int, str]:
    table, found = schema.audit_line, dict[int, str]()
    for start in range(0, len(numbers), CHUNK):
        query = select(table.c.number, table.c.hash).where(
            table.c.number.in_(numbers[start : start + CHUNK])
        )
        found |= {row.number: bytes(row.hash).hex() for row in connection.execute(query)}
    return found
