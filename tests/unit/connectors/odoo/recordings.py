"""The exchanges that were recorded on real Odoo servers, 16 to 19 (`tests/data/odoo`), as they went over the wire."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from connectors.http import HttpAnswer
from connectors.odoo.dialects import Dialect, Json2Dialect, JsonDialect, XmlDialect

FOLDER = Path(__file__).parents[3] / "data" / "odoo"
VERSIONS = (16, 17, 18, 19)


@dataclass(frozen=True, slots=True)
class Recording:
    """One request and what the server answered."""

    version: int
    name: str
    path: str
    status: int
    headers: Mapping[str, str]
    request: str
    response: str

    def __str__(self) -> str:
        return f"{self.version}-{self.name}"

    @property
    def answer(self) -> HttpAnswer:
        """The answer as `connectors.http` hands it on."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        return HttpAnswer(self.status, headers, self.response.encode())

    @property
    def dialect(self) -> Dialect:
        """The dialect that it was spoken in; the old endpoint of XML-RPC differs by its faults alone."""
        if self.path.startswith("/jsonrpc"):
            return JsonDialect()
        return Json2Dialect() if self.path.startswith("/json/2") else XmlDialect()


@cache
def recordings() -> tuple[Recording, ...]:
    """Return all of them."""
    return tuple(
        Recording(version=version, **json.loads(line))
        for version in VERSIONS
        for line in (FOLDER / f"v{version}.jsonl").read_text(encoding="utf-8").splitlines()
    )


def recording(version: int, name: str) -> Recording:
    """Return one of them."""
    return next(each for each in recordings() if (each.version, each.name) == (version, name))
