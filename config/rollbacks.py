"""How rollbacks go: what becomes of fields that somebody changed after us, where nobody says otherwise.

Fields are the ERP's own words. Whether a system has them is looked at when its documents are taken back.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from config.fields import Section, wrong
from core.text import N_

_FIELD: Final = re.compile(r"\*|[^\s:=*]+")
_PUT_BACK: Final = "put_back"


def _field(written: str) -> str:
    if not _FIELD.fullmatch(written) or written.startswith(".") or written.endswith("."):
        raise wrong(N_("must be a field, MODEL.FIELD, or * for every other field"))
    return written


def _way(written: Any) -> Any:
    if written == _PUT_BACK:
        raise wrong(
            N_(
                "put_back writes over what somebody else did: that needs a second person each time,"
                " and is no policy"
            )
        )
    return written


ConflictKind = Literal[
    "purchase_order", "sales_order", "production_order", "goods_receipt", "goods_issue",
    "stock_count", "customer_invoice", "supplier_invoice", "project", "accounting_period",
]  # fmt: skip
"""Kinds of documents that Storno changes."""

ConflictField = Annotated[str, AfterValidator(_field)]
"""A field in the ERP's own words, of one model or of any, or `*`."""

ConflictWay = Annotated[
    Literal["ask", "keep_theirs", "add_difference", "recompute"], BeforeValidator(_way)
]
"""What becomes of a field in conflict."""


class RollbackSettings(Section):
    """What a rollback does where somebody changed a field that Storno had changed."""

    conflicts: dict[ConflictKind, dict[ConflictField, ConflictWay]] = Field(default_factory=dict)
    """Per kind of document and field one of `ask`, `keep_theirs`, `add_difference`, `recompute`.
    A field is `FIELD`, `MODEL.FIELD` where several models have it, or `*` for every other one; the closest counts.
    `ask` leaves the document for a person, which is the default. `keep_theirs` leaves the field as it is now.
    `add_difference` is for quantities and amounts: what is there now, and what Storno's change had taken or added.
    `recompute` is for fields that the ERP works out by itself. `--resolve` and `--on-conflict` of `storno rollback`
    count more than what stands here."""
