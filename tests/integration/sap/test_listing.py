"""Which documents there are: the first way that a system has, stated per kind; nothing is left out without a word."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import Criteria, Kind
from connectors.sap import customer_list
from connectors.sap.connector import SapSystem, open_system
from core.errors import BadAnswer, BadInput, Rejected
from sandbox.sap.tables import _LISTED
from tests.contract.sap_subject import SapSubject

OWN = {
    str(kind): "Z_STORNO_LIST" for kind in (Kind.SALES_ORDER, Kind.PURCHASE_ORDER, Kind.STOCK_COUNT)
}


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SapSubject]:
    made = SapSubject(tmp_path_factory.mktemp("sap"))
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@contextmanager
def opened(subject: SapSubject, folder: Path, *names: str, **others: Any) -> Iterator[SapSystem]:
    services = {name: {"wsdl": subject.wsdl(name)} for name in names}
    system = open_system("erp", subject.options(services=services, descriptions=folder, **others))
    system.trust_as_copy()
    try:
        yield system
    finally:
        system.close()


def notes(system: SapSystem, kind: Kind) -> list[str]:
    return [str(note) for note in system.check().notes if str(note).startswith(f"{kind}")]


def numbers(system: SapSystem, kind: Kind) -> list[str]:
    batches = system.documents(kind, Criteria())
    return [row["key"] for batch in batches for row in batch.to_pylist()]


@pytest.mark.parametrize(
    "services, kind, said",
    [
        (("zstorno_po", "zstorno_list", "zstorno_read"), Kind.PURCHASE_ORDER, "BAPI_PO_GETITEMS"),
        (("zstorno_so", "zstorno_list", "zstorno_read"), Kind.SALES_ORDER, "Z_STORNO_LIST"),
        (("zstorno_so", "zstorno_read"), Kind.SALES_ORDER, "RFC_READ_TABLE"),
        (("zstorno_so",), Kind.SALES_ORDER, "TABLENAME, AFTER, MOST, NUMBERS, RETURN"),
    ],
)
def test_the_first_way_serves_and_is_stated(
    subject: SapSubject, folder: Path, services: tuple[str, ...], kind: Kind, said: str
) -> None:
    """List BAPI, the customer's function, the table, the user's numbers: in that order, named by the check."""
    with opened(subject, folder, *services, lists=OWN) as system:
        (note,) = notes(system, kind)

    assert said in note


def test_odata_comes_before_all(subject: SapSubject, folder: Path) -> None:
    """What a service has is listed by it."""
    odata = {"selling": {"path": "/sap/opu/odata/sap/API_SALES_ORDER_SRV"}}
    with opened(subject, folder, "zstorno_so", "zstorno_list", lists=OWN, odata=odata) as system:
        (note,) = notes(system, Kind.SALES_ORDER)

    assert "listed by selling (A_SalesOrder)" in note


@pytest.mark.parametrize("most", [1, 2, 3, 5000])
def test_the_function_is_asked_to_its_end(
    subject: SapSubject, folder: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Page by page, whatever the size of a page, and the same as the table has."""
    monkeypatch.setattr(customer_list.list_keys, "__kwdefaults__", {"most": most})
    with opened(subject, folder, "zstorno_so", "zstorno_pi", "zstorno_list", lists=OWN) as system:
        found = [numbers(system, kind) for kind in (Kind.SALES_ORDER, Kind.STOCK_COUNT)]

    db = subject.sap.db
    assert [row["VBELN"] for row in db.rows("VBAK")] == found[0]
    assert [f"{row['IBLNR']}/{row['GJAHR']}" for row in db.rows("IKPF")] == found[1]


def test_a_function_that_goes_in_a_circle_is_told(
    subject: SapSubject, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that does not look at AFTER would give its first page for ever, or leave the others out."""
    monkeypatch.setattr(customer_list.list_keys, "__kwdefaults__", {"most": 2})
    real = customer_list.page_of
    monkeypatch.setattr(
        customer_list, "page_of", lambda *given, **more: real(*given, **{**more, "after": ""})
    )
    with (
        opened(subject, folder, "zstorno_so", "zstorno_list", lists=OWN) as system,
        pytest.raises(BadAnswer, match="AFTER"),
    ):
        numbers(system, Kind.SALES_ORDER)


def test_numbers_that_are_none_are_told(
    subject: SapSubject, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key without its year would be no document, and nobody would notice."""
    monkeypatch.setitem(_LISTED, "IKPF", (("IBLNR",), {}))
    with (
        opened(subject, folder, "zstorno_pi", "zstorno_list", lists=OWN) as system,
        pytest.raises(BadAnswer, match="no number"),
    ):
        numbers(system, Kind.STOCK_COUNT)


def test_a_function_that_does_not_know_the_kind_is_found_out(
    subject: SapSubject, folder: Path
) -> None:
    """The check asks for one number; a list that is empty because nobody wrote it would look like no documents."""
    lists = {str(Kind.JOURNAL_ENTRY): "Z_STORNO_LIST"}
    with opened(subject, folder, "zstorno_fi", "zstorno_list", lists=lists) as system:
        (note,) = notes(system, Kind.JOURNAL_ENTRY)
        with pytest.raises(Rejected):
            numbers(system, Kind.JOURNAL_ENTRY)

    assert "Z_STORNO_LIST should list them and does not" in note


def test_a_kind_that_sap_does_not_have_is_refused(subject: SapSubject) -> None:
    """A misspelt kind would never be listed by it."""
    with pytest.raises(BadInput, match="sales_orders"):
        open_system("erp", subject.options(lists={"sales_orders": "Z_STORNO_LIST"}))


def test_the_page_shows_the_function_as_it_is_asked() -> None:
    """What people copy from the page takes what is sent."""
    page = Path(__file__).parents[3] / "docs" / "howto" / "connect-sap.md"
    assert customer_list.ABAP in page.read_text(encoding="utf-8")
    assert all(name in customer_list.ABAP for name in customer_list.PARAMETERS)
