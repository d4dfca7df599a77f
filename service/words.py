"""The words that people read for codes of ours. One word per idea; docs/glossary.md has both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.text import N_

WORDS: Final[Mapping[str, str]] = {
    # Sorts of things, in errors.
    "action": N_("action"),
    "change set": N_("change set"),
    "closing": N_("closing"),
    "document": N_("document"),
    "field": N_("field"),
    "model": N_("model"),
    "operation": N_("operation"),
    "plan": N_("plan"),
    "system": N_("system"),
    # States of change sets and operations.
    "draft": N_("draft"),
    "planned": N_("planned"),
    "awaiting_approval": N_("waiting for approval"),
    "approved": N_("approved"),
    "rejected": N_("rejected"),
    "expired": N_("expired"),
    "running": N_("running"),
    "taken_over": N_("taken over"),
    "paused": N_("paused"),
    "applied": N_("applied"),
    "partly_applied": N_("partly applied"),
    "failed": N_("failed"),
    "rolled_back": N_("rolled back"),
    "partly_rolled_back": N_("partly rolled back"),
    "locked": N_("locked"),
    "captured": N_("captured"),
    "sent": N_("sent"),
    "confirmed": N_("confirmed"),
    "refused": N_("refused"),
    "in_doubt": N_("in doubt"),
    "needs_person": N_("a person must look"),
    "dropped": N_("left out"),
    "already": N_("nothing to do"),
    # Purposes.
    "preparation": N_("preparation"),
    "reopening": N_("reopening"),
    "rollback": N_("rollback"),
    "alignment": N_("alignment"),
    "correction": N_("correction"),
    "proving": N_("proving"),
    # Reversibility.
    "exact": N_("exact"),
    "compensating": N_("by counter-document"),
    "manual": N_("by hand"),
    "none": N_("not possible"),
    # Who carries out.
    "interface": N_("Storno"),
    "robot": N_("robot"),
    "by_person": N_("a person"),
    # What a rollback would meet.
    "clean": N_("can be taken back"),
    "already_back": N_("already back"),
    "conflict": N_("conflict"),
    "blocked": N_("later business is in the way"),
    "rested_on": N_("something that stays rests on it"),
    "not_reversible": N_("cannot be taken back"),
    "as_before": N_("will be as it was before"),
    "recomputed": N_("taken back, recomputed"),
    "kept": N_("stays as somebody made it"),
    "resolved": N_("taken back, but for what was resolved"),
    # What becomes of a field in conflict.
    "ask": N_("a person decides"),
    "keep_theirs": N_("keep theirs"),
    "add_difference": N_("add the difference"),
    "recompute": N_("recompute"),
    "put_back": N_("put back"),
    # Effects of later business.
    "harmless": N_("harmless"),
    "changes_result": N_("changes the result"),
    "blocks": N_("in the way"),
    # What people are told of at once.
    "frozen": N_("frozen"),
    "thawed": N_("thawed"),
    "run_stopped": N_("a run was stopped"),
    "breaker_opened": N_("a system fails"),
    "freeze": N_("freeze"),
    # How a name is known.
    "claimed": N_("a claimed name"),
    # What a person can say or choose.
    "decision": N_("decision"),
    "way": N_("way"),
    # How it was closed.
    "by_itself": N_("by itself"),
    "by_hand": N_("by hand"),
    # Kinds.
    "kind": N_("kind of document"),
    "purchase_order": N_("purchase order"),
    "sales_order": N_("sales order"),
    "production_order": N_("production order"),
    "maintenance_order": N_("maintenance order"),
    "goods_receipt": N_("goods receipt"),
    "goods_issue": N_("goods issue"),
    "stock_count": N_("stock count"),
    "customer_invoice": N_("customer invoice"),
    "supplier_invoice": N_("supplier invoice"),
    "project": N_("project"),
    "accounting_period": N_("accounting period"),
    "setting": N_("setting"),
    "stock_balance": N_("stock balance"),
    "open_item": N_("open item"),
    "account_balance": N_("account balance"),
    "journal_entry": N_("journal entry"),
    "payment": N_("payment"),
    "partner": N_("partner"),
    "item": N_("item"),
    "price": N_("price"),
}
"""Codes by what people read; gettext has the other languages."""

COLUMNS: Final[Mapping[str, str]] = {
    "kind": N_("Kind"),
    "model": N_("Model"),
    "key": N_("Key"),
    "number": N_("Number"),
    "reference": N_("Reference"),
    "partner": N_("Partner"),
    "partner_key": N_("Partner key"),
    "company": N_("Company"),
    "date": N_("Date"),
    "due": N_("Due"),
    "currency": N_("Currency"),
    "amount": N_("Amount"),
    "ordered_quantity": N_("Ordered"),
    "received_quantity": N_("Received"),
    "invoiced_quantity": N_("Invoiced"),
    "remaining_quantity": N_("Remaining"),
    "remaining_amount": N_("Remaining amount"),
    "state": N_("State"),
    "is_closed": N_("Closed"),
    "closed_how": N_("Closed how"),
    "closed_by": N_("Closed by"),
    "closed_at": N_("Closed at"),
    "approved_by": N_("Approved by"),
    "is_paid": N_("Paid"),
    "progress": N_("Progress"),
    "owner": N_("Owner"),
    "created_at": N_("Made at"),
    "changed_at": N_("Changed at"),
    "changed_by": N_("Changed by"),
    "document_key": N_("Document key"),
    "position": N_("Line"),
    "item": N_("Item"),
    "item_key": N_("Item key"),
    "description": N_("Description"),
    "unit": N_("Unit"),
    "quantity": N_("Quantity"),
    "unit_price": N_("Unit price"),
}
"""Headings of the canonical columns."""

_HEADINGS: Final[Mapping[str, Mapping[str, str]]] = {
    "stock_balance": {"reference": N_("Item, location"), "ordered_quantity": N_("Quantity")},
}
"""Where a kind of document means something else by a column than orders do."""


def heading(kind: str, name: str) -> str | None:
    """Return the heading of a canonical column for documents of a kind; None for a native column."""
    return _HEADINGS.get(kind, {}).get(name) or COLUMNS.get(name)
