"""The practice Odoo runs in a process of its own and shows tests what is in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.sandbox.odoo.caller import Caller


def test_served_by_another_process(tmp_path: Path) -> None:
    """It tells its address, serves all its content, keeps a ledger in a file, and stops when told."""
    ledger = tmp_path / "ledger.jsonl"
    command = [sys.executable, "-m", "sandbox.odoo", "serve", "--version", "19", "--key", "admin=K"]
    with subprocess.Popen([*command, "--ledger", str(ledger)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        port = int(told["url"].rsplit(":", 1)[1])
        admin = Caller(port, told["database"], 2, "admin")

        assert "Mitchell Admin" == admin("res.users", "read", [2], ["name"])[0]["name"]
        order = json.dumps({"faults": [{"kind": "refused", "said": "Closed."}]}).encode()
        assert (200, b"true") == admin.send("/storno/fault", order)
        assert b"Closed." in admin.raw("res.users", "read", [2], ["name"])[1]
        content = json.loads(admin.send("/storno/dump", b'{"models": ["res.company"]}')[1])
        assert ["My Company"] == [row["name"] for row in content["res.company"].values()]
        admin.send("/storno/stop", b"")
        assert 0 == process.wait(timeout=20)

    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    assert [("done", "read"), ("refused", "read")] == [
        (line["outcome"], line["method"]) for line in lines
    ]
