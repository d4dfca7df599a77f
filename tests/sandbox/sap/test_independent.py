"""Others who speak SOAP and OData as SAP does understand the practice SAP, and answer as it does.

They are installed into the cache when first asked for (`independents.py`).
"""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import zeep
from zeep.helpers import serialize_object

from sandbox.sap.dictionary import dictionary
from sandbox.sap.instance import SAP
from sandbox.sap.names import mixed_case
from sandbox.sap.server import SAPServer
from sandbox.sap.wsdl import wsdl
from tests.sandbox.sap import independents
from tests.sandbox.sap.conftest import Open

_HERE = Path(__file__).parent
# The first one to ask installs them.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def npm() -> Path:
    """Give a folder with npm's soap."""
    return independents.npm_soap()


@pytest.fixture(scope="module")
def mock() -> Path:
    """Give a folder with mock-sap."""
    return independents.mock_sap()


def node(npm: Path, script: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Return the command and the environment of one of our scripts."""
    environment = {**os.environ, "NODE_PATH": str(npm / "node_modules")}
    return ["node", str(_HERE / script), *arguments], environment


def plain(value: Any) -> Any:
    """Return what zeep understood as JSON has it, with nothing for initial text."""
    as_dict = serialize_object(value, dict)  # type: ignore[no-untyped-call]
    found = json.loads(json.dumps(as_dict, default=str))
    return filled(found)


def filled(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: filled(each) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each) for each in value]
    return "" if value is None else str(value)


def test_another_client_understands(npm: Path, sap: SAP, server: SAPServer, opened: Open) -> None:
    """Npm's client reads our WSDLs and answers, and understands every field as zeep does."""
    order = sap.company.delivered_order
    asked = {"rfc": server.wsdl_of("zstorno_po"), "mc": server.wsdl_of("zstorno_po_mc")}
    command, environment = node(npm, "soap_client.js", json.dumps({**asked, "order": order}))
    done = subprocess.run(command, env=environment, capture_output=True, timeout=30, check=True)
    told = json.loads(done.stdout)
    mine = opened("zstorno_po")("BAPI_PO_GETDETAIL1", PURCHASEORDER=order, POITEM=[], RETURN=[])
    header, items = plain(mine.POHEADER), plain(mine.POITEM)["item"]
    assert header == filled(told["rfc"]["header"])
    assert items == filled(told["rfc"]["items"])
    spelled = [{mixed_case(name): value for name, value in row.items()} for row in items]
    assert spelled == filled(told["mc"]["items"])


def test_another_server_answers_alike(
    npm: Path, sap: SAP, server: SAPServer, opened: Open, tmp_path: Path
) -> None:
    """Npm's server on our WSDL, with our documents, answers so that zeep understands the same."""
    order, service = sap.company.delivered_order, server.sap.services["zstorno_po"]
    mine = opened("zstorno_po")(
        "BAPI_PO_GETDETAIL1", PURCHASEORDER=order, POITEM=[], POHISTORY=[], POHISTORY_TOTALS=[]
    )
    found = plain(mine)
    answers = {"BAPI_PO_GETDETAIL1": {name: part for name, part in found.items() if part}}
    contract = wsdl(service.contract, dictionary(), url="http://127.0.0.1/soap")
    (tmp_path / "wsdl").write_bytes(contract)
    (tmp_path / "answers").write_text(json.dumps(answers), encoding="utf-8")
    name = service.name.upper()
    paths = (str(tmp_path / "wsdl"), str(tmp_path / "answers"))
    command, environment = node(npm, "soap_server.js", *paths, name)
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            url = f"http://127.0.0.1:{int(process.stdout.readline())}/soap"
            client = zeep.Client(io.BytesIO(contract))  # type: ignore[no-untyped-call]
            binding = f"{{{service.style.namespace}}}{name}"
            proxy = client.create_service(binding, url)  # type: ignore[no-untyped-call]
            other = proxy.BAPI_PO_GETDETAIL1(PURCHASEORDER=order)
        finally:
            process.terminate()
    client.transport.session.close()
    assert found == plain(other)


@contextmanager
def mock_sap(folder: Path) -> Iterator[int]:
    """Run the mock-sap of a folder and yield its port."""
    with SAPServer(SAP()) as lent:
        port = lent.port
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", "mocksap", "--port", str(port), "--require-if-match", "-q"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            _wait_for(port, process)
            yield port
        finally:
            process.terminate()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until a server answers; fail if it ended, or did not for ten seconds."""
    for _ in range(200):
        assert process.poll() is None, f"mock-sap ended with {process.returncode}"
        try:
            ask(port, "GET", "/")
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("mock-sap did not answer within ten seconds")


def ask(port: int, verb: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, Any]:
    """Return status, headers and body of one request."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        sent = {"Authorization": "Basic " + base64.b64encode(b"STORNO:storno").decode()}
        sent |= {"Accept": "application/json", "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(verb, path, None if body is None else json.dumps(body), sent)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def odata_told(port: int) -> list[tuple[Any, ...]]:
    """Return what a server says to the same questions; numbers of documents are its own."""
    orders = "/sap/opu/odata/sap/API_PURCHASEORDER_PROCESS_SRV"
    sales = "/sap/opu/odata/sap/API_SALES_ORDER_SRV"
    told: list[tuple[Any, ...]] = []
    status, _, body = ask(port, "GET", f"{orders}/A_PurchaseOrderItem?$top=1")
    row = json.loads(body)["d"]["results"][0]
    kinds = [type(row[name]).__name__ for name in ("IsCompletelyDelivered", "OrderQuantity")]
    told.append((status, sorted(row["__metadata"]), kinds))
    key = f"PurchaseOrder='{row['PurchaseOrder']}',PurchaseOrderItem='{row['PurchaseOrderItem']}'"
    item = f"{orders}/A_PurchaseOrderItem({key})"
    status, headers, _ = ask(port, "PATCH", item, {"IsCompletelyDelivered": True})
    told.append((status, headers["x-csrf-token"]))
    _, headers, _ = ask(port, "GET", f"{orders}/", X_CSRF_Token="Fetch")
    cookies = [each.partition(";")[0] for each in headers.get_all("Set-Cookie")]
    token = {"X_CSRF_Token": headers["x-csrf-token"], "Cookie": "; ".join(cookies)}
    for value in (True, False):
        status, _, body = ask(port, "PATCH", item, {"IsCompletelyDelivered": value}, **token)
        _, headers, read = ask(port, "GET", item)
        shown = json.loads(read)["d"]["IsCompletelyDelivered"]
        told.append((status, body, shown, headers["ETag"]))
    status, _, body = ask(port, "PATCH", item, {"NoSuch": 1}, **token)
    told.append((status, sorted(json.loads(body)["error"])))
    missing = f"{orders}/A_PurchaseOrderItem(PurchaseOrder='1',PurchaseOrderItem='1')"
    status, _, body = ask(port, "GET", missing)
    told.append((status, sorted(json.loads(body)["error"])))
    _, _, body = ask(port, "GET", f"{sales}/A_SalesOrder?$top=1")
    order = f"{sales}/A_SalesOrder('{json.loads(body)['d']['results'][0]['SalesOrder']}')"
    _, headers, body = ask(port, "GET", order)
    mark = headers["ETag"]
    told.append((mark[:3], mark == json.loads(body)["d"]["__metadata"]["etag"]))
    for sent in ({}, {"If_Match": "W/\"'19990101000000'\""}, {"If_Match": mark}):
        status, _, _ = ask(port, "PATCH", order, {}, **token, **sent)
        told.append((status,))
    return told


def test_another_gateway_answers_alike(mock: Path, server: SAPServer) -> None:
    """mock-sap has the same tokens, versions, statuses and shapes."""
    mine = odata_told(server.port)
    with mock_sap(mock) as port:
        assert odata_told(port) == mine
