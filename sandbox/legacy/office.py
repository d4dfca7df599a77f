"""A colleague at the legacy ERP: books receipts and invoices, closes orders on the screen, posts periods.

What the ERP's own programs would do is done here with SQL over another driver than Storno's, in one transaction each, so
a test can ask whether Storno came to the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from types import TracebackType
from typing import Final, Self

from sandbox.legacy.build import Practice
from sandbox.legacy.data import Order
from sandbox.legacy.databases import LegacyError, Session
from sandbox.legacy.office_books import Books, Held
from sandbox.legacy.office_digiwin import DigiwinBooks
from sandbox.legacy.office_k3 import K3Books
from sandbox.legacy.office_tiptop import TiptopBooks
from sandbox.legacy.office_u8 import U8Books

__all__ = ["Held", "Office", "open_office"]

_BOOKS: Final[dict[str, type[Books]]] = {
    "u8": U8Books,
    "k3": K3Books,
    "digiwin": DigiwinBooks,
    "tiptop": TiptopBooks,
}


def open_office(practice: Practice, *, person: int = 1, wait_seconds: int = 20) -> Office:
    """Sit down as this person (a place in ``data.PEOPLE``); ``with`` ends the connection.

    A row that somebody else holds is waited for so long, then the method fails.
    """
    return Office(practice, person, wait_seconds)


class Office:
    """Every method is one transaction; what fails leaves nothing behind."""

    def __init__(self, practice: Practice, person: int, wait_seconds: int) -> None:
        self.practice = practice
        self._session: Session = practice.connect()
        self._session.wait_for_locks(wait_seconds)
        self._books = _BOOKS[practice.erp.NAME](practice, self._session, person)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.close()

    def lines(self, order: Order) -> dict[int, Held]:
        """What the ERP says of each line now."""
        with self._once():
            return self._books.lines(order)

    def receive(
        self,
        order: Order,
        quantities: Mapping[int, Decimal] | None = None,
        *,
        confirmed: bool = True,
        inspecting: bool = False,
    ) -> str:
        """Goods come in (sales: go out); without quantities, what is still missing of every line. The ERP then works its marks out anew.

        ``confirmed=False`` saves a document that does not count yet; ``inspecting`` leaves the goods unjudged.
        """
        with self._once():
            chosen = self._books.missing(order) if quantities is None else dict(quantities)
            return self._books.receive(order, chosen, confirmed=confirmed, inspecting=inspecting)

    def invoice(self, order: Order, quantities: Mapping[int, Decimal] | None = None) -> str:
        """A posted invoice; without quantities, over what was received and is not invoiced yet."""
        with self._once():
            chosen = self._books.to_invoice(order) if quantities is None else dict(quantities)
            if not chosen:
                raise LegacyError(f"there is nothing to invoice of {self.practice.number(order)}")
            return self._books.invoice(order, chosen)

    def close(self, order: Order, lines: Iterable[int] | None = None) -> None:
        """Close by hand, as the ERP's own screen does; without lines, every open one."""
        with self._once():
            self._books.close(order, self._chosen(order, lines))

    def reopen(self, order: Order, lines: Iterable[int] | None = None) -> None:
        """Take a close by hand back on the ERP's own screen."""
        with self._once():
            self._books.reopen(order, self._chosen(order, lines))

    def recompute(self, order: Order) -> None:
        """The ERP's own rule for marks that follow from quantities; twice does no harm."""
        with self._once():
            self._books.recompute(order)

    def write_memo(self, order: Order, text: str | None) -> None:
        """A colleague's change that has nothing to do with closing."""
        with self._once():
            self._books.write_memo(order, text)

    def change_quantity(self, order: Order, line: int, quantity: Decimal) -> None:
        """A colleague's change that a close or a rollback must notice."""
        with self._once():
            self._books.change_quantity(order, line, quantity)

    def void(self, order: Order) -> None:
        """Make the order void, where the ERP can."""
        with self._once():
            self._books.void(order)

    def post_period(self, month: int) -> None:
        """Close the month, and with it every month before."""
        with self._once():
            self._books.post_period(month)

    def reopen_period(self, month: int) -> None:
        """Open the month again, and with it every month after."""
        with self._once():
            self._books.post_period(month - 1)

    @contextmanager
    def at_desk(self, order: Order) -> Iterator[None]:
        """The order's rows stay locked while the block runs; nothing is changed (SQLite: the whole file)."""
        try:
            self._books.lock(order)
            yield
        finally:
            self._session.rollback()

    def _chosen(self, order: Order, lines: Iterable[int] | None) -> list[int]:
        return [line.no for line in order.lines] if lines is None else list(lines)

    @contextmanager
    def _once(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._session.rollback()
            raise
        self._session.commit()
