"""What a request to an Odoo asks for, on each of its three interfaces."""

from __future__ import annotations

import xmlrpc.client
from collections.abc import Mapping
from typing import Any, Final

from core.encoding import loads

READING_CALLS: Final = frozenset(
    {
        "authenticate", "check_access_rights", "context_get", "default_get", "fields_get", "get_bindings", "has_access", "list",
        "login", "name_search", "read", "read_group", "search", "search_count", "search_read", "server_version",
        "version", "version_info", "formatted_read_group",
    }
)  # fmt: skip


def rpc_naming(path: str, body: bytes) -> tuple[str, bool]:
    """Read a request of any of Odoo's three interfaces: the method, and whether it changes something."""
    model, method, context = _called(path, body)
    if (model, method) == ("ir.actions.server", "run"):
        # Storno's own server action tells stamps, or compares and sets.
        return f"{model}.{method}", context.get("storno_mode") == "call"
    return f"{model}.{method}", method not in READING_CALLS


def _called(path: str, body: bytes) -> tuple[str, str, Mapping[str, Any]]:
    if path.startswith("/json/2/"):
        _, _, _, model, method = path.split("/", 4)
        return model, method, loads(body).get("context", {})
    if not body or path.startswith(("/web", "/json/version")):
        return "web", "version", {}
    if path.startswith("/jsonrpc"):
        asked = loads(body)["params"]
        service, method, parameters = asked["service"], asked["method"], asked["args"]
    else:
        service = path.rpartition("/")[2]
        parameters, called = xmlrpc.client.loads(body)
        method = str(called)
    if method in ("execute_kw", "execute"):
        named = parameters[6] if len(parameters) > 6 else {}
        return str(parameters[3]), str(parameters[4]), named.get("context", {})
    return str(service), str(method), {}
