"""A practice SAP on loopback under the contract suite, in both ways in which a change commits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, ClassVar, Final

from config.sap import SapOptions
from connectors.contract import Kind, Ref, Step
from connectors.sap.connector import SapSystem, open_system
from core.encoding import Value
from sandbox.sap.company import Company, purchase_order
from sandbox.sap.company_orders import found_orders, project_with_network
from sandbox.sap.company_stock import (
    goods_receipt,
    ledger_document,
    stock_count,
    supplier_invoice,
)
from sandbox.sap.faults import Fault, FaultKind
from sandbox.sap.instance import SAP
from sandbox.sap.projects import STATUSES
from sandbox.sap.sales import Wish, change
from sandbox.sap.server import SAPServer
from tests.contract.sap_places import BEFORE, MODELS, OBJECTS, ROOTS, TABLES
from tests.contract.subject import Content, Subject
from tests.factories import QUICK_SECONDS

USER: Final = "STORNO"
PASSWORD: Final = "storno"
COLLEAGUE: Final = "MUELLER"


class SapSubject(Subject):
    """Orders of a practice SAP, changed by the customer's functions that also commit."""

    ACTIONS: ClassVar[tuple[str, ...]] = (
        "purchase_order.close",
        "purchase_order.reopen",
        "purchase_order.finish_invoicing",
        "purchase_order.resume_invoicing",
        "purchase_order.delete",
        "purchase_order.undelete",
        "sales_order.close",
        "sales_order.reopen",
        "production_order.complete",
        "production_order.close",
        "goods_receipt.cancel",
        "goods_issue.cancel",
        "supplier_invoice.cancel",
        "stock_count.apply",
        "journal_entry.reverse",
        *(
            f"{thing}.{verb}"
            for thing in ("project", "wbs_element", "network")
            for verb in ("complete", "revoke_completion", "close", "reopen", "lock", "unlock")
        ),
    )
    BATCH_ACTION = "purchase_order.close"
    KINDS: ClassVar[tuple[Kind, ...]] = (
        Kind.PURCHASE_ORDER,
        Kind.SALES_ORDER,
        Kind.PRODUCTION_ORDER,
        Kind.SUPPLIER_INVOICE,
        Kind.STOCK_COUNT,
        Kind.JOURNAL_ENTRY,
        Kind.PROJECT,
    )
    NUMBER = "PO_NUMBER"
    SERVICES: ClassVar[tuple[str, ...]] = (
        "zstorno_po", "zstorno_so", "zstorno_pp", "zstorno_mm", "zstorno_iv", "zstorno_pi", "zstorno_fi", "zstorno_ps",
    )  # fmt: skip
    MODE: ClassVar[str] = "wrapped"
    COMMITS: ClassVar[str] = "Z_STORNO_PO_CHANGE"  # the call that makes a change permanent

    def __init__(self, folder: Path) -> None:
        is_stateful = self.MODE == "stateful"
        self.sap = SAP(stateful=frozenset(self.SERVICES if is_stateful else ()))
        self.server = SAPServer(self.sap).start()
        self._folder = folder
        self._numbers = iter(range(4600000001, 4700000000))
        self._seeds = iter(range(1, 9000))
        self._unused: dict[str, list[str]] = {"sales_order": [], "production_order": []}
        self._chance = Random(7)

    def close(self) -> None:
        """Stop the server."""
        self.server.stop()

    def options(self, *, seconds: float = 30.0, **others: Any) -> SapOptions:
        """Return the options with which it is opened."""
        return SapOptions.model_validate(
            {
                "url": self.server.url,
                "client": "100",
                "user": USER,
                "password": PASSWORD,
                "descriptions": self._folder,
                "services": self.services(),
                "rejection_reason": "10",
                "unproven": True,
                "messages": {
                    "missing": ("CNIF_STATUS 002", "CO 001", "M7 001", "M8 108", "M3 710")
                },
                "timeout_seconds": {"read": seconds, "write": seconds},
                **others,
            }
        )

    def services(self) -> dict[str, Any]:
        """Return the services as storno.yaml names them."""
        changing = {name: {"wsdl": self.wsdl(name), "mode": self.MODE} for name in self.SERVICES}
        return {**changing, "tables": {"wsdl": self.wsdl("zstorno_read")}}

    def wsdl(self, name: str) -> str:
        """Return the path where the system describes a service."""
        return f"{self.sap.services[name].wsdl_path}?sap-client=100"

    def open(self, *, seconds: float = 30.0) -> SapSystem:
        system = open_system("erp", self.options(seconds=seconds))
        system.trust_as_copy()
        # Reading descriptions takes longer than the limits that some tests set.
        system.actions()
        return system

    # --- documents ----------------------------------------------------------------------------------

    def make(self, action: str) -> Step:
        kind, _, verb = action.partition(".")
        ref = self._order(kind)
        marks = {"reopen": {"ELIKZ": "X"}, "resume_invoicing": {"EREKZ": "X"}}
        if kind == "purchase_order":
            self._mark(ref, {**marks, "undelete": {"LOEKZ": "L"}}.get(verb, {}))
        elif action == "sales_order.reopen":
            self._reject(ref)
        elif kind in OBJECTS:
            self._state(kind, ref, BEFORE[verb])
        return Step(action, ref)

    def make_impossible(self, action: str) -> Step:
        ref = self._order("purchase_order")
        self._mark(ref, {"LOEKZ": "L"})
        return Step(action, ref)

    def make_document(self, kind: Kind, *, is_closed: bool) -> tuple[Ref, str]:
        ref = self._order(str(kind))
        if is_closed and kind is Kind.PURCHASE_ORDER:
            self._mark(ref, {"ELIKZ": "X"})
        elif is_closed and kind is Kind.SALES_ORDER:
            self._reject(ref)
        elif is_closed and kind is Kind.SUPPLIER_INVOICE:
            self.sap.edit("RBKP", *ref.key.split("/"), STBLG="5105799999", STJAH="2026")
        elif is_closed and kind is Kind.JOURNAL_ENTRY:
            self.sap.edit("BKPF", *ref.key.split("/"), STBLG="1900799999", STJAH="2026")
        elif is_closed and kind is Kind.PROJECT:
            self._state("project", ref, "TECO")
        elif is_closed and kind is Kind.STOCK_COUNT:
            self.sap.edit("IKPF", *ref.key.split("/"), DSTAT="X")
        elif is_closed:
            self.sap.db.put("JEST", {"OBJNR": f"OR{ref.key}", "STAT": "I0045"})
        return ref, "/".join(part.lstrip("0") for part in ref.key.split("/"))

    def make_typed(self) -> tuple[Ref, Mapping[str, Value]]:
        ref = self._order("purchase_order")
        self.sap.edit(
            "EKKO", ref.key, LIFNR="螺丝𠮷 %'\"", ZTERM="", BEDAT="0000-00-00", AEDAT="2024-02-29",
            WKURS=Decimal("1.50000"),
        )  # fmt: skip
        return ref, {
            "VENDOR": "螺丝𠮷 %'\"",
            "PMNTTRMS": "",
            "DOC_DATE": None,
            "CREAT_DATE": date(2024, 2, 29),
            "EXCH_RATE": Decimal("1.50000"),
            "ITEM_INTVL": "00000",
        }

    def _order(self, kind: str) -> Ref:
        with self.sap.mutex:
            if kind == "purchase_order":
                number = str(next(self._numbers))
                purchase_order(self.sap, number, self._chance)
            elif kind in {"goods_receipt", "goods_issue"}:
                number = f"{next(self._numbers)}/2026"
                self._moved(number.partition("/")[0], kind)
            elif kind == "supplier_invoice":
                number = f"{supplier_invoice(self.sap, next(self._numbers))}/2026"
            elif kind == "journal_entry":
                number = ledger_document(self.sap, str(next(self._numbers)))
                number = f"1000/{number[:10]}/2026"
            elif kind == "stock_count":
                number = self._counted()
            elif kind in OBJECTS:
                number = self._planned(kind)
            else:
                number = self._found(kind)
        return Ref(ROOTS[kind], number)

    def _moved(self, number: str, kind: str) -> None:
        is_receipt = kind == "goods_receipt"
        # Each its own material: SAP tells a cancelled movement by later ones of the same material.
        material = f"M{number[-8:]}"
        self.sap.db.put(
            "MARD",
            {"MATNR": material, "WERKS": "1000", "LGORT": "0001", "LABST": Decimal("50.000")},
        )
        goods_receipt(
            self.sap, number, material, Decimal("3.000"), kind="WE" if is_receipt else "WA"
        )

    def _counted(self) -> str:
        number = stock_count(self.sap, str(next(self._numbers)))
        for item, quantity in (("001", "98.000"), ("002", "100.000")):
            self.sap.edit(
                "ISEG", number, "2026", item, MENGE=Decimal(quantity), XZAEL="X", USNAZ="LI"
            )
        return f"{number}/2026"

    def _planned(self, kind: str) -> str:
        project, network = f"P-{next(self._numbers)}", f"{next(self._numbers):012d}"
        project_with_network(self.sap, project, network)
        return {"project": project, "wbs_element": f"{project}-1", "network": network}[kind]

    def _state(self, kind: str, ref: Ref, state: str) -> None:
        """Somebody gives an object its status on the screen."""
        found = f"{OBJECTS[kind]}{ref.key}"
        for name, code in STATUSES.items():
            if name in {state, "REL"}:
                is_off = name == "REL" and state not in {"LKD", "REL"}
                row = {"OBJNR": found, "STAT": code, "INACT": "X" if is_off else ""}
                self.sap.db.put("JEST", row)

    def _found(self, kind: str) -> str:
        if not self._unused[kind]:
            company = Company()
            company.customer = self.sap.company.customer
            found_orders(self.sap, company, next(self._seeds), self._chance)
            self._unused["sales_order"] += company.sales_orders
            self._unused["production_order"] += company.production_orders
        return self._unused[kind].pop()

    def _reject(self, ref: Ref) -> None:
        """Somebody rejects every item on the screen."""
        wish = Wish(ref.key)
        wish.items = {position: {"ABGRU": "52"} for position in ("000010", "000020")}
        with self.sap.mutex:
            work = self.sap.work(self.sap.users["LI"], "EN")
            messages = change(work, wish)
            assert work.commit(is_waiting=True)
            assert not any(message.is_error for message in messages)

    def _mark(self, ref: Ref, values: Mapping[str, str]) -> None:
        for position in ("00010", "00020") if values else ():
            self.sap.edit("EKPO", ref.key, position, **values)

    # --- the colleague ------------------------------------------------------------------------------

    def edit(self, step: Step) -> None:
        number = step.ref.key
        match step.ref.model:
            case "POHEADER":
                self.sap.edit("EKPO", number, "00010", user=COLLEAGUE, TXZ01="有人改过")
            case "ORDER_HEADERS_OUT":
                self.sap.edit("VBAP", number, "000010", user=COLLEAGUE, ARKTX="有人改过")
            case "HEADER":
                self.sap.edit("AFKO", number, user=COLLEAGUE, GAMNG=Decimal("99.000"))
            case "GOODSMVT_HEADER":
                self.sap.edit("MKPF", *number.split("/"), user=COLLEAGUE, XBLNR="A-1")
            case "PROJECT_DEFINITION" | "WBS_ELEMENT" | "NETWORK":
                # Everything that is read of them is ours: what a colleague does there is another status.
                thing = next(k for k, model in ROOTS.items() if model == step.ref.model)
                self.sap.db.put(
                    "JEST", {"OBJNR": f"{OBJECTS[thing]}{number}", "STAT": "I0076", "INACT": ""}
                )
            case "BKPF":
                self.sap.edit("BKPF", *number.split("/"), user=COLLEAGUE, BKTXT="有人改过")
            case "HEADERDATA":
                self.sap.edit("RBKP", *number.split("/"), user=COLLEAGUE, XBLNR="A-1")
            case _:
                self.sap.edit("IKPF", *number.split("/"), user=COLLEAGUE, ZLDAT="2026-11-11")

    def delete(self, ref: Ref) -> None:
        parts = tuple(ref.key.split("/"))
        with self.sap.mutex:
            for name in (table for tables in TABLES.values() for table in tables):
                rows = self.sap.db.tables[name]
                for key in [key for key in rows if key[: len(parts)] == parts]:
                    del rows[key]

    def do_by_hand(self, step: Step) -> None:
        raise NotImplementedError  # every action here is carried out by Storno

    def child_of(self, step: Step) -> Ref | None:
        child = {
            "POHEADER": ("POITEM", "00020"),
            "ORDER_HEADERS_OUT": ("ORDER_ITEMS_OUT", "000020"),
            "HEADER": ("POSITION", "0001"),
            "GOODSMVT_HEADER": ("GOODSMVT_ITEMS", "0001"),
            "HEADERDATA": ("ITEMDATA", "000001"),
            "HEAD": ("ITEMS", "001"),
            "BKPF": ("BSEG", "001"),
        }
        if step.ref.model not in child:
            return None
        model, position = child[step.ref.model]
        return Ref(model, f"{step.ref.key}/{position}")

    # --- the witness --------------------------------------------------------------------------------

    def write_count(self) -> int:
        return self.sap.ledger.counts().get(self.COMMITS, 0)

    @contextmanager
    def hold_answers(self, *, is_write: bool) -> Iterator[None]:
        function = self.COMMITS if is_write else "BAPI_PO_GETDETAIL1"
        seconds = QUICK_SECONDS * 4
        self.sap.faults.add(
            Fault(FaultKind.SLOW, function, times=1000, is_applied=True, seconds=seconds)
        )
        yield
        self.sap.faults.clear()

    def dump(self) -> Content:
        """Return every table; the columns that the connector's models show stand under those."""
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for table, rows in self.sap.db.tables.items():
            names = MODELS.get(table, {})
            for key, row in rows.items():
                place = "/".join(str(part) for part in key)
                for column, value in row.items():
                    model, name = names.get(column, (table, column))
                    found.setdefault(model, {}).setdefault(place, {})[name] = value
        return found


class StatefulSapSubject(SapSubject):
    """The same in sessions that are kept up to COMMIT; reading has a service of its own."""

    MODE = "stateful"
    COMMITS = "BAPI_TRANSACTION_COMMIT"
    ACTIONS: ClassVar[tuple[str, ...]] = tuple(
        action
        for action in SapSubject.ACTIONS
        # Only a wrapper of these is called.
        if action.partition(".")[0] not in {"production_order", *OBJECTS}
    )

    def services(self) -> dict[str, Any]:
        reading = {f"{name}_reading": {"wsdl": self.wsdl(f"{name}_mc")} for name in self.SERVICES}
        return {**super().services(), **reading}
