"""`python -m tests.benchmarks.sap`: what Storno adds to closing 1,000 purchase order items in a practice SAP.

Both read an order, change it by the wrapper that commits, and read it again, on a fresh practice SAP with one fixed
latency for each answer: Storno (run of an approved plan), and a bare zeep client, one call after the other. The bare
client makes one call at a time, so Storno is measured so too; with two calls at a time, as it comes, it is printed
beside. Beside that, the processor time of loading a description of about 300 KB the first and the second time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

from config.sap import SapOptions
from connectors.contract import Criteria, Executor, Kind, Ref
from connectors.sap.connector import SapSystem, open_system
from recovery.apply import run
from recovery.approval import approve
from recovery.journal import Journal
from recovery.model import Actor, Draft, PlannedOperation, Purpose
from recovery.plan import Chain, arrange
from recovery.states import ChangeSetState
from sandbox.sap.dictionary import dictionary
from sandbox.sap.names import Style
from sandbox.sap.wsdl import Contract, wsdl
from tests.benchmarks.report import (
    Requirement,
    only_warnings,
    print_environment,
    print_verdicts,
)
from tests.benchmarks.sap_hostile import CASES

ORDERS: Final = 500
ITEMS: Final = 2 * ORDERS
LATENCY: Final = 0.01
PAIRS: Final = 3
MOST_OF_ZEEP: Final = 1.2
MOST_OF_FIRST: Final = 0.3
STARTS: Final = 5
MOST_SECONDS: Final = 1.0
MOST_BYTES: Final = 100 * 2**20
ACTION: Final = "purchase_order.close"
MEI: Final = Actor("mei")
FUNCTIONS: Final = (
    "BAPI_PO_CHANGE", "BAPI_PO_GETDETAIL1", "BAPI_PO_GETITEMS", "BAPI_SALESORDER_CHANGE",
    "BAPI_SALESORDER_GETSTATUS", "BAPISDORDER_GETDETAILEDLIST", "BAPI_PRODORD_CLOSE",
    "BAPI_PRODORD_COMPLETE_TECH", "BAPI_PRODORD_GET_DETAIL", "BAPI_GOODSMVT_CANCEL",
    "BAPI_INCOMINGINVOICE_CANCEL", "BAPI_TRANSACTION_COMMIT", "BAPI_TRANSACTION_ROLLBACK",
)  # fmt: skip

_LOADING: Final = """
import sys, time
from pathlib import Path
from connectors.sap import offers
from connectors.sap.wsdl import Shelf
started = time.process_time()
shelf = Shelf("erp", Path(sys.argv[1]), None, "http://127.0.0.1")
offers.folder = lambda: Path(sys.argv[2])
assert offers.offer_of(shelf.bundle("service.wsdl")).functions
print(time.process_time() - started)
"""


@contextmanager
def practice() -> Iterator[dict[str, Any]]:
    """Serve a fresh practice SAP as a process of its own; yield what it says of itself."""
    command = [sys.executable, "-m", "sandbox.sap", "serve", "--latency", str(LATENCY)]
    command += ["--more-orders", str(ORDERS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def orders_of(system: SapSystem) -> list[str]:
    """Return the last orders there are: those that were made for this."""
    numbers = sorted(
        row["key"]
        for batch in system.documents(Kind.PURCHASE_ORDER, Criteria())
        for row in batch.select(["key"]).to_pylist()
    )
    return numbers[-ORDERS:]


def open_practice(told: dict[str, Any], folder: Path, parallel_calls: int) -> SapSystem:
    """Open it, trusted as one where writing was proved."""
    url = told["url"]
    options = SapOptions.model_validate(
        {
            "url": url,
            "client": "100",
            "user": told["user"],
            "password": told["user"].lower(),
            "descriptions": folder,
            "parallel_calls": parallel_calls,
            "services": {
                "po": {
                    "wsdl": told["services"]["zstorno_po"].removeprefix(url),
                    "mode": "wrapped",
                }
            },
        }
    )
    system = open_system("practice", options)
    system.trust_as_copy()
    return system


def close_with_storno(folder: Path, *, parallel_calls: int) -> float:
    """Plan and approve, then run; return the seconds of the run."""
    folder.mkdir()
    with practice() as told:
        system = open_practice(told, folder, parallel_calls)
        keys = orders_of(system)
        action = system.actions()[ACTION]
        steps = [action.steps(Ref(action.model, key), {})[0] for key in keys]
        images = system.capture(steps, [None] * len(steps))
        chains = [
            Chain(
                (
                    PlannedOperation(
                        system="practice",
                        kind=Kind.PURCHASE_ORDER,
                        number=step.ref.key,
                        step=step,
                        executor=Executor.INTERFACE,
                        reversibility=action.reversibility,
                        approved=image,
                    ),
                )
            )
            for step, image in zip(steps, images, strict=True)
        ]
        journal = Journal.open(f"sqlite:///{folder / 'journal.db'}")
        planned = journal.plan(Draft(Purpose.CLOSING, "Orders", MEI), list(arrange(chains)))
        approve(journal, planned.id, MEI)
        started = time.perf_counter()
        done = run(journal, lambda _: system, planned.id, actor=MEI)
        took = time.perf_counter() - started
        assert done.state is ChangeSetState.APPLIED, done.state
        journal.close()
        system.close()
    return took


def close_with_zeep(folder: Path) -> float:
    """Read, change with commit, read, order by order; return the seconds."""
    import requests
    import zeep as library
    from zeep import xsd

    zeep: Any = library
    folder.mkdir()
    with practice() as told:
        system = open_practice(told, folder, 1)
        keys = orders_of(system)
        system.close()
        session = requests.Session()
        session.auth = (told["user"], told["user"].lower())
        client = zeep.Client(
            told["services"]["zstorno_po"], transport=zeep.transports.Transport(session=session)
        )
        item_fields = [name for name, _ in client.get_type("ns0:BAPIMEPOITEM").elements]
        flag_fields = [name for name, _ in client.get_type("ns0:BAPIMEPOITEMX").elements]
        nothing: dict[str, list[Any]] = {"item": []}

        def sparse(names: Sequence[str], given: dict[str, str]) -> dict[str, Any]:
            return {name: given.get(name, xsd.SkipValue) for name in names}

        def read(key: str) -> Any:
            return client.service.BAPI_PO_GETDETAIL1(
                PURCHASEORDER=key, POITEM=nothing, POHISTORY_TOTALS=nothing, RETURN=nothing
            )

        started = time.perf_counter()
        for key in keys:
            before = read(key)
            places = [row.PO_ITEM for row in before.POITEM.item]
            items = [sparse(item_fields, {"PO_ITEM": p, "NO_MORE_GR": "X"}) for p in places]
            marks = [
                sparse(flag_fields, {"PO_ITEM": p, "PO_ITEMX": "X", "NO_MORE_GR": "X"})
                for p in places
            ]
            client.service.Z_STORNO_PO_CHANGE(
                PURCHASEORDER=key,
                POITEM={"item": items},
                POITEMX={"item": marks},
                RETURN=nothing,
            )
            after = read(key)
            assert {"X"} == {row.NO_MORE_GR for row in after.POITEM.item}
        return time.perf_counter() - started


def loading(folder: Path) -> tuple[int, float, float]:
    """Return the size of a description in bytes, and the processor seconds of its first and second loading."""
    contract = Contract("ZSTORNO", FUNCTIONS, Style.RFC, False)
    content = wsdl(contract, dictionary(), url="http://127.0.0.1/sap/bc/srt/rfc/sap/z/100/z/z")
    described = folder / "described"
    described.mkdir()
    (described / "service.wsdl").write_bytes(content)
    firsts: list[float] = []
    seconds: list[float] = []
    for turn in range(STARTS):
        command = [sys.executable, "-c", _LOADING, str(described), str(folder / f"kept-{turn}")]
        for took in (firsts, seconds):
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            took.append(float(done.stdout))
    return len(content), median(firsts), median(seconds)


def hostile() -> tuple[float, int]:
    """Return the seconds and the bytes of the worst hostile answer or description; each in a process of its own."""
    slowest, largest = 0.0, 0
    print("\nhostile                                        seconds     MB")
    for case in CASES:
        command = [sys.executable, "-m", "tests.benchmarks.sap_hostile", case]
        done = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        slowest, largest = max(slowest, done["seconds"]), max(largest, done["bytes"])
        print(f"{case:<46}{done['seconds']:8.3f}{done['bytes'] / 2**20:7.1f}")
    return slowest, largest


def measure(folder: Path, pairs: int) -> list[Requirement]:
    """Measure in pairs, print the figures, return the promises."""
    ratios, wide = [], []
    print(f"\n{ITEMS:,} items of {ORDERS} purchase orders, {LATENCY * 1000:.0f} ms an answer:")
    print("pair      storno s      zeep s  storno s, two calls at a time")
    for pair in range(1, pairs + 1):
        here = folder / f"pair-{pair}"
        here.mkdir()
        own = close_with_storno(here / "storno", parallel_calls=1)
        bare = close_with_zeep(here / "zeep")
        two = close_with_storno(here / "wide", parallel_calls=2)
        ratios.append(own / bare)
        wide.append(two / bare)
        print(f"{pair:<6}{own:12.2f}{bare:12.2f}{two:31.2f}")
    print(f"two calls at a time: {median(wide):.2f} x of the bare client")
    size, first, second = loading(folder)
    print(
        f"a description of {size // 1000} KB: {first:.3f} s, then {second:.3f} s of the processor"
    )
    slowest, largest = hostile()
    return [
        Requirement(
            f"hostile XML refused, the worst of {len(CASES)}",
            f"<= {MOST_SECONDS:.0f} s, {MOST_BYTES // 2**20} MB",
            f"{slowest:.2f} s, {largest / 2**20:.0f} MB",
            slowest <= MOST_SECONDS and largest <= MOST_BYTES,
        ),
        Requirement(
            f"closing {ITEMS:,} items in SAP, against bare zeep",
            f"<= {MOST_OF_ZEEP} x",
            f"{median(ratios):.2f} x ({min(ratios):.2f} to {max(ratios):.2f})",
            median(ratios) <= MOST_OF_ZEEP,
        ),
        Requirement(
            "loading a description for the second time",
            f"<= {MOST_OF_FIRST} x",
            f"{second / first:.2f} x",
            second <= MOST_OF_FIRST * first,
        ),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and tell; 1 when a promise is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.sap")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    chosen = parser.parse_args(arguments)
    only_warnings()
    with tempfile.TemporaryDirectory() as folder:
        print_environment(Path(folder))
        return print_verdicts(measure(Path(folder), chosen.pairs))


if __name__ == "__main__":
    sys.exit(main())
