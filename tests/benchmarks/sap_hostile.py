"""`python -m tests.benchmarks.sap_hostile CASE`: one hostile answer or description, its time and its memory.

A server on loopback answers what no SAP would; Storno must refuse it. Prints the seconds and the bytes that the
process grew by at its worst, as JSON. `tests.benchmarks.sap` runs every case in a process of its own.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from config.sap import SapOptions
from connectors.contract import Ref
from connectors.sap.connector import open_system
from core.errors import BadInput, StornoError
from sandbox.sap.dictionary import dictionary
from sandbox.sap.names import Style
from sandbox.sap.wsdl import Contract, wsdl

PATH: Final = "/sap/bc/srt/rfc/sap/z/100/z/z"
SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
FUNCTIONS: Final = ("BAPI_PO_GETDETAIL1", "BAPI_TRANSACTION_COMMIT", "BAPI_TRANSACTION_ROLLBACK")
LARGE: Final = 100 * 1024 * 1024
PIECE: Final = b"<item>" + b"x" * 65_000 + b"</item>"

LAUGHS: Final = (
    '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "lol">'
    + "".join(
        f'<!ENTITY a{n} "{("&a" + (str(n - 1) if n > 1 else "") + ";") * 10}">'
        for n in range(1, 12)
    )
    + "]><l>&a11;</l>"
).encode()
OUTSIDE: Final = (
    b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/hostname">]><l>&a;</l>'
)
BLOW: Final = (
    b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "'
    + b"x" * 100_000
    + b'">]><l>'
    + b"&a;" * 50_000
    + b"</l>"
)
DEEP: Final = b"<a>" * 200_000 + b"</a>" * 200_000


def plain(content: bytes) -> Callable[[], Iterator[bytes]]:
    """Return what sends these bytes."""
    return lambda: iter([content])


def large() -> Iterator[bytes]:
    """Yield 100 MB of a well-formed answer."""
    yield f'<s:Envelope xmlns:s="{SOAP}"><s:Body>'.encode()
    for _ in range(LARGE // len(PIECE)):
        yield PIECE
    yield b"</s:Body></s:Envelope>"


def importing(place: str) -> Callable[[], Iterator[bytes]]:
    """Return what sends a description that takes in another document."""
    text = (
        '<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:x="http://www.w3.org/2001/XMLSchema"><types>'
        f'<x:schema><x:import namespace="urn:a" schemaLocation="{place}"/></x:schema></types></definitions>'
    )
    return plain(text.encode())


ANSWERS: Final[dict[str, Callable[[], Iterator[bytes]]]] = {
    "entities that multiply": plain(LAUGHS),
    "one entity many times": plain(BLOW),
    "an external entity": plain(OUTSIDE),
    "deep nesting": plain(DEEP),
    "100 MB": large,
}
DESCRIPTIONS: Final = {
    **ANSWERS,
    "imports file:///etc/hostname": importing("file:///etc/hostname"),
    "imports from another host": importing("http://127.0.0.2:9/schema.xsd"),
}
CASES: Final = tuple(
    [f"answer: {name}" for name in ANSWERS] + [f"description: {name}" for name in DESCRIPTIONS]
)


class _Answering(BaseHTTPRequestHandler):
    bodies: dict[str, Callable[[], Iterator[bytes]]]

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Give the description."""
        self._send(self.bodies["GET"])

    def do_POST(self) -> None:
        """Give the answer."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._send(self.bodies["POST"])

    def _send(self, body: Callable[[], Iterator[bytes]]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/xml; charset=utf-8")
        self.send_header("Connection", "close")
        self.end_headers()
        with contextlib.suppress(OSError):  # whoever has seen enough hangs up
            for piece in body():
                self.wfile.write(piece)


def run(case: str) -> dict[str, Any]:
    """Ask, be refused; return seconds, bytes and what was said. Raises `AssertionError` where it is taken."""
    where, _, name = case.partition(": ")
    contract = Contract("Z", FUNCTIONS, Style.RFC, False)
    good = wsdl(contract, dictionary(), url=f"http://127.0.0.1{PATH}")
    _Answering.bodies = {
        "GET": DESCRIPTIONS[name] if where == "description" else plain(good),
        "POST": ANSWERS.get(name, plain(b"")),
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answering)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        system = _open(f"http://127.0.0.1:{server.server_address[1]}", Path(folder))
        if where == "answer":
            system.schema("POITEM")  # reads the description, which is good
        before, started = _resident(), time.perf_counter()
        said = ""
        try:
            system.read([Ref("POITEM", "4500000001/00010")], ["PO_ITEM"])
        except (StornoError, BadInput) as error:
            said = str(error)
        seconds = time.perf_counter() - started
        assert said, f"{case} was taken"
        server.shutdown()
        return {"seconds": seconds, "bytes": max(_peak() - before, 0), "said": said}


def _open(url: str, folder: Path) -> Any:
    return open_system(
        "erp",
        SapOptions.model_validate(
            {
                "url": url,
                "client": "100",
                "user": "STORNO",
                "password": "secret",
                "descriptions": folder,
                "services": {"po": {"wsdl": PATH, "path": PATH}},
            }
        ),
    )


def _resident() -> int:
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _status(name: str) -> int:
    about = Path("/proc/self/status")
    if not about.exists():
        return 0
    line = next(x for x in about.read_text(encoding="utf-8").splitlines() if x.startswith(name))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1])))
