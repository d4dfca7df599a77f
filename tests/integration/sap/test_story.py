"""The whole story on the practice SAP from the command line: check, prove on a copy, close, somebody else, roll back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from sandbox.sap.instance import SAP
from sandbox.sap.server import SAPServer
from tests.integration.odbc.desk import CommandLine, forget_everything

USER: Final = "STORNO"
PASSWORD: Final = "STORNO_TEST_SAP"
SERVICES: Final = {"zstorno_po": "wrapped", "zstorno_so": "stateful", "zstorno_pp": "stateless"}


@dataclass(frozen=True)
class SapDesk(CommandLine):
    """A practice SAP, a copy of it, and the command line."""

    sap: SAP
    copy: SAP


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[SapDesk]:
    """Start a SAP and its copy, and write the storno.yaml."""
    with contextlib.ExitStack() as stack:
        systems, seen = dict[str, Any](), list[SAP]()
        for name in ("erp", "copy"):
            sap = SAP(stateful=frozenset({"zstorno_so"}))
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
                "services": {
                    service: {
                        "wsdl": server.wsdl_of(service).removeprefix(server.url),
                        "mode": mode,
                    }
                    for service, mode in SERVICES.items()
                },
            }
        settings = {
            "systems": systems,
            "closings": {
                "old": {
                    "title": "Old purchase orders",
                    "system": "erp",
                    "kind": "purchase_order",
                    "scope": "not is_closed",
                    "routes": [{"name": "close", "when": "true", "action": "purchase_order.close"}],
                    "otherwise": "It is not open.",
                }
            },
        }
        (tmp_path / "storno.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv(PASSWORD, USER.lower())
        yield SapDesk(tmp_path, capsys, *seen)
        forget_everything()


def delivered(sap: SAP, order: str) -> set[str]:
    """Return what “delivery completed” says of the items of an order that are not deleted."""
    return {str(row["ELIKZ"]) for row in sap.db.rows("EKPO", EBELN=order) if not row["LOEKZ"]}


def marks(content: dict[str, list[dict[str, object]]]) -> list[object]:
    """Return “delivery completed” of every item of a dump, in its order."""
    return [row["ELIKZ"] for row in content["EKPO"]]


def test_closed_and_taken_back(desk: SapDesk) -> None:
    """Nothing is written before the proof; what a colleague changed stays, the rest comes back."""
    assert "systems prove" in desk.done("systems", "check", "erp", code=1).out
    before = desk.sap.dump()
    proving = desk.done("systems", "prove", "erp", "--on", "copy", "--yes", "--json", code=1).json
    problems = {each["action"]: each["problem"] for each in proving["actions"]}
    assert before == desk.sap.dump()
    assert problems["purchase_order.close"] is problems["purchase_order.reopen"] is None
    # Nothing lists sales orders here: only their actions stay a person's, with that reason.
    assert "no service of this SAP lists" in str(problems["sales_order.close"])

    orders = desk.ready("old")
    change_set = desk.close(orders, "old")
    assert len(orders) > 2
    assert {"X"} == set.union(*(delivered(desk.sap, order) for order in orders))

    first = min(orders)
    desk.sap.edit("EKPO", first, "00010", TXZ01="as agreed on the phone")
    desk.done("rollback", change_set, "--reason", "wrong list", "--yes")
    assert marks(before) == marks(desk.sap.dump())
    assert "as agreed on the phone" in {
        row["TXZ01"] for row in desk.sap.db.rows("EKPO", EBELN=first)
    }
    desk.done("audit", "verify")
    assert 0 == desk.sap.sessions.count()
