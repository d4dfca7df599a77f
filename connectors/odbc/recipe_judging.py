"""What actions of a recipe ask of images: the footprint's parts, numbers, periods, closers, the remainder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from config.recipe_tables import LinesTable
from config.recipes import DOCUMENT, LINES, KindRecipe
from connectors.contract import Image, Problem, Ref, Remainder, Step
from connectors.odbc.document_rows import PERIOD, RowChange, Rows
from connectors.odbc.formula_values import number_of as number_of_value
from connectors.odbc.formulas import Row, Sight, ready, ready_condition, value_of
from connectors.odbc.images import DATABASE, Part
from core.encoding import Value
from core.errors import BadInput
from core.text import N_, Text

if TYPE_CHECKING:
    from config.recipes import Closer, ProblemRule


@dataclass(frozen=True, slots=True)
class Pen:
    """Whose name is written, and whether anything may be.

    `refusal` says why Storno itself writes nothing here; a person does it then.
    """

    closer: str | None = None
    closers: Mapping[str, str] = field(default_factory=dict)
    rules: Closer | None = None
    users: frozenset[str] | None = None  # the ERP's own, where they can be read
    longest: int | None = None  # characters that fit into every column which takes the name
    refusal: Text | None = None
    refusals: Mapping[str, Text] = field(default_factory=dict)  # by action, where it is that of one
    zone: str = "UTC"  # of the dates and times in the ERP

    def of(self, action: str) -> Pen:
        """Return the pen of one action, whose refusal it has."""
        found = self.refusals.get(action)
        return self if found is None else replace(self, refusal=found)

    def name(self, step: Step) -> str | None:
        """Return the name that a step writes: that of the person who acts, else the one for everybody."""
        person = step.arguments.get("closer")
        return self.closers.get(str(person), self.closer) if person is not None else self.closer


def parts_of(rules: KindRecipe) -> tuple[Part, ...]:
    """Return the tables of a footprint, the document first."""
    document = rules.document
    found = [Part(document.table, document.key, rules.needed(DOCUMENT))]
    if rules.lines is not None:
        lines = rules.lines
        found.append(
            Part(
                lines.table,
                lines.key,
                rules.needed(LINES),
                document.table,
                tuple(lines.link.items()),
            )
        )
    for name, related in rules.related.items():
        owner = rules.table_of(related.of).table
        found.append(
            Part(related.table, related.key, rules.needed(name), owner, tuple(related.link.items()))
        )
    return tuple(found)


def labels_of(rules: KindRecipe) -> dict[str, dict[str, str]]:
    """Return the ERP's own words for columns, per table."""
    found = {
        rules.table_of(place).table: dict(rules.table_of(place).labels) for place in rules.places()
    }
    return {table: labels for table, labels in found.items() if labels}


def word_of(rules: KindRecipe, verb: str) -> str:
    """Return the ERP's own word for closing or opening: the end of the path that a person presses there."""
    by_person = rules.by_person
    if by_person is None or verb not in ("close", "reopen"):
        return ""
    pressed = by_person.press if verb == "close" else by_person.reopen_press
    return (pressed or "").rpartition(">")[2].strip()


def lines_called(rules: KindRecipe, image: Image, names: Sequence[str]) -> tuple[Ref, ...]:
    """Return the lines of these positions or keys. Raises `BadInput` for one that is not there."""
    if rules.lines is None:
        return ()
    position = rules.shown(LINES).get("position")
    by_name: dict[str, Ref] = {}
    for record in image.of_model(rules.lines.table):
        by_name[record.ref.key] = record.ref
        if position is not None and not position.lookups():
            place = _decimal_or_none(value_of(position, record.fields or {}))
            if place is not None:
                by_name.setdefault(format(place.normalize(), "f"), record.ref)
    found = []
    for name in names:
        number = _decimal_or_none(name)
        ref = by_name.get(name)
        if ref is None and number is not None:
            ref = by_name.get(format(number.normalize(), "f"))
        if ref is None:
            raise BadInput(source=name, problem=N_("is no line of this document"))
        found.append(ref)
    return tuple(dict.fromkeys(found))


def positions(rules: KindRecipe, image: Image, keys: Sequence[str]) -> tuple[str, ...]:
    """Return what people call lines: their positions where the recipe shows one, else their keys."""
    position = rules.shown(LINES).get("position") if rules.lines is not None else None
    if rules.lines is None or position is None or position.lookups():
        return tuple(keys)
    found: dict[str, str] = {}
    for record in image.of_model(rules.lines.table):
        place = _decimal_or_none(value_of(position, record.fields or {}))
        if place is not None:
            found[record.ref.key] = format(place.normalize(), "f")
    return tuple(found.get(key, key) for key in keys)


def _decimal_or_none(value: Value) -> Decimal | None:
    try:
        found = Decimal(str(value).strip())
    except ArithmeticError:
        return None
    return found if found.is_finite() else None


def chosen_lines(step: Step) -> tuple[str, ...]:
    """Return the keys of the lines that a step is about; none stands for all."""
    lines = step.arguments.get("lines")
    return tuple(str(each) for each in lines) if isinstance(lines, tuple) else ()


def changed(image: Image, changes: Sequence[RowChange]) -> Image:
    """Return an image as it will be when changes are written."""
    by_ref = {each.ref: each.changes for each in changes}
    records = []
    for record in image.records:
        found = by_ref.get(record.ref)
        if found is not None and record.fields is not None:
            new = {name: getattr(change, "value", None) for name, change in found.items()}
            records.append(replace(record, fields={**record.fields, **new}))
        else:
            records.append(record)
    return Image(tuple(records))


def number_of(rules: KindRecipe, image: Image, ref: Ref) -> str:
    """Return the number by which people know the document."""
    record = image.get(ref)
    if record is None or record.fields is None:
        return ref.key
    return joined_number(rules, record.fields)


def joined_number(rules: KindRecipe, row: Row) -> str:
    """Return the number in a row: blanks at the end of its parts do not count."""
    parts = [row.get(name) for name in rules.document.number]
    return rules.document.separator.join(
        "" if part is None else str(part).rstrip(" ") for part in parts
    )


def period_problem(rows: Rows) -> Iterator[Problem]:
    """Say that the period of a document is closed."""
    if rows.document is not None and rows.document.get(PERIOD) == "closed":
        yield Problem("period_closed", Text(N_("its period is closed in the ERP")))


def other_books(then: Row, now: Row) -> Text | None:
    """Say that the document of these images lies in another database now: another set of books, another year."""
    if then.get(DATABASE) == now.get(DATABASE):
        return None
    return Text(
        N_("it was closed in the database {then}, and this is {now}: another set of books"),
        {"then": then.get(DATABASE) or "-", "now": now.get(DATABASE) or "-"},
    )


def shown_by_itself(rules: KindRecipe, image: Image, ref: Ref, names: Iterable[str]) -> Value:
    """Return the first of these canonical columns that a row of the image fills without any other row."""
    record = image.get(ref)
    if record is None or record.fields is None:
        return None
    place = DOCUMENT if ref.model == rules.document.table else LINES
    for name in names:
        expression = rules.shown(place).get(name) if place in rules.places() else None
        if expression is None or expression.lookups() or expression.places():
            continue
        if not expression.columns() <= record.fields.keys():
            continue  # shown in lists, and in no image
        found = value_of(expression, record.fields)
        if found:
            return found
    return None


def remainder_of(rules: KindRecipe, image: Image) -> Remainder | None:
    """Return what closing the open lines gives up, as far as the recipe's columns tell.

    Raises `BadInput` where a quantity is no number.
    """
    columns = {
        name: ready(each)
        for name, each in rules.shown(LINES).items()
        if name in _REMAINDER and not each.lookups()
    }
    if rules.lines is None or "quantity" not in columns:
        return None
    is_closed = ready_condition(rules.closed.line) if rules.closed and rules.closed.line else None
    sums = dict.fromkeys((*_REMAINDER, "amount"), Decimal(0))
    for record in image.of_model(rules.lines.table):
        row = record.fields or {}
        if is_closed is not None and is_closed(row, Sight()):
            continue
        found = {name: number_of_value(work(row, Sight())) for name, work in columns.items()}
        left = found.get("remaining_quantity")
        if left is None:
            left = (found["quantity"] or Decimal(0)) - (
                found.get("received_quantity") or Decimal(0)
            )
        left = max(left, Decimal(0))
        came = found.get("received_quantity")
        if came is None:
            came = max((found["quantity"] or Decimal(0)) - left, Decimal(0))
        sums["received_quantity"] += came
        for name in ("quantity", "invoiced_quantity"):
            sums[name] += found.get(name) or Decimal(0)
        sums["remaining_quantity"] += left
        sums["amount"] += left * (found.get("unit_price") or Decimal(0))
    currency = None
    expression = rules.shown(DOCUMENT).get("currency")
    documents = image.of_model(rules.document.table)
    if expression is not None and not expression.lookups() and documents:
        currency = value_of(expression, documents[0].fields or {})
    return Remainder(
        ordered=sums["quantity"],
        received=sums["received_quantity"],
        invoiced=sums["invoiced_quantity"],
        quantity=sums["remaining_quantity"],
        amount=sums["amount"],
        currency=None if currency is None else str(currency).strip(),
    )


_REMAINDER: Final = (
    "quantity", "received_quantity", "invoiced_quantity", "remaining_quantity", "unit_price",
)  # fmt: skip


def hangs_on(rules: KindRecipe, place: str, row: Row, lines: Iterable[Row]) -> bool:
    """Whether a row belongs to one of the lines; one that hangs on the document belongs to it in any case."""
    related = rules.related.get(place)
    if related is None or related.of != LINES:
        return True
    return any(
        all(_same_key(row.get(name), line.get(other)) for name, other in related.link.items())
        for line in lines
    )


def _same_key(one: Value, other: Value) -> bool:
    # Keys of CHAR columns come with blanks from one table and without from another.
    return str(one).rstrip(" ") == str(other).rstrip(" ")


def seen(step: Step, rule: ProblemRule, rows: Rows) -> Sequence[Row]:
    """Return the rows that a problem is about: of lines, only the chosen ones."""
    chosen = chosen_lines(step) if rule.of == LINES else ()
    if not chosen:
        return rows.of(rule.of)
    return [row for ref, row in rows.lines.items() if ref.key in chosen]


def looked_at(rules: KindRecipe, verb: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the related tables that must not forbid an action, and those whose business a way back was judged by."""
    stage = "close" if verb == "close" else "reopen"
    asking = {
        place
        for rule in rules.problems
        if rule.is_for in (stage, "both")
        for place in (rule.of, *rule.when.places())
    }
    weighing = {
        place
        for rule in rules.later
        if verb == "restore"
        for place in (rule.of, *(() if rule.appears is None else rule.appears.places()))
    }
    tables = {name: related.table for name, related in rules.related.items()}
    return (
        frozenset(tables[place] for place in asking & tables.keys()),
        frozenset(tables[place] for place in weighing & tables.keys()),
    )


def written_places(rules: KindRecipe) -> tuple[str, ...]:
    return (DOCUMENT, LINES) if rules.lines is not None else (DOCUMENT,)


def written(rules: KindRecipe, place: str) -> frozenset[str]:
    written = rules.written(place)
    return written | trace(rules, place) if written else frozenset()


def goes_forward(rules: KindRecipe) -> bool:
    """Whether a write leaves something that a rollback does not take back."""
    tables = [rules.table_of(place) for place in written_places(rules)]
    return any(table.advances or table.row_version is not None for table in tables)


def trace(rules: KindRecipe, place: str) -> frozenset[str]:
    table = rules.table_of(place)
    version = {table.row_version} if table.row_version is not None else set()
    if isinstance(table, LinesTable) and table.renewed:
        version |= set(table.key) - set(table.link)
    return frozenset({*table.advances, *version})


def without_nothing(fields: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    return {table: names for table, names in fields.items() if names}


def is_written_by(pen: Pen, rules: KindRecipe, before: Image, after: Image) -> bool | None:
    """Whether the name in what changed is one that we write; None where the ERP keeps none."""
    names = {each for each in (pen.closer, *pen.closers.values()) if each}
    columns = {
        (rules.table_of(place).table, name)
        for rule in (rules.close, rules.reopen)
        if rule is not None
        for place, part in ((LINES, rule.lines), (DOCUMENT, rule.document))
        for name, expression in part.items()
        if "closer" in expression.functions()
    }
    found = {
        str((record.fields or {})[name]).rstrip(" ")
        for record in after.records
        for model, name in columns
        if record.ref.model == model
        and record.fields is not None
        and (old := before.get(record.ref)) is not None
        and (old.fields or {}).get(name) != record.fields.get(name)
        and record.fields.get(name)
    }
    if not found or not names:
        return None
    return found <= names
