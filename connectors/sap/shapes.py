"""What a service offers: functions, parameters, structures, fields with their limits, all named as in ABAP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from connectors.sap.values import Scalar
from core.encoding import digest, encode_json


@dataclass(frozen=True, slots=True)
class Member:
    """One field of a structure, or one parameter of a function."""

    name: str  # in ABAP
    tag: str  # on the wire, `{namespace}local` where it is qualified
    type: Scalar | Structure | Table
    is_required: bool = True

    @property
    def local(self) -> str:
        """The name on the wire without its namespace."""
        return self.tag.rpartition("}")[2]


@dataclass(frozen=True)
class Structure:
    """Fields in their order."""

    name: str
    members: Mapping[str, Member] = field(compare=False)

    @cached_property
    def by_tag(self) -> Mapping[str, Member]:
        """Its members by their names on the wire."""
        return {member.tag: member for member in self.members.values()}

    def scalars(self) -> dict[str, Scalar]:
        """Return the fields that hold plain values."""
        return {m.name: m.type for m in self.members.values() if isinstance(m.type, Scalar)}


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one structure (or of plain values, under the name of the row)."""

    row: Structure | Scalar
    item: str  # the tag of a row


@dataclass(frozen=True, slots=True)
class Function:
    """One function module that a service offers."""

    name: str  # in ABAP
    operation: str  # on the wire
    action: str  # the SOAPAction
    request: Structure
    request_tag: str
    answer: Structure
    answer_tag: str

    def rows_of(self, parameter: str) -> Structure | None:
        """Return the structure of a parameter that the answer has: of a table that of its rows."""
        member = self.answer.members.get(parameter) or self.request.members.get(parameter)
        kind = None if member is None else member.type
        kind = kind.row if isinstance(kind, Table) else kind
        return kind if isinstance(kind, Structure) else None


@dataclass(frozen=True, slots=True)
class Offer:
    """All that one description offers, and the path where its service is called."""

    functions: Mapping[str, Function]
    path: str
    digest: str
    says_session: bool | None  # what its policy says of sessions; None where it has no such policy

    def interface(self) -> str:
        """Return the hash of what it offers, whatever the address: the same on a system and on its copy."""
        told = [
            [name, _told(function.request, ()), _told(function.answer, ())]
            for name, function in sorted(self.functions.items())
        ]
        return digest(encode_json(told))


def _told(kind: Scalar | Structure | Table, above: tuple[str, ...]) -> list[Any]:
    if isinstance(kind, Scalar):
        return [str(kind.sort), kind.longest, kind.digits, kind.places]
    if isinstance(kind, Table):
        return ["table", *_told(kind.row, above)]
    if kind.name and kind.name in above:
        return [kind.name]
    return [
        [member.name, member.is_required, *_told(member.type, (*above, kind.name))]
        for member in kind.members.values()
    ]
