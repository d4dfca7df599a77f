"""Promises of the only place that parses XML."""

from __future__ import annotations

import pytest

from connectors.xml import MAX_DEPTH, parse
from core.errors import BadAnswer

HOSTILE: dict[str, bytes] = {
    "empty": b"",
    "not closed": b"<a><b></a>",
    "text": b"hello",
    "entity": b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
    "file": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>',
    "network": b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>',
    "bomb": b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;"><!ENTITY d "&c;&c;">]><a>&d;</a>',
    "deep": b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1),
    "very deep": b"<a>" * 5000 + b"</a>" * 5000,
    "two roots": b"<a/><a/>",
    "bad encoding": b'<?xml version="1.0" encoding="utf-8"?><a>\xff</a>',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_xml_is_refused(name: str) -> None:
    """Whatever is no plain, closed XML is a bad answer; nothing is fetched and nothing grows."""
    with pytest.raises(BadAnswer):
        parse(HOSTILE[name], system="erp")


def test_too_large() -> None:
    """The limit on the size holds before parsing."""
    with pytest.raises(BadAnswer):
        parse(b"<a>12345</a>", system="erp", max_bytes=5)


def test_plain_xml() -> None:
    """Plain XML is read, comments and processing instructions are left out."""
    root = parse("<a><!-- no --><?php no?><b>ü苏</b></a>".encode(), system="erp")
    assert [child.text for child in root] == ["ü苏"]


def test_deepest_allowed() -> None:
    """Nesting as deep as the limit is read."""
    assert parse(b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH, system="erp").tag == "a"
