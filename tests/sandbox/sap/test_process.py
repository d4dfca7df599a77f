"""The practice SAP runs in a process of its own and shows tests what is in it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import zeep

from sandbox.sap.__main__ import main


def order(port: int, path: str, body: dict[str, Any] | None = None) -> Any:
    """Ask the server what only tests ask."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("POST", f"/storno/{path}", json.dumps(body or {}))
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def test_served_by_another_process(tmp_path: Path) -> None:
    """It tells its address and services, takes orders, keeps a ledger in a file, and stops when told."""
    ledger = tmp_path / "ledger.jsonl"
    command = [sys.executable, "-m", "sandbox.sap", "serve", "--stateful", "zstorno_po"]
    with subprocess.Popen([*command, "--ledger", str(ledger)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        port = int(told["url"].rsplit(":", 1)[1])
        assert 5 == len(told["odata"])
        assert order(port, "services")["zstorno_po"]["stateful"]
        number = order(port, "company")["purchase_orders"][0]
        assert order(port, "lock", {"table": "EKKO", "key": number})
        assert [["EKKO", number, "MUELLER"]] == order(port, "locks")
        assert order(port, "edit", {"table": "EKKO", "key": [number], "values": {"ZTERM": "0009"}})
        assert {"EKKO"} == set(order(port, "dump", {"tables": ["EKKO"]}))
        assert order(port, "fault", {"faults": [{"kind": "lost", "record": number}]})
        assert [0] == [each["fired"] for each in order(port, "fault/fired")]
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/sap/public/ping")
        assert 200 == connection.getresponse().status
        connection.close()
        assert [] == order(port, "problems")
        order(port, "stop")
        assert 0 == process.wait(timeout=20)
    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    assert [("/sap/public/ping", 200)] == [(line["path"], line["status"]) for line in lines]


def test_writes_a_contract(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """It writes the WSDL of a service, and says in it whether the service keeps a session."""
    assert 0 == main(["wsdl", "zstorno_so_mc", "--stateful"])
    made = capfdbinary.readouterr().out
    assert b"enableSession>true<" in made
    client = zeep.Client(io.BytesIO(made))  # type: ignore[no-untyped-call]
    assert "BapiSalesorderChange" in client.service._operations
