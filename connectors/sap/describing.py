"""Descriptions read by zeep: the functions of a service with their structures, named as in ABAP in both styles.

The limits of simple types are read from the schema itself: zeep forgets them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from connectors.sap.names import abap_name
from connectors.sap.shapes import Function, Member, Offer, Structure, Table
from connectors.sap.values import Scalar, Sort
from connectors.sap.wsdl import XSD, Bundle, load_document
from connectors.xml import tag_of
from core.errors import BadInput
from core.text import N_

if TYPE_CHECKING:
    from connectors.xml import Element

DATE_PATTERN: Final = r"\d\d\d\d-\d\d-\d\d"
_DIGITS: Final = r"\d*"
_XS: Final = "http://www.w3.org/2001/XMLSchema"
_SESSION: Final = "{http://www.sap.com/webas/630/soap/features/session/}enableSession"

_SORTS: Final[Mapping[str, Sort]] = {
    "decimal": Sort.DECIMAL,
    "time": Sort.TIME,
    "date": Sort.DATE,
    "base64Binary": Sort.BYTES,
    "double": Sort.FLOAT,
    "float": Sort.FLOAT,
    **dict.fromkeys(
        ("int", "integer", "short", "long", "byte", "unsignedByte", "unsignedShort", "unsignedInt"),
        Sort.INTEGER,
    ),
}


def described(bundle: Bundle) -> Offer:
    """Return what a description offers. Raises `BadInput` for one that offers nothing that can be called."""
    document = load_document(bundle)
    port = _port(document)
    if port is None:
        raise BadInput(
            source=bundle.source,
            problem=N_("it names no address where its functions can be called over SOAP"),
        )
    reader = _Reader(dict(_simple_types(bundle.trees)))
    functions = {}
    for operation in port.binding._operations.values():  # noqa: SLF001 - zeep has no public name for it
        found = reader.function(operation)
        if found is not None:
            functions[found.name] = found
    return Offer(
        functions,
        urlsplit(port.binding_options["address"]).path,
        bundle.digest,
        _says_session(bundle.trees),
    )


def _port(document: Any) -> Any:
    ports = [port for service in document.services.values() for port in service.ports.values()]
    return next((p for p in ports if type(p.binding).__name__ == "Soap11Binding"), None)


def _says_session(trees: Sequence[Element]) -> bool | None:
    said = {element.text for tree in trees for element in tree.iter(_SESSION)}
    return ("true" in said) if said else None


class _Reader:
    """Walks zeep's types, each once: structures are shared by many functions."""

    def __init__(self, limits: Mapping[str, Scalar]) -> None:
        self._limits = limits
        self._types: dict[int, Scalar | Structure | Table] = {}

    def function(self, operation: Any) -> Function | None:
        request = getattr(operation.input, "body", None)
        answer = getattr(operation.output, "body", None) if operation.output is not None else None
        if request is None or answer is None or not hasattr(answer, "qname"):
            return None  # one way: whoever calls it learns nothing
        return Function(
            name=abap_name(operation.name),
            operation=operation.name,
            action=operation.soapaction or "",
            request=self._structure(request.type),
            request_tag=request.qname.text,
            answer=self._structure(answer.type),
            answer_tag=answer.qname.text,
        )

    def _type(self, zeep_type: Any) -> Scalar | Structure | Table:
        known = self._types.get(id(zeep_type))
        if known is not None:
            return known
        if not hasattr(zeep_type, "elements"):
            found: Scalar | Structure | Table = self._scalar(zeep_type)
        else:
            elements = zeep_type.elements
            if len(elements) == 1 and elements[0][1].accepts_multiple:
                row = self._type(elements[0][1].type)
                if isinstance(row, Table):
                    raise BadInput(source=str(zeep_type.name), problem=N_("a table of tables"))
                found = Table(row, elements[0][1].qname.text)
            else:
                return self._structure(zeep_type)
        self._types[id(zeep_type)] = found
        return found

    def _structure(self, zeep_type: Any) -> Structure:
        known = self._types.get(id(zeep_type))
        if isinstance(known, Structure):
            return known
        members: dict[str, Member] = {}
        found = Structure(abap_name(zeep_type.name or ""), members)
        self._types[id(zeep_type)] = found  # before its members: a crooked type may hold itself
        for _, element in zeep_type.elements:
            name = abap_name(element.name)
            kind = self._type(element.type)
            members[name] = Member(name, element.qname.text, kind, element.min_occurs > 0)
        return found

    def _scalar(self, zeep_type: Any) -> Scalar:
        qname = zeep_type.qname.text if zeep_type.qname is not None else ""
        if qname in self._limits:
            return self._limits[qname]
        return Scalar(_SORTS.get(qname.removeprefix(f"{{{_XS}}}"), Sort.TEXT))


# --- simple types, from the schema ------------------------------------------------------------------


def _simple_types(trees: Sequence[Element]) -> Iterator[tuple[str, Scalar]]:
    """Yield name and limits of every simple type; one without a name has that of its element, as zeep calls it."""
    for tree in trees:
        for schema in tree.iter(f"{XSD}schema"):
            space = schema.get("targetNamespace") or ""
            for simple in schema.iter(f"{XSD}simpleType"):
                parent = simple.getparent()
                name = simple.get("name") or (parent.get("name") if parent is not None else None)
                restriction = simple.find(f"{XSD}restriction")
                if name and restriction is not None:
                    yield f"{{{space}}}{name}", _limits(restriction)


def _limits(restriction: Element) -> Scalar:
    facets = {tag_of(child).removeprefix(XSD): child.get("value") for child in restriction}
    base = (restriction.get("base") or "").rpartition(":")[2]
    pattern = facets.get("pattern")
    sort = _SORTS.get(base, Sort.TEXT)
    if pattern == DATE_PATTERN:
        sort = Sort.DATE
    elif pattern == _DIGITS:
        sort = Sort.NUMERIC
    return Scalar(
        sort,
        longest=_whole(facets.get("maxLength") or facets.get("length")),
        # Patterns of others may be anything, and Python's are not those of XML Schema: only SAP's own few count.
        pattern=pattern if pattern in (DATE_PATTERN, _DIGITS) else None,
        digits=_whole(facets.get("totalDigits")),
        places=_whole(facets.get("fractionDigits")),
    )


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None
