"""The practice ERP itself: it starts, answers, holds what the manifest says, and ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sandbox.tryton import practice

pytestmark = [pytest.mark.tryton, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def ready() -> practice.Ready:
    return practice.prepare(size="demo")


def _call(url: str, method: str, *params: Any) -> Any:
    body = json.dumps({"id": 1, "method": method, "params": params}).encode()
    headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
    request = urllib.request.Request(f"{url}/rpc/", body, headers)  # noqa: S310  # loopback
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # loopback
        return json.loads(answer.read())["result"]


def _is_gone(url: str) -> bool:
    try:
        _call(url, "common.server.version")
    except (OSError, urllib.error.URLError):
        return True
    return False


def test_it_starts_answers_and_stops(ready: practice.Ready, tmp_path: Path) -> None:
    """The series answers, the service user may log in, and afterwards nothing listens."""
    with practice.start(ready, tmp_path) as erp:
        assert _call(erp.url, "common.server.version") == ready.series
        login = [erp.user, {"password": erp.password}, "en"]
        assert len(_call(f"{erp.url}/{erp.database}", "common.db.login", *login)) == 3

    assert _is_gone(erp.url)
    assert {"practice.sqlite", "practice.json", "server.log", "trytond.conf"} == {
        p.name for p in tmp_path.iterdir()
    }


def test_a_second_start_is_a_fresh_copy(ready: practice.Ready, tmp_path: Path) -> None:
    """Nothing of an earlier run is left in a copy, and the kept company is never written to."""
    kept = ready.database_file.read_bytes()
    with practice.start(ready, tmp_path) as erp:
        login = [erp.user, {"password": erp.password}, "en"]
        _call(f"{erp.url}/{erp.database}", "common.db.login", *login)
    with practice.start(ready, tmp_path) as erp:
        dumped = practice.load(erp.dump(tmp_path / "dump.json"))

    assert dumped["ir_session"] == {}
    assert kept == ready.database_file.read_bytes()


def test_the_manifest_tells_the_truth(ready: practice.Ready, tmp_path: Path) -> None:
    """Numbers and states of the manifest are those in the database."""
    with practice.start(ready, tmp_path) as erp:
        rows = practice.load(erp.dump(tmp_path / "dump.json"))["purchase_purchase"]
        listed = erp.documents(model="purchase.purchase")

    assert {int(key): (row["number"], row["state"]) for key, row in rows.items()} == {
        one["id"]: (one["number"], one["state"]) for one in listed
    }


def test_the_company_has_what_the_demo_needs(ready: practice.Ready) -> None:
    """Every role that the demo and the tests ask for is there."""
    listing = json.loads(ready.manifest_file.read_text(encoding="utf-8"))
    roles = Counter((one["model"], one["role"]) for one in listing["documents"])

    assert roles["purchase.purchase", "stale_quotation"] == 12
    for role in (
        "remainder_old_paid",
        "remainder_old_posted",
        "remainder_old_nothing_received",
        "remainder_invoiced_on_order",
        "invoice_for_received_goods_open",
        "by_person",
        "shipment_exception",
        "invoice_exception",
    ):
        assert roles["purchase.purchase", role], role
    for model, role in (
        ("sale.sale", "remainder_old_paid"),
        ("project.work", "task_finished_open"),
        ("account.period", "period_closable"),
        ("account.period", "period_with_drafts"),
        ("account.fiscalyear", "fiscal_year_closable"),
    ):
        assert roles[model, role], role


def test_another_process_can_stop_it(ready: practice.Ready, tmp_path: Path) -> None:
    """The folder is enough to end a server."""
    erp = practice.start(ready, tmp_path, keep=True)
    command = [sys.executable, "-m", "sandbox.tryton", "stop", "--dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "stopped"
    assert _is_gone(erp.url)
    assert not practice.stop(tmp_path)
    erp.stop()


@pytest.mark.usefixtures("ready")
def test_it_does_not_survive_a_killed_parent(tmp_path: Path) -> None:
    """The system closes the pipe of a dead parent, and the server ends by that."""
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom sandbox.tryton import practice\n"
        "print(practice.start(practice.prepare(), Path(sys.argv[1])).url, flush=True)\ntime.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        url = parent.stdout.readline().strip()
        os.kill(parent.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    deadline = time.monotonic() + 10
    while not _is_gone(url) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert _is_gone(url)


def test_a_start_that_fails_shows_the_log(ready: practice.Ready, tmp_path: Path) -> None:
    """A port in use is told in the server's own words."""
    with (
        practice.start(ready, tmp_path / "one") as erp,
        pytest.raises(practice.PracticeError, match=r"(?s)server\.log ends with.*in use"),
    ):
        practice.start(ready, tmp_path / "two", port=int(erp.url.rpartition(":")[2]))
