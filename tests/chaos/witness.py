"""An ERP with a witness: who changed which field when, and whether the way back was on disk before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from connectors.contract import Ref, Reversibility
from connectors.fake.engine import FakeERP
from connectors.fake.request import ApplyCall, Captured, ERPSettings, Query, Refusals
from connectors.fake.schema import DERIVED, STAMPS
from connectors.fake.table import Row
from core import clock
from recovery.journal import Journal
from recovery.model import Operation
from recovery.states import OperationState
from tests.chaos.moving_time import MovingTime

Rows = dict[Ref, Row]
Place = tuple[Ref, str]
"""A field of a record."""

_PARENTS: Final = ("order", "reversed_entry", "period", "project")


@dataclass(frozen=True, slots=True)
class Deed:
    """What one operation did to its document and what hangs below it, as the ERP itself saw it."""

    moment: int
    before: Rows
    after: Rows

    def changed(self) -> dict[Place, tuple[Any, Any]]:
        """Return each field that it changed in a record that was there before and after."""
        return {
            (ref, name): (value, self.after[ref][name])
            for ref, row in self.before.items()
            for name, value in row.items()
            if ref in self.after and name not in STAMPS and self.after[ref][name] != value
        }


@dataclass
class Witness:
    """Everything that really happened, and every promise that was broken while it did."""

    observer: Journal
    moment: int = 0  # counts what happens in the ERP
    deeds: dict[str, Deed] = field(default_factory=dict)  # by operation
    foreign: dict[Place, int] = field(
        default_factory=dict
    )  # the last time that somebody else wrote it
    read: dict[Ref, int] = field(
        default_factory=dict
    )  # the last time that the document was captured
    base: dict[Place, Any] = field(
        default_factory=dict
    )  # what it holds when nothing of ours stands
    overrun: set[Place] = field(default_factory=set)  # written by somebody between our looks
    broken: list[str] = field(default_factory=list)
    # What a request that is on its way may be: in doubt too, where the line itself holds it back.
    under_way: frozenset[OperationState] = frozenset({OperationState.SENT})

    def breaks(self, what: str) -> None:
        """Write down a broken promise."""
        self.broken.append(what)

    def step(self) -> int:
        """Count one more thing that happened."""
        self.moment += 1
        return self.moment

    def note_edit(self, before: Rows, after: Rows) -> None:
        """Somebody else changed something: from now on that is what the way back leads to."""
        now = self.step()
        for ref, row in after.items():
            was = before.get(ref, {})
            for name, value in row.items():
                if name not in STAMPS and (name not in was or was[name] != value):
                    self.foreign[ref, name] = now
                    self.base[ref, name] = value

    # --- before a call --------------------------------------------------------------------------

    def look(
        self, calls: Sequence[ApplyCall], rows: Rows, *, is_first: bool = True
    ) -> dict[str, Operation]:
        """Nothing may be changed whose way back is not on disk, nor what is not as it was approved."""
        found = self.observer.operations_by_id([call.operation_id for call in calls])
        for call in calls:
            operation = found.get(call.operation_id)
            if operation is None:
                self.breaks(f"operation {call.operation_id} is in no journal")
                continue
            if not is_first or operation.id in self.deeds:
                continue  # it was looked at when it came first; the ledger tells whether it is done again
            if operation.state not in self.under_way or operation.before_hash is None:
                self.breaks(f"{operation.id} was sent as {operation.state}, without its intent")
                continue
            self._look_at_image(operation, rows)
        return found

    def _look_at_image(self, operation: Operation, rows: Rows) -> None:
        try:
            images = self.observer.images([operation.before_hash, operation.approved_hash])
        except Exception as error:  # noqa: BLE001 - whatever it is, the way back is not there
            self.breaks(f"the before image of {operation.id} cannot be read: {error}")
            return
        read = self.read.get(operation.ref, 0)
        for record in images[str(operation.before_hash)].records:
            for name, value in (record.fields or {}).items():
                place = record.ref, name
                is_fresh = name not in STAMPS and self.foreign.get(place, 0) <= read
                is_now = rows.get(record.ref, {}).get(name)
                if is_fresh and is_now != value:
                    self.breaks(f"the before image of {operation.id} is wrong: {place} {value!r}")
        if operation.approved_hash is None:
            return
        for record in images[operation.approved_hash].records:
            for name, value in (record.fields or {}).items():
                place = record.ref, name
                written = self.foreign.get(place, 0)
                is_now = rows.get(record.ref, {}).get(name)
                if 0 < written <= read and is_now != value and name not in STAMPS:
                    self.breaks(f"{operation.id} was sent although {place} moved to {is_now!r}")

    # --- after a call ---------------------------------------------------------------------------

    def note_deeds(
        self, applied: Sequence[str], known: Mapping[str, Operation], before: Rows, after: Rows
    ) -> None:
        """Write down what each operation did; what takes another one back must put back what that one changed."""
        now = self.step()
        for operation_id in applied:
            operation = known.get(operation_id)
            if operation is None or operation_id in self.deeds:
                continue  # told already, or the network's doing: the ledger has the same request twice
            deed = Deed(
                now,
                _of_document(operation.ref, before, after),
                _of_document(operation.ref, after, before),
            )
            self.deeds[operation_id] = deed
            read = self.read.get(operation.ref, 0)
            self.overrun |= {place for place in deed.changed() if self.foreign.get(place, 0) > read}
            self._look_at_way_back(operation, deed)

    def _look_at_way_back(self, operation: Operation, deed: Deed) -> None:
        first = self.deeds.get(str(operation.reverses_operation_id))
        if first is None or operation.reversibility is not Reversibility.EXACT:
            return
        for (ref, name), (was, _) in first.changed().items():
            is_derived = name in DERIVED.get(ref.model, ())
            is_now = deed.after.get(ref, {}).get(name)
            place = ref, name
            if not is_derived and is_now != was and place not in self.overrun:
                self.breaks(f"{operation.id} put {place} back to {is_now!r}, not to {was!r}")
        for ref, name in deed.changed().keys() - first.changed().keys():
            if name not in DERIVED.get(ref.model, ()) and (ref, name) not in self.overrun:
                self.breaks(f"{operation.id} also changed {ref} {name}, which was not ours")


def _of_document(root: Ref, rows: Rows, others: Rows) -> Rows:
    found = {}
    for ref, row in rows.items():
        known = row or others.get(ref, {})
        if ref == root or any(known.get(name) == root.key for name in _PARENTS):
            found[ref] = row
    return found


class WatchedERP(FakeERP):
    """A fake ERP whose every change has a witness, and whose clock is its own."""

    def __init__(self, settings: ERPSettings, time: MovingTime, observer: Journal) -> None:
        super().__init__(settings)
        self.witness = Witness(observer)
        self._time = time
        self._arrived: set[str] = set()  # requests

    def rows(self) -> Rows:
        """Return every record; a row is never changed in place."""
        return {
            Ref(model, key): row
            for model, table in self.tables.items()
            for key, row in table._rows.items()
        }

    def begin(self) -> None:
        """What is there now is what the way back leads to."""
        self.witness.base = {
            (ref, name): value
            for ref, row in self.rows().items()
            for name, value in row.items()
            if name not in STAMPS
        }
        self.witness.foreign.clear()

    @contextmanager
    def _somebody(self) -> Iterator[None]:
        with self._lock:
            before = self.rows()
            yield
            self.witness.note_edit(before, self.rows())

    def edit(
        self, model: str, key: str, changes: Mapping[str, Any], *, user: str = "somebody"
    ) -> None:
        with self._somebody():
            super().edit(model, key, changes, user=user)

    def insert(self, model: str, fields: Mapping[str, Any], *, user: str = "somebody") -> str:
        with self._somebody():
            return super().insert(model, fields, user=user)

    def receive(self, move_key: str, *, user: str = "warehouse") -> None:
        with self._somebody():
            super().receive(move_key, user=user)

    def do_by_hand(self, action: str, key: str, *, user: str = "anna") -> None:
        with self._somebody():
            super().do_by_hand(action, key, user=user)

    def capture(
        self,
        request_id: str,
        action: str,
        roots: Sequence[tuple[str, str]],
        footprint: Mapping[str, frozenset[str]],
        queries: Mapping[str, Sequence[Query]],
        known: Sequence[Sequence[tuple[str, str]]],
    ) -> Captured:
        with self._lock:
            # Edits that a fault makes before the answer are in it, later ones are not: look at both ends.
            for root in roots:
                self.witness.read[Ref(*root)] = self.witness.moment
            return super().capture(request_id, action, roots, footprint, queries, known)

    def _carry_out(self, arrival: Any, action: str, calls: Sequence[ApplyCall]) -> Refusals:
        before = self.rows()
        # What arrives late or twice is the network's doing: it was looked at when it was sent.
        is_first = arrival.request_id not in self._arrived
        self._arrived.add(arrival.request_id)
        known = self.witness.look(calls, before, is_first=is_first)
        answers = super()._carry_out(arrival, action, calls)
        self.witness.note_deeds(arrival.applied, known, before, self.rows())
        return answers

    def _postpone(self, fault: Any, arrival: Any, action: str, calls: Sequence[ApplyCall]) -> None:
        self._arrived.add(arrival.request_id)
        self.witness.look(calls, self.rows())
        with clock.fixed(self._true_moment):
            super()._postpone(fault, arrival, action, calls)

    def settle_late(self) -> None:
        with clock.fixed(self._true_moment):
            super().settle_late()

    def _true_moment(self) -> datetime:
        return self._time.true_moment()
