"""Which function reads a kind of document, and which of its parameters hold which records.

A model is the parameter of the reading function that holds it, a key the fields that SAP itself tells rows apart by:
`POITEM,4500000001/00010`. So every field has the name under which SAP's own documentation has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from connectors.contract import Kind, Ref
from connectors.sap import tables
from connectors.sap.values import Scalar, Sort

if TYPE_CHECKING:
    from connectors.sap.envelopes import Parameters, Row

    RowsOf = Callable[[str], Sequence[Row]]
    """Gives the rows of a parameter of an answer (`Reply.rows`)."""

SEPARATOR: Final = "/"


@dataclass(frozen=True, slots=True)
class Part:
    """Records of one model: `keys` tell rows of one document apart, `document` names it where a row says so."""

    model: str
    keys: tuple[str, ...] = ()  # empty: there is one row a document
    document: tuple[str, ...] = ()  # empty: the answer is about one document alone
    parameter: str = ""  # of the answer that holds them; empty: it is called as the model
    # Rows of one field that together are one record: their words in alphabetical order, with a blank between.
    words: str = ""
    columns: Mapping[str, Scalar] = field(
        default_factory=dict
    )  # of a table that no BAPI reads; its name is the model

    @property
    def source(self) -> str:
        """The parameter of the answer that holds its rows."""
        return self.parameter or self.model


@dataclass(frozen=True, slots=True)
class Counter:
    """The counter-document of a document: found by a question, and part of its footprint.

    `question` returns what is asked, from the rows of the document; None where it has no counter-document for
    certain. `rows` returns the rows of an answer that are of its counter-document, from what gives those of a
    parameter (`Reply.rows`).
    """

    function: str
    question: Callable[[str, Mapping[Ref, Row]], Parameters | None]
    rows: Callable[[str, RowsOf], Mapping[Ref, Row]]


@dataclass(frozen=True, slots=True)
class Layout:
    """How documents of one kind are read. Where the root has columns, its tables are read and no BAPI is called."""

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
    counter: Counter | None = None
    pads: bool = True  # numbers are filled up with zeros; those with letters of a mask are not

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
        if (
            len(pieces) != len(self.widths) or "'" in number
        ):  # a quote would end the text of a condition
            return None
        if any(len(p) > width or not p for p, width in zip(pieces, self.widths, strict=True)):
            return None
        return SEPARATOR.join(
            piece.zfill(width)
            if self.pads and piece.isascii() and piece.isdigit()
            else piece.upper()
            for piece, width in zip(pieces, self.widths, strict=True)
        )

    def requests(
        self, keys: Sequence[str], *, at_once: int
    ) -> list[tuple[Sequence[str], Parameters]]:
        """Return what is asked, and for which documents each."""
        tables: dict[str, Any] = {
            part.source: [] for part in self.all_parts if part.keys or part.words or self.many
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

    def records(self, rows_of: RowsOf, keys: Sequence[str]) -> dict[str, dict[Ref, Row]]:
        """Return the rows of each document that was found, by their refs, in the order of the parts."""
        found: dict[str, dict[Ref, Row]] = {}
        if self.root.words:
            words = sorted(row.get(self.root.words, "") for row in rows_of(self.root.source))
            joined: Row = {self.root.words: " ".join(words)}
            return {keys[0]: {Ref(self.root.model, keys[0]): joined}} if words else {}
        for row in rows_of(self.root.source):
            key = SEPARATOR.join(row.get(name, "") for name in self.number)
            if key in keys:
                found[key] = {Ref(self.root.model, key): row}
        for part in self.parts:
            for row in rows_of(part.source):
                document = keys[0]
                if part.document:
                    document = SEPARATOR.join(row.get(name, "") for name in part.document)
                if document in found:
                    key = SEPARATOR.join([document, *(row.get(name, "") for name in part.keys)])
                    found[document][Ref(part.model, key)] = row
        return found

    def document_of(self, ref: Ref) -> str:
        """Return the key of the document that a record belongs to."""
        return SEPARATOR.join(ref.key.split(SEPARATOR)[: len(self.widths)])


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


def _movements_since(key: str, rows: Mapping[Ref, Row]) -> Parameters | None:
    """Ask for later movements of the same materials: SAP tells a cancelled movement by its counter-movement alone."""
    items = [row for ref, row in rows.items() if ref.model == "GOODSMVT_ITEMS"]
    year = key.partition(SEPARATOR)[2]
    return {
        "MATERIAL_RA": _one_of(row.get("MATERIAL", "") for row in items),
        "PLANT_RA": _one_of(row.get("PLANT", "") for row in items),
        "PSTNG_DATE_RA": [
            {"SIGN": "I", "OPTION": "BT", "LOW": f"{year}-01-01", "HIGH": "9999-12-31"}
        ],
        "GOODSMVT_HEADER": [],
        "GOODSMVT_ITEMS": [],
        "RETURN": [],
    }


def _counter_movements(key: str, rows_of: RowsOf) -> dict[Ref, Row]:
    number, _, year = key.partition(SEPARATOR)
    found: dict[Ref, Row] = {}
    for row in rows_of("GOODSMVT_ITEMS"):
        if (row.get("REF_DOC"), row.get("REF_DOC_YR")) == (number, year):
            document = SEPARATOR.join([row.get("MAT_DOC", ""), row.get("DOC_YEAR", "")])
            place = SEPARATOR.join([document, row.get("MATDOC_ITM", "")])
            found[Ref("GOODSMVT_ITEMS", place)] = row
    documents = {ref.key.rpartition(SEPARATOR)[0] for ref in found}
    for row in rows_of("GOODSMVT_HEADER"):
        document = SEPARATOR.join([row.get("MAT_DOC", ""), row.get("DOC_YEAR", "")])
        if document in documents:
            found[Ref("GOODSMVT_HEADER", document)] = row
    return found


def _one_of(values: Iterable[str]) -> list[dict[str, str]]:
    return [{"SIGN": "I", "OPTION": "EQ", "LOW": value} for value in sorted(set(values)) if value]


MATERIAL_DOCUMENTS: Final = Layout(
    kind=Kind.GOODS_RECEIPT,
    function="BAPI_GOODSMVT_GETDETAIL",
    root=Part("GOODSMVT_HEADER"),
    parts=(Part("GOODSMVT_ITEMS", ("MATDOC_ITM",), ("MAT_DOC", "DOC_YEAR")),),
    number=("MAT_DOC", "DOC_YEAR"),
    widths=(10, 4),
    asked=("MATERIALDOCUMENT", "MATDOCUMENTYEAR"),
    given={"RETURN": []},
    counter=Counter("BAPI_GOODSMVT_GETITEMS", _movements_since, _counter_movements),
)


def _reversal_of(key: str, rows: Mapping[Ref, Row]) -> Parameters | None:
    head = rows.get(Ref("HEADERDATA", key), {})
    if not head.get("REVERSED_BY"):
        return None
    return {
        "INVOICEDOCNUMBER": head["REVERSED_BY"],
        "FISCALYEAR": head.get("REVERSED_YEAR", ""),
        "ITEMDATA": [],
        "RETURN": [],
    }


def _reversal(key: str, rows_of: RowsOf) -> dict[Ref, Row]:
    del key
    return {
        Ref("HEADERDATA", SEPARATOR.join([row["INV_DOC_NO"], row.get("FISC_YEAR", "")])): row
        for row in rows_of("HEADERDATA")
        if row.get("INV_DOC_NO")
    }


SUPPLIER_INVOICES: Final = Layout(
    kind=Kind.SUPPLIER_INVOICE,
    function="BAPI_INCOMINGINVOICE_GETDETAIL",
    root=Part("HEADERDATA"),
    parts=(Part("ITEMDATA", ("INVOICE_DOC_ITEM",)),),
    number=("INV_DOC_NO", "FISC_YEAR"),
    widths=(10, 4),
    asked=("INVOICEDOCNUMBER", "FISCALYEAR"),
    given={"RETURN": []},
    counter=Counter("BAPI_INCOMINGINVOICE_GETDETAIL", _reversal_of, _reversal),
)

STOCK_COUNTS: Final = Layout(
    kind=Kind.STOCK_COUNT,
    function="BAPI_MATPHYSINV_GETDETAIL",
    root=Part("HEAD"),
    parts=(Part("ITEMS", ("ITEM",)),),
    number=("PHYSINVENTORY", "FISCALYEAR"),
    widths=(10, 4),
    asked=("PHYSINVENTORY", "FISCALYEAR"),
    given={"RETURN": []},
)

_LEDGER_KEY: Final = ("BUKRS", "BELNR", "GJAHR")
_LEDGER_HEAD: Final = {
    "BUKRS": Scalar(), "BELNR": Scalar(), "GJAHR": Scalar(Sort.NUMERIC), "BLART": Scalar(),
    "BLDAT": Scalar(Sort.DATE), "BUDAT": Scalar(Sort.DATE), "MONAT": Scalar(Sort.NUMERIC), "USNAM": Scalar(),
    "XBLNR": Scalar(), "BKTXT": Scalar(), "WAERS": Scalar(), "GLVOR": Scalar(), "AWTYP": Scalar(), "AWKEY": Scalar(),
    "AWSYS": Scalar(), "STBLG": Scalar(), "STJAH": Scalar(Sort.NUMERIC), "STGRD": Scalar(),
}  # fmt: skip
_LEDGER_LINE: Final = {
    "BUKRS": Scalar(), "BELNR": Scalar(), "GJAHR": Scalar(Sort.NUMERIC), "BUZEI": Scalar(Sort.NUMERIC),
    "SHKZG": Scalar(), "HKONT": Scalar(), "KUNNR": Scalar(), "LIFNR": Scalar(), "WRBTR": Scalar(Sort.DECIMAL),
    "DMBTR": Scalar(Sort.DECIMAL), "AUGDT": Scalar(Sort.DATE), "AUGBL": Scalar(), "SGTXT": Scalar(),
}  # fmt: skip


def _posted_reversal(key: str, rows: Mapping[Ref, Row]) -> Parameters | None:
    head = rows.get(Ref("BKPF", key), {})
    if not head.get("STBLG"):
        return None
    place = (head["BUKRS"], head["STBLG"], head["STJAH"])
    return tables.request_of("BKPF", _LEDGER_HEAD, tables.one_of(_LEDGER_KEY, [place]))


def _reversing_entry(key: str, rows_of: RowsOf) -> dict[Ref, Row]:
    del key
    return {
        Ref("BKPF", SEPARATOR.join(row[name] for name in _LEDGER_KEY)): row
        for row in rows_of("BKPF")
    }


LEDGER_DOCUMENTS: Final = Layout(
    kind=Kind.JOURNAL_ENTRY,
    function=tables.READ_TABLE,  # no BAPI of SAP's reads a posted document
    root=Part("BKPF", columns=_LEDGER_HEAD),
    parts=(Part("BSEG", ("BUZEI",), _LEDGER_KEY, columns=_LEDGER_LINE),),
    number=_LEDGER_KEY,
    widths=(4, 10, 4),
    asked=(),
    counter=Counter(tables.READ_TABLE, _posted_reversal, _reversing_entry),
)


MAINTENANCE_ORDERS: Final = Layout(
    kind=Kind.MAINTENANCE_ORDER,
    function="",  # no BAPI reads them for Storno
    root=Part("MaintenanceOrder"),
    parts=(),
    number=("MaintenanceOrder",),
    widths=(12,),
    asked=(),
    language="EN",  # its status is a line of words
)


def _status(model: str, function: str, asked: str, width: int, *, pads: bool) -> Layout:
    return Layout(
        kind=Kind.PROJECT,
        function=function,
        root=Part(model, parameter="E_SYSTEM_STATUS", words="SYSTEM_STATUS"),
        parts=(),
        number=(),
        widths=(width,),
        asked=(asked,),
        language="EN",  # a status is a word
        pads=pads,
    )


PROJECTS: Final = _status(
    "PROJECT_DEFINITION", "BAPI_BUS2001_GET_STATUS", "PROJECT_DEFINITION", 24, pads=False
)
WBS_ELEMENTS: Final = _status(
    "WBS_ELEMENT", "BAPI_BUS2054_GET_STATUS", "WBS_ELEMENT", 24, pads=False
)
NETWORKS: Final = _status("NETWORK", "BAPI_BUS2002_GET_STATUS", "NUMBER", 12, pads=True)

LAYOUTS: Final = (
    PURCHASE_ORDERS,
    SALES_ORDERS,
    PRODUCTION_ORDERS,
    MATERIAL_DOCUMENTS,
    SUPPLIER_INVOICES,
    STOCK_COUNTS,
    LEDGER_DOCUMENTS,
    MAINTENANCE_ORDERS,
    PROJECTS,
    WBS_ELEMENTS,
    NETWORKS,
)


def layout_of(model: str) -> Layout | None:
    """Return the layout that has a model."""
    return next((layout for layout in LAYOUTS if layout.part(model) is not None), None)
