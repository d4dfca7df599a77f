"""Promises of XML-RPC marshalling."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.xmlrpc import Fault, Verbatim, dumps, loads
from core.errors import BadAnswer, ContractBroken

CARRIED = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.decimals(allow_nan=False, allow_infinity=False, places=6)
    | st.text(
        st.characters(
            min_codepoint=32, exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"
        )
    )
    | st.binary()
    | st.datetimes().map(lambda m: m.replace(microsecond=0, fold=0)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(st.characters(codec="ascii", min_codepoint=33)), inner, max_size=3
        )
    ),
    max_leaves=8,
)


def answer(value: str) -> bytes:
    return f"<methodResponse><params><param><value>{value}</value></param></params></methodResponse>".encode()


def echo(value: Any) -> bytes:
    request = dumps("m", (value,))
    start, end = request.index(b"<params>"), request.index(b"</methodCall>")
    return b"<methodResponse>" + request[start:end] + b"</methodResponse>"


@given(CARRIED)
def test_what_is_written_is_read_again(value: Any) -> None:
    """Every value that XML-RPC carries comes back equal and of its type."""
    assert repr(value) == repr(loads(echo(value), system="erp"))


@pytest.mark.parametrize(
    "written, expected",
    [
        ("<double>45.6</double>", Decimal("45.6")),
        ("<double>1e-05</double>", Decimal("0.00001")),
        ("<bigdecimal>5.5000</bigdecimal>", Decimal("5.5000")),
        ("<i4>7</i4>", 7),
        ("<i8>9007199254740993</i8>", 9007199254740993),
        ("<nil/>", None),
        ("", ""),
        ("plain text", "plain text"),
        ("<string></string>", ""),
        ("<base64>\neHg=\n</base64>", b"xx"),
        ("<dateTime.iso8601>20261122T04:05:06</dateTime.iso8601>", datetime(2026, 11, 22, 4, 5, 6)),  # noqa: DTZ001
    ],
)
def test_reading(written: str, expected: Any) -> None:
    """A double keeps the digits of its text, nothing and the empty text stay apart."""
    found = loads(answer(written), system="erp")
    assert (expected, type(expected)) == (found, type(found))


@pytest.mark.parametrize(
    "written",
    [
        "<boolean>2</boolean>",
        "<int>x</int>",
        "<double>nan</double>",
        "<base64>*</base64>",
        "<array/>",
        "<struct><member><name>a</name></member></struct>",
        "<unknown/>",
        "<dateTime.iso8601>yesterday</dateTime.iso8601>",
    ],
)
def test_nonsense(written: str) -> None:
    """A value that cannot be read makes the whole answer untrustworthy."""
    with pytest.raises(BadAnswer):
        loads(answer(written), system="erp")


@pytest.mark.parametrize("body", [b"<html/>", b"<methodResponse/>", b"<fault/>"])
def test_not_xmlrpc(body: bytes) -> None:
    """Other XML is no answer."""
    with pytest.raises(BadAnswer):
        loads(body, system="erp")


def test_fault() -> None:
    """A fault keeps its code and its words."""
    body = (
        b"<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>4</int></value>"
        b"</member><member><name>faultString</name><value>no</value></member></struct></value></fault>"
        b"</methodResponse>"
    )
    with pytest.raises(Fault) as raised:
        loads(body, system="erp")
    assert (raised.value.code, raised.value.said) == (4, "no")


def test_marshal_is_pluggable() -> None:
    """How a Decimal is written is the connector's choice."""
    request = dumps("m", (Decimal("1.50"),), marshal=lambda v: Verbatim(f"<double>{v}</double>"))
    assert b"<value><double>1.50</double></value>" in request


@pytest.mark.parametrize("value", [object(), "\x00", {"a": "\x1b"}])
def test_what_cannot_be_carried(value: Any) -> None:
    """What XML cannot carry is refused, never sent as something else."""
    with pytest.raises(ContractBroken):
        dumps("m", (value,))
