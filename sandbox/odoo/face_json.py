"""JSON-RPC (/jsonrpc) and JSON-2 (/json/2/<model>/<method>, from 19)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar, Final

from sandbox.odoo import base, calls, rpc
from sandbox.odoo.environment import Env
from sandbox.odoo.errors import AccessDenied, AccessError, MissingError, OdooError
from sandbox.odoo.face import HTML_TYPE, JSON_TYPE, Answer, described
from sandbox.odoo.instance import Odoo, Request, SpoiledError
from sandbox.odoo.ledger import LedgerLine

_HINT: Final = "Did you mean POST /json/2/<model>/<method>?"
_NO_KEY: Final = "User not authenticated, use an API Key with a Bearer Authorization header."


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=True).encode()


# --- JSON-RPC ----------------------------------------------------------------------------------------------


def answer_rpc(odoo: Odoo, line: LedgerLine, body: bytes) -> Answer:
    """Answer one request of /jsonrpc; a result of None leaves no `result` at all."""
    try:
        asked = json.loads(body)
    except ValueError:
        line.outcome = "refused"
        return Answer(400, HTML_TYPE, b"Invalid JSON data")
    number = asked.get("id")
    reply: dict[str, Any] = {"jsonrpc": "2.0", "id": number}
    try:
        params = asked["params"]
        result = rpc.dispatch(odoo, line, params["service"], params["method"], params["args"])
    except SpoiledError as spoiled:
        spoiled.body = _dump({**reply, "result": spoiled.answer})
        raise
    except Exception as error:  # noqa: BLE001 - every error is an answer
        line.said = line.said or str(error)
        reply["error"] = {
            "code": 0 if odoo.version >= 19 else 200,
            "message": "Odoo Server Error",
            "data": described(error),
        }
    else:
        if result is not None:
            reply["result"] = result
    return Answer(200, JSON_TYPE, _dump(reply))


# --- JSON-2 ------------------------------------------------------------------------------------------------


class _HTTPError(Exception):
    status: ClassVar[int] = 500
    qualname: ClassVar[str] = ""

    def __init__(self, text: str) -> None:
        super().__init__(f"{self.status} {HTTPStatus(self.status).phrase}: {text}")
        self.text = text


class _NotFound(_HTTPError):
    status = 404
    qualname = "werkzeug.exceptions.NotFound"


class _Unauthorized(_HTTPError):
    status = 401
    qualname = "werkzeug.exceptions.Unauthorized"


class _Unprocessable(_HTTPError):
    status = 422
    qualname = "werkzeug.exceptions.UnprocessableEntity"


class _BadRequest(_HTTPError):
    status = 400
    qualname = "werkzeug.exceptions.BadRequest"


def answer_2(
    odoo: Odoo, line: LedgerLine, verb: str, path: str, headers: Mapping[str, str], body: bytes
) -> Answer:
    """Answer one request under /json/2."""
    if verb == "POST" and not headers.get("Content-Type", "").startswith("application/json"):
        line.outcome = "refused"
        return Answer(415, HTML_TYPE, _UNSUPPORTED.encode(), {"Accept": "application/json"})
    if headers.get("X-Odoo-Database", odoo.db.name) != odoo.db.name:
        line.outcome = "refused"
        return Answer(404, HTML_TYPE, _NO_DATABASE.encode())
    more: dict[str, str] = {}
    try:
        result = _serve(odoo, line, verb, path, headers, body)
    except SpoiledError as spoiled:
        spoiled.body = _dump(spoiled.answer)
        raise
    except _HTTPError as error:
        line.outcome, line.said = "refused", error.text
        told = described(error)
        told["message"], told["arguments"] = error.text, [error.text, error.status]
        if error.status == 401:
            more["WWW-Authenticate"] = "Bearer "
        return Answer(error.status, JSON_TYPE, _dump(told), more)
    except Exception as error:  # noqa: BLE001 - every error is an answer
        line.said = line.said or str(error)
        return Answer(_status(error), JSON_TYPE, _dump(described(error)))
    return Answer(200, JSON_TYPE, _dump(result))


def _status(error: Exception) -> int:
    if isinstance(error, AccessDenied):
        return 401
    if isinstance(error, AccessError):
        return 403
    if isinstance(error, MissingError):
        return 404
    return 422 if isinstance(error, OdooError) else 500


def _serve(
    odoo: Odoo, line: LedgerLine, verb: str, path: str, headers: Mapping[str, str], body: bytes
) -> Any:
    kind, _, key = headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer":
        raise _Unauthorized(_NO_KEY)
    uid = odoo.db.api_keys.get(key)
    if uid is None:
        raise _Unauthorized("Invalid apikey")
    parts = path.strip("/").split("/")[2:]
    if verb != "POST" or len(parts) != 2:
        raise _NotFound(_HINT)
    model, method = parts
    try:
        named = json.loads(body)
    except ValueError as error:
        raise _BadRequest(f"could not parse the body as json: {error}") from error
    ids = named.pop("ids", None)
    context = named.pop("context", None) or {}

    def run(env: Env) -> Any:
        return _call(env.with_context(context), model, method, ids, named)

    return odoo.serve(Request(model, method, tuple(ids or ()), uid), line, run)


def _call(env: Env, model: str, method: str, ids: list[int] | None, named: dict[str, Any]) -> Any:
    try:
        target = calls.find(env, model, method)
    except calls.UnknownModelError:
        raise _NotFound(f"the model '{model}' does not exist") from None
    except calls.UnknownMethodError as error:
        raise _NotFound(str(error)) from None
    if target.is_model and ids:
        raise _Unprocessable(f"cannot call {model}.{method} with ids")
    try:
        target.signature.bind(**named)
    except TypeError as error:
        raise _Unprocessable(str(error)) from None
    args = [] if target.is_model else [base.as_ids(ids)]
    result = calls.plain(target.function(*args, **named))
    # A recordset travels as its ids, so `create` answers a list.
    return [result] if method == "create" and isinstance(result, int) else result


_UNSUPPORTED: Final = """<!doctype html>
<html lang=en>
<title>415 Unsupported Media Type</title>
<h1>Unsupported Media Type</h1>
<p>Request inferred type is compatible with [&#39;http&#39;] but \
&#39;/json/2/&lt;__model__&gt;/&lt;__method__&gt;&#39; is type=&#39;json2&#39;.<br><br>\
Please verify the Content-Type request header and try again.</p>
"""
_NO_DATABASE: Final = """<!DOCTYPE html>
<title>404 Not Found</title>
<h1>Not Found</h1>
<p>No database is selected and the requested URL was not found in the server-wide controllers.</p>
<p>Please verify the hostname, <a href=/web/login>login</a> and try again.</p>

<!-- Alternatively, use the X-Odoo-Database header. -->
"""
