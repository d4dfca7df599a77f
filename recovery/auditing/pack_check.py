"""Checking an evidence pack without the journal: signature, files, chain, states, plan."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from core import encoding
from core.errors import BadInput
from core.text import N_, Text
from recovery.auditing import audit
from recovery.auditing.checkpoints import Checkpoint
from recovery.auditing.pack import FORMAT, JSON_NAME, SIGNATURE_NAME
from recovery.auditing.pack_told import check_told
from recovery.auditing.signing import PublicKey, signer_of
from recovery.hashing import HASHED_COLUMNS, hash_exception, hash_operation
from recovery.states import ChangeSetState

SHOWN_AND_SIGNED: Final = (
    "position",
    "after_position",
    "system",
    "kind",
    "number",
    "action",
    "model",
    "key",
    "executor",
    "reversibility",
    "reverses_operation_id",
)
_MOVE: Final = (
    "position",
    "change_set_id",
    "subject",
    "to_state",
    "positions",
    "hashes",
    "actor",
    "detail",
)

Files = Mapping[str, bytes]
"""The files of a pack by their names."""


@dataclass(frozen=True, slots=True)
class PackReport:
    """What a pack says, and what is wrong with it. `checkpoints` counts those kept elsewhere that it agrees with."""

    change_set: str
    state: str
    made_at: str
    made_by: str
    key: str
    operation_count: int
    line_count: int
    plan_is_checked: bool
    gap_count: int
    checkpoint_count: int
    problems: tuple[Text, ...] = ()

    @property
    def is_intact(self) -> bool:
        """Whether the pack is what was signed, and agrees with itself."""
        return not self.problems


def check_pack(
    files: Files,
    source: str,
    keys: Sequence[PublicKey] = (),
    checkpoints: Iterable[Checkpoint] = (),
) -> PackReport:
    """Check a pack. Without keys the one that the pack brings is used: that shows damage, not who signed.

    Raises `BadInput` where it is no pack at all.
    """
    signature = _json(files, SIGNATURE_NAME, source)
    content = _json(files, JSON_NAME, source)
    if signature.get("format") != FORMAT or content.get("format") != FORMAT:
        raise BadInput(source=source, problem=N_("is no evidence pack of Storno"))
    try:
        return _check(files, signature, content, source, keys, list(checkpoints))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise BadInput(
            source=source,
            problem=Text(
                N_("is an evidence pack that was damaged: {problem}"),
                {"problem": f"{type(error).__name__}: {error}"},
            ),
        ) from error


def _check(
    files: Files,
    signature: Mapping[str, Any],
    content: Mapping[str, Any],
    source: str,
    keys: Sequence[PublicKey],
    checkpoints: Sequence[Checkpoint],
) -> PackReport:
    own = PublicKey.read(str(signature["public_key"]), source)
    trusted = list(keys) or [own]
    problems = _check_signature(files, signature, trusted)
    chain = _Chain(content, trusted)
    change_set = content["change_set"]
    agreed = chain.compare(checkpoints, content["journal"], trusted)
    plan_is_checked, found = _check_plan(content)
    problems += [*chain.problems, *found, *_check_states(content, chain.moves)]
    problems += check_told(content, chain.moves)
    if (
        signature["change_set"] != change_set["id"]
        or len({signature["journal"], content["journal"], content["checkpoint"]["journal"]}) != 1
    ):
        problems.append(Text(N_("its files are of different change sets or journals")))
    return PackReport(
        change_set=str(change_set["id"]),
        state=str(change_set["state"]),
        made_at=str(signature["made_at"]),
        made_by=str(signature["made_by"]),
        key=str(signature["key"]),
        operation_count=len(content["operations"]),
        line_count=chain.line_count,
        plan_is_checked=plan_is_checked,
        gap_count=len(content["chain"]) - 1,
        checkpoint_count=agreed,
        problems=tuple(problems),
    )


def _json(files: Files, name: str, source: str) -> Mapping[str, Any]:
    if name not in files:
        raise BadInput(
            source=source,
            problem=Text(N_("is no evidence pack of Storno: {name} is missing"), {"name": name}),
        )
    try:
        found = encoding.loads(files[name])
    except ValueError as error:
        raise BadInput(source=f"{source}/{name}", problem=N_("is no JSON")) from error
    if not isinstance(found, dict):
        raise BadInput(source=f"{source}/{name}", problem=N_("is no evidence pack of Storno"))
    return found


def _check_signature(
    files: Files, signature: Mapping[str, Any], keys: Sequence[PublicKey]
) -> list[Text]:
    problems = []
    if signer_of(signature, keys) is None:
        problems.append(
            Text(
                N_("it was not signed with this key ({key}), or {name} was edited"),
                {"key": ", ".join(key.id for key in keys), "name": SIGNATURE_NAME},
            )
        )
    signed = signature["files"]
    for name in sorted({*signed, *files} - {SIGNATURE_NAME}):
        if name not in files:
            problems.append(Text(N_("{name} is missing"), {"name": name}))
        elif name not in signed:
            problems.append(Text(N_("{name} is not part of what was signed"), {"name": name}))
        elif hashlib.sha256(files[name]).hexdigest() != signed[name]:
            problems.append(Text(N_("{name} was edited"), {"name": name}))
    return problems


class _Chain:
    """The audit lines of a pack, computed anew."""

    def __init__(self, content: Mapping[str, Any], keys: Sequence[PublicKey]) -> None:
        self.problems: list[Text] = []
        self.moves: list[dict[str, Any]] = []
        self.line_count = 0
        self._hashes: dict[int, str] = {}
        self._last: int | None = None
        self._change_set = content["change_set"]["id"]
        for run in content["chain"]:
            self._run(run)
        self._ends(content["checkpoint"], keys)

    def _run(self, run: Mapping[str, Any]) -> None:
        first = int(run["first"])
        previous = bytes.fromhex(run["previous"])
        # Stretches follow each other: a line that stood in two could be shown in one way and compared in the other.
        known = self._hashes.setdefault(first - 1, run["previous"])
        if (self._last is not None and first <= self._last) or known != run["previous"]:
            self._say_not_signed()
        self._last = first - 1
        for number, line in enumerate(run["lines"], start=first):
            hashed = bytes.fromhex(line["moves_hash"])
            moves = line.get("moves")
            written_at = encoding.parse_moment(line["written_at"])
            if moves is not None:
                if audit.moves_hash(moves) != hashed:
                    self.problems.append(
                        Text(N_("the moves of audit line {number} were edited"), {"number": number})
                    )
                self._take(moves, written_at)
            previous = audit.line_hash(previous, number, written_at, hashed)
            self._hashes[number] = previous.hex()
            self._last = number
            self.line_count += 1

    def _take(self, moves: Iterable[Sequence[Any]], written_at: datetime) -> None:
        for move in sorted(moves, key=lambda each: int(each[0])):
            if move[1] != self._change_set:
                continue  # of another change set, or the journal's own: those name none
            row: dict[str, Any] = dict(zip(_MOVE, move, strict=True))
            row["written_at"] = written_at
            row["hashes"] = None if row["hashes"] is None else bytes.fromhex(row["hashes"])
            self.moves.append(row)

    def _ends(self, checkpoint: Mapping[str, Any], keys: Sequence[PublicKey]) -> None:
        """The last line is the one that the checkpoint in the pack was signed for: every line before it follows."""
        if signer_of(checkpoint, keys) is None:
            self.problems.append(Text(N_("the checkpoint in it was not signed with this key")))
        if self._hashes.get(int(checkpoint["line"])) != checkpoint["hash"]:
            self._say_not_signed()

    def _say_not_signed(self) -> None:
        self.problems.append(
            Text(N_("the audit lines do not lead to the line that was signed: they were edited"))
        )

    def compare(
        self, checkpoints: Iterable[Checkpoint], journal: str, keys: Sequence[PublicKey]
    ) -> int:
        """Compare with checkpoints kept elsewhere; return how many lines of theirs stand in the pack."""
        agreed = 0
        for each in checkpoints:
            names = {"moment": each.made_at, "line": each.line}
            if signer_of(each.document, keys) is None:
                self.problems.append(
                    Text(
                        N_(
                            "the checkpoint of {moment} (line {line}) was not signed with this key, or was edited"
                        ),
                        names,
                    )
                )
                continue
            if each.journal != journal:
                self.problems.append(
                    Text(
                        N_("the checkpoint of {moment} (line {line}) is of another journal"), names
                    )
                )
                continue
            found = self._hashes.get(each.line)
            if found is None:
                continue
            if found == each.hash:
                agreed += 1
            else:
                self.problems.append(
                    Text(
                        N_("audit line {line} is not the one that the checkpoint of {moment} saw"),
                        names,
                    )
                )
        return agreed


def _check_states(content: Mapping[str, Any], moves: Sequence[Mapping[str, Any]]) -> list[Text]:
    """Compare what the pack says of states, images, plan and people with what the audit lines say."""
    change_set = content["change_set"]
    problems = []
    state, states, before, after = audit.replay(moves)
    if state != change_set["state"]:
        problems.append(
            Text(
                N_("it says that the change set is {state}, but its history ends in {history}"),
                {"state": change_set["state"], "history": state},
            )
        )
    for operation in content["operations"]:
        position = operation["position"]
        said = operation["state"], operation["before_hash"], operation["after_hash"]
        told = states.get(position, "planned"), _hex(before, position), _hex(after, position)
        if said != told:
            problems.append(
                Text(
                    N_("operation {position} is not what its history says of it"),
                    {"position": position},
                )
            )
    if len(content["operations"]) != change_set["operation_count"]:
        problems.append(Text(N_("operations are missing or were added")))
    return problems + _check_people(change_set, moves)


def _check_people(change_set: Mapping[str, Any], moves: Sequence[Mapping[str, Any]]) -> list[Text]:
    problems = []
    for state, actor in (
        (ChangeSetState.PLANNED, change_set["actor"]),
        (ChangeSetState.APPROVED, change_set["approved_by"]),
    ):
        for move in moves:
            if move["subject"] != "change_set" or move["to_state"] != state.value:
                continue
            detail = encoding.loads(move["detail"] or "{}")
            name = None if actor is None else actor["name"]
            if move["actor"] != name or detail.get("plan_hash") != change_set["plan_hash"]:
                problems.append(
                    Text(N_("it was {state} otherwise than the pack says"), {"state": state.value})
                )
    return problems


def _check_plan(content: Mapping[str, Any]) -> tuple[bool, list[Text]]:
    """Compute the plan's hash anew. Returns whether that could be done: what is masked cannot be hashed."""
    operations = content["operations"]
    problems = [
        Text(
            N_("operation {position} is shown otherwise than it was approved"),
            {"position": operation["position"]},
        )
        for operation in operations
        if not _is_as_signed(operation, is_masked=content["is_masked"])
    ]
    if any(operation["signed"] is None for operation in operations):
        return False, problems
    hasher = hashlib.blake2b(digest_size=32)
    for operation in operations:
        *columns, approved = operation["signed"]
        row = dict(zip(HASHED_COLUMNS, columns, strict=True))
        row["approved_hash"] = None if approved is None else bytes.fromhex(approved)
        hash_operation(hasher, row)
    for exception in content["exceptions"]:
        hash_exception(hasher, exception)
    if hasher.hexdigest() != content["change_set"]["plan_hash"]:
        problems.append(Text(N_("the plan in it is not the one that was approved")))
    return True, problems


def _is_as_signed(operation: Mapping[str, Any], *, is_masked: bool) -> bool:
    if operation["signed"] is None:
        return is_masked  # where nothing is hidden, everything can be shown as it was signed
    signed = dict(zip(HASHED_COLUMNS, operation["signed"], strict=False))
    return all(operation[name] == signed[name] for name in SHOWN_AND_SIGNED)


def _hex(found: Mapping[int, bytes], position: int) -> str | None:
    return found[position].hex() if position in found else None
