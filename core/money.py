"""Amounts: `Decimal` always, rounding half up to the currency's own places."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Final

from core.encoding import LARGEST_EXPONENT
from core.errors import BadInput, Bug
from core.text import N_, text

# ISO 4217 where it is not 2. Babel's figures are CLDR's, which count what people use in cash: they
# would round RSD, IQD or MMK to whole units, and books keep more than that.
_PLACES: Final = {
    currency: places
    for places, currencies in (
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
        (3, "BHD IQD JOD KWD LYD OMR TND"),
        (4, "CLF UYW"),
    )
    for currency in currencies.split()
}

# Python's own context keeps 28 digits and rounds what is longer without a word.
_EXACT: Final = Context(prec=100)


def decimal_places(currency: str) -> int:
    """Return the places of a currency by ISO 4217 (JPY 0, EUR 2, KWD 3); 2 for an unknown one."""
    return _PLACES.get(currency, 2)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of one currency. Adding two currencies is an error, never a guess."""

    amount: Decimal
    currency: str

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise Bug(problem=f"{self.currency} and {other.currency} were added")
        return Money(_EXACT.add(self.amount, other.amount), self.currency)

    def rounded(self) -> Money:
        """Return this amount rounded half up to the currency's places."""
        step = Decimal(1).scaleb(-decimal_places(self.currency))
        return Money(self.amount.quantize(step, ROUND_HALF_UP, _EXACT), self.currency)

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"


def parse_decimal(written: str, *, source: str) -> Decimal:
    """Read a decimal that a person or a file wrote.

    Raises `BadInput` naming `source`. NaN and infinity are refused, and so is `1_000`, which Python
    would read as a thousand.
    """
    try:
        value = Decimal(written.strip())
    except InvalidOperation:
        raise BadInput(source=source, problem=text(N_("not a number"))) from None
    if "_" in written or not value.is_finite() or abs(value.adjusted()) > LARGEST_EXPONENT:
        raise BadInput(source=source, problem=text(N_("not a finite number in plain digits")))
    return value
