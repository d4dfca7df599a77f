"""The rows of a plan: operations, the records they touch, their images, and what cannot be closed. Stored streaming."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, insert

from core import encoding
from core.ids import new_id
from core.text import Text
from recovery import schema
from recovery.at_rest.concealing import Concealer
from recovery.at_rest.vault import NewImage, Vault
from recovery.hashing import EXCEPTION_COLUMNS, RowsHash, hash_exception, hash_operation
from recovery.images import decode_image, encode_image
from recovery.sql.rows import pack_arguments
from recovery.states import OperationState

if TYPE_CHECKING:
    import hashlib

    from recovery.at_rest.redaction import Redaction
    from recovery.model import PlanException, PlannedOperation

INSERT_CHUNK: Final = 500


class PlanRows:
    """Writes the rows of one plan in the transaction that is given, and hashes each as it is stored."""

    def __init__(
        self,
        connection: Connection,
        vault: Vault,
        redaction: Redaction,
        change_set_id: str,
        hasher: hashlib.blake2b,
    ) -> None:
        self._connection = connection
        self._vault = vault
        self._redaction = redaction
        self._change_set_id = change_set_id
        self._hasher = hasher
        self._records, self._exceptions = RowsHash(), RowsHash()

    def facts(self) -> dict[str, str]:
        """Return hashes of what the plan's own hash does not cover, for the audit chain."""
        found = {"records": self._records.value, "exceptions": self._exceptions.value}
        return {name: value for name, value in found.items() if value is not None}

    def add_operations(
        self, operations: Iterable[PlannedOperation]
    ) -> tuple[int, list[tuple[int, Text]]]:
        """Store operations, numbered as they come; return how many, and the positions dropped at once, with why."""
        count, dropped = 0, list[tuple[int, Text]]()
        stream = iter(operations)
        while chunk := list(islice(stream, INSERT_CHUNK)):
            rows, records = list[dict[str, Any]](), list[dict[str, Any]]()
            images: dict[bytes, NewImage] = {}
            for planned in self._with_images(chunk):
                count += 1
                row, footprint = self._operation_row(count, planned, images)
                if planned.dropped is not None:
                    dropped.append((count, planned.dropped))
                rows.append(row)
                others = sorted(
                    (ref.model, ref.key) for ref in footprint if ref != planned.step.ref
                )
                for model, key in others:
                    self._records.add((count, model, key))
                    records.append({"operation_id": row["id"], "model": model, "key": key})
                hash_operation(self._hasher, row)
            self._vault.put(self._connection, images)
            self._connection.execute(insert(schema.operation), rows)
            if records:
                self._connection.execute(insert(schema.operation_record), records)
        return count, dropped

    def add_exceptions(self, exceptions: Iterable[PlanException]) -> None:
        """Store the documents that cannot be closed, after all operations: so they are hashed."""
        rows = []
        for position, found in enumerate(exceptions, start=1):
            row = {
                "change_set_id": self._change_set_id,
                "position": position,
                "system": found.system,
                "kind": found.kind.value,
                "number": found.number,
                "model": None if found.ref is None else found.ref.model,
                "key": None if found.ref is None else found.ref.key,
                "code": found.code,
                "text": encoding.dumps(found.text.as_dict()).decode(),
            }
            hash_exception(self._hasher, row)
            self._exceptions.add([row[name] for name in EXCEPTION_COLUMNS])
            rows.append(row)
        if rows:
            self._connection.execute(insert(schema.plan_exception), rows)

    def _with_images(self, chunk: Sequence[PlannedOperation]) -> Iterator[PlannedOperation]:
        """Put the images that are stored already into some planned operations, read in this very transaction."""
        hashes = {op.approved_hash for op in chunk} - {None}
        found = self._vault.read(self._connection, {bytes.fromhex(str(each)) for each in hashes})
        for planned in chunk:
            if planned.approved_hash is None:
                yield planned
            else:
                image = decode_image(found[bytes.fromhex(planned.approved_hash)])
                yield replace(planned, approved=image, approved_hash=None)

    def _operation_row(
        self,
        position: int,
        planned: PlannedOperation,
        images: dict[bytes, NewImage],
    ) -> tuple[dict[str, Any], tuple[Any, ...]]:
        approved: bytes | None = None
        footprint: tuple[Any, ...] = ()
        if planned.approved is not None:
            encoded = encode_image(planned.approved)
            approved = self._vault.hash(encoded)
            images[approved] = NewImage(planned.system, planned.step.ref.model, encoded)
            footprint = planned.approved.refs()
        step = planned.step
        arguments, details = self._packed(planned, images)
        return {
            "id": new_id(),
            "change_set_id": self._change_set_id,
            "position": position,
            "after_position": None if planned.after is None else planned.after + 1,
            "system": planned.system,
            "kind": planned.kind.value,
            "number": planned.number,
            "action": step.action,
            "model": step.ref.model,
            "key": step.ref.key,
            "arguments": arguments,
            "executor": planned.executor.value,
            "reversibility": planned.reversibility.value,
            "state": OperationState.PLANNED.value,
            "approved_hash": approved,
            "reverses_operation_id": planned.reverses_operation_id,
            "details": details,
        }, footprint

    def _packed(
        self, planned: PlannedOperation, images: dict[bytes, NewImage]
    ) -> tuple[str | None, str | None]:
        """Return arguments and details as they are stored; what nobody shall see goes to the images."""
        arguments = planned.step.arguments
        details = encoding.dumps(planned.details) if planned.details else None
        if not self._redaction:
            return pack_arguments(arguments), None if details is None else details.decode()
        hiding = Concealer(self._redaction, self._vault, planned.system, planned.step.ref.model)
        packed = pack_arguments(arguments, hiding.arguments(arguments))
        if details is not None:
            details = encoding.encode_json(hiding.details(encoding.loads(details)))
        images |= hiding.images
        return packed, None if details is None else details.decode()
