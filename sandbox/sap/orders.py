"""What only tests ask of the practice SAP, over the wire: orders to fail, the ledger, the whole content, locks."""

from __future__ import annotations

import json
from typing import Any

from sandbox.sap.faults import Fault
from sandbox.sap.instance import SAP
from sandbox.sap.pages import JSON, Answer


def answer(sap: SAP, path: str, body: bytes) -> Answer:
    """Do what `/storno/...` asks and answer in JSON."""
    asked = json.loads(body) if body else {}
    reply: Any = True
    match path.removeprefix("/storno/"):
        case "fault":
            sap.faults.add(*(Fault.from_json(each) for each in asked["faults"]))
        case "fault/clear":
            sap.faults.clear()
        case "fault/fired":
            reply = [{"fault": f.to_json(), "fired": n} for f, n in sap.faults.fired()]
        case "ledger":
            reply = [line.to_json() for line in sap.ledger.lines()]
        case "ledger/counts":
            reply = sap.ledger.counts()
        case "ledger/clear":
            sap.ledger.clear()
        case "dump":
            tables = asked.get("tables")
            reply = {n: r for n, r in sap.dump().items() if tables is None or n in tables}
        case "company":
            reply = {n: getattr(sap.company, n) for n in sap.company.__dataclass_fields__}
        case "services":
            reply = {
                name: {"path": each.path, "wsdl": each.wsdl_path, "stateful": each.is_stateful}
                for name, each in sap.services.items()
            }
        case "edit":
            sap.edit(asked["table"], *asked["key"], **asked["values"])
        case "locks":
            reply = [[lock.table, lock.key, lock.user] for lock in sap.locks.listed()]
        case "lock":
            sap.locks.hold(asked["table"], asked["key"], asked.get("user", "MUELLER"))
        case "unlock":
            sap.locks.let_go(asked.get("user", "MUELLER"))
        case "sessions/expire":
            sap.sessions.expire()
        case "settle":
            sap.settle()
        case "problems":
            reply = sap.problems
        case "stop":
            pass
        case _:
            return Answer(404, JSON, b"null")
    return Answer(200, JSON, json.dumps(reply, default=str).encode())
