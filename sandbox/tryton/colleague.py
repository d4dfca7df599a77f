"""Somebody else at the practice ERP: presses buttons and changes documents, with neither Storno nor its connector.

The demo and the tests need a person who does what a worklist says, and one who changes a document behind
Storno's back.
"""

from __future__ import annotations

import base64
import json
import urllib.request
from types import TracebackType
from typing import Any, Final, Self

from sandbox.tryton.build import PASSWORDS
from sandbox.tryton.venv import PracticeError

COLLEAGUE: Final = "colleague"
TIMEOUT_SECONDS: Final = 60.0


class Colleague:
    """A session of one user; a context manager that logs out at its end."""

    def __init__(self, url: str, database: str, user: str = COLLEAGUE) -> None:
        self._address = f"{url}/{database}/rpc/"
        self._headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        user_id, token, _ = self._send(
            "common.db.login", [user, {"password": PASSWORDS[user]}, "en"]
        )
        session = base64.b64encode(f"{user}:{user_id}:{token}".encode()).decode()
        self._headers["Authorization"] = f"Session {session}"
        self._context = self._send("model.res.user.get_preferences", [True, {}])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._send("common.db.logout", [])

    def call(self, method: str, *parameters: Any, context: dict[str, Any] | None = None) -> Any:
        """Call a method such as ``model.purchase.purchase.draft``; the context is added at the end."""
        return self._send(method, [*parameters, {**self._context, **(context or {})}])

    def _send(self, method: str, parameters: list[Any]) -> Any:
        body = json.dumps({"id": 1, "method": method, "params": parameters}).encode()
        request = urllib.request.Request(self._address, body, self._headers)  # noqa: S310  # our own loopback address
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            content = answer.read()
        # Tryton labels long plain answers as gzip when gzip was not asked for: the label means nothing here.
        said = json.loads(content)
        if "error" in said:
            message = f"{method}: {str(said['error'])[:500]}"
            raise PracticeError(message)
        return said.get("result")
