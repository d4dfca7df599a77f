"""Asks a real Odoo for the description of its models, and writes what `schema.py` reads.

    python sandbox/odoo/scripts/describe_server.py URL DATABASE USER PASSWORD main OUT.json.gz
    python sandbox/odoo/scripts/describe_server.py URL DATABASE USER PASSWORD more OUT.json.gz

`main` are the models whose fields differ most between versions: one file for each version. `more` are the others: one
file, made from an 18; `schema_facts.py` says what other versions have otherwise.
"""

from __future__ import annotations

import gzip
import json
import sys
import urllib.request
from pathlib import Path

MAIN = """
account.move account.move.line mrp.production product.product product.template project.project project.task
purchase.order purchase.order.line res.partner sale.order sale.order.line stock.move stock.picking stock.quant
""".split()  # noqa: SIM905 - a list to read
ATTRIBUTES = """
company_dependent depends readonly related relation relation_field required selection store string translate type
""".split()  # noqa: SIM905
DEFAULTS = {"store": True, "depends": [], "related": False, "relation": False}
SWITCHES = ("company_dependent", "readonly", "required", "translate")


def main() -> None:
    """Write one file."""
    url, database, login, password, which, target = sys.argv[1:]

    def call(service: str, method: str, *args: object) -> object:
        asked = {"params": {"service": service, "method": method, "args": [database, *args]}}
        body = json.dumps({"jsonrpc": "2.0", "method": "call", "id": 1, **asked}).encode()
        kind = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{url}/jsonrpc", body, kind)  # noqa: S310 - typed by a person
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            told = json.load(answer)
        if "error" in told:
            raise SystemExit(told["error"]["data"]["message"])
        return told["result"]

    uid = call("common", "authenticate", login, password, {})

    def execute(model: str, method: str, *args: object, **kwargs: object) -> object:
        return call("object", "execute_kw", uid, password, model, method, list(args), kwargs)

    models = MAIN
    if which == "more":
        known = gzip.decompress(Path(target).read_bytes()) if Path(target).exists() else b"{}"
        models = sorted(json.loads(known)) or sys.stdin.read().split()
    found = {}
    for model in models:
        told = execute(model, "fields_get", [], attributes=ATTRIBUTES)
        found[model] = {
            name: {
                key: value
                for key, value in sorted(field.items())
                if DEFAULTS.get(key, False if key in SWITCHES else None) != value
            }
            for name, field in told.items()
            if not name.startswith(("sel_groups_", "in_group_"))
        }
    packed = json.dumps(found, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
    Path(target).write_bytes(gzip.compress(packed, 9, mtime=0))


main()
