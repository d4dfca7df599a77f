"""`python -m tests.integration.workers.worker_program ARGUMENTS`: `storno` with a fake ERP that settles at once."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from typing import Any, Final

from config.settings import Settings
from config.systems import FakeOptions
from connectors.contract import System
from connectors.fake.client import HTTPTransport
from connectors.fake.connector import FakeSystem
from connectors.http import HttpClient
from service.app import Services, build
from service.cli.main import main

BATCH_SIZE: Final = 2
SETTLES_AFTER: Final = timedelta(seconds=0.2)


def open_system(name: str, kind: str, options: Any) -> System:
    """Open a served ERP whose batches are small, so that a run has many."""
    assert kind == "fake"
    assert isinstance(options, FakeOptions)
    limits = options.timeout_seconds
    http = HttpClient(
        name,
        str(options.url),
        read_timeout_seconds=limits.read,
        write_timeout_seconds=limits.write,
    )
    transport = HTTPTransport(http, system=name, user="storno", password="storno")
    calls = int(os.environ.get("TEST_PARALLEL_CALLS", "1"))
    return FakeSystem(
        name,
        transport,
        batch_size=BATCH_SIZE,
        parallel_calls=calls,
        settles_after=SETTLES_AFTER,
    )


def build_services(settings: Settings) -> Services:
    """Wire as `storno` does, with our way to open systems."""
    return build(settings, open_system=open_system)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], build=build_services))
