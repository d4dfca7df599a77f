"""What a close, a reopening or a way back changes in the rows of a document.

Everything here is worked out from rows that were read, without a database: the same code plans a close from locked
rows, and tells a test what it would do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from config.expressions import Expression
from config.recipes import DOCUMENT, LINES, KindRecipe
from connectors.contract import Image, Record, Ref
from connectors.odbc.document_rows import RowChange, Rows
from connectors.odbc.formulas import (
    Row,
    Sight,
    Worked,
    Writer,
    looks_at_each,
    ready,
    ready_condition,
)
from connectors.odbc.values import Cell, Change, New
from core import encoding
from core.encoding import Value
from core.errors import ContractBroken

if TYPE_CHECKING:
    from config.recipes import WriteRule


@dataclass(slots=True)
class _Draft:
    """Rows on their way to what they will be."""

    document: dict[str, Value]
    lines: dict[Ref, dict[str, Value]]
    raw: dict[tuple[Ref, str], str] = field(default_factory=dict)

    def sight(self, writer: Writer | None, kept: Value = None) -> Sight:
        return Sight({LINES: tuple(self.lines.values())}, writer, kept)


class _LineWrite(NamedTuple):
    """What is written to lines that are alike: their new values, and the changes that make them so."""

    values: Mapping[str, Value]
    changes: Mapping[str, Change]


class _Rule:
    """The assignments of a write, made ready."""

    def __init__(self, rule: WriteRule) -> None:
        self.where = ready_condition(rule.lines_where) if rule.lines_where is not None else None
        self.lines = _ready_all(rule.lines)
        self.known: dict[tuple[Any, ...], _LineWrite | None] = {}
        self.known_whole: dict[tuple[Any, ...], Mapping[str, Change] | None] = {}
        self.writer: Writer | None = None
        self.document = _ready_all(rule.document)


def _ready_all(assignments: Mapping[str, Expression]) -> dict[str, Worked]:
    return {name: ready(each) for name, each in assignments.items()}


class Scribe:
    """Works out what is written for one kind of a recipe.

    `fit` turns a value into what the live column of a table holds.
    """

    def __init__(self, kind: KindRecipe, fit: Callable[[str, str, Value], Value]) -> None:
        self._kind = kind
        self._fit = fit
        self._close = _Rule(kind.close) if kind.close is not None else None
        self._reopen = _Rule(kind.reopen) if kind.reopen is not None else None
        self._line_rules = _ready_all(kind.recomputed.lines)
        self._document_rules = _ready_all(kind.recomputed.document)
        self._advances: dict[str, dict[str, Worked]] = {
            place: _ready_all(kind.table_of(place).advances)
            for place in (DOCUMENT, LINES)
            if place in kind.places()
        }
        self._line_inputs = sorted(
            {name for each in kind.recomputed.lines.values() for name in each.columns()}
        )
        self._line_needs = _reader(_needs(kind, LINES))
        self._document_needs = _reader(_needs(kind, DOCUMENT))
        self._looks_at_each = all(looks_at_each(each) for _, each in _assigned(kind, DOCUMENT))
        rules = kind.recomputed.document
        self._document_inputs = sorted(
            {name for each in rules.values() for name in each.columns()} - rules.keys()
        )
        self._lines_inputs = sorted(
            {name for each in rules.values() for name in each.places().get(LINES, ())}
        )

    def close(self, rows: Rows, writer: Writer, chosen: Sequence[str] = ()) -> list[RowChange]:
        """Return what a close writes; `chosen` are keys of lines, none for every line."""
        return self._write(self._close, rows, writer, chosen, is_reopening=False)

    def reopen(self, rows: Rows, writer: Writer, chosen: Sequence[str] = ()) -> list[RowChange]:
        """Return what reopening writes when nobody knows what stood there before."""
        return self._write(self._reopen, rows, writer, chosen, is_reopening=True)

    def _write(
        self,
        rule: _Rule | None,
        rows: Rows,
        writer: Writer,
        chosen: Sequence[str],
        *,
        is_reopening: bool,
    ) -> list[RowChange]:
        if rule is None or rows.document is None:
            raise ContractBroken(problem="the recipe does not write this")
        if rule.writer != writer:
            rule.writer = writer
            rule.known.clear()
            rule.known_whole.clear()
        lines = list(zip(rows.line_refs, rows.of(LINES), strict=True))
        marks = [_mark(row, self._line_needs) for _, row in lines]
        written = [
            self._line_write(rule, mark, row, writer, is_reopening=is_reopening)
            if rule.lines and (not chosen or ref.key in chosen)
            else None
            for mark, (ref, row) in zip(marks, lines, strict=True)
        ]
        found = [
            RowChange(ref, each.changes)
            for (ref, _), each in zip(lines, written, strict=True)
            if each is not None and each.changes
        ]
        # Documents whose lines are alike get the same; of most runs, that is nearly every one.
        whole = (*_mark(rows.document, self._document_needs), frozenset(marks))
        may_know = self._looks_at_each and not chosen
        if may_know and whole in rule.known_whole:
            changes = rule.known_whole[whole]
        else:
            draft = _Draft(dict(rows.document), {ref: dict(row) for ref, row in lines})
            for (ref, _), each in zip(lines, written, strict=True):
                draft.lines[ref].update({} if each is None else each.values)
            changes = self._document_changes(rule, rows, draft, writer)
            if may_know:
                rule.known_whole[whole] = changes
        return found if changes is None else [*found, RowChange(rows.ref, changes)]

    def _document_changes(
        self, rule: _Rule, rows: Rows, draft: _Draft, writer: Writer
    ) -> Mapping[str, Change] | None:
        before, sight = rows.document or {}, draft.sight(writer)
        draft.document.update(
            {name: self._own(name, work(before, sight)) for name, work in rule.document.items()}
        )
        self._recompute_document(draft, writer)
        found = list(self._row_change(DOCUMENT, rows.ref, before, draft.document, draft))
        return found[0].changes if found else None

    def _line_write(
        self,
        rule: _Rule,
        mark: tuple[Any, ...],
        row: Row,
        writer: Writer,
        *,
        is_reopening: bool,
    ) -> _LineWrite | None:
        """Return what is written to a line, None where nothing is; worked out once for all that are alike."""
        if mark in rule.known:
            return rule.known[mark]
        found: _LineWrite | None = None
        sight = Sight(writer=writer)
        if rule.where is None or rule.where(row, sight):
            # Every assignment sees the row as it was, as in SQL.
            new = {name: self._line(name, work(row, sight)) for name, work in rule.lines.items()}
            line = {**row, **new}
            if is_reopening:
                self._recompute_line(line, dict(line), writer)
            changed = list(self._row_change(LINES, Ref("", ""), row, line, _Draft({}, {})))
            found = _LineWrite(
                {name: line[name] for name in (*new, *(self._line_rules if is_reopening else ()))},
                changed[0].changes if changed else {},
            )
        rule.known[mark] = found
        return found

    def _recompute_line(self, line: dict[str, Value], kept: Row, writer: Writer | None) -> None:
        found = {
            name: self._line(name, work(kept, Sight(writer=writer, kept=kept[name])))
            for name, work in self._line_rules.items()
        }
        line.update(found)

    def _recompute_document(self, draft: _Draft, writer: Writer | None) -> None:
        row = dict(draft.document)
        for name, work in self._document_rules.items():
            draft.document[name] = self._own(name, work(row, draft.sight(writer, row[name])))

    # --- the way back -----------------------------------------------------------------------

    def way_back(
        self, ref: Ref, before: Image, after: Image, worked_out_from: Image | None = None
    ) -> dict[str, Value]:
        """Return the arguments that put back every cell of ours that differs between two images.

        The inputs of recomputed columns go with them, so that the way back can tell whether business came
        meanwhile: without any, what stood there returns to the last letter. They are those of `worked_out_from`
        where that is another image than `before`.
        """
        inputs = worked_out_from or before
        found: dict[str, Value] = {}
        tables = {self._kind.document.table: DOCUMENT}
        if self._kind.lines is not None:
            tables[self._kind.lines.table] = LINES
        for record in before.records:
            now = after.get(record.ref)
            place = tables.get(record.ref.model)
            if place is None or now is None or record.fields is None or now.fields is None:
                continue
            written = self._kind.written(place) - self._kind.table_of(place).advances.keys()
            for name in sorted(written):
                if _cell(record, name) != _cell(now, name):
                    found[f"{record.ref}.{name}"] = record.fields[name]
                    if name in record.raw:
                        found[f"{_RAW}{record.ref}.{name}"] = record.raw[name]
            if place == LINES and self._line_rules:
                was = inputs.get(record.ref) or record
                found[f"{_INPUTS}{record.ref}"] = _digest([was.fields or {}], self._line_inputs)
        if self._document_rules:
            found[f"{_INPUTS}{ref}"] = self._digest_document(Rows(self._kind, inputs, ref))
        return found

    def put_back(
        self, rows: Rows, arguments: Mapping[str, Value], writer: Writer | None = None
    ) -> list[RowChange]:
        """Return what the way back writes, recomputed where business came meanwhile."""
        if rows.document is None:
            raise ContractBroken(problem="the document is gone")
        draft = _drafted(rows)
        touched: set[Ref] = set()
        for ref, name, value in cells_of(arguments):
            row = draft.document if ref == rows.ref else draft.lines.get(ref)
            if row is None:
                continue  # a line that somebody deleted: nothing to put back
            row[name] = value
            touched.add(ref)
            raw = arguments.get(f"{_RAW}{ref}.{name}")
            if isinstance(raw, str):
                draft.raw[ref, name] = raw
        for ref in touched - {rows.ref}:
            line = draft.lines[ref]
            was = arguments.get(f"{_INPUTS}{ref}")
            if self._line_rules and was != _digest([line], self._line_inputs):
                kept = dict(line)
                self._recompute_line(line, kept, writer)
                _forget_raw(draft, ref, kept, line)
        was = arguments.get(f"{_INPUTS}{rows.ref}")
        if self._document_rules and was != self._digest_draft(draft):
            kept = dict(draft.document)
            self._recompute_document(draft, writer)
            _forget_raw(draft, rows.ref, kept, draft.document)
        return self._changes(rows, draft)

    def _digest_document(self, rows: Rows) -> str:
        return self._digest_draft(_drafted(rows))

    def _digest_draft(self, draft: _Draft) -> str:
        own = _digest([draft.document], self._document_inputs)
        lines = [draft.lines[ref] for ref in sorted(draft.lines)]
        return own + _digest(lines, self._lines_inputs)

    # --- what comes out -----------------------------------------------------------------------

    def _changes(self, rows: Rows, draft: _Draft) -> list[RowChange]:
        """Return the cells that differ, with what goes forward at every write of a row."""
        found: list[RowChange] = []
        for ref, line in draft.lines.items():
            found += self._row_change(LINES, ref, rows.lines[ref], line, draft)
        if rows.document is not None:
            found += self._row_change(DOCUMENT, rows.ref, rows.document, draft.document, draft)
        return found

    def _row_change(
        self, place: str, ref: Ref, before: Row, now: Mapping[str, Value], draft: _Draft
    ) -> Iterator[RowChange]:
        changes: dict[str, Change] = {
            name: New(value, draft.raw.get((ref, name)))
            for name, value in now.items()
            if (type(value) is not type(before[name]) or value != before[name])
            or (ref, name) in draft.raw
        }
        if not changes:
            return
        for name, work in self._advances[place].items():
            changes[name] = New(self._fit(place, name, work(before, Sight())))
        yield RowChange(ref, changes)

    def _line(self, name: str, value: Value) -> Value:
        return self._fit(LINES, name, value)

    def _own(self, name: str, value: Value) -> Value:
        return self._fit(DOCUMENT, name, value)


def _assigned(kind: KindRecipe, place: str) -> list[tuple[str, Expression]]:
    """Return everything that a write may set in a row of a place."""
    rules = [rule for rule in (kind.close, kind.reopen) if rule is not None]
    parts: list[Mapping[str, Expression]] = [
        *((rule.lines if place == LINES else rule.document) for rule in rules),
        kind.recomputed.lines if place == LINES else kind.recomputed.document,
        kind.table_of(place).advances if place in kind.places() else {},
    ]
    return [pair for part in parts for pair in part.items()]


def _needs(kind: KindRecipe, place: str) -> tuple[str, ...]:
    """Return the columns of a row that decide what is written to it, and to its document."""
    assigned = _assigned(kind, place)
    found = {name for name, _ in assigned}
    found |= {name for _, each in assigned for name in each.columns()}
    if place == LINES:
        rules = [rule for rule in (kind.close, kind.reopen) if rule is not None]
        wheres = [rule.lines_where for rule in rules if rule.lines_where is not None]
        found |= {name for each in wheres for name in each.columns()}
        for _, each in _assigned(kind, DOCUMENT):
            found |= each.places().get(LINES, frozenset())
    return tuple(sorted(found))


def _reader(names: Sequence[str]) -> Callable[[Row], tuple[Any, ...]]:
    """Return what reads these columns of a row, None where it has not got one."""
    if len(names) < 2:
        return lambda row: tuple(row.get(name) for name in names)
    whole = itemgetter(*names)

    def read(row: Row) -> tuple[Any, ...]:
        try:
            found: tuple[Any, ...] = whole(row)
        except KeyError:
            return tuple(row.get(name) for name in names)
        return found

    return read


def _mark(row: Row, read: Callable[[Row], tuple[Any, ...]]) -> tuple[Any, ...]:
    """Return what rows that are alike have in common. True is 1 for Python, and they are not alike."""
    values = read(row)
    return (values, *map(type, values))


def _drafted(rows: Rows) -> _Draft:
    return _Draft(dict(rows.document or {}), {ref: dict(row) for ref, row in rows.lines.items()})


def _forget_raw(draft: _Draft, ref: Ref, kept: Row, now: Row) -> None:
    """What was recomputed has no old text any more."""
    for name, value in now.items():
        if value != kept.get(name):
            draft.raw.pop((ref, name), None)


def _cell(record: Record, name: str) -> Cell:
    return Cell((record.fields or {})[name], record.raw.get(name))


_RAW: Final = "raw:"
_INPUTS: Final = "inputs:"


def cells_of(arguments: Mapping[str, Value]) -> Iterator[tuple[Ref, str, Value]]:
    """Yield the cells that a way back puts back."""
    for name, value in arguments.items():
        if name.startswith((_RAW, _INPUTS)) or "," not in name:
            continue
        whole, _, column = name.rpartition(".")
        model, _, key = whole.partition(",")
        yield Ref(model, key), column, value


def _digest(rows: Iterable[Row], names: Sequence[str]) -> str:
    """Return a short text that differs when one of the columns differs in one of the rows."""
    values = [{name: row.get(name) for name in names} for row in rows]
    packed = encoding.encode_json([encoding.pack(value) for value in values])
    return hashlib.blake2b(packed, digest_size=8).hexdigest()
