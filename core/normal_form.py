"""What spellings of one value have in common, as a system takes it: `2.50` and `2.5`, `PO1` and `PO1   `.

Only one question is asked in the normal form: did somebody change it? Images keep every value exactly as it was
read, and what is written back is the exact value. So a form may be too strict, and then a person looks at a
conflict that is none; it must never be so loose that two values which the system itself tells apart look alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from core.encoding import Value, decimal_text

_NO_TIME: Final = timedelta(0)
_BEGINNING: Final = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class NormalForm:
    """What a system does not tell apart; nothing by default.

    * `moment_step`: moments are cut down to whole steps: its clients write back fewer digits than they read.
    * `has_moments_as_text`: its moments without a zone come as ISO text, and are cut alike; a day is its midnight.
    * `pads_text`: blanks at the end of a text do not count.
    * `empty_is_null`: the empty text and nothing are one.
    * `mixes_numbers`: a whole number and the same number with a fraction of zeros are one.

    Decimals are compared by their value in any form: the scale is in the image, and is no change of its own.
    """

    moment_step: timedelta = _NO_TIME
    has_moments_as_text: bool = False
    pads_text: bool = False
    empty_is_null: bool = False
    mixes_numbers: bool = False

    def of(self, value: Value) -> Value:
        """Return the one value that stands for all spellings of this one."""
        match value:
            case bool():
                return value
            case int() if self.mixes_numbers:
                return Decimal(value)
            case Decimal():
                return _without_zeros(value)
            case str():
                return self._text(value)
            case datetime() if self.moment_step:
                return value - (value.astimezone(UTC) - _BEGINNING) % self.moment_step
            case date() if self.has_moments_as_text and not isinstance(value, datetime):
                return f"{value.isoformat()} 00:00:00+00:00"
            case time() if self.moment_step:
                since = timedelta(
                    hours=value.hour,
                    minutes=value.minute,
                    seconds=value.second,
                    microseconds=value.microsecond,
                )
                return (_BEGINNING + (since - since % self.moment_step)).time()
            case _:
                return value

    def is_same(self, one: Value, other: Value) -> bool:
        """Whether two values are spellings of one: equal, and of one type."""
        if one is other:
            return True
        # 1 == True and Decimal(1) == 1 in Python; to an ERP they are two things.
        if type(one) is type(other) and one == other:
            return True
        one, other = self.of(one), self.of(other)
        return type(one) is type(other) and one == other

    def _text(self, value: str) -> Value:
        if self.has_moments_as_text:
            moment = _moment(value)
            if moment is not None:
                step = self.moment_step or moment.resolution
                return (moment - (moment - _BEGINNING) % step).isoformat(sep=" ")
        if self.pads_text:
            value = value.rstrip(" ")
        return None if self.empty_is_null and not value else value


EXACT: Final = NormalForm()
"""The form of a system about which nothing is known: every difference counts."""

_SHORTEST_MOMENT: Final = len("2026-01-02 03:04:05")


def _moment(text: str) -> datetime | None:
    """Read `2026-01-02 03:04:05.678`; whatever else a text may hold is no moment."""
    if len(text) < _SHORTEST_MOMENT or text[4] != "-" or text[13] != ":":
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else None


def _without_zeros(value: Decimal) -> Decimal:
    # By text: `normalize` rounds to the digits of its context.
    if not value.is_finite() or not value:
        return Decimal(0) if value == 0 else value
    plain = decimal_text(value)
    return Decimal(plain.rstrip("0").rstrip(".") if "." in plain else plain)
