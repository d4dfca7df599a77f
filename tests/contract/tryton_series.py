"""Tryton on PostgreSQL and in its series 8.2, as subjects of the contract suite."""

from __future__ import annotations

from connectors.contract import Kind
from tests.contract.tryton_subject import TrytonSubject


class PostgresSubject(TrytonSubject):
    """Series 8.0 on PostgreSQL: what depends on the database."""

    ACTIONS = (
        "purchase_order.cancel",
        "purchase_order.close",
        "customer_invoice.post",
        "project.close",
    )
    KINDS = (Kind.PURCHASE_ORDER,)
    AT_ONCE = 2


class StrictSubject(TrytonSubject):
    """Series 8.2: what depends on the server's guard over read-only fields."""

    ACTIONS = (
        "purchase_order.cancel",
        "purchase_order.close",
        "customer_invoice.validate",
        "customer_invoice.cancel",
        "supplier_invoice.validate",
        "project.close",
        "accounting_period.close",
        "accounting_period.close_year",
    )
    KINDS = (Kind.PURCHASE_ORDER, Kind.PARTNER)
