"""The same practice SAP over its OData services alone: no BAPI is called, and nothing else changes documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any, ClassVar

from config.sap import SapOptions
from connectors.contract import Kind, Ref, Step
from core.encoding import Value
from sandbox.sap.faults import Fault, FaultKind
from tests.contract.sap_subject import COLLEAGUE, SapSubject
from tests.contract.subject import Content
from tests.factories import QUICK_SECONDS

PURCHASING_2 = "/sap/opu/odata/sap/API_PURCHASEORDER_PROCESS_SRV"
PURCHASING_4 = "/sap/opu/odata4/sap/api_purchaseorder_2/srvd_a2x/sap/purchaseorder/0001"
SALES = "/sap/opu/odata/sap/API_SALES_ORDER_SRV"
PRODUCTION = "/sap/opu/odata/sap/API_PRODUCTION_ORDER_2_SRV"
MAINTENANCE = "/sap/opu/odata/sap/API_MAINTENANCEORDER;v=0002"

_STATES = {
    "complete": "", "revoke_completion": "TECO", "close": "TECO", "reopen": "CLSD", "lock": "", "unlock": "LKD",
    "delete": "TECO", "undelete": "DLFL", "cancel": "", "restore": "NEXE",
}  # fmt: skip
_CODES = {
    "REL": "I0002",
    "LKD": "I0043",
    "TECO": "I0045",
    "CLSD": "I0046",
    "DLFL": "I0076",
    "NEXE": "I0999",
}


class ODataSapSubject(SapSubject):
    """Purchasing in V2, where records have no versions."""

    ACTIONS: ClassVar[tuple[str, ...]] = (
        "purchase_order.close",
        "purchase_order.reopen",
        "purchase_order.finish_invoicing",
        "purchase_order.resume_invoicing",
        "purchase_order.delete",
        "sales_order.close",
        "sales_order.reopen",
        "production_order.complete",
        "production_order.close",
        *(f"maintenance_order.{verb}" for verb in _STATES),
    )
    KINDS: ClassVar[tuple[Kind, ...]] = (
        Kind.PURCHASE_ORDER,
        Kind.SALES_ORDER,
        Kind.PRODUCTION_ORDER,
        Kind.MAINTENANCE_ORDER,
    )
    PURCHASING: ClassVar[str] = PURCHASING_2
    ITEMS: ClassVar[str] = "A_PurchaseOrderItem"

    def options(self, *, seconds: float = 30.0, **others: Any) -> SapOptions:
        paths = {
            "purchasing": self.PURCHASING,
            "sales": SALES,
            "production": PRODUCTION,
            "maintenance": MAINTENANCE,
        }
        odata = {name: {"path": path, "changes": True} for name, path in paths.items()}
        return super().options(seconds=seconds, **{"odata": odata, **others})

    def services(self) -> dict[str, Any]:
        return {}

    def make(self, action: str) -> Step:
        kind, _, verb = action.partition(".")
        if kind != "maintenance_order":
            return super().make(action)
        ref = self._maintenance(_STATES[verb])
        return Step(action, ref)

    def make_document(self, kind: Kind, *, is_closed: bool) -> tuple[Ref, str]:
        if kind is not Kind.MAINTENANCE_ORDER:
            return super().make_document(kind, is_closed=is_closed)
        ref = self._maintenance("TECO" if is_closed else "")
        return ref, ref.key.lstrip("0")

    def make_typed(self) -> tuple[Ref, Mapping[str, Value]]:
        ref = self._order("purchase_order")
        self.sap.edit(
            "EKKO", ref.key, LIFNR="螺丝𠮷 %'\"", ZTERM="", BEDAT="0000-00-00", AEDAT="2024-02-29",
            CHANGED="20261122145959",
        )  # fmt: skip
        return ref, {
            "VENDOR": "螺丝𠮷 %'\"",
            "PMNTTRMS": "",
            "DOC_DATE": None,
            "CREAT_DATE": date(2024, 2, 29),
            "LastChangeDateTime": datetime(2026, 11, 22, 14, 59, 59, tzinfo=UTC),
        }

    def edit(self, step: Step) -> None:
        if step.ref.model == "MaintenanceOrder":
            self.sap.edit("AFIH", step.ref.key, user=COLLEAGUE, KTEXT="有人改过")
        elif step.ref.model == "HEADER":
            self.sap.edit("AFKO", step.ref.key, user=COLLEAGUE, DISPO="099")
        else:
            super().edit(step)

    def delete(self, ref: Ref) -> None:
        if ref.model == "MaintenanceOrder":
            with self.sap.mutex:
                del self.sap.db.tables["AFIH"][(ref.key,)]
        else:
            super().delete(ref)

    def do_by_hand(self, step: Step) -> None:
        assert step.action == "purchase_order.undelete"
        self._mark(step.ref, {"LOEKZ": ""})

    def child_of(self, step: Step) -> Ref | None:
        if step.ref.model == "MaintenanceOrder":
            return None
        return super().child_of(step)

    def write_count(self) -> int:
        # Each order has two items, so each change is one changeset.
        return self.sap.ledger.counts().get("$batch", 0)

    @contextmanager
    def hold_answers(self, *, is_write: bool) -> Iterator[None]:
        function = f"{'PATCH' if is_write else 'GET'} {self.ITEMS}"
        seconds = QUICK_SECONDS * 4
        self.sap.faults.add(
            Fault(FaultKind.SLOW, function, times=1000, is_applied=True, seconds=seconds)
        )
        yield
        self.sap.faults.clear()

    def dump(self) -> Content:
        found = {model: dict(rows) for model, rows in super().dump().items()}
        statuses = found.pop("ORDER_STATUSITEMS_OUT", {})
        found["ORDER_STATUSITEMS_OUT"] = {
            key: {name: value for name, value in row.items() if name != "REJSTATIT"}
            for key, row in statuses.items()
        }
        found["VBAP"] = {
            key: {**row, "ABSTA": statuses.get(key, {}).get("REJSTATIT")}
            for key, row in found["VBAP"].items()
        }
        return found

    def _maintenance(self, state: str) -> Ref:
        number = f"{next(self._numbers):012d}"
        company = self.sap.company.maintenance_orders[0]
        with self.sap.mutex:
            row = self.sap.db.get("AFIH", company)
            assert row is not None
            self.sap.db.put("AFIH", {**row, "AUFNR": number, "OBJNR": f"OR{number}"})
            for name, code in _CODES.items():
                with_it = {"DLFL": "TECO", "NEXE": "CLSD"}.get(state)
                if name in {state, "REL", with_it}:
                    is_off = name == "REL" and state not in {"", "LKD"}
                    status = {"OBJNR": f"OR{number}", "STAT": code, "INACT": "X" if is_off else ""}
                    self.sap.db.put("JEST", status)
        return Ref("MaintenanceOrder", number)


class ODataV4SapSubject(ODataSapSubject):
    """Purchasing in V4: every record has a version, and SAP compares it."""

    PURCHASING = PURCHASING_4
    ITEMS = "PurchaseOrderItem"
