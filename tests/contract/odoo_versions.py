"""The stand-in for Odoo as a subject of the contract suite: whole, in what versions do otherwise, and guarded."""

from __future__ import annotations

from connectors.contract import Kind
from tests.contract.odoo_subject import OdooSubject


class PracticeSubject(OdooSubject):
    """The stand-in as version 18: everything."""

    QUICK_ENOUGH_SECONDS = 0.7
    AT_ONCE = 4


class DifferencesSubject(PracticeSubject):
    """What another version does otherwise."""

    ACTIONS = (
        "purchase_order.close",
        "purchase_order.cancel",
        "sales_order.close",
        "sales_order.cancel",
        "customer_invoice.post",
        "goods_receipt.cancel",
    )
    KINDS = (Kind.PURCHASE_ORDER, Kind.SALES_ORDER)


class GuardedSubject(PracticeSubject):
    """What the guard changes: every call that writes."""

    ACTIONS = (
        "purchase_order.close",
        "purchase_order.cancel",
        "customer_invoice.post",
        "project.close",
    )
    KINDS = (Kind.PURCHASE_ORDER,)
