"""The practice SAP of the demo and a copy of it, each a process of its own, and what people do in the first one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.request import Request, urlopen

PURCHASING: Final = "zstorno_po"
RFC: Final = "urn:sap-com:document:sap:rfc:functions"
SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
TRAIL: Final = frozenset({"CDHDR", "CDPOS"})
"""SAP's own trail of every change: rows come, none goes."""

STAMPS: Final = frozenset({"AEDAT", "CHANGED"})
"""When something was changed last."""

_SECONDS: Final = 30
_TYPE: Final = re.compile(r"<TYPE>(.)</TYPE>")
_MARK: Final = re.compile(r"<NO_MORE_GR>(.?)</NO_MORE_GR>")


@dataclass(frozen=True)
class Company:
    """The company whose orders stand in the practice SAP."""

    url: str
    copy_url: str
    user: str

    def orders(self) -> list[str]:
        """Return the numbers of its purchase orders."""
        return list(self._ask("company")["purchase_orders"])

    def open_it(self, number: str) -> None:
        """A colleague opens an order on the screen, so that SAP locks it."""
        self._ask("lock", table="EKKO", key=number, user="MUELLER")

    def leave_it(self) -> None:
        """The colleague closes the screen."""
        self._ask("unlock", user="MUELLER")

    def lose(self, number: str) -> tuple[bool, bool]:
        """Change an order as a bare client would, a call for the change and one for the COMMIT, without a session.

        Returns whether both answers said yes, and whether SAP kept the change.
        """
        change = (
            f"<PURCHASEORDER>{number}</PURCHASEORDER>"
            "<POITEM><item><PO_ITEM>00010</PO_ITEM><NO_MORE_GR>X</NO_MORE_GR></item></POITEM>"
            "<POITEMX><item><PO_ITEM>00010</PO_ITEM><PO_ITEMX>X</PO_ITEMX><NO_MORE_GR>X</NO_MORE_GR></item></POITEMX>"
            "<RETURN/>"
        )
        said = [
            self._call("BAPI_PO_CHANGE", change),
            self._call("BAPI_TRANSACTION_COMMIT", "<WAIT>X</WAIT>"),
        ]
        is_yes = all(not {"E", "A"} & set(_TYPE.findall(each)) for each in said)
        order = f"<PURCHASEORDER>{number}</PURCHASEORDER><POITEM/><RETURN/>"
        marks = _MARK.findall(self._call("BAPI_PO_GETDETAIL1", order))
        return is_yes, "X" in marks

    def dump(self) -> dict[str, list[dict[str, Any]]]:
        """Return every row of every table."""
        return dict(self._ask("dump"))

    def compare(self, before: Mapping[str, Any]) -> tuple[int, int, int]:
        """Return how many rows were compared, how many differ but for stamps, and how many SAP added to its trail."""
        after = self.dump()
        compared = changed = 0
        for table in before.keys() - TRAIL:
            compared += len(before[table])
            changed += abs(len(before[table]) - len(after[table]))
            rows = zip(before[table], after[table], strict=False)
            changed += sum(_plain(one) != _plain(other) for one, other in rows)
        added = sum(
            len(after[table]) - len(before.get(table, ())) for table in TRAIL & after.keys()
        )
        return compared, changed, added

    def _ask(self, what: str, **asked: Any) -> Any:
        request = Request(f"{self.url}/storno/{what}", json.dumps(asked).encode())  # noqa: S310
        with urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - on loopback
            return json.load(answer)

    def _call(self, function: str, content: str) -> str:
        body = (
            f'<s:Envelope xmlns:s="{SOAP}"><s:Body><n:{function} xmlns:n="{RFC}">{content}'
            f"</n:{function}></s:Body></s:Envelope>"
        )
        path = f"/sap/bc/srt/rfc/sap/{PURCHASING}/100/{PURCHASING}/{PURCHASING}?sap-client=100"
        request = Request(  # noqa: S310
            self.url + path, body.encode(), {"Content-Type": "text/xml", **self._credentials()}
        )
        with urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - on loopback
            return str(answer.read().decode())

    def _credentials(self) -> Mapping[str, str]:
        from base64 import b64encode

        secret = b64encode(f"{self.user}:{self.user.lower()}".encode()).decode()
        return {"Authorization": f"Basic {secret}"}


@contextmanager
def start() -> Iterator[Company]:
    """Start both; they end with the block."""
    with ExitStack() as stack:
        first, second = (stack.enter_context(_served()) for _ in range(2))
        yield Company(first["url"], second["url"], first["user"])


@contextmanager
def _served() -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "sandbox.sap", "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101 - that is what PIPE is for
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in STAMPS}
