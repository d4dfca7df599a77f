"""The fake ERP under the contract suite, in memory and served alike."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from connectors.contract import Kind, Ref, Step, System
from connectors.fake.client import RemoteERP
from connectors.fake.engine import FakeERP
from connectors.fake.faults import Fault, On
from connectors.fake.sample import (
    add_invoice,
    add_period,
    add_project,
    add_purchase_order,
    add_sales_order,
)
from connectors.fake.schema import INVOICE, LINE, MOVE, ORDER, PERIOD, PROJECT, SALE, TASK
from core.encoding import Value
from tests.contract.subject import Content, Subject
from tests.factories import ServedERP, fake_system

_LINES = (("12.000", "5.000", "19.50"), ("3.500", "3.500", "8.0000"))

_EDITS: Mapping[str, tuple[str, Value]] = {
    ORDER: ("note", "changed behind our back"),
    LINE: ("item", "changed behind our back"),
    INVOICE: ("partner", "Somebody Else Ltd"),
    PERIOD: ("company", "Somebody Else Ltd"),
    PROJECT: ("name", "changed behind our back"),
    TASK: ("name", "changed behind our back"),
    SALE: ("note", "changed behind our back"),
}


_TAKEN_OVER: Mapping[str, tuple[str, Value]] = {
    **dict.fromkeys((ORDER, PROJECT, TASK, SALE), ("closed_how", "by_itself")),
    LINE: ("quantity", Decimal("1.125")),
}
"""What somebody else makes of a field that an action set."""

_NOT_BY_VALUES = frozenset(
    {"purchase_order.approve_by_hand", "purchase_order.send_reminder", "purchase_order.give_up"}
)
"""Actions on these models whose way back, if they have one, is a button."""


class FakeSubject(Subject):
    """What both ways to the fake ERP share."""

    ACTIONS: ClassVar[tuple[str, ...]] = (
        "purchase_order.cancel",
        "purchase_order.close",
        "purchase_order.give_up",
        "purchase_order.approve_by_hand",
        "purchase_order.send_reminder",
        "record.update",
        "supplier_invoice.reverse",
        "accounting_period.close",
        "project_task.close",
        "project.close",
        "sales_order.close",
    )
    BATCH_ACTION = "purchase_order.cancel"
    KINDS: ClassVar[tuple[Kind, ...]] = (
        Kind.PURCHASE_ORDER,
        Kind.SALES_ORDER,
        Kind.SUPPLIER_INVOICE,
        Kind.PROJECT,
        Kind.ACCOUNTING_PERIOD,
        Kind.GOODS_RECEIPT,
    )

    def __init__(self, erp: FakeERP | RemoteERP) -> None:
        self.erp = erp
        self._count = 0

    @abstractmethod
    def open(self, *, seconds: float = 30.0) -> System:
        """Open a new system."""

    def make(self, action: str) -> Step:
        ref, arguments = self._documents()[action]()
        return Step(action, ref, arguments)

    def _documents(self) -> Mapping[str, Callable[[], tuple[Ref, dict[str, Value]]]]:
        def order(state: str) -> Callable[[], tuple[Ref, dict[str, Value]]]:
            return lambda: (Ref(ORDER, self._order(state)), {})

        return {
            "purchase_order.cancel": order("quotation"),
            "purchase_order.close": order("processing"),
            "purchase_order.give_up": order("processing"),
            "purchase_order.approve_by_hand": order("quotation"),
            "purchase_order.send_reminder": order("processing"),
            "record.update": self._line_to_update,
            "supplier_invoice.reverse": lambda: (Ref(INVOICE, self._invoice("posted")), {}),
            "accounting_period.close": lambda: (
                Ref(
                    PERIOD,
                    add_period(self.erp, self._number(), journals=("open", "closed", "open")),
                ),
                {},
            ),
            "project_task.close": self._task,
            "project.close": self._project,
            "sales_order.close": lambda: (Ref(SALE, add_sales_order(self.erp, self._number())), {}),
        }

    def make_impossible(self, action: str) -> Step:
        return Step(action, Ref(ORDER, self._order("processing")))

    def make_document(self, kind: Kind, *, is_closed: bool) -> tuple[Ref, str]:
        number = self._number()
        match kind:
            case Kind.PURCHASE_ORDER:
                state = "closed" if is_closed else "processing"
                key = add_purchase_order(self.erp, number, state=state, lines=_LINES)
                return Ref(ORDER, key), number
            case Kind.SALES_ORDER:
                state = "closed" if is_closed else "processing"
                return Ref(SALE, add_sales_order(self.erp, number, state=state)), number
            case Kind.SUPPLIER_INVOICE:
                period = add_period(self.erp, self._number())
                state = "posted" if is_closed else "draft"
                key = add_invoice(self.erp, number, period=period, state=state)
                return Ref(INVOICE, key), number
            case Kind.PROJECT:
                key = add_project(self.erp, number, tasks=("open",))
                if is_closed:
                    self.erp.edit(PROJECT, key, {"state": "closed"})
                return Ref(PROJECT, key), number
            case Kind.ACCOUNTING_PERIOD:
                state = "closed" if is_closed else "open"
                return Ref(PERIOD, add_period(self.erp, number, state=state)), number
            case _:
                order = self._order("processing")
                state = "done" if is_closed else "draft"
                fields = {"order": order, "number": number, "quantity": Decimal(1), "state": state}
                return Ref(MOVE, self.erp.insert(MOVE, fields)), number

    def make_typed(self) -> tuple[Ref, Mapping[str, Value]]:
        expected: dict[str, Value] = {
            "reference": "Größe ½ — 結案 🔩\n\ttab 'quote' \"double\" \\ end ",
            "note": "",
            "approved_by": None,
            "date": date(2024, 2, 29),
            "created_at": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
            "lead_time": timedelta(days=-1, seconds=5, microseconds=1),
            "delivery_hour": time(23, 59, 59, 999999),
            "attachment": b"\x00\xff\x80",
            "tags": ("a", 1),
            "priority": 2**60,
            "is_urgent": True,
            "amount": Decimal("39.0000"),
        }
        given: dict[str, Any] = {name: v for name, v in expected.items() if name != "amount"}
        key = add_purchase_order(
            self.erp, self._number(), lines=(("2.00", "0.00", "19.50"),), **given
        )
        return Ref(ORDER, key), expected

    def edit(self, step: Step) -> None:
        name, value = _EDITS[step.ref.model]
        self.erp.edit(step.ref.model, step.ref.key, {name: value})

    def take_over(self, step: Step) -> tuple[Ref, str] | None:
        name, value = _TAKEN_OVER.get(step.ref.model, ("", None))
        if not name or step.action in _NOT_BY_VALUES:
            return None
        self.erp.edit(step.ref.model, step.ref.key, {name: value})
        return step.ref, name

    def delete(self, ref: Ref) -> None:
        self.erp.delete(ref.model, ref.key)

    def do_by_hand(self, step: Step) -> None:
        self.erp.do_by_hand(step.action, step.ref.key)

    def write_count(self) -> int:
        return sum(line.do == On.APPLY for line in self.erp.ledger.lines())

    @contextmanager
    def hold_answers(self, *, is_write: bool) -> Iterator[None]:
        on = On.APPLY if is_write else On.CAPTURE
        self.erp.faults.add(Fault("slow", on=on, times=10**6))
        try:
            yield
        finally:
            self.erp.faults.clear()

    def dump(self) -> Content:
        return self.erp.dump()

    def child_of(self, step: Step) -> Ref | None:
        if step.action != "purchase_order.cancel_remainder":
            return None
        rows = self.erp.dump()[LINE].items()
        return next(Ref(LINE, key) for key, row in rows if row["order"] == step.ref.key)

    def _number(self) -> str:
        self._count += 1
        return f"N{self._count:05}"

    def _order(self, state: str) -> str:
        return add_purchase_order(self.erp, self._number(), state=state, lines=_LINES)

    def _invoice(self, state: str) -> str:
        period = add_period(self.erp, self._number())
        return add_invoice(self.erp, self._number(), period=period, state=state)

    def _line_to_update(self) -> tuple[Ref, dict[str, Value]]:
        order = self._order("processing")
        rows = self.erp.dump()[LINE].items()
        line = next(key for key, row in rows if row["order"] == order)
        return Ref(LINE, line), {"quantity": Decimal("7.25"), "description": ""}

    def _task(self) -> tuple[Ref, dict[str, Value]]:
        project = add_project(self.erp, self._number(), tasks=("open",))
        rows = self.erp.dump()[TASK].items()
        return Ref(TASK, next(key for key, row in rows if row["project"] == project)), {}

    def _project(self) -> tuple[Ref, dict[str, Value]]:
        project = add_project(self.erp, self._number(), tasks=("open", "closed", "open"))
        rows = self.erp.dump()[TASK].items()
        tasks = [k for k, row in rows if row["project"] == project and row["state"] == "open"]
        return Ref(PROJECT, project), {"tasks": tuple(tasks)}


class MemorySubject(FakeSubject):
    """The fake ERP in this process."""

    def __init__(self, erp: FakeERP) -> None:
        super().__init__(erp)
        self._in_memory = erp

    def open(self, *, seconds: float = 30.0) -> System:
        return fake_system(self._in_memory)


class ServedSubject(FakeSubject):
    """The fake ERP in a process of its own."""

    def __init__(self, served: ServedERP) -> None:
        super().__init__(served.erp)
        self._served = served

    def open(self, *, seconds: float = 30.0) -> System:
        return self._served.system(seconds=seconds)
