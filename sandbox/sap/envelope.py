"""SOAP envelopes: requests are read leniently, as SAP reads them; answers are written in full."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from sandbox.sap.dictionary import Dictionary, Field, Function, Parameter, Row, Structure
from sandbox.sap.names import Style

SOAP_11: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12: Final = "http://www.w3.org/2003/05/soap-envelope"
_SYSTEM_FAULT: Final = "http://www.sap.com/webas/710/soap/runtime/abap/fault/system/"


class EnvelopeError(Exception):
    """The request cannot be read: the runtime's own fault."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a request asks for."""

    soap: str
    function: Function
    given: dict[str, Any]
    sent: frozenset[str]


class Wire:
    """Reads and writes the messages of one spelling."""

    def __init__(self, known: Dictionary, style: Style) -> None:
        self.known = known
        self.style = style

    # --------------------------------------------------------------------------------------- reading

    def read(self, body: bytes, functions: tuple[str, ...], *, checks_lengths: bool) -> Request:
        """Return the request. Raises `EnvelopeError` for what the runtime does not take."""
        try:
            root = fromstring(body, forbid_dtd=True)
        except (ParseError, DefusedXmlException, ValueError) as error:
            raise EnvelopeError(f"XML cannot be read: {type(error).__name__}") from error
        soap = root.tag.rpartition("}")[0].lstrip("{")
        if soap not in {SOAP_11, SOAP_12}:
            raise EnvelopeError("Not a SOAP envelope")
        content = root.find(f"{{{soap}}}Body")
        if content is None or not len(content):
            raise EnvelopeError("The body of the SOAP message is empty")
        asked = content[0]
        space, _, name = asked.tag.rpartition("}")
        by_name = {self.style.spell(each): each for each in functions}
        if space.lstrip("{") != self.style.namespace or name not in by_name:
            raise EnvelopeError(f"Operation {name} is not part of this service")
        function = self.known.functions[by_name[name]]
        return self._request(soap, function, asked, checks_lengths)

    def _request(
        self, soap: str, function: Function, asked: Element, checks_lengths: bool
    ) -> Request:
        elements = {_local(each): each for each in asked}
        given: dict[str, Any] = {}
        sent = set()
        for parameter in function.parameters:
            if not parameter.is_in_request:
                continue
            element = elements.get(self.style.spell(parameter.name))
            if element is not None:
                sent.add(parameter.name)
            given[parameter.name] = self._value(parameter, element, checks_lengths)
        return Request(soap, function, given, frozenset(sent))

    def _value(self, parameter: Parameter, element: Element | None, checks_lengths: bool) -> Any:
        if parameter.form == "scalar":
            return self._scalar(parameter.field, element, checks_lengths)
        structure = self.known.structure_of(parameter)
        if parameter.form == "struct":
            return self._row(structure, element, checks_lengths)
        rows = [] if element is None else [e for e in element if _local(e) == "item"]
        return [self._row(structure, row, checks_lengths) for row in rows]

    def _row(self, structure: Structure, element: Element | None, checks_lengths: bool) -> Row:
        # Sparse: a field that did not come is initial.
        row = dict(_initial(structure))
        if element is None or not len(element):
            return row
        names = _spelled(structure, self.style)
        for each in element:
            field = names.get(_local(each))
            if field is not None:
                row[field.name] = self._scalar(field, each, checks_lengths)
        return row

    def _scalar(self, field: Field, element: Element | None, checks_lengths: bool) -> Any:
        text = "" if element is None else element.text or ""
        if checks_lengths and field.kind == "CHAR" and len(text.rstrip(" ")) > field.length:
            raise EnvelopeError(f"CX_ST_DESERIALIZATION_ERROR: {field.name} is too long")
        try:
            return field.read(text)
        except ValueError as error:
            raise EnvelopeError(
                f"CX_ST_DESERIALIZATION_ERROR: {field.name} has a wrong value"
            ) from error

    # --------------------------------------------------------------------------------------- writing

    def write(
        self, soap: str, function: Function, told: dict[str, Any], shown: frozenset[str]
    ) -> bytes:
        """Return the answer: every parameter that is `shown`, in the order of the names, all fields in full."""
        parts = []
        for parameter in sorted(function.parameters, key=lambda each: each.name):
            if parameter.name not in shown:
                continue
            name = self.style.spell(parameter.name)
            if parameter.form == "scalar":
                value = told.get(parameter.name, parameter.field.initial)
                parts.append(_element(name, parameter.field.write(value)))
                continue
            structure = self.known.structure_of(parameter)
            if parameter.form == "struct":
                row = told.get(parameter.name) or _initial(structure)
                parts.append(f"<{name}>{self._fields(structure, row)}</{name}>")
                continue
            rows = told.get(parameter.name, [])
            items = "".join(f"<item>{self._fields(structure, row)}</item>" for row in rows)
            parts.append(f"<{name}>{items}</{name}>" if items else f"<{name}/>")
        tag = f"n0:{self.style.spell(function.name)}Response"
        space = self.style.namespace
        return envelope(soap, f'<{tag} xmlns:n0="{space}">{"".join(parts)}</{tag}>')

    def _fields(self, structure: Structure, row: Row) -> str:
        names = _written(structure, self.style)
        initial = _initial(structure)
        parts = []
        for field, name, empty in names:
            value = row[field.name]
            parts.append(
                empty if value == initial[field.name] else _element(name, field.write(value))
            )
        return "".join(parts)

    def exception(
        self, soap: str, function: Function, name: str, text: str, id_: str, number: str
    ) -> bytes:
        """Return the fault of an exception of the interface."""
        tag = f"n0:{self.style.spell(function.name)}.Exception"
        detail = (
            f'<{tag} xmlns:n0="{self.style.namespace}"><Name>{name}</Name>{_element("Text", text)}'
            f"<Message><ID>{id_}</ID><Number>{number}</Number></Message></{tag}>"
        )
        return fault(soap, name, detail)


def shown(function: Function, sent: frozenset[str], *, echoes_all: bool) -> frozenset[str]:
    """Return the parameters that an answer has: exports and required tables always, others if they were sent."""
    return frozenset(
        each.name
        for each in function.parameters
        if each.is_in_response
        and (each.way == "EXPORT" or each.is_required or each.name in sent or echoes_all)
    )


def envelope(soap: str, content: str) -> bytes:
    """Return a SOAP message around `content`."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<soap-env:Envelope xmlns:soap-env="{soap}"><soap-env:Header/><soap-env:Body>{content}'
        "</soap-env:Body></soap-env:Envelope>"
    ).encode()


def fault(soap: str, said: str, detail: str = "") -> bytes:
    """Return a SOAP fault; without `detail`, the runtime's own."""
    detail = detail or (
        f'<n0:SystemFault xmlns:n0="{_SYSTEM_FAULT}"><Host>undefined</Host>'
        "<Component>undefined</Component><ChainedException><Exception_Name>"
        f"CX_SOAP_CORE</Exception_Name>{_element('Exception_Text', said)}</ChainedException>"
        "</n0:SystemFault>"
    )
    if soap == SOAP_12:
        return envelope(
            soap,
            "<soap-env:Fault><soap-env:Code><soap-env:Value>soap-env:Receiver</soap-env:Value>"
            f'</soap-env:Code><soap-env:Reason><soap-env:Text xml:lang="en">{escape(said)}'
            f"</soap-env:Text></soap-env:Reason><soap-env:Detail>{detail}</soap-env:Detail>"
            "</soap-env:Fault>",
        )
    return envelope(
        soap,
        "<soap-env:Fault><faultcode>soap-env:Server</faultcode>"
        f'<faultstring xml:lang="en">{escape(said)}</faultstring><detail>{detail}</detail>'
        "</soap-env:Fault>",
    )


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>" if text else f"<{name}/>"


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


@cache
def _initial(structure: Structure) -> Row:
    return structure.initial()


@cache
def _spelled(structure: Structure, style: Style) -> dict[str, Field]:
    return {style.spell(field.name): field for field in structure}


@cache
def _written(structure: Structure, style: Style) -> tuple[tuple[Field, str, str], ...]:
    return tuple(
        (field, name, _element(name, field.write(field.initial)))
        for field in structure
        for name in [style.spell(field.name)]
    )
