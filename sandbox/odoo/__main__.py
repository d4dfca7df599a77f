"""`python -m sandbox.odoo serve --version 18 --port 0`: the practice Odoo in a process of its own."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from sandbox.odoo.instance import Odoo
from sandbox.odoo.server import OdooServer


def main(arguments: list[str] | None = None) -> int:
    """Serve until stopped; the first line on standard output is a JSON object with `url`."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.odoo", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="serve a practice Odoo on loopback")
    serve.add_argument("--version", type=int, default=18, choices=(16, 17, 18, 19))
    serve.add_argument("--port", type=int, default=0, help="0: any that is free")
    serve.add_argument("--database", default="practice")
    serve.add_argument("--seed", type=int, default=None, help="begin all ids somewhere else")
    serve.add_argument("--ledger", type=Path, default=None, help="a file for the requests received")
    serve.add_argument("--key", action="append", default=[], metavar="LOGIN=KEY")
    asked = parser.parse_args(arguments)
    odoo = Odoo(asked.version, database=asked.database, seed=asked.seed, ledger=asked.ledger)
    for each in asked.key:
        login, _, key = each.partition("=")
        odoo.add_key(login, key)
    server = OdooServer(odoo, port=asked.port)
    sys.stdout.write(json.dumps({"url": server.url, "database": odoo.db.name}) + "\n")
    sys.stdout.flush()
    try:
        server.serve()
    except KeyboardInterrupt:
        server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
