"""Values of the contract: kinds, records, images, steps and calls, the same for every system."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from core.encoding import Value
    from core.errors import RefusedError, StornoError


class Kind(StrEnum):
    """Kinds of documents, the same words for every system."""

    PURCHASE_ORDER = "purchase_order"
    SALES_ORDER = "sales_order"
    PRODUCTION_ORDER = "production_order"
    MAINTENANCE_ORDER = "maintenance_order"
    GOODS_RECEIPT = "goods_receipt"
    GOODS_ISSUE = "goods_issue"
    STOCK_COUNT = "stock_count"
    CUSTOMER_INVOICE = "customer_invoice"
    SUPPLIER_INVOICE = "supplier_invoice"
    PROJECT = "project"
    JOURNAL_ENTRY = "journal_entry"
    ACCOUNTING_PERIOD = "accounting_period"
    SETTING = "setting"  # of the system itself: what Storno installs there, with a way back
    # Read only: rules and comparisons need them, nothing closes them.
    STOCK_BALANCE = "stock_balance"
    OPEN_ITEM = "open_item"
    ACCOUNT_BALANCE = "account_balance"
    PAYMENT = "payment"
    PARTNER = "partner"
    ITEM = "item"
    PRICE = "price"


class Executor(StrEnum):
    """Who carries an operation out."""

    INTERFACE = "interface"
    ROBOT = "robot"
    BY_PERSON = "by_person"


class Reversibility(StrEnum):
    """What a rollback can give back; the order is from best to worst."""

    EXACT = "exact"  # every field with business meaning returns
    COMPENSATING = "compensating"  # only a counter-document takes it back
    MANUAL = "manual"  # a person must; the steps are given, as a worklist where the action has an inverse
    NONE = "none"  # nothing takes it back


class Effect(StrEnum):
    """What business that happened later means for a rollback."""

    HARMLESS = "harmless"  # the rollback goes on and reports it
    CHANGES_RESULT = (
        "changes_result"  # derived fields are recomputed from the records as they are now
    )
    BLOCKS = "blocks"  # taking the document back now would do harm


class Ref(NamedTuple):
    """One record of a system: its native model (or table) and its key, as the ERP gives them."""

    model: str
    key: str

    def __str__(self) -> str:
        return f"{self.model},{self.key}"


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it was read. `fields` is None when the record does not exist.

    `raw` holds, per field, the text of what a driver or parser could not carry exactly (odd dates,
    padded keys); such a field is restored from that text.
    """

    ref: Ref
    fields: Mapping[str, Value] | None
    raw: Mapping[str, str] = field(default_factory=dict)

    @property
    def exists(self) -> bool:
        """Whether the record was there."""
        return self.fields is not None


@dataclass(frozen=True, slots=True)
class Image:
    """Every record in the footprint of one operation at one moment, sorted by ref.

    A record that a footprint's query found only after the operation was created by it (or by
    somebody else meanwhile); one that is gone afterwards has `fields` None.
    """

    records: tuple[Record, ...]

    def get(self, ref: Ref) -> Record | None:
        """Return the record of `ref`, or None when the footprint does not hold it."""
        for record in self.records:
            if record.ref == ref:
                return record
        return None

    def refs(self) -> tuple[Ref, ...]:
        """Return the refs in the footprint, sorted."""
        return tuple(record.ref for record in self.records)

    def of_model(self, model: str) -> tuple[Record, ...]:
        """Return the existing records of one model."""
        return tuple(r for r in self.records if r.ref.model == model and r.fields is not None)


@dataclass(frozen=True, slots=True)
class Step:
    """What shall be done to one document: an action, the document, its arguments. Not yet an operation."""

    action: str
    ref: Ref
    arguments: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One operation handed to `System.apply`: the step, its id and the before image it relies on.

    `operation_id` is written into a free text field by creating actions that have one.
    """

    operation_id: str
    step: Step
    before: Image


@dataclass(frozen=True, slots=True)
class Answer:
    """What the ERP said to one call: nothing against it, or its refusal.

    `unsent` says that this call was certainly not carried out although others of its batch were, and why: a freeze
    between two documents that are committed one by one, a system that cannot be reached any more, a log-in that ended.
    """

    operation_id: str
    refused: RefusedError | None = None
    unsent: StornoError | None = None


Fence = Callable[[], None]
"""Raises when whoever calls a system no longer holds what it works on: asked as late as possible."""


def no_fence() -> None:
    """Hold for ever: for a caller that is alone (tests, trying something out)."""
