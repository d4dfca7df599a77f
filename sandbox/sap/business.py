"""Every function module that this SAP runs."""

from __future__ import annotations

from typing import Final

from sandbox.sap import (
    accounting,
    goods,
    inventory,
    invoices,
    production,
    projects,
    purchase,
    sales,
    tables,
    units,
)
from sandbox.sap.call import Handler
from sandbox.sap.more_fields import WRAPPERS
from sandbox.sap.units import wrapped

_BAPIS: Final[dict[str, Handler]] = {
    **units.FUNCTIONS,
    **purchase.FUNCTIONS,
    **sales.FUNCTIONS,
    **production.FUNCTIONS,
    **goods.FUNCTIONS,
    **invoices.FUNCTIONS,
    **accounting.FUNCTIONS,
    **inventory.FUNCTIONS,
    **projects.FUNCTIONS,
    **tables.FUNCTIONS,
}
_INNER: Final[dict[str, Handler]] = {**_BAPIS, **projects.WRAPPED}
HANDLERS: Final[dict[str, Handler]] = {
    **_BAPIS,
    **{name: wrapped(_INNER[inner]) for name, inner in WRAPPERS.items()},
}
