"""`python -m sandbox.sap serve --port 0`: the practice SAP in a process of its own."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from sandbox.sap.dictionary import dictionary
from sandbox.sap.instance import SAP
from sandbox.sap.odata_model import SERVICES
from sandbox.sap.server import SAPServer
from sandbox.sap.services import default_services
from sandbox.sap.wsdl import wsdl


def main(arguments: list[str] | None = None) -> int:
    """Serve until stopped; the first line on standard output is a JSON object with `url` and the services."""
    asked = _parser().parse_args(arguments)
    if asked.command == "wsdl":
        service = default_services(asked.stateful)[asked.service]
        made = wsdl(service.contract, dictionary(), url=f"{asked.url}{service.path}")
        sys.stdout.buffer.write(made)
        return 0
    sap = SAP(
        seed=asked.seed,
        ledger=asked.ledger,
        stateful=asked.all_stateful or frozenset(asked.stateful),
        latency=asked.latency,
        update_delay=asked.update_delay,
        session_seconds=asked.session_seconds,
        more_orders=asked.more_orders,
    )
    sap.switches.echoes_all_tables = asked.echo_all_tables
    server = SAPServer(sap, port=asked.port)
    told = {
        "url": server.url,
        "user": "STORNO",
        "services": {name: server.wsdl_of(name) for name in sap.services},
        "odata": [f"{server.url}{each.path}/" for each in SERVICES],
    }
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    try:
        server.serve()
    except KeyboardInterrupt:
        server.stop()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox.sap", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="serve a practice SAP on loopback")
    serve.add_argument("--port", type=int, default=0, help="0: any that is free")
    serve.add_argument("--seed", type=int, default=0, help="other numbers, quantities and prices")
    serve.add_argument("--ledger", type=Path, default=None, help="a file for the requests received")
    serve.add_argument(
        "--stateful",
        action="append",
        default=[],
        metavar="SERVICE",
        help="let this service keep a session; may be given again",
    )
    serve.add_argument("--all-stateful", action="store_true", help="let every service keep one")
    serve.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    serve.add_argument(
        "--update-delay",
        type=float,
        default=0.0,
        help="seconds that the update task waits after a commit without WAIT",
    )
    serve.add_argument("--session-seconds", type=float, default=900.0, help="until a session ends")
    serve.add_argument("--more-orders", type=int, default=0, help="purchase orders, two items each")
    serve.add_argument(
        "--echo-all-tables",
        action="store_true",
        help="give back optional tables that were not sent, too",
    )
    names = sorted(default_services())
    contract = commands.add_parser("wsdl", help="write the WSDL of a service to standard output")
    contract.add_argument("service", choices=names)
    contract.add_argument("--url", default="http://127.0.0.1:8000", help="the server's address")
    contract.add_argument("--stateful", action="store_true", help="say that it keeps a session")
    return parser


if __name__ == "__main__":
    sys.exit(main())
