"""One batch of calls: what the ERP's own program would refuse, what is written, what is looked at before COMMIT."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING

from config.recipes import DOCUMENT, LINES
from connectors.contract import Image
from connectors.odbc.document_rows import PERIOD
from connectors.odbc.images import DATABASE, Images, Part, Row
from connectors.odbc.written import Write
from core.errors import BadInput, PeriodLocked, Rejected, StaleRecord, StateRefused
from core.text import N_, Text

if TYPE_CHECKING:
    from connectors.contract import Call, Problem, Record
    from connectors.odbc.periods import KindPeriod
    from connectors.odbc.recipe_actions import RecipeAction
    from connectors.odbc.values import Change


def refuse(system: str, action: RecipeAction, calls: Sequence[Call]) -> None:
    """Say no where the ERP's own program would: a database itself refuses nothing."""
    found = [
        (call, problem)
        for call in calls
        if call.before.get(call.step.ref) is not None
        for problem in action.refusals(call.step, call.before)
    ]
    _refuse(system, found)


def _refuse(system: str, found: Sequence[tuple[Call, Problem]]) -> None:
    if found:
        _, problem = found[0]
        kind = PeriodLocked if problem.code == "period_closed" else StateRefused
        raise kind(
            system=system,
            said=problem.text,
            offenders=tuple(dict.fromkeys(each.operation_id for each, _ in found)),
        )


def writes_of(
    system: str, action: RecipeAction, calls: Sequence[Call], moment: datetime
) -> list[Write]:
    """Return what calls write; every row of their documents must be as the images say, written or not.

    Raises `Rejected`, with every call whose rows or live columns the recipe cannot work with.
    """
    guarded = {
        action.rules.table_of(place).table
        for place in (DOCUMENT, LINES)
        if place in action.rules.places()
    }
    tables = {
        part.table: (part.key, tuple(sorted(part.fields - {DATABASE, PERIOD})))
        for part in action.parts
        if part.table in guarded
    }
    nothing: Mapping[str, Change] = {}
    writes: list[Write] = []
    unfit: dict[str, BadInput] = {}
    for call in calls:
        step, before = call.step, call.before
        try:
            changes = dict(action.changes(step, before, action.writer(step, moment)))
        except BadInput as error:
            unfit[call.operation_id] = error
            continue
        for record in before.records:
            ref = record.ref
            table = tables.get(ref[0])
            if table is not None and record.fields is not None:
                writes.append(
                    Write(call.operation_id, ref, *table, changes.get(ref, nothing), record)
                )
    if unfit:
        first = next(iter(unfit.values()))
        raise Rejected(system=system, said=first.text, offenders=tuple(unfit)) from first
    return writes


def require_unchanged(
    system: str, action: RecipeAction, calls: Sequence[Call], images: Images, period: KindPeriod
) -> None:
    """Refuse when a line came or went, what hangs on it forbids it now, or the period was closed since the images.

    Asked within the transaction, whose rows are locked by then: what was committed before is seen. A database that
    locks gaps lets nothing come after it either; on the others, what a program of the ERP commits into another table
    alone between this question and COMMIT, some milliseconds, is found by whoever looks at the order next.
    """
    documents = [
        (call, record)
        for call in calls
        if (record := call.before.get(call.step.ref)) is not None and record.fields is not None
    ]
    there: dict[str, list[Record]] = defaultdict(list)
    for call in calls:
        for each in call.before.records:
            if each.fields is not None:
                there[each.ref.model].append(each)
    lines = action.rules.lines
    part = next((p for p in action.parts[1:] if lines is not None and p.table == lines.table), None)
    if part is not None:
        _require_lines(system, part, calls, [r for _, r in documents], there[part.table], images)
    _require_others(system, action, calls, there, images)
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
        raise PeriodLocked(
            system=system,
            said=Text(N_("its period was closed meanwhile")),
            offenders=tuple(locked),
        )


def _require_lines(
    system: str,
    part: Part,
    calls: Sequence[Call],
    documents: Sequence[Record],
    lines: Sequence[Record],
    images: Images,
) -> None:
    # The documents were read under a lock and are as in the images: they need no second look. Each of these lines is
    # locked and hangs where it hung: as many lines are the same lines.
    if images.count_linked(part, [r.fields for r in documents if r.fields]) == len(lines):
        return
    owners = [
        Row(record.ref.key, dict(record.fields), record.raw)
        for record in documents
        if record.fields is not None
    ]
    was = {r.ref.key: call for call in calls for r in call.before.of_model(part.table)}
    there = {row.key: home for home, row in images.linked(part, owners, fields=part.key)}
    if there.keys() != was.keys():
        moved = {was[key].operation_id for key in was.keys() - there.keys()}
        new = {there[key] for key in there.keys() - was.keys()}
        moved |= {call.operation_id for call in calls if call.step.ref.key in new}
        raise StaleRecord(
            N_("{system}: a line of {model} came or went meanwhile."),
            system=system,
            said=part.table,
            model=part.table,
            offenders=tuple(sorted(moved)),
        )


def _require_others(
    system: str,
    action: RecipeAction,
    calls: Sequence[Call],
    there: Mapping[str, Sequence[Record]],
    images: Images,
) -> None:
    """Refuse what the rows of related tables forbid as they are now.

    What takes back was judged by business that came later: it must be the same business still.
    """
    asking, weighing = action.looked_at
    parts = [part for part in action.parts if part.table in asking | weighing]
    if not parts or _still_hang(parts, there, images):
        return
    then = {
        part.table: [[r for r in call.before.of_model(part.table) if r.exists] for call in calls]
        for part in parts
    }
    now = _as_they_are(parts, calls, images)
    moved = [
        place
        for place, call in enumerate(calls)
        if any(now[part.table][place] != then[part.table][place] for part in parts)
    ]
    tables = {part.table for part in parts}
    found = []
    for place in moved:
        call = calls[place]
        kept = [each for each in call.before.records if each.ref.model not in tables]
        new = [record for table in tables for record in now[table][place]]
        image = Image(tuple(sorted([*kept, *new], key=attrgetter("ref"))))
        found += [(call, problem) for problem in action.problems(call.step, image)]
    _refuse(system, found)
    stale = [
        (calls[place].operation_id, table)
        for place in moved
        for table in sorted(weighing)
        if now[table][place] != then[table][place]
    ]
    if stale:
        raise StaleRecord(
            N_("{system}: what hangs on it in {model} changed meanwhile."),
            system=system,
            said=stale[0][1],
            model=stale[0][1],
            offenders=tuple(dict.fromkeys(operation for operation, _ in stale)),
        )


def _still_hang(
    parts: Sequence[Part], there: Mapping[str, Sequence[Record]], images: Images
) -> bool:
    """Whether everything in related tables is known again by its marks; False also where that cannot be told so."""
    return all(
        images.still_linked(
            part,
            [r.fields for r in there.get(part.owner or "", ()) if r.fields],
            there.get(part.table, ()),
        )
        for part in parts
    )


def _as_they_are(
    parts: Sequence[Part], calls: Sequence[Call], images: Images
) -> dict[str, list[list[Record]]]:
    """Return, per related table, the records of each call as they are now, sorted."""
    found: dict[str, list[list[Record]]] = {}
    for part in parts:
        here: list[list[Record]] = [[] for _ in calls]
        found[part.table] = here
        owners: dict[str, Row] = {}
        homes: dict[str, list[int]] = {}
        for place, call in enumerate(calls):
            above = found.get(part.owner or "")
            for record in call.before.of_model(part.owner or "") if above is None else above[place]:
                if record.fields is not None:
                    owners[record.ref.key] = Row(record.ref.key, dict(record.fields), record.raw)
                    homes.setdefault(record.ref.key, []).append(place)
        for home, row in images.linked(part, owners.values(), hold=True):
            for place in homes[home]:
                here[place].append(row.record(part.table, part.fields))
        for records in here:
            records.sort(key=attrgetter("ref"))
    return found
