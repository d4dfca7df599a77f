"""One batch of calls: what the ERP's own program would refuse, what is written, what is looked at before COMMIT."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from config.recipes import DOCUMENT, LINES
from connectors.odbc.document_rows import PERIOD
from connectors.odbc.images import DATABASE, Images, Part, Row
from connectors.odbc.written import Write
from core.errors import PeriodLocked, StaleRecord, StateRefused
from core.text import N_

if TYPE_CHECKING:
    from connectors.contract import Call, Record
    from connectors.odbc.periods import KindPeriod
    from connectors.odbc.recipe_actions import RecipeAction
    from connectors.odbc.values import Change


def refuse(system: str, action: RecipeAction, calls: Sequence[Call]) -> None:
    """Say no where the ERP's own program would: a database itself refuses nothing."""
    found = [
        (call, problem)
        for call in calls
        if call.before.get(call.step.ref) is not None
        for problem in action.problems(call.step, call.before)
    ]
    if found:
        _, problem = found[0]
        kind = PeriodLocked if problem.code == "period_closed" else StateRefused
        raise kind(
            system=system,
            said=problem.text,
            offenders=tuple(dict.fromkeys(each.operation_id for each, _ in found)),
        )


def writes_of(action: RecipeAction, calls: Sequence[Call], moment: datetime) -> Iterator[Write]:
    """Yield what calls write; every row of their documents must be as the images say, written or not."""
    keys = {part.table: part.key for part in action.parts}
    guarded = {
        action.rules.table_of(place).table
        for place in (DOCUMENT, LINES)
        if place in action.rules.places()
    }
    names = {
        part.table: tuple(sorted(part.fields - {DATABASE, PERIOD}))
        for part in action.parts
        if part.table in guarded
    }
    nothing: Mapping[str, Change] = {}
    for call in calls:
        step, before = call.step, call.before
        changes = {
            each.ref: each.changes
            for each in action.changes(step, before, action.writer(step, moment))
        }
        for record in before.records:
            ref = record.ref
            expected = names.get(ref.model)
            if expected is None or record.fields is None:
                continue
            yield Write(
                call.operation_id,
                ref,
                keys[ref.model],
                expected,
                changes.get(ref, nothing),
                record,
            )


def require_unchanged(
    system: str, action: RecipeAction, calls: Sequence[Call], images: Images, period: KindPeriod
) -> None:
    """Refuse when a line came or went, or the period was closed, since the images were read."""
    documents = [
        (call, record)
        for call in calls
        if (record := call.before.get(call.step.ref)) is not None and record.fields is not None
    ]
    lines = action.rules.lines
    part = next((p for p in action.parts[1:] if lines is not None and p.table == lines.table), None)
    if part is not None:
        _require_lines(system, part, calls, [record for _, record in documents], images)
    if not period.is_known:
        return
    period.forget()
    locked = [
        call.operation_id
        for call, record in documents
        if record.fields is not None
        and record.fields.get(PERIOD) != "closed"
        and period.of(record.fields) == "closed"
    ]
    if locked:
        raise PeriodLocked(system=system, said="the period was closed", offenders=tuple(locked))


def _require_lines(
    system: str, part: Part, calls: Sequence[Call], documents: Sequence[Record], images: Images
) -> None:
    # The documents were read under a lock and are as in the images: they need no second look.
    owners = [
        Row(record.ref.key, dict(record.fields), record.raw)
        for record in documents
        if record.fields is not None
    ]
    # Each of these lines is locked and hangs where it hung: as many lines are the same lines.
    count = sum(len(call.before.of_model(part.table)) for call in calls)
    if images.count_linked(part, owners) == count:
        return
    was = {r.ref.key: call for call in calls for r in call.before.of_model(part.table)}
    there = {row.key for _, row in images.linked(part, owners, fields=part.key)}
    if there != was.keys():
        gone = [was[key].operation_id for key in was.keys() - there]
        raise StaleRecord(
            N_("{system}: a line of {model} came or went meanwhile."),
            system=system,
            said=part.table,
            model=part.table,
            offenders=tuple(sorted(set(gone))),
        )
