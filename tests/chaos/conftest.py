"""One served ERP for all chaos tests of a process: each test works on documents of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.factories import ServedERP, served_erp


@pytest.fixture(scope="session")
def shared_erp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedERP]:
    """Start an ERP whose batches are atomic."""
    with served_erp(tmp_path_factory.mktemp("erp")) as erp:
        yield erp


@pytest.fixture
def erp(shared_erp: ServedERP) -> Iterator[ServedERP]:
    """Lend the ERP out, and take back what was ordered of it."""
    yield shared_erp
    shared_erp.erp.faults.clear()


@pytest.fixture(scope="session")
def shared_uneven_erp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedERP]:
    """Start an ERP that carries out each document of a batch by itself."""
    with served_erp(tmp_path_factory.mktemp("erp"), "--batches-one-by-one") as erp:
        yield erp


@pytest.fixture
def uneven_erp(shared_uneven_erp: ServedERP) -> Iterator[ServedERP]:
    """Lend the other ERP out."""
    yield shared_uneven_erp
    shared_uneven_erp.erp.faults.clear()
