"""Requests and answers: sparse structures out, full ones in, everything by its ABAP name."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Final

from connectors.sap.shapes import Function, Member, Structure, Table
from connectors.sap.values import Scalar, written
from connectors.xml import Element, new_child, new_root, parse, serialise, tag_of
from core.encoding import Value
from core.errors import BadAnswer, BadInput
from core.text import N_

ENVELOPE: Final = "{http://schemas.xmlsoap.org/soap/envelope/}"
SESSION_NAMESPACE: Final = "http://www.sap.com/webas/630/soap/features/session/"

Row = Mapping[str, str]
"""One row of an answer: the text of each field by its ABAP name."""

Content = Value | Mapping[str, Value] | Sequence[Mapping[str, Value]]
"""What is given for one parameter: a value, the fields of a structure, the rows of a table."""

Parameters = Mapping[str, Content]


class Reply:
    """One answer: texts, structures and tables by the ABAP names of their parameters."""

    def __init__(self, function: Function, found: Mapping[str, Any]) -> None:
        self.function = function
        self._found = found

    def text(self, name: str) -> str:
        """Return a plain parameter; '' where it did not come."""
        value = self._found.get(name, "")
        return value if isinstance(value, str) else ""

    def row(self, name: str) -> Row:
        """Return a structure; empty where it did not come."""
        value = self._found.get(name)
        return value if isinstance(value, dict) else {}

    def rows(self, name: str) -> list[Row]:
        """Return a table; none where it did not come. A structure counts as its one row."""
        value = self._found.get(name)
        if isinstance(value, dict):
            return [value]
        return value if isinstance(value, list) else []

    def has(self, name: str) -> bool:
        """Whether the parameter came at all: SAP leaves out tables that were not sent."""
        return name in self._found


def request_of(function: Function, parameters: Parameters, *, session: bool | None = None) -> bytes:
    """Return the request, checked against its description. Raises `BadInput` for what it does not take.

    Only what is given is sent: a missing field is initial to SAP. A table stands in the answer only when it was
    sent, if only empty: give `[]` for those that shall come back. Tables that the description requires are added.
    `session` asks the service to keep its session after this call, or to end it.
    """
    unknown = parameters.keys() - function.request.members.keys()
    if unknown:
        raise BadInput(
            N_("{source}: this service's {function} has no parameter {name}"),
            source=function.operation,
            function=function.name,
            name=", ".join(sorted(unknown)),
        )
    envelope = new_root(f"{ENVELOPE}Envelope", prefix="soapenv")
    if session is not None:
        _put_header(envelope, keeps=session)
    call = new_child(new_child(envelope, f"{ENVELOPE}Body"), function.request_tag, prefix="n")
    for member in function.request.members.values():
        if member.name in parameters:
            _put(call, member, member.type, parameters[member.name], member.name)
        elif member.is_required and isinstance(member.type, Table):
            new_child(call, member.tag)
    return serialise(envelope)


def _put(
    above: Element, member: Member, kind: Scalar | Structure | Table, content: Any, name: str
) -> None:
    """Put one field below another, in the order that the description states."""
    here = new_child(above, member.tag)
    if isinstance(kind, Table):
        for row in content:
            _fill(new_child(here, kind.item), kind.row, row, name)
    else:
        _fill(here, kind, content, name)


def _fill(here: Element, kind: Scalar | Structure, content: Any, name: str) -> None:
    if isinstance(kind, Scalar):
        value = written(kind, content, name=name)
        here.text = b64encode(value).decode() if isinstance(value, bytes) else value
        return
    unknown = content.keys() - kind.members.keys()
    if unknown:
        raise BadInput(
            N_("{source}: the structure has no field {name}"),
            source=name,
            name=", ".join(sorted(unknown)),
        )
    for member in kind.members.values():
        if member.name in content:
            _put(here, member, member.type, content[member.name], f"{name}-{member.name}")


def _put_header(envelope: Element, *, keeps: bool) -> None:
    header = new_child(envelope, f"{ENVELOPE}Header")
    session = new_child(header, f"{{{SESSION_NAMESPACE}}}Session", prefix="sapsess")
    new_child(session, "enableSession").text = "true" if keeps else "false"


class SoapFault(Exception):
    """The service answered with a fault: `code` of SOAP, `name` of the ABAP exception if it is one, `said`."""

    def __init__(self, code: str, name: str | None, said: str) -> None:
        super().__init__(code)
        self.code = code
        self.name = name
        self.said = said


def read_reply(function: Function, body: bytes, *, system: str, largest: int) -> Reply:
    """Return an answer. Raises `SoapFault`, and `BadAnswer` for whatever its description does not foresee."""
    root = parse(body, system=system, max_bytes=largest)
    content = root.find(f"{ENVELOPE}Body") if root.tag == f"{ENVELOPE}Envelope" else None
    first = content[0] if content is not None and len(content) else None
    if first is None:
        raise BadAnswer(system=system, problem=N_("it is no SOAP answer"))
    if first.tag == f"{ENVELOPE}Fault":
        raise _fault(first)
    if first.tag != function.answer_tag:
        raise BadAnswer(system=system, problem=N_("it is the answer to another call"))
    return Reply(function, _struct(function.answer, first, system))


def _struct(structure: Structure, element: Element, system: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    known = structure.by_tag
    for child in element:
        member = known.get(tag_of(child))
        if member is None:
            raise BadAnswer(
                N_(
                    "{system} sent a field {name} that the description of the service does not know: the service"
                    " has changed"
                ),
                system=system,
                problem=N_("an unknown field"),
                name=_local(child),
            )
        kind = member.type
        if isinstance(kind, Scalar):
            found[member.name] = child.text or ""
        elif isinstance(kind, Table):
            found[member.name] = [_row(kind, row, system) for row in child]
        else:
            found[member.name] = _struct(kind, child, system)
    return found


def _row(table: Table, element: Element, system: str) -> dict[str, Any]:
    if element.tag != table.item:
        raise BadAnswer(system=system, problem=N_("a table with something else than rows"))
    if isinstance(table.row, Scalar):
        return {"": element.text or ""}
    return _struct(table.row, element, system)


def _local(element: Element) -> str:
    return tag_of(element).rpartition("}")[2]


def _fault(element: Element) -> SoapFault:
    code = (element.findtext("faultcode") or "").rpartition(":")[2]
    said = element.findtext("faultstring") or ""
    name = None
    detail = element.find("detail")
    for child in detail if detail is not None else ():
        if _local(child).endswith(".Exception"):
            named = {_local(each): each.text for each in child}
            name = named.get("Name") or ""
            said = named.get("Text") or said
    return SoapFault(code, name, said)
