"""The engine keeps what business files and clients count on, in every version."""

from __future__ import annotations

from xmlrpc import client

import pytest

from sandbox.odoo.instance import Odoo
from sandbox.odoo.server import OdooServer
from tests.sandbox.odoo.caller import Caller
from tests.sandbox.odoo.office import Office

PO = "purchase.order"


def orders(odoo: Odoo, number: int = 1, state: str = "draft") -> list[int]:
    with odoo.transaction() as env:
        return Office(odoo, env).purchases(number, state)


def test_refused_call_leaves_nothing(odoo: Odoo, admin: Caller) -> None:
    """A call that is refused in the middle changes no row, no number, no message."""
    (order,) = orders(odoo)
    before = odoo.db.snapshot()

    with pytest.raises(RuntimeError, match="99999999"):
        admin(PO, "write", [order, 99999999], {"origin": "x"})
    lines = [[0, 0, {"name": "x", "product_qty": 1}]]
    with pytest.raises(RuntimeError, match="mandatory"):
        admin(PO, "write", [order], {"order_line": lines, "partner_id": False})

    assert before == odoo.db.snapshot()


def test_none_is_a_fault_after_the_commit(odoo: Odoo, admin: Caller) -> None:
    """A method without a result is done, and is a fault over XML-RPC and no result over JSON-RPC."""
    one, other = orders(odoo, 2, "purchase")

    with pytest.raises(client.Fault, match="cannot marshal None"):
        admin.xml(PO, "button_done", [one])
    _, body = admin.raw(PO, "button_done", [other])

    assert b'{"jsonrpc": "2.0", "id": 1}' == body
    assert {"done"} == {odoo.db.stores[PO].rows[each]["state"] for each in (one, other)}


@pytest.mark.parametrize(
    "version, equal, greater",
    [(16, False, True), (17, False, True), (18, False, True), (19, True, False)],
)
def test_stamps_in_domains(version: int, equal: bool, greater: bool) -> None:
    """Stamps travel in whole seconds; up to 18 domains compare microseconds, 19 compares seconds."""
    odoo = Odoo(version)
    (order,) = orders(odoo)
    with OdooServer(odoo) as server:
        admin = Caller(server.port, odoo.db.name, 2, "admin")
        stamp = admin(PO, "read", [order], ["write_date"])[0]["write_date"]

        assert 19 == len(stamp)
        assert equal == bool(admin(PO, "search", [["write_date", "=", stamp]]))
        assert greater == bool(admin(PO, "search", [["write_date", ">", stamp]]))


def test_relations_are_read_as_asked(odoo: Odoo, admin: Caller) -> None:
    """A many2one is id and name, or with `load=''` the id alone; nothing is False."""
    (order,) = orders(odoo)
    vendor = odoo.company.partners["vendor"]

    classic = admin(PO, "read", [order], ["partner_id", "dest_address_id"])[0]
    plain = admin(PO, "read", [order], ["partner_id", "dest_address_id"], load="")[0]

    assert {"id": order, "partner_id": [vendor, "Wood Works"], "dest_address_id": False} == classic
    assert {"id": order, "partner_id": vendor, "dest_address_id": False} == plain


@pytest.mark.parametrize(
    "domain, names",
    [
        ([["name", "ilike", "WOOD"]], ["Wood Works"]),
        ([["name", "=like", "Wood%"]], ["Wood Works"]),
        (
            ["|", ["name", "=", "Wood Works"], ["name", "=", "Corner Shop"]],
            ["Corner Shop", "Wood Works"],
        ),
        (["!", ["name", "!=", "Wood Works"]], ["Wood Works"]),
        ([["name", "in", ["Wood Works", "nobody"]], ["supplier_rank", ">", 0]], ["Wood Works"]),
        ([["user_ids.login", "=", "buyer"]], ["Buyer"]),
        ([["user_ids", "any", [["login", "=", "buyer"]]]], ["Buyer"]),
        ([["name", "not in", ["nobody"]], ["name", "like", "Works"]], ["Wood Works"]),
    ],
)
def test_domains(odoo: Odoo, domain: list[object], names: list[str]) -> None:
    """Operators, polish notation and paths select what they say."""
    with odoo.transaction() as env:
        found = env["res.partner"].search(domain, order="name")

        assert names == [env["res.partner"].get(each, "name") for each in found]


def test_archived_records_are_found_when_asked_for(odoo: Odoo, admin: Caller) -> None:
    """A search leaves archived records out, unless the domain or the context asks."""
    vendor = odoo.company.partners["vendor"]
    admin("res.partner", "write", [vendor], {"active": False})
    domain = [["id", "=", vendor]]

    assert [] == admin("res.partner", "search", domain)
    assert [vendor] == admin("res.partner", "search", domain, context={"active_test": False})
    assert [vendor] == admin("res.partner", "search", [*domain, ["active", "in", [True, False]]])


def test_rights(odoo: Odoo, server: OdooServer) -> None:
    """A user without rights for purchases may not even read an order; a buyer may write it."""
    (order,) = orders(odoo)
    users = odoo.company.users
    limited = Caller(server.port, odoo.db.name, users["lim"], "lim")
    buyer = Caller(server.port, odoo.db.name, users["buyer"], "buyer")

    with pytest.raises(RuntimeError, match="not allowed to access 'Purchase Order'"):
        limited(PO, "read", [order], ["name"])
    assert True is buyer(PO, "write", [order], {"origin": "x"})
    with pytest.raises(RuntimeError, match="not allowed to create"):
        buyer("ir.actions.server", "create", {"name": "x"})


def test_identical_value_resets_the_price(odoo: Odoo, admin: Caller) -> None:
    """Writing an unchanged quantity back costs a line its negotiated price, as in Odoo 18."""
    (order,) = orders(odoo)
    line = admin(PO, "read", [order], ["order_line"])[0]["order_line"][0]
    names = ["product_qty", "price_unit"]
    before = admin("purchase.order.line", "read", [line], names)[0]
    admin("purchase.order.line", "write", [line], {"product_qty": before["product_qty"]})

    now = admin("purchase.order.line", "read", [line], ["price_unit"])[0]["price_unit"]
    assert (10.0, 5.0) == (before["price_unit"], now)


def test_messages_of_tracked_fields_can_be_switched_off(odoo: Odoo, admin: Caller) -> None:
    """Locking leaves one message; with `tracking_disable` in the context it leaves none."""
    one, other = orders(odoo, 2, "purchase")

    def messages(order: int) -> int:
        return len(admin(PO, "read", [order], ["message_ids"])[0]["message_ids"])

    before = messages(one), messages(other)
    admin(PO, "button_done", [one])
    admin(PO, "button_done", [other], context={"tracking_disable": True})

    assert (before[0] + 1, before[1]) == (messages(one), messages(other))
