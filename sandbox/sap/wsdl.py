"""WSDLs as SAP's SOAP runtime writes them, made from the dictionary."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import quoteattr

from sandbox.sap.dictionary import Dictionary, Field, Function, Parameter
from sandbox.sap.names import RFC_NAMESPACE, Style

_NAMESPACES: Final = (
    'xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" '
    'xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" '
    'xmlns:wsoap12="http://schemas.xmlsoap.org/wsdl/soap12/" '
    'xmlns:http="http://schemas.xmlsoap.org/wsdl/http/" '
    'xmlns:mime="http://schemas.xmlsoap.org/wsdl/mime/" '
    'xmlns:wsp="http://schemas.xmlsoap.org/ws/2004/09/policy" '
    'xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/'
    'oasis-200401-wss-wssecurity-utility-1.0.xsd"'
)
_SCHEMA_TYPES: Final = {"INT1": "xsd:unsignedByte", "INT2": "xsd:short", "INT4": "xsd:int"}
_SOAP_HTTP: Final = "http://schemas.xmlsoap.org/soap/http"


@dataclass(frozen=True, slots=True)
class Contract:
    """What one WSDL tells: a service with its functions, how it spells them, and whether it keeps sessions."""

    service: str
    functions: tuple[str, ...]
    style: Style = Style.RFC
    is_stateful: bool = False


def wsdl(contract: Contract, known: Dictionary, *, url: str) -> bytes:
    """Return the WSDL of `contract`, with `url` as its address. The same contract gives the same bytes."""
    return _Writer(contract, known, url).text().encode()


class _Writer:
    def __init__(self, contract: Contract, known: Dictionary, url: str) -> None:
        self.contract = contract
        self.known = known
        self.url = url
        self.style = contract.style
        self.functions = [known.functions[name] for name in sorted(contract.functions)]
        # In the mixed style simple types stay in the other namespace.
        self.simple = "tns" if self.style is Style.RFC else "n0"
        self.simple_types: dict[str, str] = {}

    def text(self) -> str:
        name = quoteattr(self.contract.service)
        types = self._types()
        return "".join(
            (
                '<?xml version="1.0" encoding="utf-8"?>',
                f'<wsdl:definitions targetNamespace="{self.style.namespace}" {_NAMESPACES} ',
                f'xmlns:tns="{self.style.namespace}"',
                "" if self.style is Style.RFC else f' xmlns:n0="{RFC_NAMESPACE}"',
                ">",
                '<wsdl:documentation><sidl:sidl xmlns:sidl="http://www.sap.com/2007/03/sidl"/>',
                '</wsdl:documentation><wsp:UsingPolicy wsdl:required="true"/>',
                self._policies(),
                f"<wsdl:types>{types}</wsdl:types>",
                *(self._messages(function) for function in self.functions),
                self._port_type(name),
                self._binding("", "soap"),
                self._binding("_soap12", "wsoap12"),
                f"<wsdl:service name={name}>",
                self._port("", "soap"),
                self._port("_soap12", "wsoap12"),
                "</wsdl:service></wsdl:definitions>",
            )
        )

    # ------------------------------------------------------------------------------------- policies

    def _policies(self) -> str:
        session = "true" if self.contract.is_stateful else "false"
        binding = (
            "<wsp:ExactlyOne><wsp:All><sapattahnd:Enabled "
            'xmlns:sapattahnd="http://www.sap.com/710/features/attachment/">false'
            "</sapattahnd:Enabled></wsp:All></wsp:ExactlyOne>"
        )
        face = (
            "<wsp:ExactlyOne><wsp:All><sapsession:Session "
            'xmlns:sapsession="http://www.sap.com/webas/630/soap/features/session/">'
            f"<sapsession:enableSession>{session}</sapsession:enableSession></sapsession:Session>"
            "</wsp:All></wsp:ExactlyOne>"
        )
        operation = (
            "<wsp:ExactlyOne><wsp:All>"
            '<saptrhnw05:required xmlns:saptrhnw05="http://www.sap.com/NW05/soap/features/'
            'transaction/">no</saptrhnw05:required>'
            '<sapcomhnd:enableCommit xmlns:sapcomhnd="http://www.sap.com/NW05/soap/features/'
            'commit/">false</sapcomhnd:enableCommit>'
            '<sapblock:enableBlocking xmlns:sapblock="http://www.sap.com/NW05/soap/features/'
            'blocking/">true</sapblock:enableBlocking>'
            '<saprmnw05:enableWSRM xmlns:saprmnw05="http://www.sap.com/NW05/soap/features/'
            'wsrm/">false</saprmnw05:enableWSRM></wsp:All></wsp:ExactlyOne>'
        )
        service = self.contract.service
        parts = [
            (f"BN__{service}", binding),
            (f"BN__{service}_soap12", binding),
            (f"IF__{service}", face),
            *((f"OP__{self.style.spell(f.name)}", operation) for f in self.functions),
        ]
        return "".join(f'<wsp:Policy wsu:Id="{key}">{said}</wsp:Policy>' for key, said in parts)

    # ---------------------------------------------------------------------------------------- types

    def _types(self) -> str:
        structures: dict[str, None] = {}
        tables: dict[str, None] = {}
        for function in self.functions:
            for parameter in function.parameters:
                if parameter.form != "scalar":
                    structures[parameter.type] = None
                if parameter.form == "table":
                    tables[parameter.type] = None
        made = [self._structure(name) for name in sorted(structures)]
        made += [self._table(name) for name in sorted(tables)]
        made += [self._elements(function) for function in self.functions]
        if any(function.exceptions for function in self.functions):
            made.append(
                '<xsd:complexType name="RfcException.Message"><xsd:sequence>'
                '<xsd:element name="ID" type="xsd:string"/>'
                '<xsd:element name="Number" type="xsd:string"/>'
                "</xsd:sequence></xsd:complexType>"
            )
        simple = "".join(said for _, said in sorted(self.simple_types.items()))
        opened = f'<xsd:schema attributeFormDefault="qualified" targetNamespace="{RFC_NAMESPACE}">'
        if self.style is Style.RFC:
            return f"{opened}{simple}{''.join(made)}</xsd:schema>"
        return (
            f"{opened}{simple}</xsd:schema>"
            f'<xsd:schema attributeFormDefault="qualified" targetNamespace="{self.style.namespace}"'
            f' xmlns:n0="{RFC_NAMESPACE}"><xsd:import namespace="{RFC_NAMESPACE}"/>'
            f"{''.join(made)}</xsd:schema>"
        )

    def _structure(self, name: str) -> str:
        rows = "".join(
            f'<xsd:element name="{self.style.spell(each.name)}" type="{self._simple(each)}"/>'
            for each in self.known.structures[name]
        )
        shown = self.style.spell(name)
        return (
            f'<xsd:complexType name="{shown}"><xsd:sequence>{rows}</xsd:sequence></xsd:complexType>'
        )

    def _table(self, structure: str) -> str:
        return (
            f'<xsd:complexType name="{self.style.table_type(structure)}"><xsd:sequence>'
            f'<xsd:element name="item" type="tns:{self.style.spell(structure)}" minOccurs="0" '
            'maxOccurs="unbounded"/></xsd:sequence></xsd:complexType>'
        )

    def _elements(self, function: Function) -> str:
        name = self.style.spell(function.name)
        asked = self._element(name, (p for p in function.parameters if p.is_in_request))
        told = self._element(
            f"{name}Response", (p for p in function.parameters if p.is_in_response)
        )
        if not function.exceptions:
            return asked + told
        listed = "".join(f'<xsd:enumeration value="{each}"/>' for each in function.exceptions)
        return (
            f'{asked}{told}<xsd:simpleType name="{name}.RfcExceptions">'
            f'<xsd:restriction base="xsd:string">{listed}</xsd:restriction></xsd:simpleType>'
            f'<xsd:element name="{name}.Exception"><xsd:complexType><xsd:sequence>'
            f'<xsd:element name="Name" type="tns:{name}.RfcExceptions"/>'
            '<xsd:element name="Text" type="xsd:string" minOccurs="0"/>'
            '<xsd:element name="Message" type="tns:RfcException.Message" minOccurs="0"/>'
            "</xsd:sequence></xsd:complexType></xsd:element>"
        )

    def _element(self, name: str, parameters: Iterable[Parameter]) -> str:
        rows = []
        for each in sorted(parameters, key=lambda parameter: parameter.name):
            # What a function exports always comes; tables and imports may be left out unless required.
            is_optional = not each.is_required and each.way != "EXPORT"
            least = ' minOccurs="0"' if is_optional else ""
            shown = self.style.spell(each.name)
            rows.append(f'<xsd:element name="{shown}" type="{self._type(each)}"{least}/>')
        return (
            f'<xsd:element name="{name}"><xsd:complexType><xsd:sequence>{"".join(rows)}'
            "</xsd:sequence></xsd:complexType></xsd:element>"
        )

    def _type(self, parameter: Parameter) -> str:
        if parameter.form == "scalar":
            return self._simple(parameter.field)
        if parameter.form == "table":
            return f"tns:{self.style.table_type(parameter.type)}"
        return f"tns:{self.style.spell(parameter.type)}"

    def _simple(self, each: Field) -> str:
        if each.kind in _SCHEMA_TYPES:
            return _SCHEMA_TYPES[each.kind]
        if each.kind == "FLTP":
            return "xsd:double"
        name, base, facets = simple_type(each)
        said = "".join(f'<xsd:{facet} value="{value}"/>' for facet, value in facets)
        self.simple_types[name] = (
            f'<xsd:simpleType name="{name}"><xsd:restriction base="{base}">{said}'
            "</xsd:restriction></xsd:simpleType>"
        )
        return f"{self.simple}:{name}"

    # ------------------------------------------------------------------------------- ports, bindings

    def _messages(self, function: Function) -> str:
        name = self.style.spell(function.name)
        said = (
            f'<wsdl:message name="{name}"><wsdl:part name="parameters" element="tns:{name}"/>'
            f'</wsdl:message><wsdl:message name="{name}Response"><wsdl:part name="parameter" '
            f'element="tns:{name}Response"/></wsdl:message>'
        )
        if function.exceptions:
            said += (
                f'<wsdl:message name="{name}.Exception"><wsdl:part name="exception" '
                f'element="tns:{name}.Exception"/></wsdl:message>'
            )
        return said

    def _port_type(self, name: str) -> str:
        rows = []
        for function in self.functions:
            shown = self.style.spell(function.name)
            fault = (
                f'<wsdl:fault name="{shown}.Exception" message="tns:{shown}.Exception"/>'
                if function.exceptions
                else ""
            )
            rows.append(
                f'<wsdl:operation name="{shown}"><wsp:Policy><wsp:PolicyReference '
                f'URI="#OP__{shown}"/></wsp:Policy><wsdl:input message="tns:{shown}"/>'
                f'<wsdl:output message="tns:{shown}Response"/>{fault}</wsdl:operation>'
            )
        return (
            f"<wsdl:portType name={name}><wsp:Policy><wsp:PolicyReference "
            f'URI="#IF__{self.contract.service}"/></wsp:Policy>{"".join(rows)}</wsdl:portType>'
        )

    def _binding(self, tail: str, soap: str) -> str:
        service = self.contract.service
        rows = []
        for function in self.functions:
            shown = self.style.spell(function.name)
            action = f"{self.style.namespace}:{service}:{shown}Request"
            fault = (
                f'<wsdl:fault name="{shown}.Exception"><{soap}:fault name="{shown}.Exception" '
                'use="literal"/></wsdl:fault>'
                if function.exceptions
                else ""
            )
            rows.append(
                f'<wsdl:operation name="{shown}"><{soap}:operation soapAction="{action}" '
                f'style="document"/><wsdl:input><{soap}:body use="literal"/></wsdl:input>'
                f'<wsdl:output><{soap}:body use="literal"/></wsdl:output>{fault}</wsdl:operation>'
            )
        return (
            f'<wsdl:binding name="{service}{tail}" type="tns:{service}"><wsp:Policy>'
            f'<wsp:PolicyReference URI="#BN__{service}{tail}"/></wsp:Policy>'
            f'<{soap}:binding transport="{_SOAP_HTTP}" style="document"/>{"".join(rows)}'
            "</wsdl:binding>"
        )

    def _port(self, tail: str, soap: str) -> str:
        service = self.contract.service
        return (
            f'<wsdl:port name="{service}{tail}" binding="tns:{service}{tail}">'
            f"<{soap}:address location={quoteattr(self.url)}/></wsdl:port>"
        )


def simple_type(each: Field) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """Return name, base and facets of the simple type of a field."""
    size = str(each.length)
    if each.kind == "CHAR":
        return f"char{size}", "xsd:string", (("maxLength", size),)
    if each.kind == "NUMC":
        return f"numeric{size}", "xsd:string", (("maxLength", size), ("pattern", r"\d*"))
    if each.kind == "DATS":
        facets = (("maxLength", "10"), ("pattern", r"\d\d\d\d-\d\d-\d\d"))
        return "date10", "xsd:string", facets
    if each.kind == "TIMS":
        return "time", "xsd:time", (("pattern", r"[0-9]{2}:[0-9]{2}:[0-9]{2}"),)
    if each.kind in {"DEC", "CURR", "QUAN"}:
        prefix = {"DEC": "decimal", "CURR": "curr", "QUAN": "quantum"}[each.kind]
        facets = (("totalDigits", size), ("fractionDigits", str(each.decimals)))
        return f"{prefix}{size}.{each.decimals}", "xsd:decimal", facets
    if each.kind == "RAW":
        return f"byte{size}", "xsd:base64Binary", (("maxLength", size),)
    names = {"CUKY": f"cuky{size}", "UNIT": f"unit{size}", "LANG": "lang", "CLNT": f"clnt{size}"}
    return names[each.kind], "xsd:string", (("maxLength", size),)
