"""Actions on customer and supplier invoices, which are one model in Tryton."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Final

from connectors.contract import (
    Image,
    Kind,
    Problem,
    Reversibility,
    Step,
)
from connectors.judging import root_of, rows
from connectors.tryton.actions import (
    LOG_NOTE,
    STAMPS,
    STRICT_COUNTERS,
    Shape,
    StateAction,
    TrytonAction,
)
from core.text import N_, Text

INVOICE: Final = "account.invoice"
LINE: Final = "account.invoice.line"

_CACHES: Final = frozenset({"untaxed_amount_cache", "tax_amount_cache", "total_amount_cache"})
_BOOKED: Final = frozenset(
    {
        "number", "number_alnum", "number_digit", "sequence", "sequence_type_cache", "move",
        "validated_by", "posted_by", "cancel_move",
    }
)  # fmt: skip
_INVOICE: Final = STAMPS | _CACHES | _BOOKED | frozenset(
    {"state", "type", "reference", "party", "company", "currency", "invoice_date", "accounting_date",
     "payment_term", "description"}
)  # fmt: skip
_LINES: Final = Shape(
    LINE, STAMPS | {"product", "quantity", "unit", "unit_price", "account", "origin"}
)
_DERIVED: Final = STAMPS | _CACHES | _BOOKED
_NUMBERED: Final = frozenset(
    {"number", "number_alnum", "number_digit", "sequence", "sequence_type_cache"}
)
_ENTRY: Final[Mapping[str, frozenset[str]]] = {
    "account.move": frozenset({"*"}),
    "account.move.line": frozenset({"*"}),
    "account.tax.line": frozenset({"*"}),
}
"""The draft entry of a validated supplier invoice: deleted on the way to draft, made anew on the way back."""


class _InvoiceAction(StateAction):
    """What the buttons of an invoice share; both kinds are one model in Tryton."""

    model = INVOICE
    shape = Shape(INVOICE, _INVOICE, {"lines": _LINES})
    stamped = (INVOICE,)
    ours = MappingProxyType({INVOICE: _DERIVED | {"state", "invoice_date", "accounting_date"}})
    derived = MappingProxyType({INVOICE: _DERIVED})
    trace = MappingProxyType({INVOICE: STAMPS | {"validated_by"}})
    verb: ClassVar[str]
    type: ClassVar[str]

    def __init_subclass__(cls) -> None:
        if "kind" in cls.__dict__:
            cls.name = f"{cls.kind}.{cls.verb}"
            cls.type = "out" if cls.kind is Kind.CUSTOMER_INVOICE else "in"
        super().__init_subclass__()

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        root = root_of(step, image)
        if root and root.get("type") != self.type:
            return (Problem("kind.wrong", Text(N_("it is an invoice of the other kind"))),)
        return super().problems(step, image)


class _Validate(_InvoiceAction):
    verb = "validate"
    strict_reversibility = Reversibility.NONE
    button = "validate_invoice"
    title = N_("Validate the invoice")
    source_states = ("draft",)
    goal_state = "validated"

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        if self.target.enforces_readonly:
            return ()
        return (Step(f"{self.kind}.draft", step.ref),)


class _ValidateSupplier(_Validate):
    # A supplier invoice gets its number and a draft entry when it is validated. It keeps the number.
    trace = MappingProxyType(
        {INVOICE: STAMPS | _NUMBERED | {"validated_by", "move"}, **_ENTRY, **STRICT_COUNTERS}
    )
    trace_note = N_("the invoice keeps the number that it got; write date and last writer are new")


class _Post(_InvoiceAction):
    verb = "post"
    button = "post"
    title = N_("Post the invoice")
    source_states = ("draft", "validated")
    goal_state = "posted"
    reversibility = Reversibility.MANUAL
    reversibility_note = N_("a posted invoice is taken back by a credit note, which a person makes")

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        # An invoice of nothing, or one that a deposit covers, is paid at once.
        return root_of(step, after).get("state") in ("posted", "paid")


class _Cancel(_InvoiceAction):
    verb = "cancel"
    strict_reversibility = Reversibility.NONE
    button = "cancel"
    title = N_("Cancel the invoice")
    source_states = ("draft", "validated")
    goal_state = "cancelled"
    reversibility_note = N_(
        "an invoice that has a number or that an order made cannot be set back to draft; Storno leaves those alone"
    )
    trace_note = LOG_NOTE

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        found = super().problems(step, image)
        if root_of(step, image).get("number"):
            found = (
                *found,
                Problem("invoice.numbered", Text(N_("it has a number: cancelling is final"))),
            )
        if any(line["origin"] for line in rows(image, LINE).values()):
            text = Text(N_("an order made it: that order would be left with an exception"))
            found = (*found, Problem("invoice.of_order", text))
        return found

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        if self.target.enforces_readonly or root_of(step, after).get("number"):
            return ()
        back = [Step(f"{self.kind}.draft", step.ref)]
        if root_of(step, before).get("state") == "validated":
            back.append(Step(f"{self.kind}.validate", step.ref))
        return tuple(back)


class _Draft(_InvoiceAction):
    """Tryton answers yes to this button on a posted invoice too, and does nothing."""

    verb = "draft"
    button = "draft"
    title = N_("Set back to draft")
    source_states = ("validated", "cancelled")
    goal_state = "draft"
    needs_series_below = (8, 2)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        verb = {"validated": "validate", "cancelled": "cancel"}.get(
            str(root_of(step, before).get("state"))
        )
        return (Step(f"{self.kind}.{verb}", step.ref),) if verb else ()


class _DraftSupplier(_Draft):
    trace = MappingProxyType({INVOICE: STAMPS | {"validated_by", "move"}, **_ENTRY})


def invoice_actions() -> tuple[type[TrytonAction], ...]:
    """Return every action of invoices, of both kinds."""
    found: list[type[TrytonAction]] = []
    for kind in (Kind.CUSTOMER_INVOICE, Kind.SUPPLIER_INVOICE):
        is_supplier = kind is Kind.SUPPLIER_INVOICE
        validate, draft = (
            (_ValidateSupplier, _DraftSupplier) if is_supplier else (_Validate, _Draft)
        )
        for base in (validate, _Post, _Cancel, draft):
            found.append(type(base.__name__, (base,), {"kind": kind}))  # noqa: PERF401 - plainer so
    return tuple(found)
