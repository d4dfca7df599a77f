"""Proofs in the journal: that writing to a system was tried on a copy of it.

A proof is one move of the last change set that it was made of, so it stands in the audit chain and can be neither
edited nor removed. The newest one of a system counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from connectors.proving import Proof
from core import encoding
from recovery import schema
from recovery.auditing.audit import PROOF_SUBJECT
from recovery.model import Purpose

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from recovery.journal import Journal
    from recovery.model import Actor


def store_proof(journal: Journal, proof: Proof, change_set_id: str, *, actor: Actor) -> None:
    """Store a proof with the change set that was the last of it."""
    with journal.writing() as writer:
        writer.add_proof(change_set_id, _content(proof), actor=actor)


def newest_proof(connection: Connection, system: str) -> Proof | None:
    """Return the newest proof of a system, None where there is none."""
    move, change_set = schema.move, schema.change_set
    stored = connection.execute(
        select(move.c.detail)
        .join(change_set, change_set.c.id == move.c.change_set_id)
        # Change sets that prove are few, and their moves are found by an index.
        .where(change_set.c.purpose == Purpose.PROVING.value, move.c.subject == PROOF_SUBJECT)
        .order_by(move.c.audit_number.desc(), move.c.position.desc())
    ).scalars()
    for detail in stored:
        content = encoding.loads(detail)
        if content["system"] == system:
            return _proof(content)
    return None


def _content(proof: Proof) -> dict[str, Any]:
    return {name: getattr(proof, name) for name in proof.__slots__}


def _proof(content: dict[str, Any]) -> Proof:
    return Proof(
        system=content["system"],
        copy=content["copy"],
        place=content["place"],
        proved_at=encoding.parse_moment(content["proved_at"]),
        proved_by=content["proved_by"],
        fingerprint=content["fingerprint"],
        actions=tuple(content["actions"]),
        details=content["details"],
    )
