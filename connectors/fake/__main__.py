"""`python -m connectors.fake serve`: the fake ERP in a process of its own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from connectors.fake.request import ERPSettings
from connectors.fake.sample import add_company
from connectors.fake.server import serve_in_folder
from core.encoding import dumps


def main(arguments: list[str] | None = None) -> int:
    """Serve until the process is ended; the first line on standard output is JSON with the address."""
    parser = argparse.ArgumentParser(prog="python -m connectors.fake")
    commands = parser.add_subparsers(required=True)
    serve = commands.add_parser("serve", help="serve on loopback")
    serve.add_argument("--port", type=int, default=0, help="0: any free port")
    serve.add_argument("--folder", type=Path, required=True, help="where the ledger is written")
    serve.add_argument("--user", default="storno")
    serve.add_argument("--password", default="storno")
    serve.add_argument("--batches-one-by-one", action="store_true", help="no atomic batch")
    serve.add_argument("--no-compare-and-set", action="store_true")
    serve.add_argument(
        "--partial-sight", action="store_true", help="the user does not see everything"
    )
    serve.add_argument("--latency-seconds", type=float, default=0.0)
    serve.add_argument("--populate", type=int, default=0, help="quotations to begin with")
    serve.add_argument("--company", action="store_true", help="one of everything to begin with")
    chosen = parser.parse_args(arguments)
    settings = ERPSettings(
        user=chosen.user,
        password=chosen.password,
        is_atomic_batch=not chosen.batches_one_by_one,
        has_compare_and_set=not chosen.no_compare_and_set,
        latency_seconds=chosen.latency_seconds,
        sees_everything=not chosen.partial_sight,
    )
    server = serve_in_folder(settings, chosen.folder, port=chosen.port)
    if chosen.populate:
        server.erp.populate(purchase_orders=chosen.populate)
    if chosen.company:
        add_company(server.erp)
    sys.stdout.write(dumps({"url": server.url}).decode("utf-8") + "\n")
    sys.stdout.flush()
    server.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
