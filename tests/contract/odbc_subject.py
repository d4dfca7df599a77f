"""A practice Yonyou U8 on SQLite, reached over ODBC, under the contract suite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import ClassVar, Final

from config.systems import OdbcOptions
from connectors.contract import Kind, Ref, Step, System
from connectors.odbc.connector import open_system
from connectors.odbc.values import key_text
from core.encoding import Value
from sandbox.legacy.build import Practice, build
from sandbox.legacy.data import PEOPLE, YEAR, Order, periods
from sandbox.legacy.dump import dump
from sandbox.legacy.office import Office, open_office
from tests.contract.subject import Content, Subject

CLOSER: Final = PEOPLE[1][1]
OTHER: Final = 2
ORDERS: Final = 900

_SIDES: Final = {Kind.PURCHASE_ORDER: "purchase", Kind.SALES_ORDER: "sale"}
_MODELS: Final = {Kind.PURCHASE_ORDER: "PO_Pomain", Kind.SALES_ORDER: "SO_SOMain"}
_LINES: Final = {
    "PO_Pomain": ("PO_Podetails", "ID", "POID"),
    "SO_SOMain": ("SO_SODetails", "iSOsID", "ID"),
}
_CLOSERS: Final = {"PO_Podetails": "cbCloser", "SO_SODetails": "cSCloser"}
_KEYS: Final = {
    "PO_Pomain": "POID",
    "SO_SOMain": "ID",
    "PO_Podetails": "ID",
    "SO_SODetails": "iSOsID",
}


class OdbcSubject(Subject):
    """Orders of a practice U8; a colleague works there over another driver."""

    ACTIONS: ClassVar[tuple[str, ...]] = (
        "purchase_order.close",
        "purchase_order.reopen",
        "sales_order.close",
        "sales_order.reopen",
    )
    BATCH_ACTION = "purchase_order.close"
    KINDS: ClassVar[tuple[Kind, ...]] = (Kind.PURCHASE_ORDER, Kind.SALES_ORDER)
    NUMBER = "cPOID"
    IS_COPY: ClassVar[bool] = True  # which is trusted without a proof

    def __init__(self, practice: Practice) -> None:
        self.practice = practice
        self.office: Office = open_office(practice, person=OTHER)
        self._orders = {kind: self._unused(side) for kind, side in _SIDES.items()}
        self._by_ref: dict[Ref, Order] = {}
        self._witness = sqlite3.connect(self.path)

    @property
    def path(self) -> Path:
        assert isinstance(self.practice.place, Path)
        return self.practice.place

    def open(self, *, seconds: float = 30.0) -> System:
        options = OdbcOptions.model_validate(
            {
                "driver": "SQLite3",
                "database": str(self.path),
                "recipe": "u8",
                "closer": CLOSER,
                "time_zone": "Asia/Shanghai",
                "timeout_seconds": {"lock": seconds, "statement": max(seconds, 1.0)},
            }
        )
        system = open_system("legacy", options)
        if self.IS_COPY:
            system.trust_as_copy()
        return system

    def close(self) -> None:
        """End the colleague's day."""
        self._witness.close()
        self.office.__exit__(None, None, None)

    # --- documents ----------------------------------------------------------------------------------

    def make(self, action: str) -> Step:
        kind, _, verb = action.partition(".")
        ref, _ = self.make_document(Kind(kind), is_closed=verb == "reopen")
        return Step(action, ref)

    def make_impossible(self, action: str) -> Step:
        ref, _ = self.make_document(Kind(action.partition(".")[0]), is_closed=True)
        return Step(action, ref)

    def make_document(self, kind: Kind, *, is_closed: bool) -> tuple[Ref, str]:
        order = next(self._orders[kind])
        ref = Ref(_MODELS[kind], key_text(self.practice.key(order)))  # type: ignore[arg-type]
        self._by_ref[ref] = order
        if is_closed:
            self.office.close(order)
        return ref, self.practice.number(order)

    def _unused(self, side: str) -> Iterator[Order]:
        """Yield confirmed orders of an open period of which nothing was received and nothing is odd."""
        still_open = {(YEAR, month) for month, closed in periods() if not closed}
        for order in self.practice.story.orders:
            is_plain = order.odd is None and order.state == "confirmed"
            untouched = all(
                not (line.received or line.inspecting or line.invoiced or line.closed_by_hand)
                for line in order.lines
            )
            is_open = (order.day.year, order.day.month) in still_open
            if order.side == side and is_plain and untouched and is_open:
                yield order

    def make_typed(self) -> tuple[Ref, Mapping[str, Value]]:
        ref, _ = self.make_document(Kind.PURCHASE_ORDER, is_closed=False)
        line = self._line_of(ref)
        values: dict[str, Value] = {
            "cInvCode": "螺丝𠮷 %'\"",
            "cbMemo": "",
            "cbCloser": None,
            "iQuantity": Decimal("1234.5"),
            "cbCloseDate": date(2024, 2, 29),
            "cbCloseTime": "2024-02-29 23:59:59.997",
            "ivouchrowno": 7,
        }
        names = ", ".join(f'"{name}" = ?' for name in values)
        written = [str(v) if isinstance(v, Decimal | date) else v for v in values.values()]
        self._run(f'update "PO_Podetails" set {names} where "ID" = ?', *written, int(line.key))  # noqa: S608 - names of ours
        return line, values

    def _line_of(self, ref: Ref) -> Ref:
        table, key, link = _LINES[ref.model]
        with closing(sqlite3.connect(self.path)) as database:
            (found,) = database.execute(
                f'select min("{key}") from "{table}" where "{link}" = ?',  # noqa: S608 - names of ours
                (int(ref.key),),
            ).fetchone()
        return Ref(table, str(found))

    # --- the colleague ------------------------------------------------------------------------------

    def edit(self, step: Step) -> None:
        self.office.write_memo(self._by_ref[step.ref], "有人改过")

    def take_over(self, step: Step) -> tuple[Ref, str] | None:
        if not self.IS_COPY:
            return None  # a person opens it as a whole
        line = self._line_of(step.ref)
        name = _CLOSERS[line.model]
        self._run(
            f'update "{line.model}" set "{name}" = ? where "{_KEYS[line.model]}" = ?',  # noqa: S608 - names of ours
            "别人",
            int(line.key),
        )
        return line, name

    def delete(self, ref: Ref) -> None:
        self._run(
            f'delete from "{ref.model}" where "{_KEYS[ref.model]}" = ?',  # noqa: S608 - names of ours
            int(ref.key),
        )

    def do_by_hand(self, step: Step) -> None:
        order = self._by_ref[step.ref]
        if step.action.endswith(".close"):
            self.office.close(order)
        else:
            self.office.reopen(order)

    def child_of(self, step: Step) -> Ref | None:
        return self._line_of(step.ref)

    def _run(self, sql: str, *values: object) -> None:
        with closing(sqlite3.connect(self.path)) as database:
            database.execute(sql, values)
            database.commit()

    # --- the witness --------------------------------------------------------------------------------

    def write_count(self) -> int:
        """Return a number that grows when anybody commits."""
        return int(self._witness.execute("pragma data_version").fetchone()[0])

    def hold_answers(self, *, is_write: bool) -> AbstractContextManager[None]:
        raise NotImplementedError  # a file answers always; the faults of servers have tests of their own

    def dump(self) -> Content:
        return dump(self.practice)


class ByPersonSubject(OdbcSubject):
    """The same while nothing is proved: Storno writes nothing, a person closes and opens."""

    IS_COPY = False


def practice_u8(folder: Path) -> Practice:
    """Make a practice U8 with enough plain orders for the whole suite."""
    return build("u8", folder / "u8.sqlite", size=ORDERS)
