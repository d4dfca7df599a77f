"""One call of a function module: what came, what goes back, and the shapes of RETURN."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sandbox.sap.dictionary import Function, Row, Structure, Value
from sandbox.sap.messages import Message
from sandbox.sap.work import Work

if TYPE_CHECKING:
    from sandbox.sap.instance import SAP

LOGICAL_SYSTEM: Final = "STOCLNT100"


class ClassicError(Exception):
    """An exception of the function module's interface: a SOAP fault with a name."""

    def __init__(self, name: str, message: Message) -> None:
        super().__init__(name)
        self.name = name
        self.message = message


class DumpError(Exception):
    """The program ends: an HTML page, and the session is gone with everything in it."""


@dataclass(slots=True)
class Call:
    """What a function module sees. `given` holds every parameter of the request, initial where none came."""

    sap: SAP
    work: Work
    function: Function
    given: dict[str, Any]
    sent: frozenset[str] = frozenset()
    told: dict[str, Any] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    details: list[tuple[str, Message]] = field(default_factory=list)

    def text(self, name: str) -> str:
        """Return a scalar that came."""
        return str(self.given[name])

    def flag(self, name: str) -> bool:
        """Tell whether a flag is set; ABAP takes any value but the initial one for some, `X` for most."""
        return bool(self.given[name] == "X")

    def row(self, name: str) -> Row:
        """Return a structure that came."""
        found: Row = self.given[name]
        return found

    def rows(self, name: str) -> list[Row]:
        """Return a table that came."""
        found: list[Row] = self.given[name]
        return found

    def structure(self, name: str) -> Structure:
        """Return the type of a structure or table of the interface."""
        return self.sap.dictionary.structure_of(self.function.by_name[name])

    def put(self, name: str, row: Row) -> None:
        """Tell a structure."""
        self.told[name] = self.structure(name).initial(row)

    def put_value(self, name: str, value: Value) -> None:
        """Tell a scalar."""
        self.told[name] = value

    def add(self, name: str, row: Row) -> None:
        """Tell one more row of a table."""
        self.told.setdefault(name, []).append(self.structure(name).initial(row))

    def say(
        self,
        kind: str,
        id: str,  # noqa: A002 - the dictionary's own name
        number: str,
        *values: object,
        parameter: str = "",
        row: int = 0,
        field: str = "",
    ) -> None:
        """Add a message to RETURN."""
        said = tuple(str(value) for value in values)
        self.messages.append(Message(kind, id, number, said, parameter, row, field))

    def detail(self, order: str, kind: str, id: str, number: str, *values: object) -> None:  # noqa: A002
        """Add a message to DETAIL_RETURN."""
        self.details.append((order, Message(kind, id, number, tuple(str(v) for v in values))))

    @property
    def has_errors(self) -> bool:
        """Tell whether any message is E or A."""
        return any(message.is_error for message in self.messages)

    def answer(self) -> dict[str, Any]:
        """Return every parameter that goes back, RETURN in the shape that this interface has."""
        for order, message in self.details:
            if "DETAIL_RETURN" in self.function.by_name:
                row = self._row("DETAIL_RETURN", message)
                self.add("DETAIL_RETURN", {**row, "ORDER_NUMBER": order})
        parameter = self.function.by_name.get("RETURN")
        if parameter is not None and parameter.form == "table":
            self.told["RETURN"] = [self._row("RETURN", message) for message in self.messages]
        elif parameter is not None and self.messages:
            # A single structure tells the worst, and of equals the first.
            worst = max(self.messages, key=lambda message: "SIWEA".index(message.kind))
            self.told["RETURN"] = self._row("RETURN", worst)
        return self.told

    def _row(self, name: str, message: Message) -> Row:
        structure = self.structure(name)
        row: Row = {
            "TYPE": message.kind,
            "ID": message.id,
            "NUMBER": message.number,
            "CODE": f"{message.id:<2}{message.number}"[:5],
            "MESSAGE": message.text(self.work.language),
            "PARAMETER": message.parameter,
            "ROW": message.row,
            "FIELD": message.field,
            "SYSTEM": LOGICAL_SYSTEM,
        }
        row |= {f"MESSAGE_V{n}": value for n, value in enumerate(message.values, 1)}
        return structure.initial(row)


Handler = Callable[[Call], None]
