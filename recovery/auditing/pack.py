"""Evidence packs: everything about one change set that somebody outside can check without the journal.

A pack is a folder (or one zip) of three files: `evidence.json`, `evidence.html` that shows the same to people, and
`signature.json` that signs the digests of both. What the redaction rules hide is masked in it. Its lines of the audit
chain are whole, so whoever has the public key can compute them anew; the values of fields are vouched for by the
signature alone, because the hashes of images are keyed and the key stays in the journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, select

from core import clock, encoding
from core.errors import JournalBroken
from recovery import schema
from recovery.at_rest.pruned import find_pruned, verify_pruned
from recovery.at_rest.redaction import MASK, VALUES, Redaction
from recovery.auditing import audit
from recovery.auditing.checkpoints import fingerprint, sign_head
from recovery.auditing.verification import verify_change_set
from recovery.hashing import HASHED_COLUMNS
from recovery.images import differences
from recovery.reversing.created import created_documents

if TYPE_CHECKING:
    from connectors.contract import Image
    from recovery.auditing.signing import SigningKey
    from recovery.journal import Journal
    from recovery.model import Actor, ChangeSet, Operation

FORMAT: Final = "storno-evidence/1"
JSON_NAME: Final = "evidence.json"
PAGE_NAME: Final = "evidence.html"
SIGNATURE_NAME: Final = "signature.json"

LOADED_AT_ONCE: Final = 200
LONGEST_LINK: Final = 20_000
"""So many audit lines of others are taken in to show that those of the change set follow each other (about 3 MB); beyond
that only the signature says so."""


def build_pack(
    journal: Journal, change_set: ChangeSet, key: SigningKey, actor: Actor
) -> dict[str, Any]:
    """Return what `evidence.json` holds; `operations` and the chain's lines are iterators, read once.

    Raises `JournalBroken` where the chain, or what the journal says of the change set, was tampered with: nobody signs
    that.
    """
    _require_untouched(journal, change_set)
    with journal.reading() as connection:
        checkpoint = sign_head(connection, journal.seed, key, actor)
        wanted = _lines_of(connection, change_set.id)
    runs = _runs(wanted, int(checkpoint["line"]))
    pruned = find_pruned(journal, [change_set.id]).get(change_set.id)
    return {
        "format": FORMAT,
        "journal": fingerprint(journal.seed),
        "exported_at": clock.now(),
        "exported_by": {"name": actor.name, "how": actor.how},
        "change_set": change_set_values(change_set),
        "taken_back_by": [
            {"id": each.id, "state": each.state.value}
            for each in journal.change_sets(reverses_id=change_set.id)
        ],
        "counts": {state.value: n for state, n in journal.counts(change_set.id).items()},
        "is_masked": bool(journal.redaction),
        "images_pruned_at": None if pruned is None else pruned.pruned_at,
        "exceptions": [
            {
                "system": each.system,
                "kind": each.kind.value,
                "number": each.number,
                "model": None if each.ref is None else each.ref.model,
                "key": None if each.ref is None else each.ref.key,
                "code": each.code,
                "text": each.text.as_dict(),
            }
            for each in journal.exceptions(change_set.id)
        ],
        "operations": operations_of(journal, change_set, has_images=pruned is None),
        "chain": [_run(journal, run, set(wanted)) for run in runs],
        "checkpoint": checkpoint,
    }


def _require_untouched(journal: Journal, change_set: ChangeSet) -> None:
    with journal.reading() as connection:
        _, _, problems = audit.verify_chain(connection, journal.seed)
        problems += verify_change_set(connection, change_set.id)
        problems += verify_pruned(connection)
    if problems:
        raise JournalBroken(journal=journal.name, problem=problems[0])
    journal.require_intact_plan(change_set)


def change_set_values(change_set: ChangeSet) -> dict[str, Any]:
    """Return a change set as plain values."""
    plain = {name: getattr(change_set, name) for name in change_set.__slots__}
    for name in ("actor", "approved_by"):
        actor = plain[name]
        plain[name] = None if actor is None else {"name": actor.name, "how": actor.how}
    return plain


# --- operations -------------------------------------------------------------------------------------


def operations_of(
    journal: Journal, change_set: ChangeSet, *, has_images: bool
) -> Iterator[dict[str, Any]]:
    """Yield every operation with both images, what differs, and what of it the plan's hash covers; masked."""
    actions: Mapping[str, Any] = change_set.details.get("actions") or {}
    operations = journal.operations(change_set.id)
    while chunk := list(islice(operations, LOADED_AT_ONCE)):
        hashes = {op.before_hash for op in chunk} | {op.after_hash for op in chunk}
        images = journal.images(hashes) if has_images else {}
        signed = _signed_rows(journal, change_set.id, [op.position for op in chunk])
        for operation in chunk:
            about = actions.get(operation.step.action) or {}
            yield _operation(
                journal.redaction,
                operation,
                images.get(operation.before_hash or ""),
                images.get(operation.after_hash or ""),
                *signed[operation.position],
                about.get("creates") or {},
            )


def _operation(
    redaction: Redaction,
    operation: Operation,
    before: Image | None,
    after: Image | None,
    signed: Sequence[Any],
    told: Sequence[Any],
    creates: Mapping[str, Any],
) -> dict[str, Any]:
    step, system = operation.step, operation.system
    hidden = {name for name in step.arguments if redaction.hides(system, step.ref.model, name)}
    details = masked(redaction, system, operation.details)
    plain = encoding.loads(signed[HASHED_COLUMNS.index("arguments")] or "{}").get("v") or {}
    result = masked(redaction, system, operation.result)
    is_masked = details != dict(operation.details) or bool(hidden & plain.keys())
    return {
        "position": operation.position,
        "after_position": operation.after_position,
        "id": operation.id,
        "system": system,
        "kind": operation.kind.value,
        "number": operation.number,
        "action": step.action,
        "model": step.ref.model,
        "key": step.ref.key,
        "arguments": redaction.shown_fields(system, step.ref.model, step.arguments),
        "executor": operation.executor.value,
        "reversibility": operation.reversibility.value,
        "reverses_operation_id": operation.reverses_operation_id,
        "state": operation.state.value,
        "reason": None if operation.reason is None else operation.reason.as_dict(),
        "error_code": operation.error_code,
        "result": result,
        "details": details,
        "sent_at": operation.sent_at,
        "settled_at": operation.settled_at,
        "before_hash": operation.before_hash,
        "after_hash": operation.after_hash,
        "before": _image(redaction, system, before),
        "after": _image(redaction, system, after),
        "changes": _changes(redaction, operation, before, after),
        "created": [
            {"model": each.ref.model, "key": each.ref.key, "number": each.number}
            for each in created_documents(creates, operation.ref, before, after)
        ],
        "signed": None if is_masked else list(signed),
        "told": list(told) if _is_plain(result, told[_TOLD.index("result")]) else None,
    }


def _is_plain(shown: Any, stored: str | None) -> bool:
    """Whether a result is shown as it is stored: nothing in it is hidden."""
    return bool(encoding.loads(encoding.dumps(shown)) == encoding.loads(stored or "{}"))


def _changes(
    redaction: Redaction, operation: Operation, before: Image | None, after: Image | None
) -> list[dict[str, Any]]:
    if before is None or after is None:
        return []
    foreign = {
        (row["model"], row["key"], row["field"]) for row in operation.result.get("foreign") or ()
    }
    found = []
    for each in differences(before, after):
        shown = redaction.shown_difference(operation.system, each)
        found.append(
            {
                "model": each.ref.model,
                "key": each.ref.key,
                "field": each.field,
                "before": shown.before,
                "after": shown.after,
                "is_foreign": (each.ref.model, each.ref.key, each.field) in foreign,
            }
        )
    return found


def _image(redaction: Redaction, system: str, image: Image | None) -> list[dict[str, Any]] | None:
    if image is None:
        return None
    records = []
    for record in image.records:
        model = record.ref.model
        entry: dict[str, Any] = {"model": model, "key": record.ref.key, "fields": None}
        shown = redaction.shown_fields(system, model, record.fields)
        if shown is not None:
            entry["fields"], types = encoding.pack(shown)
            entry["types"] = types
        if record.raw:
            entry["raw"] = redaction.shown_fields(system, model, record.raw)
        records.append(entry)
    return records


def masked(redaction: Redaction, system: str, value: Any) -> Any:
    """Return a result or the details of an operation with the values of hidden fields masked, however deep."""
    match value:
        case Mapping():
            found = {name: masked(redaction, system, item) for name, item in value.items()}
            names_field = "model" in found and "field" in found
            if names_field and redaction.hides(system, str(found["model"]), str(found["field"])):
                found |= {name: MASK for name in VALUES if found.get(name) is not None}
            return found
        case list() | tuple():
            return [masked(redaction, system, item) for item in value]
        case _:
            return value


_TOLD: Final = ("reason", "error_code", "result")


def _signed_rows(
    journal: Journal, change_set_id: str, positions: Sequence[int]
) -> dict[int, tuple[list[Any], list[Any]]]:
    """Return, by position, what the hash of the plan and that of what is told cover, exactly as it is hashed."""
    operation = schema.operation
    columns = [operation.c[name] for name in (*HASHED_COLUMNS, *_TOLD)]
    with journal.reading() as connection:
        rows = connection.execute(
            select(*columns, operation.c.approved_hash).where(
                operation.c.change_set_id == change_set_id, operation.c.position.in_(positions)
            )
        ).mappings()
        return {
            row["position"]: (
                [
                    *(row[name] for name in HASHED_COLUMNS),
                    None if row["approved_hash"] is None else bytes(row["approved_hash"]).hex(),
                ],
                [row[name] for name in _TOLD],
            )
            for row in rows
        }


# --- the chain --------------------------------------------------------------------------------------


def _lines_of(connection: Connection, change_set_id: str) -> list[int]:
    move = schema.move
    query = select(move.c.audit_number).where(move.c.change_set_id == change_set_id).distinct()
    return sorted(connection.execute(query).scalars())


def _runs(wanted: Sequence[int], head: int) -> list[tuple[int, int]]:
    """Return the stretches of the chain that are taken in, first and last line of each: as few as are short enough."""
    runs: list[tuple[int, int]] = []
    for number in [*wanted, head]:
        if runs and number - runs[-1][1] <= LONGEST_LINK:
            runs[-1] = runs[-1][0], max(number, runs[-1][1])
        else:
            runs.append((number, number))
    return runs


def _run(journal: Journal, run: tuple[int, int], wanted: set[int]) -> dict[str, Any]:
    first, last = run
    table = schema.audit_line
    with journal.reading() as connection:
        before = connection.execute(
            select(table.c.hash).where(table.c.number == first - 1)
        ).scalar()
        lines = connection.execute(
            select(table).where(table.c.number.between(first, last)).order_by(table.c.number)
        ).all()
        told = [number for number in range(first, last + 1) if number in wanted]
        moves = dict(audit.moves_of_lines(connection, told))
    previous = audit.genesis(journal.seed) if before is None else bytes(before)
    return {
        "first": first,
        "previous": previous.hex(),
        "lines": [_line(line, moves.get(line.number)) for line in lines],
    }


def _line(line: Any, moves: Iterable[audit.Row] | None) -> dict[str, Any]:
    found = {
        "written_at": encoding.moment_text(line.written_at),
        "moves_hash": bytes(line.moves_hash).hex(),
    }
    if moves is None:
        return found
    return found | {"moves": [audit.hashed_move(row) for row in moves]}


# --- writing ----------------------------------------------------------------------------------------


def pieces(content: Mapping[str, Any]) -> Iterator[bytes]:
    """Encode a pack piece by piece: keys sorted, what is an iterator as a list, memory flat."""
    yield b"{"
    for number, name in enumerate(sorted(content)):
        yield (b"," if number else b"") + encoding.dumps(name) + b":"
        value = content[name]
        if isinstance(value, Iterator):
            yield b"["
            for place, item in enumerate(value):
                yield (b"," if place else b"") + encoding.dumps(item)
            yield b"]"
        else:
            yield encoding.dumps(value)
    yield b"}\n"


def manifest(
    journal: Journal,
    change_set: ChangeSet,
    digests: Mapping[str, str],
    key: SigningKey,
    actor: Actor,
) -> dict[str, Any]:
    """Return `signature.json`: the SHA-256 of every other file of the pack, signed."""
    return key.sign(
        {
            "format": FORMAT,
            "journal": fingerprint(journal.seed),
            "change_set": change_set.id,
            "files": dict(digests),
            "made_at": encoding.moment_text(clock.now()),
            "made_by": actor.name,
            "public_key": key.public.pem(),
        }
    )
