"""Posted documents: goods movements and supplier invoices cancelled, stock counts posted.

Each makes a counter-document with a number of its own, which stays for ever: nothing of SAP takes that back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Final

from connectors.contract import (
    Effect,
    Image,
    Instruction,
    Kind,
    LaterBusiness,
    Problem,
    Reversibility,
    Step,
)
from connectors.judging import DELETED, MISSING, fields_of, root_of
from connectors.sap.actions import SapAction
from connectors.sap.layouts import MATERIAL_DOCUMENTS, SEPARATOR, STOCK_COUNTS, SUPPLIER_INVOICES
from core.encoding import Value
from core.text import N_, Text

if TYPE_CHECKING:
    from connectors.contract import Call
    from connectors.sap.envelopes import Parameters
    from connectors.sap.layouts import Layout

RECEIPTS: Final = frozenset({"WE", "WF"})
"""Transaction/event types (MKPF-VGART) that bring goods in; every other one takes or moves them."""


class PostedAction(SapAction):
    """One posting, one document a call, with a counter-document as its result."""

    reversibility = Reversibility.MANUAL
    is_proven = False  # their fields are known from public descriptions alone
    is_parallel = False  # stock and number ranges are shared by all

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return ()

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        return () if root_of(step, now) else (DELETED,)


# --- goods movements ------------------------------------------------------------------------------


class CancelMovement(PostedAction):
    """Cancels every item of a material document with a counter-movement of today."""

    model = "GOODSMVT_HEADER"
    layout = MATERIAL_DOCUMENTS
    function = "BAPI_GOODSMVT_CANCEL"
    title = N_("Cancel the material document")
    reversibility_note = N_(
        "a cancelled goods movement does not come back; a person posts it again (MIGO), under a new number"
    )
    wanted: ClassVar[Mapping[str, frozenset[str]]] = {
        "GOODSMVT_HEADER": frozenset(
            {"MAT_DOC", "DOC_YEAR", "TR_EV_TYPE", "DOC_DATE", "PSTNG_DATE", "USERNAME", "REF_DOC_NO"}
        ),
        "GOODSMVT_ITEMS": frozenset(
            {
                "MAT_DOC", "DOC_YEAR", "MATDOC_ITM", "MATERIAL", "PLANT", "STGE_LOC", "MOVE_TYPE", "ENTRY_QNT",
                "ENTRY_UOM", "PO_NUMBER", "PO_ITEM", "NO_MORE_GR", "REF_DOC", "REF_DOC_YR", "REF_DOC_IT", "X_AUTO_CRE",
            }
        ),
    }  # fmt: skip
    ours: ClassVar[Mapping[str, frozenset[str]]] = {
        "GOODSMVT_HEADER": frozenset({"*"}),
        "GOODSMVT_ITEMS": frozenset({"*"}),
    }
    trace: ClassVar[Mapping[str, frozenset[str]]] = {
        "MKPF": frozenset({"*"}),
        "MSEG": frozenset({"*"}),
        "MARD": frozenset({"LABST"}),
        "EKBE": frozenset({"*"}),
        "EKPO": frozenset({"ELIKZ", "AEDAT"}),
        "BKPF": frozenset({"*"}),
        "BSEG": frozenset({"*"}),
    }
    creates: ClassVar[Mapping[str, str]] = {"GOODSMVT_HEADER": N_("material document")}

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        head = root_of(step, image)
        if not head:
            return (MISSING,)
        if (head.get("TR_EV_TYPE") in RECEIPTS) != (self.kind is Kind.GOODS_RECEIPT):
            shown = str(head.get("TR_EV_TYPE"))
            return (Problem("kind", Text(N_("its transaction type is {state}"), {"state": shown})),)
        items = _items(step, image)
        if any(item.get("REF_DOC") for item in items.values()):
            return (Problem("counter", Text(N_("it is itself the cancellation of another one"))),)
        if any(_is_cancelled(step, image, place) for place in items):
            return (Problem("cancelled", Text(N_("items of it are cancelled already"))),)
        return ()

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        # SAP cancels what it made itself along with the rest, under no item of its own.
        items = [p for p, item in _items(step, after).items() if item.get("X_AUTO_CRE") != "X"]
        return bool(items) and all(_is_cancelled(step, after, place) for place in items)

    def parameters(self, call: Call) -> Parameters:
        number, _, year = call.step.ref.key.partition(SEPARATOR)
        return {
            "MATERIALDOCUMENT": number,
            "MATDOCUMENTYEAR": year,
            "GOODSMVT_MATDOCITEM": [],
            "RETURN": [],
        }

    def instruction(self, step: Step, image: Image) -> Instruction:
        return _screen(self, step, N_("transaction MBST, material document {number}, {year}"))


class _CancelReceipt(CancelMovement):
    name = "goods_receipt.cancel"
    kind = Kind.GOODS_RECEIPT


class _CancelIssue(CancelMovement):
    name = "goods_issue.cancel"
    kind = Kind.GOODS_ISSUE


def _items(step: Step, image: Image) -> dict[str, Mapping[str, Value]]:
    """Return the items of the document itself, without those of its counter-document."""
    own = f"{step.ref.key}{SEPARATOR}"
    return {
        record.ref.key.removeprefix(own): fields_of(record)
        for record in image.of_model("GOODSMVT_ITEMS")
        if record.ref.key.startswith(own)
    }


def _is_cancelled(step: Step, image: Image, place: str) -> bool:
    number, _, year = step.ref.key.partition(SEPARATOR)
    wanted = (number, year, place)
    return any(
        (item.get("REF_DOC"), item.get("REF_DOC_YR"), item.get("REF_DOC_IT")) == wanted
        for item in map(fields_of, image.of_model("GOODSMVT_ITEMS"))
    )


# --- supplier invoices ----------------------------------------------------------------------------


class _CancelInvoice(PostedAction):
    """Cancels an invoice with a credit memo of today."""

    name = "supplier_invoice.cancel"
    kind = Kind.SUPPLIER_INVOICE
    model = "HEADERDATA"
    layout: ClassVar[Layout] = SUPPLIER_INVOICES
    function = "BAPI_INCOMINGINVOICE_CANCEL"
    title = N_("Cancel the invoice document")
    reversibility_note = N_(
        "a cancelled invoice does not come back; a person enters it again (MIRO), under a new number"
    )
    wanted: ClassVar[Mapping[str, frozenset[str]]] = {
        "HEADERDATA": frozenset(
            {
                "INV_DOC_NO", "FISC_YEAR", "DOC_TYPE", "DOC_DATE", "PSTNG_DATE", "COMP_CODE", "DIFF_INV", "CURRENCY",
                "GROSS_AMNT", "INVOICE_STATUS", "INVOICE_IND", "REVERSED_BY", "REVERSED_YEAR", "REF_DOC_NO",
            }
        ),
        "ITEMDATA": frozenset(
            {"INVOICE_DOC_ITEM", "PO_NUMBER", "PO_ITEM", "ITEM_AMOUNT", "QUANTITY", "PO_UNIT", "FINAL_INV"}
        ),
    }  # fmt: skip
    ours: ClassVar[Mapping[str, frozenset[str]]] = {
        "HEADERDATA": frozenset({"REVERSED_BY", "REVERSED_YEAR", "*"})
    }
    trace: ClassVar[Mapping[str, frozenset[str]]] = {
        "RBKP": frozenset({"*"}),
        "RSEG": frozenset({"*"}),
        "EKBE": frozenset({"*"}),
        "EKPO": frozenset({"EREKZ", "AEDAT"}),
        "BKPF": frozenset({"*", "STBLG", "STJAH", "STGRD"}),
        "BSEG": frozenset({"*"}),
    }
    creates: ClassVar[Mapping[str, str]] = {"HEADERDATA": N_("credit memo")}

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        head = root_of(step, image)
        if not head:
            return (MISSING,)
        if head.get("REVERSED_BY"):
            made = {"number": str(head["REVERSED_BY"])}
            return (Problem("cancelled", Text(N_("it is cancelled already, by {number}"), made)),)
        if head.get("INVOICE_STATUS") not in ("5", None):
            shown = str(head.get("INVOICE_STATUS"))
            return (Problem("state", Text(N_("its status is {state}"), {"state": shown})),)
        return ()

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return bool(root_of(step, after).get("REVERSED_BY"))

    def parameters(self, call: Call) -> Parameters:
        number, _, year = call.step.ref.key.partition(SEPARATOR)
        return {
            "INVOICEDOCNUMBER": number,
            "FISCALYEAR": year,
            "REASONREVERSAL": self.target.reversal_reason,
            "RETURN": [],
        }

    def instruction(self, step: Step, image: Image) -> Instruction:
        reason = Text(N_("reversal reason {reason}"), {"reason": self.target.reversal_reason})
        return _screen(
            self, step, N_("transaction MR8M, invoice document {number}, {year}"), reason
        )


# --- physical inventory ---------------------------------------------------------------------------


class _PostCount(PostedAction):
    """Posts the differences of a counted physical inventory document."""

    name = "stock_count.apply"
    kind = Kind.STOCK_COUNT
    model = "HEAD"
    layout: ClassVar[Layout] = STOCK_COUNTS
    function = "BAPI_MATPHYSINV_POSTDIFF"
    title = N_("Post the differences")
    reversibility_note = N_(
        "posted differences stay; a person cancels the material document (MBST), and the count stays closed"
    )
    wanted: ClassVar[Mapping[str, frozenset[str]]] = {
        "HEAD": frozenset(
            {
                "PHYSINVENTORY", "FISCALYEAR", "PLANT", "STGE_LOC", "DOC_DATE", "COUNT_DATE", "PSTNG_DATE",
                "COUNT_STATUS", "ADJUST_STATUS", "DELETE_STATUS", "POST_BLOCK",
            }
        ),
        "ITEMS": frozenset(
            {
                "ITEM", "MATERIAL", "PLANT", "STGE_LOC", "BOOK_QTY", "QUANTITY", "BASE_UOM", "ENTRY_QNT", "ENTRY_UOM",
                "ZERO_COUNT", "COUNTED", "DIFF_POSTED", "DELETE_IND", "MAT_DOC", "DOC_YEAR",
            }
        ),
    }  # fmt: skip
    ours: ClassVar[Mapping[str, frozenset[str]]] = {
        "HEAD": frozenset({"PSTNG_DATE", "ADJUST_STATUS"}),
        "ITEMS": frozenset({"DIFF_POSTED", "MAT_DOC", "DOC_YEAR"}),
    }
    trace: ClassVar[Mapping[str, frozenset[str]]] = {
        "MKPF": frozenset({"*"}),
        "MSEG": frozenset({"*"}),
        "MARD": frozenset({"LABST"}),
        "BKPF": frozenset({"*"}),
        "BSEG": frozenset({"*"}),
    }

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        head = root_of(step, image)
        if not head or head.get("DELETE_STATUS"):
            return (MISSING,)
        items = [fields_of(record) for record in image.of_model("ITEMS")]
        open_items = [i for i in items if not i.get("DIFF_POSTED") and not i.get("DELETE_IND")]
        if not open_items:
            return (Problem("posted", Text(N_("its differences are posted already"))),)
        uncounted = [str(i.get("ITEM")) for i in open_items if not i.get("COUNTED")]
        if uncounted:
            return (
                Problem(
                    "uncounted",
                    Text(N_("items {items} are not counted"), {"items": ", ".join(uncounted)}),
                ),
            )
        return ()

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        items = [fields_of(record) for record in after.of_model("ITEMS")]
        return bool(items) and all(
            item.get("DIFF_POSTED") == "X" for item in items if not item.get("DELETE_IND")
        )

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        text = Text(N_("stock was posted; the count cannot be opened again"))
        return (LaterBusiness(Effect.BLOCKS, text),)

    def parameters(self, call: Call) -> Parameters:
        number, _, year = call.step.ref.key.partition(SEPARATOR)
        return {"PHYSINVENTORY": number, "FISCALYEAR": year, "ITEMS": [], "RETURN": []}

    def instruction(self, step: Step, image: Image) -> Instruction:
        return _screen(self, step, N_("transaction MI07, inventory document {number}, {year}"))


def _screen(
    action: PostedAction, step: Step, screen: str, reason: Text | None = None
) -> Instruction:
    """Return what a person does on a screen (marked with N_) for a document with its year."""
    number, _, year = step.ref.key.partition(SEPARATOR)
    shown = {"number": number.lstrip("0"), "year": year}
    return Instruction(
        screen=Text(screen, shown),
        press=Text(action.title),
        reason=reason or Text(N_("see the plan")),
    )


def posted_actions() -> tuple[type[SapAction], ...]:
    """Return every action on posted documents."""
    return (_CancelReceipt, _CancelIssue, _CancelInvoice, _PostCount)
