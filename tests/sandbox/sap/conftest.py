"""A served practice SAP for one test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.sap.instance import SAP
from sandbox.sap.server import SAPServer
from tests.sandbox.sap.caller import Client

Open = Callable[..., Client]


@pytest.fixture
def sap() -> SAP:
    """A fresh practice SAP, stateless as SAP is."""
    return SAP()


@pytest.fixture
def server(sap: SAP) -> Iterator[SAPServer]:
    """The same, served; it must not have met an error of its own."""
    with SAPServer(sap) as running:
        yield running
    assert [] == sap.problems


@pytest.fixture
def opened(server: SAPServer) -> Iterator[Open]:
    """Opens clients and closes them."""
    made: list[Client] = []

    def make(service: str, **given: Any) -> Client:
        made.append(Client(server, service, **given))
        return made[-1]

    yield make
    for client in made:
        client.close()
