"""What a description offers is read by zeep once, kept, and asked for as zeep would ask."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from connectors.sap import offers
from connectors.sap.describing import described
from connectors.sap.envelopes import Parameters, request_of
from connectors.sap.offers import from_json, offer_of, to_json
from connectors.sap.shapes import Function, Member, Offer, Structure, Table
from connectors.sap.values import Scalar, Sort
from connectors.sap.wsdl import Bundle, load_document
from sandbox.sap.names import Style
from tests.unit.connectors.sap.descriptions import description, shelf

STYLES: Final = tuple(Style)
SAMPLES: Final = {
    Sort.TEXT: "A",
    Sort.NUMERIC: "1",
    Sort.DATE: "2026-11-30",
    Sort.TIME: "13:05:00",
    Sort.DECIMAL: "1",
    Sort.INTEGER: "7",
    Sort.FLOAT: "2.5",
    Sort.BYTES: b"\x01",
}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[Style, Bundle]:
    found = {}
    for style in STYLES:
        folder = tmp_path_factory.mktemp("descriptions")
        (folder / "service.wsdl").write_bytes(description(style))
        found[style] = shelf(folder).bundle("service.wsdl")
    return found


@pytest.fixture(scope="module")
def read(bundles: dict[Style, Bundle]) -> dict[Style, tuple[Offer, Any]]:
    return {style: (described(each), load_document(each)) for style, each in bundles.items()}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(offers, "folder", lambda: tmp_path / "kept")
    monkeypatch.setattr(offers, "_read", {})
    return tmp_path / "kept"


def asked(function: Function, chance: Random) -> Parameters:
    """Return some parameters with some of their fields; the values are beside the point."""

    def content(kind: Scalar | Structure | Table) -> Any:
        if isinstance(kind, Scalar):
            return SAMPLES[kind.sort]
        if isinstance(kind, Table):
            return [content(kind.row) for _ in range(chance.randrange(3))]
        return {m.name: content(m.type) for m in some(list(kind.members.values()))}

    def some(members: list[Member]) -> list[Member]:
        return chance.sample(members, min(len(members), chance.randrange(6)))

    return {m.name: content(m.type) for m in some(list(function.request.members.values()))}


def by_zeep(function: Function, document: Any, parameters: Parameters) -> bytes:
    """Return the request that zeep writes."""
    from zeep import xsd

    def filled(kind: Scalar | Structure | Table, content: Any) -> Any:
        if isinstance(kind, Scalar):
            return content
        if isinstance(kind, Table):
            return {"item": [filled(kind.row, row) for row in content]}
        return {
            m.local: filled(m.type, content[m.name]) if m.name in content else xsd.SkipValue
            for m in kind.members.values()
        }

    given: dict[str, Any] = {}
    for member in function.request.members.values():
        if member.name in parameters:
            given[member.local] = filled(member.type, parameters[member.name])
        elif member.is_required:
            is_table = isinstance(member.type, Table)
            given[member.local] = {"item": []} if is_table else xsd.SkipValue
    (port,) = [
        port
        for service in document.services.values()
        for port in service.ports.values()
        if type(port.binding).__name__ == "Soap11Binding"
    ]
    return etree.tostring(port.binding.get(function.operation).create(**given).content)


def canonical(document: bytes) -> list[tuple[str, str]]:
    """Return tags and texts in their order: prefixes are anybody's."""
    return [(str(each.tag), each.text or "") for each in etree.fromstring(document).iter()]


@pytest.mark.parametrize("style", STYLES)
@given(st.integers(0, 2**32).map(Random))
def test_requests_are_what_zeep_would_send(
    read: dict[Style, tuple[Offer, Any]], style: Style, chance: Random
) -> None:
    """The same elements in the same order with the same texts, for any parameters."""
    offer, document = read[style]
    function = offer.functions[chance.choice(sorted(offer.functions))]
    parameters = asked(function, chance)

    assert canonical(by_zeep(function, document, parameters)) == canonical(
        request_of(function, parameters)
    )


@pytest.mark.parametrize("style", STYLES)
def test_an_offer_survives_being_kept(read: dict[Style, tuple[Offer, Any]], style: Style) -> None:
    """Functions, structures, limits, tags, order: everything."""
    offer = read[style][0]
    again = from_json(to_json(offer))

    assert to_json(offer) == to_json(again)
    assert offer.interface() == again.interface()
    assert list(offer.functions) == list(again.functions)


def test_zeep_reads_a_description_once(
    folder: Path, bundles: dict[Style, Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next start finds what was kept; only its owner may look there."""
    bundle = bundles[Style.RFC]
    first = offer_of(bundle)
    offers.forget()
    monkeypatch.setattr("connectors.sap.describing.described", None)

    assert first.interface() == offer_of(bundle).interface()
    assert 0o700 == folder.stat().st_mode & 0o777


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[1]", b'{"scalars": [["no sort", null, null, null, null]]}']
)
def test_what_was_kept_badly_is_read_anew(
    folder: Path, bundles: dict[Style, Bundle], content: bytes
) -> None:
    """A torn file costs time and nothing else; it is written again."""
    bundle = bundles[Style.RFC]
    first = offer_of(bundle)
    (file,) = folder.iterdir()
    file.write_bytes(content)
    offers.forget()

    assert first.interface() == offer_of(bundle).interface()
    assert content != file.read_bytes()


def test_another_description_finds_nothing(folder: Path, bundles: dict[Style, Bundle]) -> None:
    """What was kept under the hash of one description is never taken for another's."""
    rfc, mixed = bundles[Style.RFC], bundles[Style.MC]
    other = offer_of(mixed).interface()
    (file,) = folder.iterdir()
    file.rename(file.with_name(file.name.replace(mixed.digest, rfc.digest)))
    offers.forget()

    assert offer_of(rfc).path
    assert offer_of(rfc).digest == rfc.digest
    assert offer_of(mixed).interface() == other


def test_a_folder_that_cannot_be_written_only_costs_time(
    folder: Path, bundles: dict[Style, Bundle]
) -> None:
    """Storno works without its cache."""
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file where the folder should be")

    assert offer_of(bundles[Style.RFC]).functions
