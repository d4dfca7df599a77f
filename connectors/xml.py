"""The only place that parses XML.

What comes from outside is hostile until read: no DTD, no entities, no network, limited size, depth and text.
"""

from __future__ import annotations

from typing import Final

from lxml import etree

from core.errors import BadAnswer
from core.text import N_

DEFAULT_MAX_BYTES: Final = 256 * 1024 * 1024
MAX_DEPTH: Final = 100

Element = etree._Element  # noqa: SLF001 - lxml gives its element class no public name


def parse(data: bytes, *, system: str, max_bytes: int = DEFAULT_MAX_BYTES) -> Element:
    """Return the root element. Raises `BadAnswer` naming `system` for anything but plain, closed XML.

    A single text longer than 10 MB and nesting deeper than `MAX_DEPTH` are refused.
    """
    if len(data) > max_bytes:
        raise BadAnswer(system=system, problem=N_("the XML is too large"))
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        no_network=True,
        huge_tree=False,  # libxml2's own limits: 10 MB a text, 256 levels, no exponential growth
        recover=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BadAnswer(system=system, problem=N_("it is not XML")) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise BadAnswer(system=system, problem=N_("the XML has a DTD"))
    if _is_too_deep(root):
        raise BadAnswer(system=system, problem=N_("the XML is nested too deeply"))
    return root


def serialise(element: Element) -> bytes:
    """Return the document of an element as UTF-8, with its declaration."""
    return etree.tostring(element, encoding="utf-8", xml_declaration=True)


def new_root(tag: str, *, prefix: str | None = None) -> Element:
    """Return a new element; `prefix` is what its namespace is written with."""
    return etree.Element(tag, nsmap=_spaces(tag, prefix))


def new_child(above: Element, tag: str, *, prefix: str | None = None) -> Element:
    """Return a new last element below another."""
    return etree.SubElement(above, tag, nsmap=_spaces(tag, prefix))


def _spaces(tag: str, prefix: str | None) -> dict[str | None, str] | None:
    space, brace, _ = tag.rpartition("}")
    return {prefix: space[1:]} if prefix is not None and brace else None


def tag_of(element: Element) -> str:
    """Return the name of an element, `{namespace}local` where it has one."""
    return str(element.tag)


def _is_too_deep(root: Element) -> bool:
    # Asked inside libxml2: a walk in Python would cost more than the parsing.
    return bool(root.xpath(f"boolean(//*[count(ancestor::*) >= {MAX_DEPTH}][1])"))
