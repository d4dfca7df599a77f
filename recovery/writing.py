"""The only place that moves what is in the journal. One `JournalWriter` is one transaction and one audit line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Connection,
    Update,
    bindparam,
    insert,
    select,
    update,
)

from core import clock, encoding
from core.crashpoint import crashpoint
from core.errors import IllegalMove, NotFound
from core.ids import new_id_after
from core.text import N_, Text
from recovery import schema
from recovery.at_rest.concealing import Concealer
from recovery.at_rest.pruned import require_unpruned
from recovery.at_rest.vault import NewImage, Vault, share_images
from recovery.auditing import audit
from recovery.auditing.audit import PROOF_SUBJECT, PROVED, PendingMove
from recovery.hashing import STAMPS, created_hash, head_hash, text_hash, words_hash
from recovery.model import Purpose
from recovery.plan_rows import PlanRows
from recovery.reversing.reversals import add_created, add_reversals
from recovery.running.outcome import Outcome
from recovery.sql.operation_moves import SEND, SETTLE
from recovery.sql.positions import format_positions
from recovery.sql.rows import text_json
from recovery.states import (
    CHANGE_SET_MOVES,
    SETTLED,
    ChangeSetState,
    OperationState,
    sources,
)
from recovery.stopping.alarms import Doubtful

if TYPE_CHECKING:
    from datetime import datetime

    from recovery.at_rest.redaction import Redaction
    from recovery.model import Actor, Draft, Operation, PlanException, PlannedOperation

_operation = schema.operation


def _told(
    reasons: dict[str, str], words: dict[str, str], created: dict[str, str]
) -> dict[str, Any] | None:
    """Return what a move says of its operations: reasons to read, and hashes of all that is told to verify."""
    found = {"reasons": reasons, "words": words, "created": created}
    return {name: each for name, each in found.items() if each} or None


class JournalWriter:
    """Moves states, stores images and plans in one durable transaction. Made by `Journal.writing`."""

    def __init__(self, connection: Connection, vault: Vault, redaction: Redaction) -> None:
        self._connection = connection
        self._vault = vault
        self._redaction = redaction
        self._moves: list[PendingMove] = []
        self._doubtful = Doubtful()
        self._moment: datetime | None = None

    @property
    def moment(self) -> datetime:
        """When all of this happened: the one time of this commit, which its audit line carries and its rows repeat."""
        if self._moment is None:
            self._moment = clock.now()
        return self._moment

    def finish(self) -> None:
        """Write alarms and the audit line; called once, right before the commit."""
        self._doubtful.raise_alarms(self._connection)
        if self._moves:
            audit.append_line(self._connection, self._moves, self.moment)

    def record(self, move: PendingMove) -> None:
        """Let the audit line of this commit carry a move that no other method of ours makes."""
        self._moves.append(move)

    # --- plans ----------------------------------------------------------------------------------

    def add_plan(
        self,
        draft: Draft,
        operations: Iterable[PlannedOperation],
        exceptions: Iterable[PlanException],
    ) -> str:
        """Store a whole plan and its hash, streaming; return the new change set's id."""
        # Everything that asks which one is newer sorts by the id, so it is the journal and no clock that decides.
        newest = select(schema.change_set.c.id).order_by(schema.change_set.c.id.desc()).limit(1)
        change_set_id = new_id_after(self._connection.execute(newest).scalar())
        head = {
            "purpose": draft.purpose.value,
            "title": draft.title,
            "actor": draft.actor.name,
            "actor_how": draft.actor.how,
            "reason": draft.reason,
            "closing": draft.closing,
            "reverses_id": draft.reverses_id,
            "created_at": self.moment,
            "expires_at": draft.expires_at,
            "details": encoding.dumps(draft.details).decode(),
        }
        state = ChangeSetState.DRAFT.value
        self._connection.execute(
            insert(schema.change_set).values(
                id=change_set_id, state=state, operation_count=0, **head
            )
        )
        reverses = add_reversals(self._connection, change_set_id, draft)
        hasher = hashlib.blake2b(digest_size=32)
        rows = PlanRows(self._connection, self._vault, self._redaction, change_set_id, hasher)
        count, dropped = rows.add_operations(operations)
        rows.add_exceptions(exceptions)
        if draft.purpose is Purpose.ROLLBACK:
            share_images(self._connection)
            require_unpruned(self._connection, change_set_id)
        plan_hash = hasher.digest()
        crashpoint("plan.before_commit")
        self.move_change_set(
            change_set_id,
            ChangeSetState.PLANNED,
            actor=draft.actor,
            detail={
                "plan_hash": plan_hash.hex(),
                "operations": count,
                "head": head_hash(head),
                "facts": rows.facts() | ({} if reverses is None else {"reverses": reverses}),
            },
            operation_count=count,
            plan_hash=plan_hash,
        )
        if dropped:
            self._drop_planned(change_set_id, dropped)
        return change_set_id

    def _drop_planned(self, change_set_id: str, dropped: Sequence[tuple[int, Text]]) -> None:
        now = self.moment
        reasons = {position: text_json(reason) for position, reason in dropped}
        self._connection.execute(
            update(_operation)
            .where(
                _operation.c.change_set_id == change_set_id,
                _operation.c.position == bindparam("b_position"),
            )
            .values(
                state=OperationState.DROPPED.value, reason=bindparam("b_reason"), settled_at=now
            ),
            [{"b_position": position, "b_reason": each} for position, each in reasons.items()],
        )
        words = {str(position): words_hash(each, None, None) for position, each in reasons.items()}
        self._record_operations(
            change_set_id, list(reasons), OperationState.DROPPED, detail={"words": words}
        )

    # --- moves of change sets -------------------------------------------------------------------

    def move_change_set(
        self,
        change_set_id: str,
        to: ChangeSetState,
        *,
        actor: Actor | None = None,
        detail: dict[str, Any] | None = None,
        **columns: Any,
    ) -> None:
        """Move one change set, or raise `IllegalMove` when it is not where it may be left from."""
        table = schema.change_set
        allowed = [state.value for state in sources(CHANGE_SET_MOVES, to)]
        done = self._connection.execute(
            update(table)
            .where(table.c.id == change_set_id, table.c.state.in_(allowed))
            .values(state=to.value, **columns)
        )
        if done.rowcount != 1:
            state = self._connection.execute(
                select(table.c.state).where(table.c.id == change_set_id)
            ).scalar()
            if state is None:
                raise NotFound(what="change set", name=change_set_id)
            raise IllegalMove(what="change set", name=change_set_id[:13], to=to.value, state=state)
        self._moves.append(
            PendingMove(
                change_set_id,
                "change_set",
                to.value,
                actor=None if actor is None else actor.name,
                detail=(detail or {}) | self._stamped(columns),
            )
        )

    def _stamped(self, columns: dict[str, Any]) -> dict[str, Any]:
        """Return what lets the chain vouch for the times and the note that a move writes."""
        found: dict[str, Any] = {}
        at = [name for name in STAMPS if columns.get(name) == self.moment]
        if at:
            found["at"] = at
        if "note" in columns:
            found["note"] = text_hash(columns["note"])
        return found

    # --- moves of operations --------------------------------------------------------------------

    def lock_operations(self, change_set_id: str) -> int:
        """Move every planned operation to locked, in one statement; return how many."""
        positions = self._connection.execute(
            select(_operation.c.position)
            .where(
                _operation.c.change_set_id == change_set_id,
                _operation.c.state == OperationState.PLANNED.value,
            )
            .order_by(_operation.c.position)
        ).scalars()
        listed = format_positions(positions)
        done = self._connection.execute(
            update(_operation)
            .where(
                _operation.c.change_set_id == change_set_id,
                _operation.c.state == OperationState.PLANNED.value,
            )
            .values(state=OperationState.LOCKED.value)
        )
        if listed:
            self._moves.append(
                PendingMove(change_set_id, "operation", OperationState.LOCKED.value, listed)
            )
        return int(done.rowcount)

    def send(
        self, operations: Sequence[Operation], before: Sequence[bytes], hashes: Sequence[str]
    ) -> datetime:
        """Store before images (encoded, with their hashes) and intents: locked or captured -> captured -> sent.

        An image that is the approved one is stored already: it is read here, because it is the way back. Raises
        `JournalBroken` where it is missing or was altered, and then nothing is sent.
        """
        now, images, rows = self.moment, dict[bytes, NewImage](), []
        stored = set[bytes]()
        for operation, encoded, known in zip(operations, before, hashes, strict=True):
            found = bytes.fromhex(known)
            if known == operation.approved_hash:
                stored.add(found)
            else:
                images[found] = NewImage(operation.system, operation.ref.model, encoded)
            rows.append({"b_id": operation.id, "b_before": found, "b_at": now})
        if not images:
            # Who may store nothing must send nothing: the after images would find no place.
            self._vault.current_number(self._connection)
        self._vault.read(self._connection, stored)
        self._vault.put(self._connection, images)
        self._expect(self._connection.execute(SEND, rows).rowcount, operations, OperationState.SENT)
        change_set_id = operations[0].change_set_id
        positions = [operation.position for operation in operations]
        self._record_operations(
            change_set_id, positions, OperationState.CAPTURED, bytes.fromhex("".join(hashes))
        )
        self._record_operations(change_set_id, positions, OperationState.SENT)
        return now

    def settle(self, outcomes: Sequence[Outcome], *, actor: Actor | None = None) -> None:
        """Move operations to where their outcomes say, storing after images, reasons and results."""
        images: dict[bytes, NewImage] = {}
        groups: dict[tuple[OperationState, bool, bool], list[tuple[Outcome, bytes | None]]] = {}
        for told in outcomes:
            outcome, found = self._concealed(told, images), None
            if outcome.after is not None:
                found = self._vault.hash(outcome.after)
                operation = outcome.operation
                images[found] = NewImage(operation.system, operation.ref.model, outcome.after)
            key = outcome.to, found is not None, outcome.has_words
            groups.setdefault(key, []).append((outcome, found))
            self._doubtful.note(outcome.operation, outcome.to)
        self._vault.put(self._connection, images)
        add_created(
            self._connection,
            ((each.operation.id, each.operation.system, each.created) for each in outcomes),
        )
        for (to, has_image, has_words), members in groups.items():
            self._settle_group(to, members, SETTLE[to, has_image, has_words], actor)

    def _settle_group(
        self,
        to: OperationState,
        members: Sequence[tuple[Outcome, bytes | None]],
        statement: Update,
        actor: Actor | None,
    ) -> None:
        now = self.moment if to in SETTLED else None
        rows, reasons, told, created = [], {}, {}, {}
        for outcome, found in members:
            row: dict[str, Any] = {"b_id": outcome.operation.id, "b_at": now}
            if found is not None:
                row["b_after"] = found
            if outcome.has_words:
                words = outcome.words()
                row |= words
                told[str(outcome.operation.position)] = words_hash(
                    words["b_reason"], words["b_error_code"], words["b_result"]
                )
            if outcome.created:
                position = str(outcome.operation.position)
                created[position] = created_hash(
                    (each.ref.model, each.ref.key, outcome.operation.system, each.number)
                    for each in outcome.created
                )
            if outcome.reason is not None:
                reasons[str(outcome.operation.position)] = str(outcome.reason)
            rows.append(row)
        done = self._connection.execute(statement, rows)
        operations = [outcome.operation for outcome, _ in members]
        self._expect(done.rowcount, operations, to)
        self._record_operations(
            operations[0].change_set_id,
            [operation.position for operation in operations],
            to,
            b"".join(found for _, found in members if found is not None) or None,
            actor=actor,
            detail=_told(reasons, told, created),
        )

    def _expect(self, moved: int, operations: Sequence[Operation], to: OperationState) -> None:
        if moved != len(operations):
            # Another process moved one of them first: the whole transaction is given up.
            raise IllegalMove(
                N_("Operations of change set {name} were moved by another process; expected {to}."),
                name=operations[0].change_set_id[:13],
                to=to.value,
                state="?",
                what="operation",
            )

    def _record_operations(
        self,
        change_set_id: str,
        positions: Sequence[int],
        to: OperationState,
        hashes: bytes | None = None,
        *,
        actor: Actor | None = None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        self._moves.append(
            PendingMove(
                change_set_id,
                "operation",
                to.value,
                format_positions(positions),
                hashes,
                None if actor is None else actor.name,
                detail,
            )
        )

    def _concealed(self, outcome: Outcome, images: dict[bytes, NewImage]) -> Outcome:
        """Return an outcome whose result refers to what nobody shall see, which goes to the images."""
        if not self._redaction or not outcome.result:
            return outcome
        operation = outcome.operation
        hiding = Concealer(self._redaction, self._vault, operation.system, operation.ref.model)
        result = hiding.details(encoding.loads(encoding.dumps(outcome.result)))
        images |= hiding.images
        return replace(outcome, result=result)

    # --- proofs ---------------------------------------------------------------------------------

    def add_proof(self, change_set_id: str, content: dict[str, Any], *, actor: Actor) -> None:
        """Store that writing to a system was proved, with the change set that was the last of the proof."""
        self._moves.append(
            PendingMove(change_set_id, PROOF_SUBJECT, PROVED, actor=actor.name, detail=content)
        )

    @property
    def connection(self) -> Connection:
        """The open transaction, for `recovery.locks`."""
        return self._connection
