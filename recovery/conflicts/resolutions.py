"""How a conflict on one field is resolved: by which way, on whose word, and what the field will hold then.

Nothing here reads or writes. A resolution rests on three values that somebody was shown (before, ours, now) and
gives the fourth: the target. `recovery.conflicts.targets` puts them into the images from which the way back is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow, localcontext
from enum import StrEnum
from typing import Any, Final

from connectors.contract import Ref
from core import encoding
from core.encoding import LARGEST_EXPONENT, Value
from core.errors import BadInput
from core.text import N_, Text

EVERY_FIELD: Final = "*"
"""Stands for every field in a rule."""


class Way(StrEnum):
    """What becomes of a field that somebody changed after us."""

    ASK = "ask"  # leave the document and say that a person is needed: the default
    KEEP_THEIRS = "keep_theirs"  # what is there now stays; nothing is written
    ADD_DIFFERENCE = "add_difference"  # a number: now, and what our change had taken or added
    RECOMPUTE = "recompute"  # a derived field: the ERP works it out anew
    PUT_BACK = "put_back"  # what was there before, over somebody's work: that is forcing


class Origin(StrEnum):
    """On whose word a conflict is resolved."""

    COMMAND = "command"  # who asked for the rollback said so, for this field
    ON_CONFLICT = "on_conflict"  # who asked for it said so, for every field of the sort
    POLICY = "policy"  # storno.yaml says so
    LATER_BUSINESS = "later_business"  # the action knows that it follows from what came later


@dataclass(frozen=True, slots=True)
class Rule:
    """One answer, and the fields that it is for. What is None fits everything."""

    way: Way
    field: str
    origin: Origin = Origin.COMMAND
    kind: str | None = None
    number: str | None = None  # of the document, or its key where it has none
    model: str | None = None
    key: str | None = None  # of the record, with its model

    def fits(self, kind: str, called: str, ref: Ref, field: str) -> bool:
        """Whether it answers for this field of this record."""
        return (
            self.field in (field, EVERY_FIELD)
            and self.kind in (None, kind)
            and self.number in (None, called)
            and self.model in (None, ref.model)
            and self.key in (None, ref.key)
        )

    @property
    def weight(self) -> tuple[bool, ...]:
        """The more it says about where it is for, the more it counts; a command counts more than a policy."""
        return (
            self.origin is Origin.COMMAND,
            self.number is not None,
            self.key is not None,
            self.model is not None,
            self.field != EVERY_FIELD,
        )

    @property
    def place(self) -> str:
        """The fields that it is for, as a person writes them."""
        record = "" if self.model is None else self.model
        record += "" if self.key is None else f",{self.key}"
        name = f"{record}.{self.field}" if record else self.field
        return name if self.number is None else f"{self.number}:{name}"


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that was said about conflicts."""

    rules: tuple[Rule, ...] = ()

    @property
    def forces(self) -> bool:
        """Whether one of them would write over what somebody else did."""
        return any(rule.way is Way.PUT_BACK for rule in self.rules)

    def find(self, kind: str, called: str, ref: Ref, field: str, origin: Origin) -> Rule | None:
        """Return the rule of this origin that says most about a field; of equal ones the last."""
        found = [
            rule
            for rule in self.rules
            if rule.origin is origin and rule.fits(kind, called, ref, field)
        ]
        return max(reversed(found), key=lambda rule: rule.weight, default=None)


NO_RULES: Final = Rules()


@dataclass(frozen=True, slots=True)
class Resolution:
    """What was decided about one conflict. `problem` says why it cannot be done so: then it stays a conflict."""

    way: Way
    origin: Origin
    target: Value = None  # what the field will hold; unknown for `ask` and `recompute`
    problem: Text | None = None

    @property
    def has_target(self) -> bool:
        """Whether it says what the field will hold."""
        return self.problem is None and self.way not in (Way.ASK, Way.RECOMPUTE)


def parse_rule(written: str) -> Rule:
    """Read `[NUMBER:][MODEL[,KEY].]FIELD=WAY`, as a person types it. Raises `BadInput`."""
    left, _, way = written.rpartition("=")
    number, _, place = left.rpartition(":")
    record, _, field = place.rpartition(".")
    model, _, key = record.partition(",")
    if not field:
        raise BadInput(source=written, problem=N_("must be FIELD=WAY, or NUMBER:FIELD=WAY"))
    try:
        found = Way(way)
    except ValueError:
        raise BadInput(
            N_("{source}: there is no such way; the ways are {ways}"),
            source=written,
            ways=", ".join(Way),
        ) from None
    return Rule(found, field, number=number or None, model=model or None, key=key or None)


def require_one_answer(rules: Iterable[Rule]) -> None:
    """Refuse two different answers for the same fields. Raises `BadInput`."""
    known: dict[str, Way] = {}
    for rule in rules:
        if known.setdefault(rule.place, rule.way) is not rule.way:
            raise BadInput(source=rule.place, problem=N_("was given two different ways"))


# --- numbers ------------------------------------------------------------------------------------

_EXACTLY: Final = Context(prec=8 * LARGEST_EXPONENT, traps=[Inexact, InvalidOperation, Overflow])
"""Digits enough for any sum of three numbers that an image can hold; a rounded one would be an error."""


def is_number(value: object) -> bool:
    """Whether a value can be added to."""
    return isinstance(value, Decimal | int) and not isinstance(value, bool)


def with_difference(before: Any, ours: Any, now: Any) -> Value:
    """Return what is there now without what our change made of what was before: now + (before - ours), exactly.

    Raises `ValueError` where one of the three is no number: nothing is no zero.
    """
    if not (is_number(before) and is_number(ours) and is_number(now)):
        raise ValueError("not a number")
    if isinstance(before, int) and isinstance(ours, int) and isinstance(now, int):
        return now + (before - ours)
    with localcontext(_EXACTLY):
        return Decimal(now) + (Decimal(before) - Decimal(ours))


# --- as the journal keeps it --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Decided:
    """One field of one operation that was resolved: its four values, the way, and on whose word."""

    ref: Ref
    field: str
    before: Value
    ours: Value
    now: Value
    target: Value
    way: Way
    origin: Origin

    def as_row(self) -> dict[str, Any]:
        """Return what the plan keeps: typed, so that it can be compared in a year."""
        named = {name: getattr(self, name) for name in ("before", "ours", "now", "target")}
        values, types = encoding.pack(named)
        return {
            "model": self.ref.model,
            "key": self.ref.key,
            "field": self.field,
            **values,
            "types": types,
            "way": self.way.value,
            "origin": self.origin.value,
        }


def decided_of(rows: Sequence[dict[str, Any]]) -> tuple[Decided, ...]:
    """Read back what `as_row` wrote."""
    found = []
    for row in rows:
        values = encoding.unpack(
            {name: row[name] for name in ("before", "ours", "now", "target")}, row["types"]
        )
        found.append(
            Decided(
                ref=Ref(row["model"], row["key"]),
                field=row["field"],
                before=values["before"],
                ours=values["ours"],
                now=values["now"],
                target=values["target"],
                way=Way(row["way"]),
                origin=Origin(row["origin"]),
            )
        )
    return tuple(found)
