"""A description takes in what it may and nothing else, whoever wrote it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import pytest
from pytest_httpserver import HTTPServer

from connectors.http import HttpClient
from connectors.sap.offers import offer_of
from connectors.sap.services import _keep
from connectors.sap.wsdl import MOST_PARTS, Shelf
from core.errors import BadAnswer, BadInput, NotFound
from tests.unit.connectors.sap.descriptions import description, shelf

_OPEN: Final = (
    '<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" '
    'xmlns:xsd="http://www.w3.org/2001/XMLSchema">'
)


def importing(location: str) -> str:
    return f'{_OPEN}<wsdl:import namespace="urn:x" location="{location}"/></wsdl:definitions>'


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/hostname",
        "file:secret.xsd",
        "http://example.test/evil.xsd",
        "https://127.0.0.1:8000/other-scheme.xsd",
        "http://127.0.0.1:8001/other-port.xsd",
        "ftp://127.0.0.1/x.xsd",
        "../outside.xsd",
        "/etc/hostname",
        "//example.test/share.xsd",
        "a/../../outside.xsd",
    ],
)
def test_nothing_is_taken_in_from_elsewhere(tmp_path: Path, location: str) -> None:
    """Files outside the folder, other schemes and other hosts are refused, and named."""
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "outside.xsd").write_text("<x/>", encoding="utf-8")
    (inside / "service.wsdl").write_text(importing(location), encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        shelf(inside).bundle("service.wsdl")
    assert Path(location).name in str(caught.value)


def test_a_link_out_of_the_folder_is_no_way_out(tmp_path: Path) -> None:
    """What counts is where a file really lies."""
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "outside.wsdl").write_bytes(description())
    (inside / "service.wsdl").symlink_to(tmp_path / "outside.wsdl")
    with pytest.raises(BadInput):
        shelf(inside).bundle("service.wsdl")


@pytest.mark.parametrize(
    "content",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>',
        '<!DOCTYPE x SYSTEM "http://example.test/evil.dtd"><x/>',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><x>&a;</x>',
        "<a>" * 200 + "</a>" * 200,
        "<html><body>Logon failed</body>",
        "",
    ],
)
def test_hostile_documents_are_refused(tmp_path: Path, content: str) -> None:
    """Entities, document types, depth and what is no XML never reach zeep."""
    (tmp_path / "service.wsdl").write_text(content, encoding="utf-8")
    with pytest.raises(BadInput):
        shelf(tmp_path).bundle("service.wsdl")


def test_a_chain_of_imports_ends(tmp_path: Path) -> None:
    """A description that takes in documents without end is refused; one that takes in itself is read once."""
    for place in range(MOST_PARTS + 1):
        (tmp_path / f"{place}.wsdl").write_text(importing(f"{place + 1}.wsdl"), encoding="utf-8")
    with pytest.raises(BadInput):
        shelf(tmp_path).bundle("0.wsdl")
    (tmp_path / "self.wsdl").write_text(importing("self.wsdl"), encoding="utf-8")
    assert 1 == len(shelf(tmp_path).bundle("self.wsdl").parts)


def test_the_hash_is_that_of_the_file(tmp_path: Path) -> None:
    """Whoever looks with another tool sees the same hash."""
    (tmp_path / "service.wsdl").write_bytes(description())
    found = shelf(tmp_path).bundle("service.wsdl")
    assert hashlib.sha256(description()).hexdigest() == found.digest


def test_what_is_kept_gives_the_same_description_again(tmp_path: Path) -> None:
    """A description of several documents that was put away has the same hash when it is read back."""
    taken_in = b'<wsdl:import namespace="urn:x" location="more.wsdl"/><wsdl:types>'
    (tmp_path / "first.wsdl").write_bytes(description().replace(b"<wsdl:types>", taken_in))
    (tmp_path / "more.wsdl").write_text(f"{_OPEN}</wsdl:definitions>", encoding="utf-8")
    found = shelf(tmp_path).bundle("first.wsdl")
    _keep(found, tmp_path / "kept" / "part-0.xml")
    again = shelf(tmp_path).bundle("kept/part-0.xml")
    assert 2 == len(found.parts)
    assert found.digest == again.digest
    assert offer_of(found).functions.keys() == offer_of(again).functions.keys()


def test_what_describes_no_service_says_so(tmp_path: Path) -> None:
    """An export without an address is a mistake of whoever fetched it, not a crash inside zeep."""
    (tmp_path / "service.wsdl").write_text(f"{_OPEN}</wsdl:definitions>", encoding="utf-8")
    with pytest.raises(BadInput):
        offer_of(shelf(tmp_path).bundle("service.wsdl"))


def test_a_missing_part_says_so(tmp_path: Path) -> None:
    """A description whose parts were not all saved names the one that lacks."""
    (tmp_path / "service.wsdl").write_text(importing("types.xsd"), encoding="utf-8")
    with pytest.raises(BadInput, match=r"cannot be read"):
        shelf(tmp_path).bundle("service.wsdl")


class TestServed:
    """Descriptions that the system serves itself."""

    @pytest.fixture
    def client(self, httpserver: HTTPServer) -> HttpClient:
        return HttpClient("erp", httpserver.url_for(""))

    def test_its_own_documents_are_taken_in(
        self, httpserver: HTTPServer, client: HttpClient
    ) -> None:
        """What lies on the system's own host may be imported from there."""
        httpserver.expect_request("/sap/a.wsdl").respond_with_data(importing("b.wsdl"))
        httpserver.expect_request("/sap/b.wsdl").respond_with_data(description())
        found = Shelf("erp", None, client, httpserver.url_for("")).bundle("/sap/a.wsdl")
        assert 2 == len(found.parts)

    def test_an_answer_that_is_none_may_be_repeated(
        self, httpserver: HTTPServer, client: HttpClient
    ) -> None:
        """A page of the web server in place of the description is a bad answer of the system."""
        httpserver.expect_request("/sap/a.wsdl").respond_with_data("<html><p>Wait", status=200)
        with pytest.raises(BadAnswer):
            Shelf("erp", None, client, httpserver.url_for("")).bundle("/sap/a.wsdl")
        httpserver.expect_request("/sap/b.wsdl").respond_with_data("<html>", status=503)
        with pytest.raises(BadAnswer):
            Shelf("erp", None, client, httpserver.url_for("")).bundle("/sap/b.wsdl")

    def test_an_address_with_nothing_behind_it_is_named(
        self, httpserver: HTTPServer, client: HttpClient
    ) -> None:
        """Somebody mistyped it, or the service is not active: which one of many must stand there."""
        httpserver.expect_request("/sap/bc/srt/wsdl/zstorno_px").respond_with_data("", status=404)
        with pytest.raises(NotFound, match=r"/sap/bc/srt/wsdl/zstorno_px"):
            Shelf("erp", None, client, httpserver.url_for("")).bundle(
                "/sap/bc/srt/wsdl/zstorno_px?a=b"
            )

    def test_other_hosts_are_not_asked(self, httpserver: HTTPServer, client: HttpClient) -> None:
        """Another host, another port: refused before anything is sent."""
        for place, location in enumerate(("http://example.test/b.wsdl", "http://127.0.0.1:1/b")):
            httpserver.expect_request(f"/sap/{place}").respond_with_data(importing(location))
            with pytest.raises(BadInput):
                Shelf("erp", None, client, httpserver.url_for("")).bundle(f"/sap/{place}")
        assert 2 == len(httpserver.log)

    def test_it_does_not_reach_into_the_folder(
        self, httpserver: HTTPServer, client: HttpClient, tmp_path: Path
    ) -> None:
        """A served description cannot name files of this machine, those of the folder included."""
        (tmp_path / "secret.wsdl").write_bytes(description())
        httpserver.expect_request("/sap/a.wsdl").respond_with_data(
            importing(f"file://{tmp_path}/secret.wsdl")
        )
        with pytest.raises(BadInput):
            Shelf("erp", tmp_path, client, httpserver.url_for("")).bundle("/sap/a.wsdl")
