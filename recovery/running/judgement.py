"""What the after image says about one operation: confirmed, refused, or something that a person must look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from connectors.contract import Action, Image, Reversibility, System
from connectors.proving import Provable
from core import retry
from core.errors import NoEffect, NotFound, RefusedError
from core.retry import RetryPolicy
from core.text import N_, Text
from recovery.conflicts.targets import resolved_target, target_beside
from recovery.images import (
    WHOLE_RECORD,
    Ignored,
    differences,
    encode_image,
    footprint_key,
    only,
    without,
)
from recovery.journal import Journal
from recovery.model import FieldDifference, Operation
from recovery.reversing.created import created_documents
from recovery.running.outcome import Outcome
from recovery.states import ALREADY, OperationState

Systems = Callable[[str], System]


def patient(systems: Systems, policy: RetryPolicy | None = None) -> Systems:
    """Return the same systems, each met with patience: the first look at one only reads, so it is repeated.

    A connector logs in and finds out what its actions can do when it is first asked for them. One that writes only what
    was proved finds out anew: a process may live for weeks, and its tables and its proof are not those of the first day.
    """
    met: set[str] = set()

    def meet(name: str) -> System:
        system = systems(name)
        if isinstance(system, Provable):
            system.look_again()
        system.actions()
        return system

    def find(name: str) -> System:
        if name in met:
            return systems(name)
        system = retry.transient(lambda: meet(name), policy)
        met.add(name)
        return system

    return find


def action_of(system: System, name: str) -> Action:
    """Return an action of a system. Raises `NotFound` when its connector no longer has it."""
    found = system.actions().get(name)
    if found is None:
        raise NotFound(what="action", name=name)
    return found


class Judge:
    """Compares before and after images of a batch; loads what the reversed operations had been."""

    def __init__(
        self, journal: Journal, system: System, action: Action, operations: Sequence[Operation]
    ) -> None:
        self._action = action
        self._system = system
        ends = [op for op in operations if op.reverses_operation_id is not None]
        self._originals = (
            journal.operations_by_id([str(op.reverses_operation_id) for op in ends]) if ends else {}
        )
        self._targets = (
            journal.images([original.before_hash for original in self._originals.values()])
            if self._originals
            else {}
        )

    def judge(
        self, operation: Operation, before: Image, after: Image, refused: RefusedError | None
    ) -> Outcome:
        """Return where the operation goes after an answer. NEEDS_PERSON means: through in_doubt."""
        action = self._action
        changed = differences(before, after, ignore=action.trace)
        made = self._made(before, after)
        ours, foreign = [*only(changed, action.ours), *made], self._foreign(changed)
        changed += [each for each in made if each not in changed]
        encoded = encode_image(after)
        if refused is not None:
            if ours:
                reason = Text(
                    N_("the ERP refused ({said}), but fields of the operation changed"),
                    {"said": str(refused)},
                )
                return self._person(operation, encoded, reason, changed)
            return self._refused(operation, refused, foreign)
        if action.is_done(operation.step, before, after):
            return self.confirmed(operation, before, after, encoded, foreign)
        if not ours:
            said = Text(N_("the state is what it was before"))
            error = NoEffect(system=operation.system, said=said)
            return self._refused(operation, error, foreign)
        reason = Text(N_("the ERP said yes, but what was wanted does not hold afterwards"))
        return self._person(operation, encoded, reason, changed)

    def _made(self, before: Image, after: Image) -> list[FieldDifference]:
        """Return the records that the action may create or delete and that did come or go.

        They may be all trace (a counter-document stays): that they are there is no less an effect.
        """
        if not any(WHOLE_RECORD in names for names in self._action.ours.values()):
            return []
        found = only(differences(before, after), self._action.ours)
        return [each for each in found if each.field == WHOLE_RECORD]

    def _foreign(self, changed: Sequence[FieldDifference]) -> list[FieldDifference]:
        """Return what somebody else changed meanwhile; another spelling of one value is no change."""
        form = self._action.normal_form
        return [
            each
            for each in without(changed, self._action.ours)
            if each.field == WHOLE_RECORD or not form.is_same(each.before, each.after)
        ]

    def settle(self, operation: Operation, before: Image, after: Image) -> Outcome:
        """Return where an operation in doubt goes, judged by reading alone."""
        action = self._action
        changed = differences(before, after, ignore=action.trace)
        is_done = action.is_done(operation.step, before, after)
        # What an action creates may be all trace (a counter-document stays): it happened nevertheless.
        ours = only(differences(before, after), action.ours)
        if is_done and ours and action.is_ours(before, after) is not False:
            foreign = self._foreign(changed)
            return self.confirmed(operation, before, after, encode_image(after), foreign)
        made = self._made(before, after)
        changed += [each for each in made if each not in changed]
        if not changed and not is_done and not action.creates_untraceably:
            reason = Text(N_("read after the lost answer: it did not happen"))
            return Outcome(operation, OperationState.CAPTURED, reason=reason)
        if action.creates_untraceably and not changed:
            reason = Text(
                N_("the answer was lost, and what this action creates cannot be found by reading")
            )
        elif is_done:
            reason = Text(N_("the answer was lost; it is done, but perhaps by somebody else"))
        else:
            reason = Text(N_("the answer was lost, and the document is neither as before nor done"))
        return self._person(operation, encode_image(after), reason, changed)

    def confirmed(
        self,
        operation: Operation,
        before: Image,
        after: Image,
        encoded: bytes,
        foreign: Sequence[FieldDifference],
    ) -> Outcome:
        """Return the confirmed outcome, with foreign changes, what it created and, for a rollback, the residue."""
        result = {"foreign": _as_rows(foreign)} if foreign else {}
        result |= self._left(operation, after)
        created = created_documents(self._action.creates, operation.ref, before, after)
        return Outcome(
            operation,
            OperationState.CONFIRMED,
            after=encoded,
            result=result or None,
            created=tuple(created),
        )

    def already(self, operation: Operation, image: Image, encoded: bytes) -> Outcome:
        """Return the outcome of an operation that finds its work done: nothing is sent, the residue is told."""
        return Outcome(
            operation,
            OperationState.DROPPED,
            after=encoded,
            reason=Text(N_("nothing to do: the ERP shows it like that already")),
            error_code=ALREADY,
            result=self._left(operation, image) or None,
        )

    def _left(self, operation: Operation, after: Image) -> dict[str, Any]:
        """Return what an operation that ends a way back left otherwise than it was; nothing for others."""
        original = self._originals.get(str(operation.reverses_operation_id))
        if original is None or original.before_hash is None:
            return {}
        return self._residue(operation, original, self._targets[original.before_hash], after)

    def _residue(
        self, operation: Operation, original: Operation, target: Image, after: Image
    ) -> dict[str, Any]:
        forward = self._system.actions()[original.step.action]
        trace = _union(self._action.trace, forward.trace)
        target, resolved = resolved_target(operation, target)
        target, beside = target_beside(operation, target)
        # Another footprint reads other records: a record that only one of them can see is no residue.
        is_same_view = footprint_key(self._action) == footprint_key(forward)
        left = differences(target, after, ignore=trace, common_only=not is_same_view)
        recomputed = only(left, forward.derived)
        residue = without(only(left, _union(forward.ours, self._action.ours)), forward.derived)
        kept = [*without(left, _union(forward.ours, self._action.ours)), *beside]
        is_exact = (
            operation.reversibility is Reversibility.EXACT
            and not residue
            and not recomputed
            and not resolved
        )
        found: dict[str, Any] = {"is_exact": is_exact}
        if resolved:
            found["resolved"] = resolved
        if residue:
            found["residue"] = _as_rows(residue)
        if recomputed:
            found["recomputed"] = _as_rows(recomputed)
        if kept:
            found["kept"] = _as_rows(kept)
        return found

    def _refused(
        self, operation: Operation, error: RefusedError, foreign: Sequence[FieldDifference]
    ) -> Outcome:
        return Outcome(
            operation,
            OperationState.REFUSED,
            reason=error.text,
            error_code=error.code,
            result={"foreign": _as_rows(foreign)} if foreign else None,
        )

    def _person(
        self,
        operation: Operation,
        encoded: bytes,
        reason: Text,
        changed: Sequence[FieldDifference],
    ) -> Outcome:
        return Outcome(
            operation,
            OperationState.NEEDS_PERSON,
            after=encoded,
            reason=reason,
            result={"changed": _as_rows(changed)},
        )


def _union(left: Ignored, right: Ignored) -> dict[str, frozenset[str]]:
    return {
        model: frozenset(left.get(model, ())) | frozenset(right.get(model, ()))
        for model in {*left, *right}
    }


def _as_rows(found: Sequence[FieldDifference]) -> list[dict[str, Any]]:
    return [
        {
            "model": d.ref.model,
            "key": d.ref.key,
            "field": d.field,
            "before": d.before,
            "after": d.after,
        }
        for d in found
    ]
