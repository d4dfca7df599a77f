"""Safe writes: one transaction a batch, nothing compared by the database, nothing believed before it was read back.

1. Read every record of the batch under a lock.
2. Compare in Python, byte for byte, with what the batch relies on. A collation that takes `y` for `Y` has no say.
3. Update by key, records with the same new values together, and count the rows.
4. Read everything back within the transaction and compare again: a trigger may have had another mind.
5. Ask the caller once more (`before_commit`), then COMMIT.

Any error before COMMIT gives the connection up: certain that nothing happened. When the answer to COMMIT is lost, the
records are read again under a lock, which waits for whatever is still at work: they tell.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from operator import attrgetter
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from connectors.contract import Ref
from connectors.odbc.errors import with_offenders
from connectors.odbc.images import Images, Row, column_of
from connectors.odbc.values import Cell, Change, Sort, is_same, many_key_values
from connectors.odbc.written import Cells, Done, Write, groups, holds, operations, read_back
from core.errors import (
    Busy,
    ContractBroken,
    NotAllowed,
    OutcomeUnknown,
    RecordMissing,
    RefusedError,
    Rejected,
    StaleRecord,
    StornoError,
)
from core.text import N_, Text

if TYPE_CHECKING:
    from connectors.odbc.connection import Database
    from connectors.odbc.session import Session
    from connectors.odbc.values import Table


class Settled(StrEnum):
    """What the records tell about a COMMIT whose answer was lost."""

    DONE = "done"
    NOT_DONE = "not_done"
    UNKNOWN = "unknown"


Check = Callable[["Session", Images], None]
"""Looks at what was written, within the transaction; whatever it raises takes everything back."""


def write(
    database: Database,
    writes: Sequence[Write],
    *,
    check: Check | None = None,
    before_commit: Callable[[], None] | None = None,
) -> None:
    """Carry out a batch in one transaction, all of it or nothing.

    Raises `RefusedError` (with `offenders` where they are known) and `TransientError` when certainly nothing
    happened, `OutcomeUnknown` when the answer to the COMMIT was lost and the records do not tell either.
    """
    _require_transactions(database, writes)
    done = Done()
    with database.writing() as session:
        images = Images(session)
        _write(session, images, writes, done)
        read_back(session, images, done)
        if check is not None:
            check(session, images)
        session.make_ready()
        if before_commit is not None:
            before_commit()  # Nothing but the COMMIT comes after it.
        try:
            session.commit()
        except OutcomeUnknown as error:
            lost: StornoError = error
        else:
            return
    before, after = done.states()
    match settle(database, before, after, {each.ref: each.key for each, _ in done.found}):
        case Settled.DONE:
            return
        case Settled.NOT_DONE:
            raise Busy(system=database.system, problem=lost.details["problem"]) from lost
        case Settled.UNKNOWN:
            raise lost


def settle(
    database: Database,
    before: Mapping[Ref, Mapping[str, Cell]],
    after: Mapping[Ref, Mapping[str, Cell]],
    keys: Mapping[Ref, tuple[str, ...]],
) -> Settled:
    """Read under a lock what a lost COMMIT has left: all as before, all as after, or neither."""
    tables: dict[tuple[str, tuple[str, ...]], list[Ref]] = defaultdict(list)
    for ref, key in keys.items():
        tables[ref.model, key].append(ref)
    try:
        with database.writing() as session:
            images = Images(session)
            found = {
                Ref(table, text): row
                for (table, columns), refs in tables.items()
                for text, row in images.rows(
                    table,
                    columns,
                    [ref.key for ref in refs],
                    {name for ref in refs for name in after[ref]},
                    lock=True,
                ).items()
            }
    except StornoError:
        return Settled.UNKNOWN

    def stands(ref: Ref, row: Row | Mapping[str, Cell] | None, cells: Mapping[str, Cell]) -> bool:
        live = database.table(ref.model)
        return row is not None and holds(row, cells, live, database.dialect)

    if all(stands(ref, before[ref], after[ref]) for ref in after):
        return Settled.UNKNOWN  # nothing was to change, so nothing can tell
    if all(stands(ref, found.get(ref), after[ref]) for ref in after):
        return Settled.DONE
    if all(stands(ref, found.get(ref), before[ref]) for ref in before):
        return Settled.NOT_DONE
    return Settled.UNKNOWN


_by_ref: Final = attrgetter("ref")

# --- the steps ----------------------------------------------------------------------------------


def _require_transactions(database: Database, writes: Iterable[Write]) -> None:
    for name in {each.ref.model for each in writes}:
        reason = no_transactions(database.table(name))
        if reason is not None:
            raise NotAllowed(reason=reason, table=name)


def no_transactions(table: Table) -> Text | None:
    """Return why nothing may be written to a table that keeps no transactions, or a view of which nobody can tell."""
    if table.is_transactional:
        return None
    if table.is_transactional is None:
        return Text(
            N_(
                "nobody can tell which tables lie behind the view {table}, and whether they keep transactions:"
                " grant SHOW VIEW on it and SELECT on its tables, or name its table in the recipe"
            ),
            {"table": table.name},
        )
    return Text(
        N_(
            "the table {table} keeps no transactions, so nothing could be taken back; a person closes"
        ),
        {"table": table.name},
    )


def _write(session: Session, images: Images, writes: Sequence[Write], done: Done) -> None:
    by_table: dict[tuple[str, tuple[str, ...]], list[Write]] = defaultdict(list)
    for each in writes:
        by_table[each.ref.model, each.key].append(each)
    # First every lock, then every write: a refusal costs no write, and the order is the same for all.
    read: list[tuple[Write, Row | None]] = []
    for (table, key), members in by_table.items():
        records = [each.record for each in members if each.record is not None]
        if len(records) == len(members) and images.stands(table, key, records):
            done.found += [(each, each.was) for each in members if each.changes]
            continue
        names = {name for each in members for name in (*each.expected, *each.changes)}
        rows = images.rows(table, key, [each.ref.key for each in members], names, lock=True)
        read += [(each, rows.get(each.ref.key)) for each in members]
    done.found += _compared(session.database.system, read)
    for (table, key), members in by_table.items():
        live = session.database.table(table)
        _require_writable(live, members)
        for changes, group in groups(members):
            _update(session, live, key, changes, group)


def _compared(system: str, read: Sequence[tuple[Write, Row | None]]) -> list[tuple[Write, Cells]]:
    """Return what is to be changed, with what stands there.

    Raises a refusal that names every operation whose records are no longer as it relies on.
    """
    found = [(each, row) for each, row in read if row is not None]
    missing = [each for each, row in read if row is None]
    if missing:
        raise RecordMissing(
            N_("{system}: {model} {key} does not exist any more."),
            system=system,
            said=str(missing[0].ref),
            model=missing[0].ref.model,
            key=missing[0].ref.key,
            offenders=operations(missing),
        )
    stale = [
        (each, name)
        for each, row in found
        for name in each.expected
        if not is_same(row.cell(name), each.was(name))
    ]
    if stale:
        each, name = stale[0]
        raise StaleRecord(
            N_("{system}: {model} {key} was changed by somebody else: {field}."),
            system=system,
            said=f"{each.ref}: {name}",
            model=each.ref.model,
            key=each.ref.key,
            field=name,
            offenders=operations([each for each, _ in stale]),
        )
    return [(each, row.cell) for each, row in found if each.changes]


def _require_writable(live: Table, members: Sequence[Write]) -> None:
    # Many records share the very same changes.
    different = {id(each.changes): each.changes for each in members}
    for name in {name for changes in different.values() for name in changes}:
        if column_of(live, name).is_generated:
            raise ContractBroken(problem=f"{live.name}.{name} is filled by the database alone")


def _update(
    session: Session,
    live: Table,
    key: Sequence[str],
    changes: Mapping[str, Change],
    group: Sequence[Write],
) -> None:
    dialect = session.dialect
    columns = [column_of(live, name) for name in key]
    try:
        values = {
            dialect.column(name): dialect.changed(column_of(live, name), change)
            for name, change in changes.items()
        }
    except (ValueError, ArithmeticError) as error:
        raise Rejected(
            N_("{system}: a column of {model} cannot hold the value that was to be written."),
            system=session.database.system,
            said=str(error),
            model=live.name,
            offenders=operations(group),
        ) from error
    written = [*columns, *(column_of(live, name) for name in changes)]
    has_zone = any(column.sort is Sort.ZONED for column in written)
    table = dialect.table(live.name, *changes)
    chunk = max(1, min(dialect.chunk(len(columns)), dialect.chunk(1) - len(changes)))
    ordered = sorted(group, key=_by_ref)
    for start in range(0, len(ordered), chunk):
        part = ordered[start : start + chunk]
        keys = many_key_values(columns, [each.ref.key for each in part])
        statement = dialect.with_keys(sa.update(table).values(values), columns, keys)
        try:
            count = session.change(statement, has_zone=has_zone)
        except RefusedError as error:
            # The database does not say which of them it did not like.
            offenders = operations(part) if len({e.operation for e in part}) == 1 else ()
            raise with_offenders(error, offenders) from error
        if count != len(part):
            raise Rejected(
                N_("{system}: an update of {model} met {found} rows instead of {expected}."),
                system=session.database.system,
                said=f"{live.name}: {count} != {len(part)}",
                model=live.name,
                found=count,
                expected=len(part),
            )
