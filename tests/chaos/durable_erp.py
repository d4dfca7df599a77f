"""`python -m tests.chaos.durable_erp FOLDER PORT`: a fake ERP that keeps its content on disk, as a real one does."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Final

from connectors.fake.engine import FakeERP
from connectors.fake.ledger import FileLedger
from connectors.fake.request import ERPSettings
from connectors.fake.server import LEDGER_FILE, FakeServer
from connectors.fake.wire import pack_row, unpack_row
from core.encoding import dumps, encode_json, loads

CONTENT_FILE: Final = "content.json"


class DurableERP(FakeERP):
    """Its content is on the disk before the ledger says so, and long before any answer leaves."""

    def __init__(self, settings: ERPSettings, folder: Path) -> None:
        super().__init__(settings, ledger=FileLedger(folder / LEDGER_FILE))
        self._path = folder / CONTENT_FILE
        if self._path.exists():
            self._load()

    def _note(self, arrival: Any) -> None:
        self._save()
        super()._note(arrival)

    def _save(self) -> None:
        content = {
            model: {key: pack_row(row) for key, row in rows.items()}
            for model, rows in self.dump().items()
        }
        made = {model: table._last_key for model, table in self.tables.items()}
        written = self._path.with_suffix(".new")
        with written.open("wb") as file:
            file.write(encode_json({"ticks": self._ticks, "made": made, "content": content}))
            file.flush()
            os.fsync(file.fileno())
        written.replace(self._path)

    def _load(self) -> None:
        stored = loads(self._path.read_bytes())
        self._ticks = stored["ticks"]
        for model, rows in stored["content"].items():
            self.tables[model].reserve_keys(stored["made"][model])
            for key, packed in rows.items():
                row = unpack_row(packed)
                assert row is not None
                self.tables[model].insert(key, row)


def main(folder: str, port: str, *options: str) -> int:
    """Serve until the process is ended; the first line on standard output is JSON with the address."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    settings = ERPSettings(is_atomic_batch="--batches-one-by-one" not in options)
    server = FakeServer(DurableERP(settings, Path(folder)), port=int(port))
    sys.stdout.write(dumps({"url": server.url}).decode() + "\n")
    sys.stdout.flush()
    server.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
