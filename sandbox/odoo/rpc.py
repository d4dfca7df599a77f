"""The services behind /xmlrpc and /jsonrpc: common, object, db."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.odoo import base, calls
from sandbox.odoo.environment import Env
from sandbox.odoo.errors import AccessDenied
from sandbox.odoo.instance import Odoo, Request
from sandbox.odoo.ledger import LedgerLine


def version_of(odoo: Odoo) -> dict[str, Any]:
    """Return what `common.version` tells."""
    return {
        "server_version": f"{odoo.version}.0",
        "server_version_info": [odoo.version, 0, 0, "final", 0, ""],
        "server_serie": f"{odoo.version}.0",
        "protocol_version": 1,
    }


def dispatch(odoo: Odoo, line: LedgerLine, service: str, method: str, params: Sequence[Any]) -> Any:
    """Run one request of a service."""
    line.model, line.method = service, method
    if service == "common":
        return _common(odoo, method, params)
    if service == "object":
        return _object(odoo, line, method, params)
    if service == "db":
        if method == "server_version":
            return version_of(odoo)["server_version"]
        raise AccessDenied
    raise KeyError(service)


def _common(odoo: Odoo, method: str, params: Sequence[Any]) -> Any:
    if method == "version":
        return version_of(odoo)
    if method in ("login", "authenticate"):
        database, login, password, *_ = params
        return odoo.login(database, login, password)
    raise NameError(f"Method not found: {method}")


def _object(odoo: Odoo, line: LedgerLine, method: str, params: Sequence[Any]) -> Any:
    if odoo.version >= 19 and len(params) < 5:
        raise ValueError(f"not enough values to unpack (expected at least 5, got {len(params)})")
    if method not in ("execute", "execute_kw"):
        raise NameError(f"Method not available {method}")
    database, uid, password, model, name, *rest = params
    odoo.authenticate(database, int(uid), password)
    if method == "execute":
        args, kwargs = list(rest), {}
    else:
        args = list(rest[0]) if rest else []
        kwargs = dict(rest[1]) if len(rest) > 1 else {}

    def run(env: Env) -> Any:
        return calls.execute(env, str(model), str(name), args, kwargs)

    request = Request(str(model), str(name), _ids(args), int(uid))
    return odoo.serve(request, line, run)


def _ids(args: Sequence[Any]) -> tuple[int, ...]:
    first = args[0] if args else None
    if isinstance(first, int) or (
        isinstance(first, (list, tuple)) and all(type(each) is int for each in first)
    ):
        return tuple(base.as_ids(first))
    return ()
