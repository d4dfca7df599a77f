"""Invoices as Odoo keeps them, customers' and suppliers' in one model: footprint, and what stands in the way."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Final

from connectors.contract import Effect, Image, Instruction, Kind, LaterBusiness, Problem, Step
from connectors.judging import DELETED, root_of, rows, state_problem
from connectors.odoo.actions import STAMPS, OdooAction, Query, name_of
from core.encoding import Value
from core.text import N_, Text

INVOICE: Final = "account.move"
LINE: Final = "account.move.line"

TYPES: Final[Mapping[Kind, tuple[str, ...]]] = MappingProxyType(
    {
        Kind.CUSTOMER_INVOICE: ("out_invoice", "out_refund"),
        Kind.SUPPLIER_INVOICE: ("in_invoice", "in_refund"),
    }
)
MATCHED: Final = ("paid", "in_payment", "partial", "reversed")

_NUMBER: Final = frozenset(
    {"name", "sequence_number", "sequence_prefix", "payment_reference", "posted_before", "made_sequence_gap"}
)  # fmt: skip
AMOUNTS: Final = frozenset(
    {"amount_untaxed", "amount_tax", "amount_total", "amount_residual", "amount_residual_signed"}
)
REVERSALS: Final = frozenset({"reversal_move_id", "reversal_move_ids"})  # until 17, since 18
INVOICE_FIELDS: Final = STAMPS | _NUMBER | AMOUNTS | REVERSALS | frozenset(
    {
        "state", "move_type", "date", "invoice_date", "invoice_date_due", "delivery_date", "partner_id", "company_id",
        "currency_id", "journal_id", "ref", "invoice_origin", "payment_state", "is_move_sent", "inalterable_hash",
        "auto_post", "reversed_entry_id", "invoice_payment_term_id", "tax_cash_basis_rec_id",
        "to_check",  # until 17
        "checked", "is_manually_modified", "invoice_currency_rate",  # since 18
    }
)  # fmt: skip
LINE_FIELDS: Final = STAMPS | frozenset(
    {
        "move_id", "display_type", "name", "move_name", "parent_state", "account_id", "partner_id", "product_id",
        "quantity", "price_unit", "discount", "tax_ids", "tax_line_id", "debit", "credit", "balance",
        "amount_currency", "amount_residual", "amount_residual_currency", "date", "invoice_date", "date_maturity",
        "reconciled", "full_reconcile_id", "matching_number",
    }
)  # fmt: skip

LINES: Final = Query(LINE, "move_id", INVOICE, LINE_FIELDS)
COMPUTED: Final = frozenset(
    {"tax_lock_date_message", "restrict_mode_hash_table", "show_reset_to_draft_button"}
)
"""What Odoo itself says of locked periods and sealed journals. The company that holds the lock dates is shared by
all invoices, so it is in no footprint."""

DATES: Final = frozenset({"date", "invoice_date", "invoice_date_due"})
_SET: Final = (
    STAMPS
    | _NUMBER
    | DATES
    | AMOUNTS
    | COMPUTED
    | {"state", "payment_state", "delivery_date", "auto_post", "checked", "to_check"}
    | {"is_manually_modified", "inalterable_hash", "invoice_currency_rate"}
)
_LINE_SET: Final = STAMPS | frozenset(
    {
        "name", "move_name", "parent_state", "date", "invoice_date", "date_maturity", "amount_residual", "debit",
        "credit", "balance", "amount_residual_currency", "amount_currency", "reconciled", "full_reconcile_id",
        "matching_number",
    }
)  # fmt: skip
ANY: Final = frozenset({"*"})
_AROUND: Final[Mapping[str, frozenset[str]]] = {
    "account.analytic.line": ANY,
    "res.partner": STAMPS | {"customer_rank", "supplier_rank"},
    "sale.order": frozenset({"invoice_status", "amount_to_invoice", "amount_invoiced"}),
    "sale.order.line": frozenset(
        {"qty_invoiced", "qty_to_invoice", "invoice_status", "untaxed_amount_invoiced", "untaxed_amount_to_invoice"}
    ),
    "purchase.order": frozenset({"invoice_status"}),
    "purchase.order.line": frozenset({"qty_invoiced", "qty_to_invoice"}),
}  # fmt: skip
"""What Odoo writes beside the invoice: analytic lines, how often a partner was invoiced, what an order has billed."""

UNSYNCED: Final[Mapping[str, bool]] = MappingProxyType(
    {"skip_invoice_sync": True, "skip_is_manually_modified": True}
)
"""Context in which the state of an invoice changes and nothing else. Without it Odoo 18 works the taxes out anew on
the way to draft: amounts that somebody had corrected by hand are lost, and tax lines get new ids."""

NUMBER_NOTE: Final = N_(
    "the number stays with the invoice, with the payment reference made of it, and Odoo gives it to no other one;"
    " its marks for gaps and for changes by hand may be set here and on the next number; its messages stay for ever"
)


class InvoiceAction(OdooAction):
    """What all actions on invoices share. Both kinds are one model in Odoo."""

    model = INVOICE
    wanted = INVOICE_FIELDS
    computed = COMPUTED
    queries: ClassVar[tuple[Query, ...]] = (LINES,)
    stamped: ClassVar[tuple[str, ...]] = (INVOICE,)
    ours: ClassVar[Mapping[str, frozenset[str]]] = MappingProxyType(
        {INVOICE: _SET, LINE: _LINE_SET | ANY, **_AROUND}
    )
    derived: ClassVar[Mapping[str, frozenset[str]]] = MappingProxyType(
        {INVOICE: STAMPS | COMPUTED, LINE: STAMPS, **_AROUND}
    )
    trace: ClassVar[Mapping[str, frozenset[str]]] = MappingProxyType(
        {
            INVOICE: STAMPS | _NUMBER | {"is_manually_modified"},
            LINE: STAMPS | {"move_name", "name"},
            "account.analytic.line": ANY,
            "res.partner": _AROUND["res.partner"],
        }
    )
    trace_note = NUMBER_NOTE
    verb: ClassVar[str]

    def __init_subclass__(cls) -> None:
        if "kind" in cls.__dict__:
            cls.name = f"{cls.kind}.{cls.verb}"
        super().__init_subclass__()

    def state_problems(self, step: Step, image: Image, *allowed: str) -> tuple[Problem, ...]:
        """Return why state or kind do not fit."""
        root = root_of(step, image)
        if root and root.get("move_type") not in TYPES[self.kind]:
            return (Problem("kind.wrong", Text(N_("it is an entry of another kind"))),)
        return state_problem(step, image, *allowed)

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        # A state that somebody moved is a conflict already; here it would also be our own next link.
        if not root_of(step, now):
            return (DELETED,)
        return later_on(root_of(step, after), root_of(step, now))

    def instruction(self, step: Step, image: Image) -> Instruction:
        menu = (
            N_("Accounting > Customers > Invoices, {name}")
            if self.kind is Kind.CUSTOMER_INVOICE
            else N_("Accounting > Vendors > Bills, {name}")
        )
        return Instruction(
            screen=Text(menu, {"name": name_of(step, image)}),
            press=Text(self.title),
            reason=Text(N_("see the plan")),
        )


def later_on(was: Mapping[str, Value], now: Mapping[str, Value]) -> tuple[LaterBusiness, ...]:
    """Say what happened to an invoice that makes taking it back harmful: matched, sent, credited, sealed."""
    texts = []
    if was.get("payment_state") != now.get("payment_state") and now.get("payment_state") in MATCHED:
        texts.append(N_("a payment or a credit note was matched with it since"))
    if now.get("is_move_sent") and not was.get("is_move_sent"):
        texts.append(N_("it was sent since"))
    if any(was.get(name) != now.get(name) for name in REVERSALS):
        texts.append(N_("a credit note was made for it since"))
    if now.get("inalterable_hash") and not was.get("inalterable_hash"):
        texts.append(N_("it was sealed since"))
    if now.get("tax_lock_date_message") and not was.get("tax_lock_date_message"):
        texts.append(N_("its period was locked since"))
    return tuple(LaterBusiness(Effect.BLOCKS, Text(text)) for text in texts)


def is_sealed(root: Mapping[str, Value], version: int) -> bool:
    """Whether no way leads back from posted: hashed, or up to 17 in a journal that hashes what is posted."""
    is_by_journal = version < 18 and bool(root.get("restrict_mode_hash_table"))
    return bool(root.get("inalterable_hash")) or is_by_journal


def opening_problems(root: Mapping[str, Value], image: Image, version: int) -> tuple[Problem, ...]:
    """Say why a posted invoice must not leave that state."""
    found: list[Problem] = []
    if is_sealed(root, version):
        found.append(Problem("invoice.sealed", Text(N_("it is sealed: only a credit note helps"))))
    elif root.get("show_reset_to_draft_button") is False:
        found.append(
            Problem("invoice.fixed", Text(N_("Odoo lets nobody set it back: ask its cancellation")))
        )
    if root.get("tax_lock_date_message"):
        text = Text(N_("it lies in a locked period: only a credit note helps"))
        found.append(Problem("date.locked", text))
    if is_matched(root, image) and version < 19:
        text = Text(N_("payments or credit notes are matched with it; the matching would be lost"))
        found.append(Problem("invoice.matched", text))
    return tuple(found)


def is_matched(root: Mapping[str, Value], image: Image) -> bool:
    """Whether payments or credit notes are matched with an invoice, in part or in full."""
    lines = rows(image, LINE).values()
    return root.get("payment_state") in MATCHED or any(
        row.get("matching_number") and row.get("parent_state") == "posted" for row in lines
    )


def reversals_of(image: Image, key: str) -> dict[int, Mapping[str, Value]]:
    """Return the credit notes of an invoice that the image holds, by id."""
    return {
        i: row
        for i, row in rows(image, INVOICE).items()
        if str(row.get("reversed_entry_id")) == key
    }
