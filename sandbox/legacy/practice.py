"""The practice ERP of the demo: a K/3 WISE with 5,000 orders in a file, a restored copy of it, and one nobody touches.

All three are SQLite files that hold the same. Business is booked in the first and in the last alike, so that they can be
compared in the end: one was closed and taken back by Storno meanwhile, the other never saw it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from sandbox.legacy.build import Practice, build
from sandbox.legacy.data import Order
from sandbox.legacy.dump import Difference, compare, dump
from sandbox.legacy.office import Office, open_office

ERP: Final = "k3"
FILE: Final = "k3.sqlite"
COPY: Final = "k3-copy.sqlite"
WITNESS: Final = "k3-without-storno.sqlite"


@dataclass(frozen=True)
class Company:
    """The company's books, and those of the same company without Storno."""

    books: Practice
    witness: Practice

    def receive(self, number: str, *, in_part: bool = False) -> None:
        """Goods come in: half of the first line, or all that is missing."""
        for office, order in self._everywhere(number):
            if in_part:
                first = min(office.lines(order))
                office.receive(order, {first: office.lines(order)[first].ordered / 2})
            else:
                office.receive(order)

    def invoice(self, number: str) -> None:
        """The supplier's invoice over what came in is booked."""
        for office, order in self._everywhere(number):
            office.invoice(order)

    def compare(self) -> tuple[int, list[Difference]]:
        """Return how many rows there are, and every value in which the books differ from those without Storno."""
        wanted = dump(self.witness)
        return sum(map(len, wanted.values())), compare(wanted, dump(self.books))

    def key(self, number: str) -> str:
        """Return the key of a purchase order."""
        (key,) = self.books.key(self._order(number))
        return str(key)

    def _order(self, number: str) -> Order:
        return next(o for o in self.books.story.side("purchase") if self.books.number(o) == number)

    def _everywhere(self, number: str) -> Iterator[tuple[Office, Order]]:
        order = self._order(number)
        for practice in (self.books, self.witness):
            with open_office(practice) as office:
                yield office, order


def make(folder: Path) -> Company:
    """Make the files in this folder anew."""
    books = build(ERP, folder / FILE, size="demo")
    for name in (COPY, WITNESS):
        shutil.copyfile(folder / FILE, folder / name)
    return Company(books, replace(books, place=folder / WITNESS))
