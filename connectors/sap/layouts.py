"""Which function reads a kind of document, and which of its parameters hold which records.

A model is the parameter of the reading function that holds it, a key the fields that SAP itself tells rows apart by:
`POITEM,4500000001/00010`. So every field has the name under which SAP's own documentation has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from connectors.contract import Kind, Ref

if TYPE_CHECKING:
    from connectors.sap.envelopes import Parameters, Reply, Row

SEPARATOR: Final = "/"


@dataclass(frozen=True, slots=True)
class Part:
    """Records of one model: `keys` tell rows of one document apart, `document` names it where a row says so."""

    model: str
    keys: tuple[str, ...] = ()  # empty: there is one row a document
    document: tuple[str, ...] = ()  # empty: the answer is about one document alone


@dataclass(frozen=True, slots=True)
class Layout:
    """How documents of one kind are read."""

    kind: Kind
    function: str
    root: Part
    parts: tuple[Part, ...]
    number: tuple[str, ...]  # fields of the root that make up the key
    widths: tuple[int, ...]  # of these: SAP fills numbers up with zeros
    asked: tuple[str, ...]  # parameters that take them; one alone for `many`
    many: str | None = None  # of a table of documents: the field that takes a number
    given: Mapping[str, Any] = field(default_factory=dict)  # what is asked beside it
    language: str | None = None  # in which it must be read: some texts have no code behind them

    @property
    def all_parts(self) -> tuple[Part, ...]:
        """The root and the others."""
        return (self.root, *self.parts)

    def part(self, model: str) -> Part | None:
        """Return the part of a model."""
        return next((part for part in self.all_parts if part.model == model), None)

    def key_of(self, number: str) -> str | None:
        """Return the key of a number as a person wrote it; None for one that SAP cannot have."""
        pieces = number.strip().split(SEPARATOR)
        if len(pieces) != len(self.widths):
            return None
        if any(len(p) > width or not p for p, width in zip(pieces, self.widths, strict=True)):
            return None
        return SEPARATOR.join(
            piece.zfill(width) if piece.isascii() and piece.isdigit() else piece.upper()
            for piece, width in zip(pieces, self.widths, strict=True)
        )

    def requests(
        self, keys: Sequence[str], *, at_once: int
    ) -> list[tuple[Sequence[str], Parameters]]:
        """Return what is asked, and for which documents each."""
        tables: dict[str, Any] = {
            part.model: [] for part in self.all_parts if part.keys or self.many
        }
        always = {**self.given, **tables}
        if self.many is None:
            return [
                ((key,), {**always, **dict(zip(self.asked, key.split(SEPARATOR), strict=True))})
                for key in keys
            ]
        chunks = [keys[start : start + at_once] for start in range(0, len(keys), at_once)]
        (table,) = self.asked
        return [(chunk, {**always, table: [{self.many: key} for key in chunk]}) for chunk in chunks]

    def records(self, reply: Reply, keys: Sequence[str]) -> dict[str, dict[Ref, Row]]:
        """Return the rows of each document that was found, by their refs, in the order of the parts."""
        found: dict[str, dict[Ref, Row]] = {}
        for row in reply.rows(self.root.model):
            key = SEPARATOR.join(row.get(name, "") for name in self.number)
            if key in keys:
                found[key] = {Ref(self.root.model, key): row}
        for part in self.parts:
            for row in reply.rows(part.model):
                document = keys[0]
                if part.document:
                    document = SEPARATOR.join(row.get(name, "") for name in part.document)
                if document in found:
                    key = SEPARATOR.join([document, *(row.get(name, "") for name in part.keys)])
                    found[document][Ref(part.model, key)] = row
        return found

    def document_of(self, ref: Ref) -> str:
        """Return the key of the document that a record belongs to."""
        return SEPARATOR.join(ref.key.split(SEPARATOR)[: len(self.number)])


PURCHASE_ORDERS: Final = Layout(
    kind=Kind.PURCHASE_ORDER,
    function="BAPI_PO_GETDETAIL1",
    root=Part("POHEADER"),
    parts=(Part("POITEM", ("PO_ITEM",)), Part("POHISTORY_TOTALS", ("PO_ITEM", "SERIAL_NO"))),
    number=("PO_NUMBER",),
    widths=(10,),
    asked=("PURCHASEORDER",),
    given={"RETURN": []},
)

SALES_ORDERS: Final = Layout(
    kind=Kind.SALES_ORDER,
    function="BAPISDORDER_GETDETAILEDLIST",
    root=Part("ORDER_HEADERS_OUT"),
    parts=(
        Part("ORDER_ITEMS_OUT", ("ITM_NUMBER",), ("DOC_NUMBER",)),
        Part("ORDER_STATUSHEADERS_OUT", (), ("SD_DOC",)),
        Part("ORDER_STATUSITEMS_OUT", ("ITM_NUMBER",), ("SD_DOC",)),
    ),
    number=("DOC_NUMBER",),
    widths=(10,),
    asked=("SALES_DOCUMENTS",),
    many="VBELN",
    given={"I_BAPI_VIEW": {"HEADER": "X", "ITEM": "X", "STATUS_H": "X", "STATUS_I": "X"}},
)

PRODUCTION_ORDERS: Final = Layout(
    kind=Kind.PRODUCTION_ORDER,
    function="BAPI_PRODORD_GET_DETAIL",
    root=Part("HEADER"),
    parts=(Part("POSITION", ("ORDER_ITEM_NUMBER",)),),
    number=("ORDER_NUMBER",),
    widths=(12,),
    asked=("NUMBER",),
    given={"ORDER_OBJECTS": {"HEADER": "X", "POSITIONS": "X"}, "HEADER": []},
    language="EN",  # its status is a line of words
)

LAYOUTS: Final = (PURCHASE_ORDERS, SALES_ORDERS, PRODUCTION_ORDERS)


def layout_of(model: str) -> Layout | None:
    """Return the layout that has a model."""
    return next((layout for layout in LAYOUTS if layout.part(model) is not None), None)
