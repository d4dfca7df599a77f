"""A real Tryton with the practice company under the contract suite."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar, Final

from config.systems import TrytonOptions
from connectors.contract import Kind, Ref, Step, System
from connectors.tryton.connector import open_system
from core.encoding import Value, dumps, loads
from sandbox.tryton import practice
from sandbox.tryton.colleague import Colleague
from sandbox.tryton.scripts.dump import dump_postgresql, dump_sqlite
from tests.contract.stocked_subject import Made, StockedSubject, refs
from tests.contract.subject import Content
from tests.contract.tryton_office import Office, day, decimal
from tests.factories import QUICK_SECONDS
from tests.proxy import Proxy

QUICK_ENOUGH_SECONDS: Final = 2.0
"""A real ERP on a busy machine answers a question within that."""

READING_CALLS: Final = frozenset(
    {
        "fields_get", "get_access", "get_preferences", "login", "logout", "read", "search",
        "search_count", "search_read", "version",
        # A wizard's session is no business record.
        "create", "delete",
    }
)  # fmt: skip

LOG_TABLES: Final = frozenset(
    {
        "ir_cache",  # when a server has to forget what it keeps in memory
        "ir_model_log",  # who pressed what: the trace note of every action names it
        "ir_queue",  # tasks, done
        "ir_session",
        "ir_session_wizard",
        "pg_sequences",  # the next free id of each table
        "sqlite_sequence",
    }
)
"""What Tryton writes down about itself: never business, and told in no image."""

_RELATIONS: Final = {
    f"{side}_line-{name}-stock_move": (f"{side}.line", f"moves_{name}", f"{side}_line", "move")
    for side in ("purchase", "sale")
    for name in ("ignored", "recreated")
}
"""Tables of relations: the field of which model each of them is."""

_EDITS: Final[Mapping[str, str]] = {
    "purchase.purchase": "comment",
    "sale.sale": "comment",
    "account.invoice": "comment",
    "stock.shipment.in": "reference",
    "stock.shipment.out": "reference",
    "stock.inventory": "date",
    "production": "reference",
    "project.work": "comment",
    "account.period": "name",
    "account.fiscalyear": "name",
    "purchase.line": "note",
    "sale.line": "note",
    "stock.move": "planned_date",
}
"""The field of each model in which somebody else may write something at any time."""

_CANCELLED_FIRST: Final = frozenset(
    {
        "purchase.purchase", "sale.sale", "account.invoice", "stock.shipment.in",
        "stock.shipment.out", "production",
    }
)  # fmt: skip
"""Documents that Tryton deletes only when they were cancelled."""

_STATE_BEFORE: Final[Mapping[str, str]] = {
    "cancel": "quotation",
    "draft": "cancelled",
    "quote": "draft",
    "close": "processing",
    "cancel_open_moves": "processing",
    "ignore_moves": "exception",
    "recreate_moves": "exception",
}

_NUMBERED: Final[Mapping[Kind, str]] = {
    Kind.ACCOUNTING_PERIOD: "name",
    Kind.PARTNER: "code",
    Kind.ITEM: "code",
}
"""Where the number of a document does not stand in `number`."""


def rpc_naming(path: str, body: bytes) -> tuple[str, bool]:
    """Read a request in either dialect: the method, and whether it changes something."""
    del path
    in_xml = re.search(rb"<methodName>([^<]+)</methodName>", body)
    method = in_xml[1].decode() if in_xml else str(loads(body)["method"])
    verb = method.rpartition(".")[2]
    is_model = method.startswith("model.")
    return method, verb not in READING_CALLS or (is_model and verb in ("create", "delete"))


class TrytonSubject(StockedSubject):
    """One running practice ERP, with a proxy before it for the connector and none for the colleague."""

    ACTIONS: ClassVar[tuple[str, ...]] = (
        *(
            f"purchase_order.{verb}"
            for verb in (
                "cancel", "draft", "quote", "close", "cancel_open_moves", "ignore_moves",
                "recreate_moves", "unignore_moves",
            )
        ),
        # Its way back has the links, and the other buttons are the same classes.
        *(f"sales_order.{verb}" for verb in ("cancel", "quote", "close")),
        *(f"customer_invoice.{verb}" for verb in ("validate", "post", "cancel", "draft")),
        *(f"supplier_invoice.{verb}" for verb in ("validate", "draft")),
        "goods_receipt.cancel",
        "goods_issue.cancel",
        "stock_count.confirm",
        "stock_count.cancel",
        "production_order.cancel",
        "project.close",
        "project.reopen",
        "accounting_period.close",
        "accounting_period.reopen",
        "accounting_period.close_year",
        "accounting_period.reopen_year",
    )  # fmt: skip
    BATCH_ACTION = "purchase_order.cancel"
    AT_ONCE: ClassVar[int] = 6  # about as many documents of a sort as the tests of one action take
    # A customer invoice has no number before it is posted, so no open one has a name to find it by.
    KINDS: ClassVar[tuple[Kind, ...]] = (
        Kind.PURCHASE_ORDER,
        Kind.SALES_ORDER,
        Kind.SUPPLIER_INVOICE,
        Kind.GOODS_RECEIPT,
        Kind.GOODS_ISSUE,
        Kind.STOCK_COUNT,
        Kind.PRODUCTION_ORDER,
        Kind.PROJECT,
        Kind.ACCOUNTING_PERIOD,
        Kind.PARTNER,
        Kind.ITEM,
    )

    def __init__(self, erp: practice.Running, proxy: Proxy, colleague: Colleague) -> None:
        self.erp = erp
        self.office = Office(colleague, at_once=self.AT_ONCE)
        super().__init__(proxy)
        self._goods: dict[Kind, tuple[str, Callable[[], list[int]]]] = {
            Kind.GOODS_RECEIPT: ("stock.shipment.in", self.office.receipts),
            Kind.GOODS_ISSUE: ("stock.shipment.out", self.office.issues),
            Kind.STOCK_COUNT: ("stock.inventory", self.office.counts),
            Kind.PRODUCTION_ORDER: ("production", self.office.productions),
        }

    def open(self, *, seconds: float = 30.0, transport: str = "auto") -> System:
        limit = QUICK_ENOUGH_SECONDS if seconds == QUICK_SECONDS else seconds
        options = TrytonOptions.model_validate(
            {
                "url": self.proxy.url,
                "database": self.erp.database,
                "user": self.erp.user,
                "password": self.erp.password,
                "transport": transport,
                "timeout_seconds": {"read": limit, "write": limit},
            }
        )
        return open_system("practice", options)

    # --- documents ----------------------------------------------------------------------------------------

    def make_impossible(self, action: str) -> Step:
        assert action == self.BATCH_ACTION
        ref, _ = self._take("impossible", lambda: self._orders("purchase", "processing"))
        return Step(action, ref)

    def _all_makers(self) -> dict[str, Callable[[], Made]]:
        office = self.office
        makers: dict[str, Callable[[], Made]] = {
            "goods_receipt.cancel": lambda: refs("stock.shipment.in", office.receipts()),
            "goods_issue.cancel": lambda: refs("stock.shipment.out", office.issues()),
            "stock_count.confirm": lambda: refs("stock.inventory", office.counts()),
            "stock_count.cancel": lambda: refs("stock.inventory", office.counts()),
            "production_order.cancel": lambda: refs("production", office.productions()),
            "project.close": lambda: refs("project.work", office.works()),
            "project.reopen": lambda: refs("project.work", office.works(is_done=True)),
            "accounting_period.close": lambda: refs("account.period", office.periods()),
            "accounting_period.reopen": lambda: refs(
                "account.period", office.periods(is_closed=True)
            ),
            "accounting_period.close_year": lambda: refs("account.fiscalyear", [office.year()[0]]),
            "accounting_period.reopen_year": lambda: refs(
                "account.fiscalyear", [office.year(is_closed=True)[0]]
            ),
        }
        for side, kind in (("purchase", "purchase_order"), ("sale", "sales_order")):
            for verb, state in _STATE_BEFORE.items():
                makers[f"{kind}.{verb}"] = partial(self._orders, side, state)
            makers[f"{kind}.unignore_moves"] = partial(self._given_up, side)
        for type_, kind in (("out", "customer_invoice"), ("in", "supplier_invoice")):
            for verb in ("validate", "post", "cancel"):
                makers[f"{kind}.{verb}"] = partial(self._invoices, type_, "draft")
            makers[f"{kind}.draft"] = partial(self._invoices, type_, "validated")
        return makers

    def _orders(self, side: str, state: str) -> Made:
        return refs(f"{side}.{side}", self.office.orders(side, state))

    def _given_up(self, side: str) -> Made:
        keys = self.office.orders(side, "given_up")
        found = zip(keys, self.office.moves(side, keys), strict=True)
        return [(Ref(f"{side}.{side}", str(key)), {"moves": tuple(moves)}) for key, moves in found]

    def _invoices(self, type_: str, state: str) -> Made:
        return refs("account.invoice", self.office.invoices(type_, state))

    def make_document(self, kind: Kind, *, is_closed: bool) -> tuple[Ref, str]:
        ref, _ = self._take(f"{kind} {is_closed}", partial(self._documents, kind, is_closed))
        (row,) = self.office.read(ref.model, [int(ref.key)], _NUMBERED.get(kind, "number"))
        return ref, str(row[_NUMBERED.get(kind, "number")])

    def _documents(self, kind: Kind, is_closed: bool) -> Made:
        office = self.office
        match kind:
            case Kind.PURCHASE_ORDER:
                return self._orders("purchase", "cancelled" if is_closed else "quotation")
            case Kind.SALES_ORDER:
                return self._orders("sale", "cancelled" if is_closed else "quotation")
            case Kind.SUPPLIER_INVOICE:
                return self._invoices("in", "posted" if is_closed else "validated")
            case Kind.PROJECT:
                return refs("project.work", office.works(is_done=is_closed))
            case Kind.ACCOUNTING_PERIOD:
                return refs("account.period", office.periods(is_closed=is_closed))
            case Kind.PARTNER:
                return refs("party.party", office.partners(is_active=not is_closed))
            case Kind.ITEM:
                return refs("product.product", office.items(is_active=not is_closed))
            case _:
                model, make = self._goods[kind]
                keys = make()
                if is_closed:
                    office.call(model, "cancel", keys)
                return refs(model, keys)

    def make_typed(self) -> tuple[Ref, Mapping[str, Value]]:
        description = "Größe ½ — 結案 🔩\n\ttab 'quote' \"double\" \\ end"
        (order,) = self.office.orders("purchase", "draft", 1)
        (row,) = self.office.read("purchase.purchase", [order], "lines")
        line = row["lines"][1]
        values = {"description": description, "note": "", "unit_price": decimal("19.5000")}
        self.office.call("purchase.line", "write", [line], {**values, "quantity": 1.1})
        (row,) = self.office.read("purchase.line", [line], "create_date", "purchase.purchase_date")
        expected: dict[str, Value] = {
            "description": description,
            "note": "",
            "sequence": None,
            "quantity": Decimal("1.1"),
            "unit_price": Decimal("19.5000"),
            "purchase": order,
            "moves": (),
            "create_date": moment(row["create_date"]),
            "type": "line",
        }
        return Ref("purchase.line", str(line)), expected

    # --- somebody else ------------------------------------------------------------------------------------

    def edit(self, step: Step) -> None:
        name = _EDITS[step.ref.model]
        number = next(self._edits)
        value = (
            day(date(2020, 1, 1) + timedelta(days=number))
            if name.endswith("date")
            else f"edit {number}"
        )
        self.office.call(step.ref.model, "write", [int(step.ref.key)], {name: value})

    def make_wide(self, action: str) -> Step:
        """A half done work is set to done, or a done one to half done: status and progress."""
        found = self.make(action)
        match action:
            case "project.close":
                self.office.call(found.ref.model, "write", [int(found.ref.key)], {"progress": 0.5})
                return replace(found, arguments={"progress": Decimal(1)})
            case "project.reopen":
                return replace(found, arguments={"progress": Decimal("0.25")})
            case _:
                return found

    def take_over(self, step: Step) -> tuple[Ref, str] | None:
        if step.ref.model != "project.work":
            return None
        status = self.office.status("Waiting")
        self.office.call(step.ref.model, "write", [int(step.ref.key)], {"status": status})
        return step.ref, "status"

    def delete(self, ref: Ref) -> None:
        office, key = self.office, int(ref.key)
        if ref.model in _CANCELLED_FIRST:
            (row,) = office.read(ref.model, [key], "state")
            if row["state"] not in ("draft", "cancelled"):
                office.call(ref.model, "cancel", [key])
        if ref.model == "stock.move":
            office.forget_decisions(key)
        office.call(ref.model, "delete", [key])

    def child_of(self, step: Step) -> Ref | None:
        """Return a move of an order that was confirmed, a journal of a period; the others can be deleted whole."""
        model, key = step.ref.model, int(step.ref.key)
        if model in ("purchase.purchase", "sale.sale"):
            (moves,) = self.office.moves(model.partition(".")[0], [key])
            return Ref("stock.move", str(moves[-1])) if moves else None
        if model in ("account.period", "account.fiscalyear"):
            below = "period" if model == "account.period" else "period.fiscalyear"
            journal = self.office.call(
                "account.journal.period", "search", [[below, "=", key]], 0, 1, None
            )
            return Ref("account.journal.period", str(journal[0]))
        if step.action.startswith("supplier_invoice"):
            (row,) = self.office.read(model, [key], "lines")
            return Ref("account.invoice.line", str(row["lines"][0]))
        return None

    # --- the wire and the witness -------------------------------------------------------------------------

    def write_count(self) -> int:
        # Tryton looks at the session first: what it answers with 401 has reached no document.
        return sum(each.is_write and each.status != 401 for each in self.proxy.exchanges)

    def end_session(self) -> None:
        """Log the session out that was used last, without a word to the connector."""
        *_, last = self.proxy.exchanges
        body = dumps({"id": 1, "method": "common.db.logout", "params": []})
        connection = self.proxy.connect()
        headers = {name: last.headers[name] for name in ("authorization", "content-type")}
        connection.request("POST", f"/{self.erp.database}/rpc/", body, headers)
        assert connection.getresponse().status == 200
        connection.close()

    def presses(self, ref: Ref, button: str) -> int:
        """Return how often a button was pressed on a document, as the ERP's own log says."""
        where = [["resource", "=", str(ref)], ["event", "=", "button"], ["target", "=", button]]
        return len(self.office.call("ir.model.log", "search", where, 0, None, None))

    def dump(self) -> Content:
        """Return what the independent witness finds in the database, by model; what Tryton logs left out."""
        file = self.erp.database_file
        tables = dump_sqlite(str(file)) if file else dump_postgresql(str(self.erp.dsn))
        names = {str(row["name"]) for row in tables["ir_model"].values()}
        models = {name.replace(".", "_"): name for name in names}
        found: dict[str, dict[str, dict[str, Any]]] = {
            models.get(table, table): rows
            for table, rows in tables.items()
            if table not in LOG_TABLES and table not in _RELATIONS
        }
        for table, (model, name, owner, other) in _RELATIONS.items():
            for row in found[model].values():
                row[name] = ()
            for row in tables[table].values():
                line = found[model][str(row[owner])]
                line[name] = tuple(sorted((*line[name], row[other])))
        return found


def moment(struct: Mapping[str, Any]) -> datetime:
    """Return the moment that Tryton's JSON tells."""
    return datetime(**{n: part for n, part in struct.items() if n != "__class__"}, tzinfo=UTC)
