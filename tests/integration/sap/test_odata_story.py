"""The whole story over OData from the command line: check, prove on a copy, close, somebody else, roll back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from sandbox.sap.instance import SAP
from sandbox.sap.server import SAPServer
from tests.integration.odbc.desk import forget_everything
from tests.integration.sap.desk import PASSWORD, USER, SapDesk

SERVICES: Final = {
    "purchasing": "/sap/opu/odata4/sap/api_purchaseorder_2/srvd_a2x/sap/purchaseorder/0001",
    "sales": "/sap/opu/odata/sap/API_SALES_ORDER_SRV",
    "production": "/sap/opu/odata/sap/API_PRODUCTION_ORDER_2_SRV",
    "maintenance": "/sap/opu/odata/sap/API_MAINTENANCEORDER;v=0002",
}
PROVED: Final = frozenset(
    {
        "purchase_order.close", "purchase_order.reopen", "purchase_order.finish_invoicing",
        "purchase_order.resume_invoicing", "sales_order.close", "sales_order.reopen", "maintenance_order.complete",
        "maintenance_order.revoke_completion", "maintenance_order.lock", "maintenance_order.unlock",
    }
)  # fmt: skip


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[SapDesk]:
    """Start a SAP and its copy, and write the storno.yaml."""
    with contextlib.ExitStack() as stack:
        systems, seen = dict[str, Any](), list[SAP]()
        for name in ("erp", "copy"):
            sap = SAP()
            server = stack.enter_context(SAPServer(sap))
            seen.append(sap)
            (tmp_path / name).mkdir()
            systems[name] = {
                "kind": "sap",
                "url": server.url,
                "client": "100",
                "user": USER,
                "password": f"${{{PASSWORD}}}",
                "allow_plain_http": True,
                "descriptions": name,
                "rejection_reason": "10",
                "odata": {
                    service: {"path": path, "changes": True} for service, path in SERVICES.items()
                },
            }

        def closing(kind: str, action: str) -> dict[str, Any]:
            return {
                "title": f"Old {kind}s",
                "system": "erp",
                "kind": kind,
                "scope": "not is_closed",
                "routes": [{"name": "close", "when": "true", "action": action}],
                "otherwise": "It is not open.",
            }

        settings = {
            "systems": systems,
            "closings": {
                "old": closing("purchase_order", "purchase_order.close"),
                "repairs": closing("maintenance_order", "maintenance_order.complete"),
            },
        }
        (tmp_path / "storno.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv(PASSWORD, USER.lower())
        yield SapDesk(tmp_path, capsys, *seen)
        forget_everything()


def test_closed_and_taken_back(desk: SapDesk) -> None:
    """Nothing is written before the proof; what a colleague changed stays, the rest comes back."""
    shown = desk.done("systems", "check", "erp", code=1).out
    assert "systems prove" in shown
    before = desk.sap.dump()
    problems = desk.prove()
    assert before == desk.sap.dump()
    assert set() == {action for action in PROVED if problems.get(action, "never tried") is not None}
    # What nothing takes back is not among what could be proved.
    assert not {"production_order.complete", "purchase_order.delete"} & problems.keys()

    desk.close_and_take_back()


def test_statuses_come_back(desk: SapDesk) -> None:
    """Maintenance orders are completed and their completion is taken back: the true pair of the interface."""
    desk.prove()
    before = statuses(desk.sap)
    orders = desk.ready("repairs")
    change_set = desk.close(orders, "repairs")
    assert 3 == len(orders)
    assert before != statuses(desk.sap)
    desk.done("rollback", change_set, "--reason", "wrong list", "--yes")
    assert before == statuses(desk.sap)


def statuses(sap: SAP) -> set[tuple[object, object]]:
    """Return every active status of every object."""
    return {(row["OBJNR"], row["STAT"]) for row in sap.db.rows("JEST") if row["INACT"] != "X"}
