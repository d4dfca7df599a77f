"""The fake ERP itself: tables, rules, faults and the ledger behind one door, the same in memory and served."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from connectors.fake.content import Content
from connectors.fake.errors import AnswerLostError, ERPError
from connectors.fake.faults import Fault, FaultKind, FaultPlan, Moment, On
from connectors.fake.ledger import Ledger, LedgerLine, MemoryLedger
from connectors.fake.request import ApplyCall, Captured, ERPSettings, Query, Refusals
from connectors.fake.rules import RULES, Rule, Transaction
from connectors.fake.schema import FIELDS, INDEXED
from connectors.fake.table import Row, Table
from core import clock

VERSION: Final = "1.0"
REMEMBERED_REQUESTS: Final = 1000


_NOTHING_DONE: Final = (FaultKind.UNREACHABLE, FaultKind.BUSY, FaultKind.RATE_LIMITED)
_ANSWER_LOST: Final = (FaultKind.SLOW, FaultKind.LOST, FaultKind.GARBAGE)


@dataclass(slots=True)
class _Late:
    due_at: datetime
    requests_left: int
    line: LedgerLine
    run: Callable[[], tuple[str, ...]]


@dataclass(slots=True)
class _Arrival:
    """One request on its way through: what the ledger will say about it."""

    request_id: str
    do: On
    action: str | None
    operations: tuple[str, ...]
    faults: tuple[Fault, ...]
    applied: tuple[str, ...] = ()
    answered: str = "ok"

    def fault(self, *kinds: FaultKind) -> Fault | None:
        return next((f for f in self.faults if f.kind in kinds), None)


class FakeERP(Content):
    """A small ERP. Every request meets the faults that were ordered and leaves a line in the ledger."""

    def __init__(
        self, settings: ERPSettings | None = None, *, ledger: Ledger | None = None
    ) -> None:
        super().__init__()
        self.settings = settings or ERPSettings()
        self.ledger: Ledger = ledger or MemoryLedger()
        self.faults = FaultPlan()
        self._answers: dict[
            str, Refusals
        ] = {}  # of requests already served, to know one that comes twice
        self._late: list[_Late] = []

    # --- requests ---------------------------------------------------------------------------------

    def login(self, request_id: str, user: str, password: str) -> dict[str, Any]:
        """Answer who the ERP is and what it offers."""
        with self._arrival(request_id, On.LOGIN):
            if user != self.settings.user or password != self.settings.password:
                raise ERPError("login_failed", "Unknown user or wrong password.")
            return {
                "version": VERSION,
                "is_atomic_batch": self.settings.is_atomic_batch,
                "has_compare_and_set": self.settings.has_compare_and_set,
                "sees_everything": self.settings.sees_everything,
            }

    def search(
        self,
        request_id: str,
        model: str,
        criteria: Mapping[str, Sequence[Any]],
        after: str | None,
        limit: int,
    ) -> list[tuple[str, Row]]:
        """Answer rows of a model, key by key, starting behind `after`; `criteria` are field -> allowed values."""
        with self._arrival(request_id, On.DOCUMENTS):
            table = self.table(model)
            allowed = {name: frozenset(values) for name, values in criteria.items()}
            found: list[tuple[str, Row]] = []
            for key in self._candidates(table, allowed, after):
                row = table.get(key)
                if row is not None and all(
                    (key if name == "key" else row[name]) in values
                    for name, values in allowed.items()
                ):
                    found.append((key, row))
                    if len(found) == limit:
                        break
            return found

    def read(
        self, request_id: str, model: str, keys: Sequence[str], fields: Sequence[str]
    ) -> list[Row | None]:
        """Answer fields of records, in the order of `keys`; None for one that does not exist."""
        with self._arrival(request_id, On.READ, None, keys):
            table = self.table(model)
            unknown = set(fields) - FIELDS[model]
            if unknown:
                raise ERPError("not_found", f"field {model}.{min(unknown)}")
            rows = (table.get(key) for key in keys)
            return [None if row is None else {name: row[name] for name in fields} for row in rows]

    def capture(
        self,
        request_id: str,
        action: str,
        roots: Sequence[tuple[str, str]],
        footprint: Mapping[str, frozenset[str]],
        queries: Mapping[str, Sequence[Query]],
        known: Sequence[Sequence[tuple[str, str]]],
    ) -> Captured:
        """Answer, per document, the records of its footprint and the records that were known before."""
        with self._arrival(request_id, On.CAPTURE, action, [key for _, key in roots]):
            whole = {model: fields >= FIELDS[model] for model, fields in footprint.items()}

            def shown(model: str, key: str) -> tuple[str, str, Row | None]:
                row = self.table(model).get(key)
                if row is None or whole[model]:
                    return model, key, row
                return model, key, {name: row[name] for name in footprint[model]}

            answer: Captured = []
            for (model, key), before in zip(roots, known, strict=True):
                asked = queries.get(model)
                if not asked and (not before or before == [(model, key)]):
                    answer.append([shown(model, key)])
                    continue
                refs = {(model, key), *before}
                root = self.table(model).get(key)
                for query in asked or ():
                    if not query.is_parent:
                        children = self.tables[query.model].children(query.field, key)
                        refs.update((query.model, child) for child in children)
                    elif root is not None and root[query.field] is not None:
                        refs.add((query.model, root[query.field]))
                answer.append([shown(*ref) for ref in sorted(refs)])
            return answer

    def apply(self, request_id: str, action: str, calls: Sequence[ApplyCall]) -> Refusals:
        """Carry out calls of one action; answer None (yes) or a refusal for each.

        Raises `ERPError` when the whole request is refused, and nothing of it is done then.
        """
        keys = [call.key for call in calls]
        operations = tuple(call.operation_id for call in calls)
        with self._arrival(request_id, On.APPLY, action, keys, operations) as arrival:
            if action not in RULES:
                raise ERPError("not_found", f"action {action}")
            if request_id in self._answers:
                arrival.answered = "duplicate"
                return self._answers[request_id]
            answers = self._answer_apply(arrival, action, calls)
            self._answers[request_id] = answers
            if len(self._answers) > REMEMBERED_REQUESTS:
                del self._answers[next(iter(self._answers))]
            return answers

    def _answer_apply(self, arrival: _Arrival, action: str, calls: Sequence[ApplyCall]) -> Refusals:
        late = arrival.fault(FaultKind.LATE)
        if late is not None:
            self._postpone(late, arrival, action, calls)
            return [None] * len(calls)
        if arrival.fault(FaultKind.HALF):
            self._carry_out(arrival, action, calls[: len(calls) // 2])
            raise AnswerLostError("lost")
        answers = self._carry_out(arrival, action, calls)
        twice = arrival.fault(FaultKind.TWICE)
        if twice is not None:
            second = _Arrival(arrival.request_id, arrival.do, action, arrival.operations, (twice,))
            again = answers
            try:
                if twice.is_deduplicated:
                    second.answered = "duplicate"
                else:
                    again = self._carry_out(second, action, calls)
            except ERPError as error:
                second.answered = error.code
                if twice.is_second_answered:
                    raise
            finally:
                self._note(second)
            return again if twice.is_second_answered else answers
        return answers

    def _carry_out(self, arrival: _Arrival, action: str, calls: Sequence[ApplyCall]) -> Refusals:
        """Run the rule for each call: all or none where a batch is atomic, each for itself where not."""
        model, rule = RULES[action]
        tx = Transaction(self.tables, self.settings.user, self.tick())
        bad = [f for f in arrival.faults if f.kind == FaultKind.BAD_DOCUMENT]
        idle = [f.key for f in arrival.faults if f.kind == FaultKind.NO_EFFECT]
        answers: Refusals = []
        applied: list[str] = []
        for call in calls:
            mark = tx.mark
            try:
                self._run(tx, model, rule, call, bad)
            except ERPError as error:
                if self.settings.is_atomic_batch:
                    tx.undo()
                    is_named = all(f.is_named for f in bad if f.key == call.key)
                    error.offenders = (call.operation_id,) if is_named else ()
                    raise
                tx.undo(mark)
                answers.append(error)
                continue
            answers.append(None)
            if idle and (None in idle or call.key in idle):
                tx.undo(mark)
            else:
                applied.append(call.operation_id)
        arrival.applied = tuple(applied)
        return answers

    def _run(
        self, tx: Transaction, model: str, rule: Rule, call: ApplyCall, bad: Sequence[Fault]
    ) -> None:
        for fault in bad:
            if fault.key == call.key:
                raise ERPError(fault.code, fault.said)
        if self.settings.has_compare_and_set:
            for expected_model, key, version in call.expected:
                row = self.table(expected_model).get(key)
                if (None if row is None else row["version"]) != version:
                    raise ERPError("stale", f"{expected_model} {key} was changed meanwhile.")
        if model and call.model != model:
            raise ERPError("missing", f"{call.model} {call.key} is no {model}.")
        key = call.key if model else f"{call.model},{call.key}"
        tx.operation_id, tx.arguments = call.operation_id, call.arguments
        rule(tx, key)

    def _postpone(
        self, fault: Fault, arrival: _Arrival, action: str, calls: Sequence[ApplyCall]
    ) -> None:
        later = _Arrival(arrival.request_id, arrival.do, action, arrival.operations, ())

        def run() -> tuple[str, ...]:
            try:
                self._carry_out(later, action, calls)
            except ERPError:
                return ()
            return later.applied

        line = LedgerLine(arrival.request_id, "late", action, arrival.operations)
        due_at = clock.now() + timedelta(seconds=fault.after_seconds)
        self._late.append(_Late(due_at, fault.after_requests, line, run))
        if not fault.is_answered:
            raise AnswerLostError("slow", fault.seconds)

    # --- what every request passes through ----------------------------------------------------------

    @contextmanager
    def _arrival(
        self,
        request_id: str,
        do: On,
        action: str | None = None,
        keys: Sequence[str] = (),
        operations: tuple[str, ...] = (),
    ) -> Iterator[_Arrival]:
        """Meet faults before and after the work, and write the ledger line before any answer leaves."""
        if self.settings.latency_seconds:
            clock.sleep(self.settings.latency_seconds)
        with self._lock:
            self.settle_late()
            faults = self.faults.met(do, action, keys)
            arrival = _Arrival(request_id, do, action, operations, faults)
            try:
                self._meet_before(arrival)
                yield arrival
                self._meet_after(arrival)
            except ERPError as error:
                arrival.answered = error.code
                raise
            except AnswerLostError:
                arrival.answered = "nothing"
                raise
            finally:
                self._note(arrival)

    def _meet_before(self, arrival: _Arrival) -> None:
        for fault in arrival.faults:
            self._meddle(fault, Moment.BEFORE)
        for fault in arrival.faults:
            if fault.kind in _NOTHING_DONE:
                raise ERPError(str(fault.kind), fault.said, retry_after=fault.retry_after)
            if fault.kind == FaultKind.REFUSED:
                raise ERPError(fault.code, fault.said)
            if not fault.is_applied:
                self._lose(fault)

    def _meet_after(self, arrival: _Arrival) -> None:
        for fault in arrival.faults:
            self._meddle(fault, Moment.AFTER)
        for fault in arrival.faults:
            if fault.is_applied:
                self._lose(fault)

    def _lose(self, fault: Fault) -> None:
        if fault.kind in _ANSWER_LOST:
            raise AnswerLostError(str(fault.kind), fault.seconds)
        if fault.kind == FaultKind.SERVER_ERROR:
            raise ERPError("server_error", fault.said)

    def _meddle(self, fault: Fault, moment: Moment) -> None:
        if fault.moment != moment:
            return
        record = fault.record or fault.key
        if fault.kind == FaultKind.EDIT and record is not None:
            self.edit(fault.model, record, fault.changes, user=fault.user)
        elif fault.kind == FaultKind.DELETE and record is not None:
            self.delete(fault.model, record, user=fault.user)

    def _note(self, arrival: _Arrival) -> None:
        self.ledger.write(
            LedgerLine(
                arrival.request_id,
                str(arrival.do),
                arrival.action,
                arrival.operations,
                arrival.applied,
                arrival.answered,
                tuple(str(fault.kind) for fault in arrival.faults),
            )
        )

    def _candidates(
        self, table: Table, allowed: Mapping[str, frozenset[Any]], after: str | None
    ) -> Iterator[str]:
        for name, values in allowed.items():
            if name == "key":
                keys = iter(sorted(values))
                break
            if name in INDEXED[table.model]:
                keys = iter([key for v in sorted(values) for key in table.children(name, v)])
                break
        else:
            yield from table.all_keys(after)
            return
        if after is not None:
            for key in keys:
                if key == after:
                    break
        yield from keys

    def settle_late(self) -> None:
        """Do what was postponed and is due now."""
        with self._lock:
            waiting, self._late = self._late, []
            for late in waiting:
                late.requests_left -= 1
                if late.requests_left > 0 or clock.now() < late.due_at:
                    self._late.append(late)
                    continue
                line = late.line
                self.ledger.write(
                    LedgerLine(line.request_id, line.do, line.action, line.operations, late.run())
                )
