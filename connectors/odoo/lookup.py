"""What one reading of documents looks up beside them: names, units, products, lines. Each record is read once.

Everything is looked up with a search by ids and not with a read: a record that a rule hides from our user is
left out then, and its name stays empty. A read would refuse the whole page.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any, Final, Protocol

from connectors.odoo.actions import Server, Target
from core.errors import AccessDenied, RefusedError

TOGETHER: Final = 1000
"""Ids in one condition."""

CHILDREN: Final = 2000
"""Lines in one answer."""

REMEMBERED: Final = 20_000
"""Records of a model that are kept before the memory of them is emptied."""

PLACES: Final = Decimal("1e-9")
"""Places of a quantity in canonical columns: what binary fractions leave behind them is rounded away."""

Row = dict[str, Any]

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    # The name that people see. The stored one first: `display_name` is worked out record by record.
    "res.partner": ("complete_name", "display_name"),
    "stock.location": ("complete_name", "name"),
}


class Reader(Protocol):
    """What the bulk face needs of `reading.Reader`: rows with typed values, relations as ids."""

    def pages(
        self, model: str, domain: list[Any], fields: Sequence[str], *, size: int
    ) -> Iterator[list[Row]]:
        """Yield records in the order of their ids, page by page, archived ones too."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What documents are read with. `company_id` is set where one company was configured."""

    target: Target
    server: Server
    company_id: int | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measure and how many of its reference unit it holds."""

    name: str
    size: Fraction


class Lookup:
    """Looks up through one reader, and remembers."""

    def __init__(self, reader: Reader, setting: Setting) -> None:
        self.setting = setting
        self.target = setting.target
        self.reader = reader
        self._found: dict[tuple[str, tuple[str, ...]], dict[int, Row | None]] = {}
        self._units: dict[int, Unit] | None = None
        self._locks_purchases: frozenset[int] | None = None
        self._locks_sales: bool | None = None

    # --- what the server has ------------------------------------------------------------------------

    def has(self, model: str, name: str | None = None) -> bool:
        """Whether the server has the model, or this field of it."""
        return self.target.has(model, name)

    def present(self, model: str, names: Iterable[str]) -> list[str]:
        """Return those of the fields that this server has."""
        return sorted({name for name in names if self.target.has(model, name)})

    def pick(self, model: str, *names: str) -> str:
        """Return the first of the names that this server has: a field that versions call differently."""
        return next((name for name in names if self.target.has(model, name)), names[0])

    # --- records ------------------------------------------------------------------------------------

    def records(self, model: str, ids: Iterable[Any], fields: Sequence[str]) -> dict[int, Row]:
        """Return the records with these ids that our user sees."""
        kept = self._found.setdefault((model, tuple(fields)), {})
        wanted = {key for key in ids if key is not None}
        if wanted - kept.keys() and len(kept) > REMEMBERED:
            kept.clear()
        missing = sorted(wanted - kept.keys())
        for start in range(0, len(missing), TOGETHER):
            chunk = missing[start : start + TOGETHER]
            kept.update(dict.fromkeys(chunk))
            # One more than there can be: an answer that is not full needs no second question.
            pages = self.reader.pages(model, [["id", "in", chunk]], fields, size=len(chunk) + 1)
            kept.update((row["id"], row) for page in pages for row in page)
        return {key: row for key in wanted if (row := kept[key]) is not None}

    def children(
        self,
        model: str,
        link: str,
        owners: Sequence[int],
        fields: Iterable[str],
        where: Sequence[Any] = (),
    ) -> dict[int, list[Row]]:
        """Return the records whose field `link` names one of the owners, by owner, as Odoo sorts lines."""
        found: dict[int, list[Row]] = defaultdict(list)
        if not owners or not self.has(model, link):
            return found
        named = self.present(model, {*fields, "sequence"})
        for start in range(0, len(owners), TOGETHER):
            chunk = dict.fromkeys(owners[start : start + TOGETHER])
            domain = [[link, "in", list(chunk)], *where]
            for page in self.reader.pages(model, domain, sorted({*named, link}), size=CHILDREN):
                for row in page:
                    value = row[link]
                    for owner in value if isinstance(value, tuple) else (value,):
                        # A line of several owners comes again with the next chunk.
                        if owner in chunk:
                            found[owner].append(row)
        for rows in found.values():
            rows.sort(key=lambda row: (row.get("sequence") or 0, row["id"]))
        return found

    def own_lines(
        self,
        rows: Sequence[Row],
        model: str,
        native: Sequence[str],
        parts: Sequence[str] = ("",),
    ) -> None:
        """Let each document be its own lines: one, or one of each part of it (`row["lines."]`, `line["part."]`)."""
        own = self.records(model, [row["id"] for row in rows], tuple(native)) if native else {}
        for row in rows:
            fields, key = own.get(row["id"], {}), row["id"]
            row["lines."] = [
                fields | {"id": f"{key}.{part}" if part else key, "part.": part} for part in parts
            ]

    def names(self, model: str, ids: Iterable[Any]) -> dict[int, str]:
        """Return the names of records."""
        field = self.pick(model, *NAMES.get(model, ("name",)))
        rows = self.records(model, ids, (field,))
        return {key: row[field] for key, row in rows.items() if row[field]}

    def name(self, model: str, key: Any) -> str | None:
        """Return the name of one record. Asked for a page at once before (`names`), it costs no call."""
        return None if key is None else self.names(model, (key,)).get(key)

    def item(self, key: Any) -> Mapping[str, Any]:
        """Return code (or name) and key of a product."""
        row = self.items((key,)).get(key)
        if row is None:
            return {"item": None, "item_key": key_of(key)}
        return {"item": row["default_code"] or row["name"], "item_key": key_of(key)}

    def items(self, ids: Iterable[Any]) -> dict[int, Row]:
        """Return products with code, name and unit."""
        return self.records("product.product", ids, ("default_code", "name", "uom_id"))

    def accounts(self, ids: Iterable[Any]) -> dict[int, Row]:
        """Return accounts with code and name."""
        return self.records("account.account", ids, ("code", "name"))

    # --- units and money ----------------------------------------------------------------------------

    def units(self) -> Mapping[int, Unit]:
        """Return every unit of measure."""
        if self._units is None:
            # Up to 18 the factor says how many of this unit fit into the reference unit, from 19 on the other
            # way round.
            is_size = self.has("uom.uom", "relative_factor")
            pages = self.reader.pages("uom.uom", [], ("factor", "name"), size=TOGETHER)
            self._units = {
                row["id"]: Unit(row["name"], size_of(row["factor"], is_size=is_size))
                for page in pages
                for row in page
            }
        return self._units

    def unit(self, key: Any) -> str | None:
        """Return the name of a unit."""
        found = self.units().get(key)
        return found.name if found is not None else None

    def in_unit(self, amounts: Iterable[tuple[Decimal, Any]], unit: Any) -> Decimal:
        """Return the sum of quantities, each in its own unit, in one unit."""
        units = self.units()
        to = units.get(unit)
        total = Fraction(0)
        for quantity, key in amounts:
            own = units.get(key)
            is_other = key != unit and own is not None and to is not None
            total += Fraction(quantity) * (own.size / to.size if is_other else 1)  # type: ignore[union-attr]
        return (Decimal(total.numerator) / Decimal(total.denominator)).quantize(
            PLACES, ROUND_HALF_UP
        )

    def currency(self, key: Any) -> str | None:
        """Return the code of a currency."""
        return self.target.currencies.get(key)

    # --- settings that change what a state means ----------------------------------------------------

    def companies(self, ids: Iterable[Any] = ()) -> dict[int, Row]:
        """Return companies with name and currency; the configured one always."""
        if self.setting.company_id is not None:
            ids = (*ids, self.setting.company_id)
        return self.records("res.company", ids, ("name", "currency_id"))

    def locks_purchases(self) -> frozenset[int]:
        """Return the companies in which every purchase order is locked as soon as it is confirmed."""
        if not self.has("res.company", "po_lock"):
            return frozenset()
        if self._locks_purchases is None:
            domain = [["po_lock", "=", "lock"]]
            pages = self.reader.pages("res.company", domain, ("name",), size=TOGETHER)
            self._locks_purchases = frozenset(row["id"] for page in pages for row in page)
        return self._locks_purchases

    def locks_sales(self) -> bool:
        """Whether every sales order is locked as soon as it is confirmed: a setting that is a user group."""
        if self._locks_sales is None:
            # Up to 17 it is asked of the model, later of a user.
            whom = ([self.target.user_id],) if self.target.version >= 18 else ()
            try:
                answer = self.setting.server.call(
                    "res.users", "has_group", *whom, group_ext_id="sale.group_auto_done_setting"
                )
            except RefusedError:
                answer = False
            self._locks_sales = bool(answer)
        return self._locks_sales

    def grouped(
        self, model: str, domain: list[Any], by: Sequence[str], sums: Sequence[str]
    ) -> list[Row]:
        """Return sums by relation fields; the groups' keys as ids, the sums exact."""
        asked = [f"{name}:sum" for name in sums]
        if self.target.version >= 19:
            keys = asked
            answer = self.setting.server.call(
                model, "formatted_read_group", domain=domain, groupby=list(by), aggregates=asked
            )
        else:
            keys = list(sums)
            answer = self.setting.server.call(
                model, "read_group", domain=domain, fields=asked, groupby=list(by), lazy=False
            )
        return [
            {name: group[name][0] if group[name] else None for name in by}
            | {name: exact(group[key]) for name, key in zip(sums, keys, strict=True)}
            for group in answer
        ]

    def invoice_lines(
        self, link: str, owners: Sequence[int], fields: Sequence[str]
    ) -> dict[int, list[Row]] | None:
        """Return the lines of posted invoices that name these order lines; None where our user may not see any."""
        try:
            return self.children(
                "account.move.line", link, owners, fields, [["parent_state", "=", "posted"]]
            )
        except AccessDenied:
            return None


def size_of(factor: Any, *, is_size: bool) -> Fraction:
    """Return how many reference units a unit holds.

    Odoo keeps the factor of a dozen as 0.0833…: of a factor and its inverse, the one with fewer digits is what
    somebody once typed, and it is exact.
    """
    given = exact(factor)
    if not given:
        return Fraction(1)
    inverse = Decimal(repr(1.0 / float(given)))
    if len(inverse.normalize().as_tuple().digits) < len(given.normalize().as_tuple().digits):
        held = 1 / Fraction(inverse)
    else:
        held = Fraction(given)
    return held if is_size else 1 / held


def exact(value: Any) -> Decimal:
    """Return a number exactly as it was written; nothing counts as zero."""
    if isinstance(value, Decimal):
        return value
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value or 0)


def key_of(value: Any) -> str | None:
    """Return the key of a related record as text."""
    return None if value is None else str(value)
