"""The routes that the tests of plans go, on purchase orders of the fake ERP."""

from __future__ import annotations

from tests.unit.closing.factories import route

CANCEL = "purchase_order.cancel"
CLOSE = "purchase_order.close"
BOTH_ROUTES = (
    route(CANCEL, name="stale", when="state = 'quotation'"),
    route(CLOSE, name="rest", when="state = 'processing'"),
)
