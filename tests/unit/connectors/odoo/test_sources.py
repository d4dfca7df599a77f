"""Promises of goods, books, projects, names and prices as canonical columns."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connectors.contract import Kind
from core import clock
from tests.unit.connectors.odoo.stand_in import NOON, VERSIONS, Odoo, on

EVERY_VERSION = pytest.mark.parametrize("version", VERSIONS)


def columns(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def states(odoo: Odoo, kind: Kind) -> dict[str, bool]:
    """Return by key what the column says, having seen that asking for closed or open agrees with it."""
    found = {f"{row['model']},{row['key']}": row["is_closed"] for row in odoo.documents(kind)}
    for is_closed in (True, False):
        asked = {f"{r['model']},{r['key']}" for r in odoo.documents(kind, is_closed=is_closed)}
        assert {key for key, said in found.items() if said is is_closed} == asked
    return found


# --- goods --------------------------------------------------------------------------------------------------


def move(odoo: Odoo, key: int, state: str, wanted: int, done: int, **values: Any) -> None:
    given = {
        "state": state, "product_id": 3, "product_uom": 1, "product_uom_qty": Decimal(wanted),
        "quantity": Decimal(done), "quantity_done": Decimal(done), "date": NOON,
    }  # fmt: skip
    odoo.add("stock.move", key, **(given | values))


@EVERY_VERSION
def test_only_what_was_moved_is_received(version: int) -> None:
    """What is reserved is not received, what was scrapped is not received twice, what is cancelled is not awaited."""
    odoo = Odoo(version)
    odoo.add("stock.picking.type", 1, code="incoming")
    odoo.add("stock.picking", 1, name="IN/1", state="assigned", picking_type_id=1, partner_id=5)
    move(odoo, 1, "done", 5, 4, picking_id=1)
    move(odoo, 2, "assigned", 3, 3, picking_id=1)
    move(odoo, 3, "cancel", 2, 0, picking_id=1)
    move(odoo, 4, "done", 1, 1, picking_id=1, scrapped=True, scrap_id=1)
    (row,) = odoo.documents(Kind.GOODS_RECEIPT)
    quantities = columns(row, "ordered_quantity", "received_quantity", "remaining_quantity")
    assert (Decimal(8), Decimal(4), Decimal(3)) == quantities
    rests = [line["remaining_quantity"] for line in odoo.lines(Kind.GOODS_RECEIPT)]
    assert [Decimal(0), Decimal(3), Decimal(0)] == rests
    assert [] == odoo.documents(Kind.GOODS_ISSUE)


def test_transfers_close_when_done_or_cancelled() -> None:
    """A done transfer is closed, whatever it left out, and Odoo keeps when."""
    odoo = Odoo()
    odoo.add("stock.picking.type", 1, code="outgoing")
    for key, state in enumerate(("draft", "assigned", "done", "cancel"), 1):
        odoo.add(
            "stock.picking", key, name=f"O{key}", state=state, picking_type_id=1, date_done=NOON
        )
    assert [False, False, True, True] == list(states(odoo, Kind.GOODS_ISSUE).values())
    closed = [row["closed_at"] for row in odoo.documents(Kind.GOODS_ISSUE)]
    assert [None, None, NOON, None] == closed


@EVERY_VERSION
def test_by_products_are_not_the_product(version: int) -> None:
    """Made is what came out of the product itself; less than ordered was ended by hand."""
    odoo = Odoo(version)
    odoo.add("product.product", 4, name="Dust")
    odoo.add(
        "mrp.production", 1, name="MO/1", state="done", product_id=3, product_qty=Decimal(4),
        product_uom_id=1, date_start=NOON, date_planned_start=NOON, date_finished=NOON,
    )  # fmt: skip
    move(odoo, 1, "done", 4, 3, production_id=1)
    move(odoo, 2, "done", 9, 9, production_id=1, product_id=4)
    move(odoo, 3, "done", 8, 8, raw_material_production_id=1, product_id=4)
    (row,) = odoo.documents(Kind.PRODUCTION_ORDER)
    assert (Decimal(3), Decimal(1)) == columns(row, "received_quantity", "remaining_quantity")
    assert (True, "by_hand", NOON) == columns(row, "is_closed", "closed_how", "closed_at")
    (used,) = odoo.lines(Kind.PRODUCTION_ORDER)
    assert ("Dust", Decimal(8)) == columns(used, "item", "received_quantity")


@EVERY_VERSION
def test_counts_wait_or_were_applied(version: int) -> None:
    """A number that waits on a quant is an open count; the move that Odoo made of one is a closed count."""
    odoo = Odoo(version)
    odoo.add("stock.location", 1, name="Stock", complete_name="WH/Stock", usage="internal")
    odoo.add(
        "stock.quant", 1, product_id=3, location_id=1, inventory_quantity_set=True,
        inventory_quantity=Decimal(77), quantity=Decimal(70),
    )  # fmt: skip
    odoo.add("stock.quant", 2, product_id=3, location_id=1)
    move(odoo, 1, "done", 7, 7, is_inventory=True, reference="Counted")
    assert {"stock.quant,1": False, "stock.move,1": True} == states(odoo, Kind.STOCK_COUNT)
    (waiting,) = odoo.lines(Kind.STOCK_COUNT)
    assert (Decimal(77), "Units", "CH") == columns(waiting, "quantity", "unit", "item")
    open_count, applied = odoo.documents(Kind.STOCK_COUNT)
    assert open_count["reference"] == "CH, WH/Stock"  # two counts of one place must not look alike
    assert ("CH", Decimal(7)) == columns(applied, "reference", "ordered_quantity")
    assert [] == odoo.documents(Kind.STOCK_COUNT, numbers=("1",))
    balance = odoo.documents(Kind.STOCK_BALANCE)
    assert [Decimal(70), Decimal(0)] == [row["ordered_quantity"] for row in balance]
    assert {"CH, WH/Stock"} == {row["reference"] for row in balance}


# --- books --------------------------------------------------------------------------------------------------


def invoice(odoo: Odoo, key: int, **values: Any) -> None:
    given = {
        "name": f"INV{key}", "state": "posted", "move_type": "out_invoice", "partner_id": 5,
        "currency_id": 1, "date": on("2026-11-20"), "amount_total": Decimal(100),
    }  # fmt: skip
    odoo.add("account.move", key, **(given | values))


def test_credit_notes_count_negative() -> None:
    """In the amount and in the lines; the price stays a price."""
    odoo = Odoo()
    invoice(odoo, 1)
    invoice(odoo, 2, move_type="out_refund")
    invoice(odoo, 3, move_type="in_invoice")
    odoo.add(
        "account.move.line", 1, move_id=2, display_type="product", product_id=3, product_uom_id=1,
        quantity=Decimal(4), price_unit=Decimal(25), price_subtotal=Decimal(100),
    )  # fmt: skip
    odoo.add("account.move.line", 2, move_id=2, display_type="tax")
    amounts = [row["amount"] for row in odoo.documents(Kind.CUSTOMER_INVOICE)]
    assert [Decimal(100), Decimal(-100)] == amounts
    (line,) = odoo.lines(Kind.CUSTOMER_INVOICE)
    expected = (Decimal(-4), Decimal(25), Decimal(-100))
    assert expected == columns(line, "quantity", "unit_price", "amount")
    assert ["3"] == [row["key"] for row in odoo.documents(Kind.SUPPLIER_INVOICE)]


def test_paid_is_posted_with_nothing_left() -> None:
    """A draft is not paid though nothing is left on it, a part payment is none."""
    odoo = Odoo()
    invoice(odoo, 1)
    invoice(odoo, 2, amount_residual=Decimal(1))
    invoice(odoo, 3, state="draft")
    assert [True, False, False] == [row["is_paid"] for row in odoo.documents(Kind.CUSTOMER_INVOICE)]
    assert [True, True, False] == list(states(odoo, Kind.CUSTOMER_INVOICE).values())


def test_a_line_without_a_product_has_its_account() -> None:
    """What stands where the product is missing is what the line is booked on."""
    odoo = Odoo()
    odoo.add("account.account", 4, name="Rent", code="6000")
    invoice(odoo, 1, move_type="in_invoice")
    odoo.add("account.move.line", 1, move_id=1, display_type="product", account_id=4)
    assert "6000" == odoo.lines(Kind.SUPPLIER_INVOICE)[0]["item"]


@EVERY_VERSION
def test_open_items_are_claims_and_debts(version: int) -> None:
    """Posted, on accounts of customers and suppliers, with something left."""
    odoo = Odoo(version)
    odoo.add("account.account", 1, name="Customers", code="1200", account_type="asset_receivable")
    odoo.add("account.account", 2, name="Cash", code="1000", account_type="asset_cash")
    for key, (account, state, left) in enumerate(
        [(1, "posted", 5), (1, "posted", 0), (1, "draft", 5), (2, "posted", 5)], 1
    ):
        odoo.add(
            "account.move.line", key, move_name="INV1", account_id=account, parent_state=state,
            amount_residual=Decimal(left), amount_residual_currency=Decimal(left), currency_id=2,
            date=on("2026-11-20"),
        )  # fmt: skip
    (row,) = odoo.documents(Kind.OPEN_ITEM)
    assert ("1", "INV1", Decimal(5), "USD") == columns(
        row, "key", "number", "remaining_amount", "currency"
    )


@EVERY_VERSION
def test_account_balances(version: int) -> None:
    """Of one currency a sum, of two nothing; an account without entries is left out."""
    odoo = Odoo(version)
    odoo.add("res.company", 2, name="Other Ltd", currency_id=2)
    for key in (1, 2, 3):
        odoo.add("account.account", key, name=f"A{key}", code=f"{key}000")
    end = ":sum" if version >= 19 else ""

    def group(account: int, company: int) -> dict[str, Any]:
        sums = {f"debit{end}": 9.5, f"credit{end}": 2, f"balance{end}": 7.5}
        return {"account_id": [account, ""], "company_id": [company, ""], **sums}

    odoo.groups = [group(1, 1), group(2, 1), group(2, 2)]
    one, two = odoo.documents(Kind.ACCOUNT_BALANCE)
    assert ("1000", Decimal("7.5"), "EUR") == columns(one, "number", "amount", "currency")
    assert (None, None, None) == columns(two, "amount", "currency", "company")
    assert [Decimal("9.5"), Decimal(-2), None, None] == [
        line["amount"] for line in odoo.lines(Kind.ACCOUNT_BALANCE)
    ]


def test_journal_entries_have_their_lines_in_the_companys_currency() -> None:
    """Debit is positive; what is text on an invoice is no entry."""
    odoo = Odoo()
    odoo.add("account.account", 4, name="Rent", code="6000")
    invoice(odoo, 1, move_type="entry", currency_id=2)
    for key, (kind, balance) in enumerate([("product", -8), ("tax", 8), ("line_note", 0)], 1):
        odoo.add(
            "account.move.line", key, move_id=1, display_type=kind, account_id=4,
            balance=Decimal(balance), company_currency_id=1,
        )  # fmt: skip
    lines = odoo.lines(Kind.JOURNAL_ENTRY)
    assert [(Decimal(-8), "EUR"), (Decimal(8), "EUR")] == [
        columns(line, "amount", "currency") for line in lines
    ]
    assert "USD" == odoo.documents(Kind.JOURNAL_ENTRY)[0]["currency"]


@EVERY_VERSION
def test_lock_dates_are_one_document_a_company(version: int) -> None:
    """Closed once no month that is over takes entries; each lock is a line."""
    odoo = Odoo(version)
    odoo.rows["res.company"][1] |= {"fiscalyear_lock_date": on("2026-09-30")}
    odoo.add("res.company", 2, name="Other Ltd", tax_lock_date=on("2026-10-31"))
    odoo.add("res.company", 3, name="Third Ltd", fiscalyear_lock_date=on("2026-10-31"))
    with clock.fixed(datetime(2026, 11, 30, 23, tzinfo=UTC)):
        expected = {"res.company,1": False, "res.company,2": False, "res.company,3": True}
        assert expected == states(odoo, Kind.ACCOUNTING_PERIOD)
        dates = [row["date"] for row in odoo.documents(Kind.ACCOUNTING_PERIOD)]
        assert [on("2026-09-30"), None, on("2026-10-31")] == dates
    with clock.fixed(datetime(2026, 12, 1, tzinfo=UTC)):
        assert {False} == set(states(odoo, Kind.ACCOUNTING_PERIOD).values())
    (tax,) = [
        line
        for line in odoo.lines(Kind.ACCOUNTING_PERIOD, keys=("2",))
        if line["item"] == "tax_lock_date"
    ]
    assert (on("2026-10-31"), "locked") == columns(tax, "due", "state")


# --- projects, names, prices ----------------------------------------------------------------------------


@EVERY_VERSION
def test_projects_and_tasks_close(version: int) -> None:
    """A project by being archived; a task also by its state, before 17 by its stage; persons' to-dos are none."""
    odoo = Odoo(version)
    odoo.add("project.update", 1, name="u", progress=25)
    odoo.add("project.project", 1, name="House", user_id=7, last_update_id=1)
    odoo.add("project.project", 2, name="Old", active=False)
    odoo.add("project.task.type", 1, name="New")
    given: dict[str, Any] = {"project_id": 1, "stage_id": 1, "is_closed": False}
    odoo.add("project.task", 1, name="a", state="01_in_progress", **given)
    odoo.add("project.task", 2, name="b", **given | {"state": "1_done", "is_closed": True})
    odoo.add("project.task", 3, name="c", active=False, state="01_in_progress", **given)
    odoo.add("project.task", 4, name="to-do", state="01_in_progress", is_closed=False)
    assert {
        "project.project,1": False,
        "project.project,2": True,
        "project.task,1": False,
        "project.task,2": True,
        "project.task,3": True,
    } == states(odoo, Kind.PROJECT)
    house, _, task, *_ = odoo.documents(Kind.PROJECT)
    assert ("House", Decimal("0.25"), "Ada") == columns(house, "number", "progress", "owner")
    state = "01_in_progress" if version >= 17 else "New"
    assert ("a", "House", state) == columns(task, "number", "reference", "state")


def test_partners_and_products() -> None:
    """The code is the number, the name the reference; what is archived is closed."""
    odoo = Odoo()
    odoo.add("res.partner", 6, name="Old", complete_name="Azure, Old", ref="A6", active=False)
    assert {"res.partner,5": False, "res.partner,6": True} == states(odoo, Kind.PARTNER)
    old = odoo.documents(Kind.PARTNER, numbers=("A6",))[0]
    assert ("A6", "Azure, Old") == columns(old, "number", "reference")
    (chair,) = odoo.documents(Kind.ITEM)
    assert ("CH", "Chair") == columns(chair, "number", "reference")


def test_a_document_of_no_company_belongs_to_every_one() -> None:
    """Shared partners are read with each company; another company's are not."""
    odoo = Odoo()
    odoo.rows["res.partner"][5]["company_id"] = None
    odoo.add("res.partner", 6, name="Other's", company_id=2)
    assert ["5"] == [row["key"] for row in odoo.documents(Kind.PARTNER, company=1)]


def test_prices() -> None:
    """A price that is worked out has no amount; one whose time is over is closed."""
    odoo = Odoo()
    odoo.add("product.pricelist", 1, name="Retail")
    odoo.add("product.template", 9, name="Any chair")
    odoo.add(
        "product.supplierinfo", 1, partner_id=5, price=Decimal(8), min_qty=Decimal(12),
        currency_id=1, product_id=3, date_end=on("2026-11-19"),
    )  # fmt: skip
    for key, way in ((1, "fixed"), (2, "percentage")):
        odoo.add(
            "product.pricelist.item", key, pricelist_id=1, compute_price=way, product_tmpl_id=9,
            fixed_price=Decimal(10), date_end=NOON,
        )  # fmt: skip
    with clock.fixed(NOON):
        assert [True, False, False] == list(states(odoo, Kind.PRICE).values())
        amounts = [row["amount"] for row in odoo.documents(Kind.PRICE)]
        assert [Decimal(8), Decimal(10), None] == amounts
        assert ["CH", "Any chair", "Any chair"] == [r["item"] for r in odoo.lines(Kind.PRICE)]


@EVERY_VERSION
def test_payments(version: int) -> None:
    """Posted ones (up to 17) and paid ones are closed; one that is under way is open."""
    odoo = Odoo(version)
    for key, state in enumerate(("draft", "in_process", "posted", "paid", "canceled"), 1):
        odoo.add(
            "account.payment", key, name=f"PAY{key}", state=state, amount=Decimal(5), currency_id=1,
            memo="INV1", ref="INV1", date=on("2026-11-20"),
        )  # fmt: skip
    assert [False, False, True, True, True] == list(states(odoo, Kind.PAYMENT).values())
    assert {"INV1"} == {row["reference"] for row in odoo.documents(Kind.PAYMENT)}
