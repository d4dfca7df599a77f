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

    # --- what people do in this story -----------------------------------------------------------

    def give_up_remainder(self, order_id: int) -> None:
        """Press what the worklist says: cancel the open moves, then ignore them."""
        order = self._read("purchase.purchase", order_id, "lines.moves.state")
        moves = [move for line in order["lines."] for move in line["moves."]]
        still_open = [move["id"] for move in moves if move["state"] not in {"done", "cancelled"}]
        self.call("model.stock.move.cancel", still_open)
        active = {
            "active_model": "purchase.purchase",
            "active_id": order_id,
            "active_ids": [order_id],
        }
        wizard = "wizard.purchase.handle.shipment.exception"
        session_id, _, _ = self.call(f"{wizard}.create", context=active)
        asked = self.call(f"{wizard}.execute", session_id, {}, "ask", context=active)
        listed = asked["view"]["defaults"]["domain_moves"]
        answer = {"domain_moves": listed, "ignore_moves": listed, "recreate_moves": []}
        self.call(f"{wizard}.execute", session_id, {"ask": answer}, "handle", context=active)
        self.call(f"{wizard}.delete", session_id)

    def set_back_to_draft(self, order_id: int) -> None:
        """Open a cancelled order again."""
        self.call("model.purchase.purchase.draft", [order_id])

    def write_comment(self, order_id: int, comment: str) -> None:
        """Leave a note on an order."""
        self.call("model.purchase.purchase.write", [order_id], {"comment": comment})

    def state_of(self, model: str, record_id: int, field: str = "state") -> Any:
        """Look at one field of a document, as it is in the ERP now."""
        return self._read(model, record_id, field)[field]

    def _read(self, model: str, record_id: int, *fields: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = self.call(f"model.{model}.read", [record_id], list(fields))
        return found[0]
