"""The whole story on the practice SAP from the command line: check, prove on a copy, close, somebody else, roll back."""

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

SERVICES: Final = {"zstorno_po": "wrapped", "zstorno_so": "stateful", "zstorno_pp": "stateless"}


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


def test_closed_and_taken_back(desk: SapDesk) -> None:
    """Nothing is written before the proof; what a colleague changed stays, the rest comes back."""
    assert "systems prove" in desk.done("systems", "check", "erp", code=1).out
    before = desk.sap.dump()
    problems = desk.prove()
    assert before == desk.sap.dump()
    assert problems["purchase_order.close"] is problems["purchase_order.reopen"] is None
    # Nothing lists sales orders here: only their actions stay a person's, with that reason.
    assert "no service of this SAP lists" in str(problems["sales_order.close"])

    desk.close_and_take_back()
    assert 0 == desk.sap.sessions.count()
