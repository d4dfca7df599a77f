"""The native models of the fake ERP: their fields, types and relations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connectors.contract import FieldInfo

ORDER: Final = "purchase.order"
LINE: Final = "purchase.line"
MOVE: Final = "stock.move"
INVOICE: Final = "invoice"
INVOICE_LINE: Final = "invoice.line"
SALE: Final = "sales.order"
SALE_LINE: Final = "sales.line"
PROJECT: Final = "project"
TASK: Final = "project.task"
PERIOD: Final = "period"
PERIOD_JOURNAL: Final = "period.journal"
MESSAGE: Final = "message"

STAMPS: Final = frozenset({"write_date", "write_user", "version"})
"""Written by the ERP itself with every change: the trace that every action leaves."""

_STAMP_TYPES: Final = {"write_date": "datetime", "write_user": "str", "version": "int"}

_CLOSED: Final = {"closed_by": "str", "closed_at": "datetime", "closed_how": "str"}

_ORDER: Final = {
    "number": "str",
    "reference": "str",
    "note": "str",
    "partner": "str",
    "partner_key": "str",
    "company": "str",
    "date": "date",
    "due": "date",
    "currency": "str",
    "amount": "Decimal",
    "remaining_amount": "Decimal",
    "state": "str",
    "approved_by": "str",
    "owner": "str",
    "priority": "int",
    "is_urgent": "bool",
    "created_at": "datetime",
    **_CLOSED,
}

_LINE: Final = {
    "order": f"relation:{ORDER}",
    "position": "int",
    "item": "str",
    "item_key": "str",
    "description": "str",
    "unit": "str",
    "quantity": "Decimal",
    "received_quantity": "Decimal",
    "invoiced_quantity": "Decimal",
    "cancelled_quantity": "Decimal",
    "unit_price": "Decimal",
    "amount": "Decimal",
    "due": "date",
    "state": "str",
}

_FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    ORDER: {
        **_ORDER,
        "lead_time": "timedelta",
        "delivery_hour": "time",
        "attachment": "bytes",
        "tags": "tuple",
    },
    LINE: _LINE,
    MOVE: {
        "order": f"relation:{ORDER}",
        "line": f"relation:{LINE}",
        "number": "str",
        "item": "str",
        "quantity": "Decimal",
        "date": "date",
        "state": "str",
    },
    INVOICE: {
        "number": "str",
        "direction": "str",
        "reference": "str",
        "partner": "str",
        "partner_key": "str",
        "company": "str",
        "order": f"relation:{ORDER}",
        "period": f"relation:{PERIOD}",
        "reversed_entry": f"relation:{INVOICE}",
        "date": "date",
        "due": "date",
        "currency": "str",
        "amount": "Decimal",
        "state": "str",
        "is_paid": "bool",
    },
    INVOICE_LINE: {
        "invoice": f"relation:{INVOICE}",
        "position": "int",
        "item": "str",
        "description": "str",
        "unit": "str",
        "quantity": "Decimal",
        "unit_price": "Decimal",
        "amount": "Decimal",
    },
    SALE: _ORDER,
    SALE_LINE: {**_LINE, "order": f"relation:{SALE}"},
    PROJECT: {
        "number": "str",
        "name": "str",
        "parent": f"relation:{PROJECT}",
        "company": "str",
        "owner": "str",
        "date": "date",
        "due": "date",
        "progress": "Decimal",
        "state": "str",
        **_CLOSED,
    },
    TASK: {
        "project": f"relation:{PROJECT}",
        "position": "int",
        "name": "str",
        "effort": "timedelta",
        "state": "str",
        **_CLOSED,
    },
    PERIOD: {
        "number": "str",
        "company": "str",
        "date": "date",
        "due": "date",
        "state": "str",
        **_CLOSED,
    },
    PERIOD_JOURNAL: {"period": f"relation:{PERIOD}", "journal": "str", "state": "str"},
    MESSAGE: {"text": "str", "sent_at": "datetime"},
}

DERIVED: Final[Mapping[str, frozenset[str]]] = {
    ORDER: frozenset({"amount", "remaining_amount"}),
    LINE: frozenset({"amount"}),
    SALE: frozenset({"amount", "remaining_amount"}),
    SALE_LINE: frozenset({"amount"}),
}
"""Fields that the ERP recomputes from others and that nobody writes."""


def _info(model: str, name: str, declared: str) -> FieldInfo:
    kind, _, relation = declared.partition(":")
    is_readonly = name in STAMPS or name in DERIVED.get(model, frozenset())
    return FieldInfo(name, kind, is_stored=True, is_readonly=is_readonly, relation=relation or None)


SCHEMA: Final[Mapping[str, Mapping[str, FieldInfo]]] = {
    model: {
        name: _info(model, name, declared) for name, declared in {**fields, **_STAMP_TYPES}.items()
    }
    for model, fields in _FIELDS.items()
}

FIELDS: Final[Mapping[str, frozenset[str]]] = {
    model: frozenset(fields) for model, fields in SCHEMA.items()
}
"""Every field of every model."""

INDEXED: Final[Mapping[str, tuple[str, ...]]] = {
    model: tuple(name for name, info in fields.items() if info.relation or name == "number")
    for model, fields in SCHEMA.items()
}
"""Fields that the ERP keeps an index for: numbers, and keys of other records."""
