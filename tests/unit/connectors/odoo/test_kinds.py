"""Promises of the bulk face: criteria, native columns, kinds that are not there."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.contract import Criteria, Kind, Ref
from connectors.odoo.kinds import find_documents, read_documents, read_lines
from connectors.odoo.sources import MODELS, SOURCES, kinds_of
from core.errors import NotFound
from tests.unit.connectors.odoo.stand_in import VERSIONS, Odoo

ORDERS = Kind.PURCHASE_ORDER


@pytest.fixture
def odoo() -> Odoo:
    made = Odoo()
    for key in (1, 2, 3):
        made.add(
            "purchase.order", key, name=f"P{key}", state="purchase", partner_id=5,
            company_id=2 if key == 3 else 1, amount_total=Decimal("7.5"),
        )  # fmt: skip
        made.add("purchase.order.line", key, order_id=key, product_id=3)
    made.add("res.company", 2, name="Other Ltd")
    return made


def keys(odoo: Odoo, *, company: int | None = None, **criteria: object) -> list[str]:
    return [row["key"] for row in odoo.documents(ORDERS, company=company, **criteria)]


def test_criteria_are_pushed_down(odoo: Odoo) -> None:
    """Numbers, keys and the configured company leave out everything else."""
    assert ["1", "2", "3"] == keys(odoo)
    assert ["2"] == keys(odoo, numbers=("P2", "P2", "no such"))
    assert ["1", "3"] == keys(odoo, keys=("1", "3", "not a key"))
    assert ["3"] == keys(odoo, company=2)
    assert [] == keys(odoo, company=2, numbers=("P2",))
    assert [] == keys(odoo, keys=())
    assert [] == keys(odoo, numbers=())


def test_what_odoo_writes_for_no_number_is_none(odoo: Odoo) -> None:
    """A draft invoice is called `/`: nobody means that by a number, and all drafts have it."""
    odoo.add(
        "account.move",
        1,
        name="/",
        state="draft",
        move_type="out_invoice",
        date=None,
        currency_id=1,
    )
    (row,) = odoo.documents(Kind.CUSTOMER_INVOICE)
    assert row["number"] is None
    assert [] == odoo.documents(Kind.CUSTOMER_INVOICE, numbers=("/",))


def test_find_answers_for_every_number(odoo: Odoo) -> None:
    """One that is there, one that is not, one that only looks alike, and several of the same."""
    odoo.add("purchase.order", 4, name="P1", state="draft")
    found = find_documents(SOURCES[ORDERS], ["P1", "p2", "/", "無"], odoo, odoo.setting())
    both = (Ref("purchase.order", "1"), Ref("purchase.order", "4"))
    assert {"P1": both, "p2": (), "/": (), "無": ()} == found


def test_what_odoo_finds_beside_the_number_is_left_out(
    odoo: Odoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Odoo finds accounts also by the code that they have in another company."""
    monkeypatch.setattr(odoo, "_fits", lambda *_: True)
    found = find_documents(SOURCES[ORDERS], ["P2"], odoo, odoo.setting())
    assert {"P2": (Ref("purchase.order", "2"),)} == found


def test_pages_are_put_together(odoo: Odoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are more documents than one answer holds, none is lost and lines stay with theirs."""
    monkeypatch.setattr("connectors.odoo.kinds.PAGE", 1)
    assert ["1", "2", "3"] == keys(odoo)
    assert ["1", "2", "3"] == [row["document_key"] for row in odoo.lines(ORDERS)]


# --- native columns ---------------------------------------------------------------------------------------


def test_native_columns_are_text(odoo: Odoo) -> None:
    """Also of what is one step away, and of several records there."""
    odoo.rows["res.partner"][5]["ref"] = "A-5"
    native = ("amount_total", "date_order", "partner_id.ref", "state", "partner_id", "date_approve")
    (row,) = odoo.documents(ORDERS, keys=("1",), native=native)
    expected = ("7.5", None, "A-5", "purchase", "5", None)
    assert expected == tuple(row[f"native.{name}"] for name in native)


def test_native_columns_of_lines_are_the_lines_own(odoo: Odoo) -> None:
    """`native.name` of a line is not the order's name; one step leads to the order."""
    native = ("sequence", "order_id.name", "product_id.default_code")
    (row,) = odoo.lines(ORDERS, keys=("2",), native=native)
    assert (None, "P2", "CH") == tuple(row[f"native.{name}"] for name in native)


def test_native_columns_of_relations_to_many() -> None:
    """Several records stand beside each other."""
    odoo = Odoo()
    odoo.add("res.users", 8, name="Bob")
    odoo.add("project.project", 1, name="House")
    odoo.add("project.task", 1, name="Roof", project_id=1, user_ids=(7, 8), state="1_done")
    native = ("user_ids", "user_ids.name", "date_start")
    project, task = odoo.documents(Kind.PROJECT, native=native)
    assert ("[7,8]", "Ada, Bob", None) == tuple(task[f"native.{name}"] for name in native)
    assert (None, None, None) == tuple(project[f"native.{name}"] for name in native)


@pytest.mark.parametrize("name", ["nothing", "partner_id.company_id.name"])
def test_unknown_native_columns_are_not_found(odoo: Odoo, name: str) -> None:
    """A field that Odoo does not have is not empty, it is a mistake."""
    for read in (read_documents, read_lines):
        with pytest.raises(NotFound, match="has no field"):
            list(read(SOURCES[ORDERS], Criteria(native=(name,)), odoo, odoo.setting()))


# --- kinds --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_kind_asks_only_for_what_a_version_has(version: int, kind: Kind) -> None:
    """An empty Odoo of each version gives one empty batch of each kind, and refuses no field."""
    odoo = Odoo(version)
    odoo.rows = {}
    assert [] == odoo.documents(kind)
    assert [] == odoo.documents(kind, is_closed=True)
    assert [] == odoo.lines(kind)


def test_a_module_that_is_not_installed_has_no_kinds(odoo: Odoo) -> None:
    """Asked for them, the answer is that they do not exist, not that there are none."""
    del odoo.fields["mrp.production"]
    assert Kind.PRODUCTION_ORDER not in kinds_of(odoo.setting().target)
    with pytest.raises(NotFound):
        odoo.documents(Kind.PRODUCTION_ORDER)
    with pytest.raises(NotFound):
        find_documents(SOURCES[Kind.PRODUCTION_ORDER], ["1"], odoo, odoo.setting())


def test_models_name_what_the_sources_read() -> None:
    """Whoever asks for the fields of `MODELS` knows every model that documents come from."""
    assert {source.model for sources in SOURCES.values() for source in sources} <= MODELS
    assert set(kinds_of(Odoo().setting().target)) == set(SOURCES)
