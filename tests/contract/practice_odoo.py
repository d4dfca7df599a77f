"""The stand-in for Odoo with everybody who works there, of any version, as a subject for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sandbox.odoo.instance import Odoo
from sandbox.odoo.server import OdooServer
from tests.contract.odoo_colleague import Colleague
from tests.contract.odoo_office import Office
from tests.contract.odoo_subject import OdooSubject, Server
from tests.contract.odoo_wire import rpc_naming
from tests.contract.subject import Content
from tests.proxy import Proxy

WIZARDS: Final = frozenset(
    {
        "account.move.reversal", "mrp.consumption.warning", "mrp.production.backorder",
        "sale.order.cancel", "stock.backorder.confirmation", "stock.backorder.confirmation.line",
        "stock.immediate.transfer", "stock.inventory.conflict", "stock.return.picking",
        "stock.return.picking.line",
    }
)  # fmt: skip
"""Questions that an Odoo asks on the way; it sweeps them away by itself."""


@contextmanager
def practice_odoo(kind: type[OdooSubject], version: int) -> Iterator[OdooSubject]:
    """Serve a stand-in of this version from a thread, with a proxy before it and a colleague who works there."""
    odoo = Odoo(version)
    with OdooServer(odoo) as server, Proxy(server.url, rpc_naming) as proxy:
        colleague = Colleague(server.url, odoo.db.name, "colleague", "colleague")
        office = Office(colleague, at_once=kind.AT_ONCE)
        where = Server(server.url, odoo.db.name, "storno", "storno")

        def dump() -> Content:
            return {
                model: {str(key): row for key, row in rows.items()}
                for model, rows in odoo.dump().items()
                if model not in WIZARDS
            }

        yield kind(where, proxy, office, dump)
