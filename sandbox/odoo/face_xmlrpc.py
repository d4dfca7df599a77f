"""XML-RPC: /xmlrpc/2/* with numbers as fault codes, /xmlrpc/* with texts."""

from __future__ import annotations

from typing import Any
from xmlrpc import client

from sandbox.odoo import rpc
from sandbox.odoo.errors import (
    AccessDenied,
    AccessError,
    MissingError,
    OdooError,
    RedirectWarning,
)
from sandbox.odoo.face import XML_TYPE, Answer, traceback_of
from sandbox.odoo.instance import Odoo, SpoiledError
from sandbox.odoo.ledger import LedgerLine


def answer(odoo: Odoo, line: LedgerLine, path: str, body: bytes) -> Answer:
    """Answer one request; the status is always 200."""
    is_new = path.startswith("/xmlrpc/2/")
    service = path.rsplit("/", 1)[1]
    try:
        params, method = client.loads(body)
        result = rpc.dispatch(odoo, line, service, method or "", params)
        # Odoo marshals after the commit, and without None: a fault does not mean that nothing was done.
        sent = _dump(result)
    except SpoiledError as spoiled:
        spoiled.body = _dump(spoiled.answer if spoiled.answer is not None else True)
        raise
    except Exception as error:  # noqa: BLE001 - every error is an answer
        line.said = line.said or str(error)
        sent = client.dumps(
            _fault(error) if is_new else _old_fault(error), methodresponse=True
        ).encode()
    return Answer(200, XML_TYPE, sent)


def _dump(result: Any) -> bytes:
    text = client.dumps((_keyed(result),), methodresponse=True, allow_none=False)
    return text.encode()


def _keyed(value: Any) -> Any:
    """Return the value with texts as keys, which XML-RPC asks for."""
    if isinstance(value, dict):
        return {str(key): _keyed(each) for key, each in value.items()}
    if isinstance(value, list) and value and not isinstance(value[0], (int, str)):
        return [_keyed(each) for each in value]
    return value


def _fault(error: Exception) -> client.Fault:
    if isinstance(error, RedirectWarning):
        return client.Fault(2, str(error))
    if isinstance(error, AccessError):
        return client.Fault(4, error.message)
    if isinstance(error, AccessDenied):
        return client.Fault(3, error.message)
    if isinstance(error, OdooError):
        return client.Fault(2, error.message)
    return client.Fault(1, traceback_of(error))


def _old_fault(error: Exception) -> client.Fault:
    if isinstance(error, AccessDenied):
        return _named_fault("AccessDenied", error.message)
    if isinstance(error, OdooError):
        kind = "UserError"
        if isinstance(error, RedirectWarning):
            return _named_fault(f"warning -- Warning\n\n{error}", "")
        if isinstance(error, MissingError):
            kind = "MissingError"
        elif isinstance(error, AccessError):
            kind = "AccessError"
        return _named_fault(f"warning -- {kind}\n\n{error.message}", "")
    return _named_fault(str(error), traceback_of(error))


def _named_fault(code: str, text: str) -> client.Fault:
    # The old endpoint puts a text where the specification wants a number.
    return client.Fault(code, text)  # type: ignore[arg-type]
