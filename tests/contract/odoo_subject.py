"""An Odoo under the contract suite: a real one or the stand-in, of any version, told apart by nothing but its answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar, Final

from config.systems import OdooOptions
from connectors.contract import Kind, Ref, Step, System
from connectors.odoo.connector import open_system
from core import clock
from core.encoding import Value
from tests.contract.odoo_office import Office
from tests.contract.odoo_witness import Witness
from tests.contract.stocked_subject import Made, StockedSubject, refs
from tests.contract.subject import Content
from tests.factories import QUICK_SECONDS
from tests.proxy import Proxy

_EDITS: Final[Mapping[str, str]] = {
    "purchase.order": "partner_ref",
    "sale.order": "client_order_ref",
    "account.move": "ref",
    "stock.picking": "origin",
    "stock.quant": "inventory_date",
    "mrp.production": "origin",
    "project.project": "label_tasks",
    "project.task": "description",
    "res.company": "email",
}
"""The field of each model in which somebody else may write something at any time."""

_TAKEN_OVER: Final[Mapping[str, tuple[str, str]]] = {
    "customer_invoice.post": ("invoice_date_due", "2031-03-04"),
    "supplier_invoice.post": ("invoice_date_due", "2031-03-04"),
    "project.close_task": ("state", "03_approved"),
    "project.reopen_task": ("state", "03_approved"),
}
"""By action the field that it changes and somebody else then writes, with a value that it had never."""

_STATES_SINCE: Final[Mapping[str, int]] = {"project.task": 17}

_NUMBERED: Final[Mapping[Kind, str]] = {Kind.PARTNER: "ref", Kind.ITEM: "default_code"}
"""Where the number of a document does not stand in `name`."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where an Odoo is reached, and as whom Storno works there."""

    url: str
    database: str
    user: str
    password: str


class OdooSubject(StockedSubject):
    """One running Odoo, with a proxy before it for the connector and none for the colleague."""

    ACTIONS: ClassVar[tuple[str, ...]] = (
        *(f"purchase_order.{verb}" for verb in ("close", "reopen", "cancel", "draft", "confirm")),
        *(f"sales_order.{verb}" for verb in ("close", "reopen", "cancel", "draft", "confirm")),
        *(f"customer_invoice.{verb}" for verb in ("post", "draft", "cancel", "credit")),
        *(f"supplier_invoice.{verb}" for verb in ("post", "draft", "cancel", "credit")),
        "goods_receipt.cancel",
        "goods_receipt.return",
        "goods_issue.cancel",
        "goods_issue.return",
        "stock_count.confirm",
        "production_order.cancel",
        "production_order.close",
        "production_order.unbuild",
        "project.close",
        "project.reopen",
        "project.close_task",
        "project.reopen_task",
        "accounting_period.close",
        "accounting_period.reopen",
    )
    LASTING: ClassVar[frozenset[str]] = frozenset(
        {
            "goods_receipt.return", "goods_issue.return", "production_order.unbuild",
            "stock_count.confirm",
        }
    )  # fmt: skip
    """Actions on what has happened, or is in stock: Odoo lets nobody delete that, nor a part of it."""
    BATCH_ACTION = "purchase_order.cancel"
    NUMBER = "name"
    TWO_VALUES = frozenset(
        {("purchase.order", "priority"), ("account.move", "checked"), ("account.move", "to_check")}
    )
    QUICK_ENOUGH_SECONDS: ClassVar[float] = 3.0  # a real one on a busy machine answers within that
    AT_ONCE: ClassVar[int] = 6  # about as many documents of a sort as the tests of one action take
    KINDS: ClassVar[tuple[Kind, ...]] = (
        Kind.PURCHASE_ORDER,
        Kind.SALES_ORDER,
        Kind.GOODS_RECEIPT,
        Kind.GOODS_ISSUE,
        Kind.PRODUCTION_ORDER,
        Kind.PROJECT,
        Kind.PARTNER,
        Kind.ITEM,
    )

    def __init__(self, server: Server, proxy: Proxy, office: Office, witness: Witness) -> None:
        self.server = server
        self.office = office
        self.witness = witness
        super().__init__(proxy)

    def open(self, *, seconds: float = 60.0, transport: str = "auto", **more: Any) -> System:
        limit = self.QUICK_ENOUGH_SECONDS if seconds == QUICK_SECONDS else seconds
        options = OdooOptions.model_validate(
            {
                "url": self.proxy.url,
                "database": self.server.database,
                "user": self.server.user,
                "password": self.server.password,
                "transport": transport,
                "timeout_seconds": {"read": limit, "write": limit},
                **more,
            }
        )
        return open_system("practice", options)

    # --- documents ----------------------------------------------------------------------------------------

    def make_impossible(self, action: str) -> Step:
        assert action == self.BATCH_ACTION
        ref, _ = self._take("impossible", self._not_to_be_cancelled)
        return Step(action, ref)

    def _not_to_be_cancelled(self) -> Made:
        # Received orders are cancelled by 19 all the same; locked ones are cancelled by all before it.
        if self.office.version >= 19:
            return self._purchases("locked")
        orders = self.office.purchases("purchase", 2)
        rows = self.office.read("purchase.order", orders, "picking_ids")
        self.office.validate([picking for row in rows for picking in row["picking_ids"]])
        return refs("purchase.order", orders)

    def _all_makers(self) -> dict[str, Callable[[], Made]]:
        office = self.office
        orders = {
            "close": "purchase",
            "reopen": "locked",
            "cancel": "purchase",
            "draft": "confirmed_cancel",
            "confirm": "draft",
        }
        makers: dict[str, Callable[[], Made]] = {
            f"purchase_order.{verb}": partial(self._purchases, state)
            for verb, state in orders.items()
        }
        for verb, state in orders.items():
            sold = "sale" if state == "purchase" else state
            makers[f"sales_order.{verb}"] = partial(self._sales, sold)
        for type_, kind in (
            ("out_invoice", "customer_invoice"),
            ("in_invoice", "supplier_invoice"),
        ):
            for verb, state in (
                ("post", "draft"),
                ("draft", "posted"),
                ("cancel", "draft"),
                ("credit", "posted"),
            ):
                makers[f"{kind}.{verb}"] = partial(self._invoices, type_, state)
        for kind, make in (("goods_receipt", office.receipts), ("goods_issue", office.issues)):
            makers[f"{kind}.cancel"] = partial(self._pickings, make, "assigned")
            makers[f"{kind}.return"] = partial(self._pickings, make, "done")
        makers |= {
            "stock_count.confirm": lambda: refs("stock.quant", office.counts()),
            "production_order.cancel": partial(self._productions, "confirmed"),
            "production_order.close": partial(self._productions, "confirmed"),
            "production_order.unbuild": partial(self._productions, "done"),
            "project.close": lambda: refs("project.project", office.projects()),
            "project.reopen": lambda: refs("project.project", office.projects(is_closed=True)),
            "project.close_task": lambda: refs("project.task", office.tasks()),
            "project.reopen_task": lambda: refs("project.task", office.tasks(is_done=True)),
            "accounting_period.close": partial(self._companies, is_locked=False),
            "accounting_period.reopen": partial(self._companies, is_locked=True),
        }
        return makers

    def _purchases(self, state: str) -> Made:
        return refs("purchase.order", self.office.purchases(state))

    def _sales(self, state: str) -> Made:
        return refs("sale.order", self.office.sales(state))

    def _invoices(self, type_: str, state: str) -> Made:
        return refs("account.move", self.office.invoices(type_, state))

    def _pickings(self, make: Callable[[str], list[int]], state: str) -> Made:
        return refs("stock.picking", make(state))

    def _productions(self, state: str) -> Made:
        return refs("mrp.production", self.office.productions(state))

    def _companies(self, *, is_locked: bool) -> Made:
        keys = self.office.companies(is_locked=is_locked)
        day = None if is_locked else self.office.year_end()
        arguments: dict[str, Value] = {"lock": "fiscalyear_lock_date", "date": day}
        return [(Ref("res.company", str(key)), arguments) for key in keys]

    def make_document(self, kind: Kind, *, is_closed: bool) -> tuple[Ref, str]:
        ref, _ = self._take(f"{kind} {is_closed}", partial(self._documents, kind, is_closed))
        name = _NUMBERED.get(kind, "name")
        (row,) = self.office.read(ref.model, [int(ref.key)], name)
        return ref, str(row[name])

    def _documents(self, kind: Kind, is_closed: bool) -> Made:
        office = self.office
        match kind:
            case Kind.PURCHASE_ORDER:
                return self._purchases("locked" if is_closed else "purchase")
            case Kind.SALES_ORDER:
                return self._sales("locked" if is_closed else "sale")
            case Kind.CUSTOMER_INVOICE:
                return self._invoices("out_invoice", "posted")
            case Kind.SUPPLIER_INVOICE:
                return self._invoices("in_invoice", "posted")
            case Kind.GOODS_RECEIPT:
                return self._pickings(office.receipts, "done" if is_closed else "assigned")
            case Kind.GOODS_ISSUE:
                return self._pickings(office.issues, "done" if is_closed else "assigned")
            case Kind.PRODUCTION_ORDER:
                return self._productions("done" if is_closed else "confirmed")
            case Kind.PROJECT:
                return refs("project.project", office.projects(is_closed=is_closed))
            case Kind.PARTNER:
                return refs("res.partner", office.partners(is_active=not is_closed))
            case Kind.ITEM:
                return refs("product.product", office.items(is_active=not is_closed))
            case _:
                raise AssertionError(f"nobody makes {kind}")

    def make_typed(self) -> tuple[Ref, Mapping[str, Value]]:
        name = "Größe ½ — 結案 🔩\n\ttab 'quote' \"double\" \\ end"
        (order,) = self.office.purchases("draft", 1)
        (row,) = self.office.read("purchase.order", [order], "order_line")
        line = row["order_line"][0]
        self.office.call(
            "purchase.order.line", "write", [line], {"name": name, "product_qty": 1.25}
        )
        self.office.call("purchase.order.line", "write", [line], {"price_unit": 19.5})
        (row,) = self.office.read("purchase.order.line", [line], "create_date", "product_id")
        expected: dict[str, Value] = {
            "name": name,
            "display_type": None,
            "sequence": 10,
            "product_qty": Decimal("1.25"),
            "price_unit": Decimal("19.5"),
            "discount": Decimal(0),
            "order_id": order,
            "product_id": row["product_id"],
            "move_ids": (),
            "create_date": moment(row["create_date"]),
            "is_downpayment": False,
        }
        known = self.office.colleague.fields("purchase.order.line")
        return Ref("purchase.order.line", str(line)), {
            n: v for n, v in expected.items() if n in known
        }

    # --- somebody else ------------------------------------------------------------------------------------

    def edit(self, step: Step) -> None:
        model, key, name = step.ref.model, int(step.ref.key), _EDITS[step.ref.model]
        self._wait_for_another_second(model, key)
        number = next(self._edits)
        value = f"2031-01-{number % 28 + 1:02}" if name.endswith("date") else f"edit {number}"
        self.office.call(model, "write", [key], {name: value})

    def make_wide(self, action: str) -> Step:
        """A task also changes its stage, and an invoice without a date also gets one."""
        found = self.make(action)
        key = int(found.ref.key)
        if action == "customer_invoice.post":
            values = {"invoice_date": False, "invoice_date_due": False}
            self.office.call(found.ref.model, "write", [key], values)
        if found.ref.model != "project.task":
            return found
        (row,) = self.office.read(found.ref.model, [key], "stage_id")
        stages = self.office.call("project.task.type", "search", [["fold", "=", False]])
        stage = next(int(each) for each in stages if each != row["stage_id"])
        return replace(found, arguments={**found.arguments, "stage": stage})

    def take_over(self, step: Step) -> tuple[Ref, str] | None:
        name, value = _TAKEN_OVER.get(step.action, ("", ""))
        if not name or not self.office.version >= _STATES_SINCE.get(step.ref.model, 0):
            return None
        self._wait_for_another_second(step.ref.model, int(step.ref.key))
        self.office.call(step.ref.model, "write", [int(step.ref.key)], {name: value})
        return step.ref, name

    def _wait_for_another_second(self, model: str, key: int) -> None:
        """Two writes of one user in one second look like one over every interface of Odoo."""
        (row,) = self.office.read(model, [key], "write_date", "write_uid")
        written = moment(row["write_date"])
        is_own = row["write_uid"] == self.office.colleague.uid
        while is_own and clock.now().replace(microsecond=0) <= written:
            clock.sleep(0.05)

    def delete(self, ref: Ref) -> None:
        call, key = self.office.call, int(ref.key)
        match ref.model:
            case "purchase.order":
                (row,) = self.office.read(ref.model, [key], "state")
                if row["state"] == "done" or self.office.version >= 19:
                    call(ref.model, "button_unlock", [key])
                call(ref.model, "button_cancel", [key])
            case "sale.order":
                (row,) = self.office.read(ref.model, [key], "state")
                if row["state"] != "draft":
                    call(ref.model, "action_unlock", [key])
                call(ref.model, "action_cancel", [key], context={"disable_cancel_warning": True})
            case "account.move":
                (row,) = self.office.read(ref.model, [key], "state")
                if row["state"] != "draft":
                    call(ref.model, "button_draft", [key])
                call(ref.model, "unlink", [key], context={"force_delete": True})
                return
            case "stock.picking" | "mrp.production":
                call(ref.model, "action_cancel", [key])
            case "project.project":
                domain = [["project_id", "=", key]]
                tasks = call("project.task", "search", domain, context={"active_test": False})
                call("project.task", "unlink", tasks)
            case _:
                pass
        call(ref.model, "unlink", [key])

    def child_of(self, step: Step) -> Ref | None:
        """Return an archived task of a project, a detailed line of what is to be moved; others are deleted whole."""
        model, key = step.ref.model, int(step.ref.key)
        if model == "project.project":
            domain = [["project_id", "=", key]]
            tasks = self.office.call(
                "project.task", "search", domain, context={"active_test": False}
            )
            return Ref("project.task", str(tasks[0]))
        if model == "res.company":
            drafts = self.office.call("account.move", "search", [["company_id", "=", key]])
            return Ref("account.move", str(drafts[0]))
        return None

    # --- the wire and the witness -------------------------------------------------------------------------

    def write_count(self) -> int:
        return sum(each.is_write for each in self.proxy.exchanges)

    def dump(self) -> Content:
        return self.witness()


def moment(written: str | datetime) -> datetime:
    """Return the moment that Odoo's text tells."""
    if isinstance(written, datetime):
        return written.replace(tzinfo=UTC)
    return datetime.strptime(written, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
