"""A real Tryton with the practice company under the contract suite."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, ClassVar, Final

from config.systems import TrytonOptions
from connectors.contract import Kind, Ref, Step, System
from connectors.tryton.connector import open_system
from core.encoding import Value, loads
from sandbox.tryton import practice
from sandbox.tryton.colleague import Colleague
from sandbox.tryton.scripts.dump import dump_postgresql, dump_sqlite
from tests.contract.subject import Content, Subject
from tests.contract.tryton_office import AT_ONCE, Office, day, decimal
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
}

_CANCELLED_FIRST: Final = frozenset(
    {
        "purchase.purchase", "sale.sale", "account.invoice", "stock.shipment.in",
        "stock.shipment.out", "production",
    }
)  # fmt: skip
"""Documents that Tryton deletes only when they were cancelled."""

Made = list[tuple[Ref, dict[str, Value]]]


def rpc_naming(body: bytes) -> tuple[str, bool]:
    """Read a JSON-RPC request: the method, and whether it changes something."""
    method = str(loads(body)["method"])
    verb = method.rpartition(".")[2]
    is_model = method.startswith("model.")
    return method, verb not in READING_CALLS or (is_model and verb in ("create", "delete"))


class TrytonSubject(Subject):
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
        *(
            f"{side}_invoice.{verb}"
            for side in ("customer", "supplier")
            for verb in ("validate", "post", "cancel", "draft")
        ),
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
    # On SQLite Tryton may refuse to post what it has just posted.
    ANSWERS_LOST = frozenset({"customer_invoice.post", "supplier_invoice.post"})
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
        self.proxy = proxy
        self.office = Office(colleague)
        self._edits = count(1)
        self._stock: dict[str, deque[tuple[Ref, dict[str, Value]]]] = {}
        self._makers = self._all_makers()

    def open(self, *, seconds: float = 30.0) -> System:
        limit = QUICK_ENOUGH_SECONDS if seconds == QUICK_SECONDS else seconds
        options = TrytonOptions.model_validate(
            {
                "url": self.proxy.url,
                "database": self.erp.database,
                "user": self.erp.user,
                "password": self.erp.password,
                "timeout_seconds": {"read": limit, "write": limit},
            }
        )
        return open_system("practice", options)

    # --- documents ----------------------------------------------------------------------------------------

    def make(self, action: str) -> Step:
        ref, arguments = self._take(action, self._makers[action])
        return Step(action, ref, arguments)

    def make_impossible(self, action: str) -> Step:
        assert action == self.BATCH_ACTION
        ref, _ = self._take("impossible", lambda: self._orders("purchase", "processing"))
        return Step(action, ref)

    def _take(self, name: str, make: Callable[[], Made]) -> tuple[Ref, dict[str, Value]]:
        stock = self._stock.setdefault(name, deque())
        if not stock:
            stock.extend(make())
        return stock.popleft()

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
            "accounting_period.reopen": lambda: refs("account.period", office.periods(is_closed=True)),
            "accounting_period.close_year": lambda: refs("account.fiscalyear", [office.year()[0]]),
            "accounting_period.reopen_year": lambda: refs(
                "account.fiscalyear", [office.year(is_closed=True)[0]]
            ),
        }
        states = {
            "cancel": "quotation", "draft": "cancelled", "quote": "draft", "close": "processing",
            "cancel_open_moves": "processing", "ignore_moves": "exception",
            "recreate_moves": "exception",
        }  # fmt: skip
        for side, kind in (("purchase", "purchase_order"), ("sale", "sales_order")):
            for verb, state in states.items():
                makers[f"{kind}.{verb}"] = lambda side=side, state=state: self._orders(side, state)
            makers[f"{kind}.unignore_moves"] = lambda side=side: self._given_up(side)
        for type_, kind in (("out", "customer_invoice"), ("in", "supplier_invoice")):
            for verb in ("validate", "post", "cancel"):
                makers[f"{kind}.{verb}"] = lambda type_=type_: self._invoices(type_, "draft")
            makers[f"{kind}.draft"] = lambda type_=type_: self._invoices(type_, "validated")
        return makers

    def _orders(self, side: str, state: str) -> Made:
        return refs(f"{side}.{side}", self.office.orders(side, state))

    def _given_up(self, side: str) -> Made:
        keys = self.office.orders(side, "given_up", 5)
        found = zip(keys, self.office.moves(side, keys), strict=True)
        return [(Ref(f"{side}.{side}", str(key)), {"moves": tuple(moves)}) for key, moves in found]

    def _invoices(self, type_: str, state: str) -> Made:
        return refs("account.invoice", self.office.invoices(type_, state))

    def make_document(self, kind: Kind, *, is_closed: bool) -> tuple[Ref, str]:
        if kind in (Kind.PARTNER, Kind.ITEM):
            model = "party.party" if kind is Kind.PARTNER else "product.product"
            key, number = self.office.named(model, is_active=not is_closed)
            return Ref(model, str(key)), number
        office = self.office
        match kind:
            case Kind.PURCHASE_ORDER | Kind.SALES_ORDER:
                side = "purchase" if kind is Kind.PURCHASE_ORDER else "sale"
                state = "cancelled" if is_closed else "quotation"
                made = lambda: self._orders(side, state)  # noqa: E731 - one of a row of cases
            case Kind.SUPPLIER_INVOICE:
                state = "posted" if is_closed else "validated"
                made = lambda: self._invoices("in", state)  # noqa: E731
            case Kind.PROJECT:
                made = lambda: refs("project.work", office.works(is_done=is_closed))  # noqa: E731
            case Kind.ACCOUNTING_PERIOD:
                made = lambda: refs("account.period", office.periods(is_closed=is_closed))  # noqa: E731
            case _:
                made = self._goods(kind, is_closed=is_closed)
        ref, _ = self._take(f"{kind} {is_closed}", made)
        name = "name" if kind is Kind.ACCOUNTING_PERIOD else "number"
        (row,) = office.read(ref.model, [int(ref.key)], name)
        return ref, str(row[name])

    def _goods(self, kind: Kind, *, is_closed: bool) -> Callable[[], Made]:
        model, make = {
            Kind.GOODS_RECEIPT: ("stock.shipment.in", self.office.receipts),
            Kind.GOODS_ISSUE: ("stock.shipment.out", self.office.issues),
            Kind.STOCK_COUNT: ("stock.inventory", self.office.counts),
            Kind.PRODUCTION_ORDER: ("production", self.office.productions),
        }[kind]

        def made() -> Made:
            keys = make(AT_ONCE)
            if is_closed:
                self.office.call(model, "cancel", keys)
            return refs(model, keys)

        return made

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
        value = day(date(2020, 1, 1) + timedelta(days=number)) if name == "date" else f"edit {number}"
        self.office.call(step.ref.model, "write", [int(step.ref.key)], {name: value})

    def delete(self, ref: Ref) -> None:
        office, key = self.office, int(ref.key)
        if ref.model in _CANCELLED_FIRST:
            (row,) = office.read(ref.model, [key], "state")
            if row["state"] not in ("draft", "cancelled"):
                office.call(ref.model, "cancel", [key])
        if ref.model == "stock.move":
            office.forget_decisions(key)
        office.call(ref.model, "delete", [key])

    def do_by_hand(self, step: Step) -> None:
        raise AssertionError(f"the interface can do {step.action}")

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
        return sum(exchange.is_write for exchange in self.proxy.exchanges)

    @contextmanager
    def hold_answers(self, *, is_write: bool) -> Iterator[None]:
        with self.proxy.hold(is_write=is_write):
            yield

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


def refs(model: str, keys: Sequence[int]) -> Made:
    """Return documents without arguments."""
    return [(Ref(model, str(key)), {}) for key in keys]


def moment(struct: Mapping[str, int]) -> datetime:
    """Return a moment as Tryton's JSON has it."""
    names = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    return datetime(*(struct[name] for name in names), tzinfo=UTC)


class PostgresSubject(TrytonSubject):
    """Series 8.0 on PostgreSQL: what depends on the database."""

    ACTIONS = ("purchase_order.cancel", "purchase_order.close", "project.close")
    KINDS = (Kind.PURCHASE_ORDER,)


class StrictSubject(TrytonSubject):
    """Series 8.2: what depends on the server's guard over read-only fields."""

    ACTIONS = tuple(
        action
        for action in TrytonSubject.ACTIONS
        if action not in ("purchase_order.unignore_moves", "customer_invoice.draft", "supplier_invoice.draft")
    )
