"""Promises of what is looked up beside documents: units are exact, and nothing is asked for twice."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from connectors.odoo import lookup as lookups
from connectors.odoo.lookup import size_of
from core.errors import AccessDenied
from tests.unit.connectors.odoo.stand_in import VERSIONS, Odoo


@pytest.mark.parametrize(
    "factor, is_size, expected",
    [
        ("0.08333333333333333", False, Fraction(12)),  # a dozen, up to 18
        ("12", True, Fraction(12)),  # a dozen, from 19 on
        ("1000", False, Fraction(1, 1000)),  # grams of a kilogram
        ("0.001", True, Fraction(1, 1000)),
        ("2.20462", False, Fraction(100000, 220462)),  # pounds of a kilogram
        ("0.45359237", True, Fraction(45359237, 100000000)),
        ("0", False, Fraction(1)),
    ],
)
def test_size_of_a_unit_is_what_was_typed(
    factor: str, expected: Fraction, *, is_size: bool
) -> None:
    """A factor that is the inverse of a plain number is taken for that number."""
    assert expected == size_of(Decimal(factor), is_size=is_size)


@pytest.mark.parametrize("version", VERSIONS)
def test_units_convert_in_every_version(version: int) -> None:
    """The factor was turned over in 19; the quantities are the same."""
    lookup = Odoo(version).lookup()
    assert Decimal(24) == lookup.in_unit([(Decimal(2), 2)], 1)
    assert Decimal("0.583333333") == lookup.in_unit([(Decimal(7), 1)], 2)
    assert Decimal(5) == lookup.in_unit([(Decimal(3), 1), (Decimal(2), 1)], 1)
    assert Decimal(5) == lookup.in_unit([(Decimal(5), None)], 2)
    assert ("Dozen", None) == (lookup.unit(2), lookup.unit(99))


def test_a_record_is_asked_for_once() -> None:
    """Also one that is not there, or that a rule hides."""
    odoo = Odoo()
    lookup = odoo.lookup()
    assert {5: "Azure"} == lookup.names("res.partner", [5, 6, None])
    assert "Azure" == lookup.name("res.partner", 5)
    assert lookup.name("res.partner", 6) is None
    assert lookup.name("res.partner", None) is None
    assert 1 == odoo.asked.count("res.partner")


def test_a_full_memory_is_emptied_and_a_page_still_costs_one_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Names do not grow without end, and emptying them does not make a question of every name."""
    monkeypatch.setattr(lookups, "REMEMBERED", 3)
    odoo = Odoo()
    for key in range(10, 30):
        odoo.add("res.users", key, name=f"user {key}")
    lookup = odoo.lookup()
    for start in (10, 20):
        page = range(start, start + 10)
        lookup.names("res.users", page)
        assert [f"user {key}" for key in page] == [lookup.name("res.users", key) for key in page]
    assert 2 == odoo.asked.count("res.users")


def test_many_owners_are_asked_for_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child of two owners in two questions belongs to each of them once."""
    monkeypatch.setattr(lookups, "TOGETHER", 1)
    odoo = Odoo()
    odoo.add("account.move.line", 1, sale_line_ids=(1, 2), parent_state="posted")
    found = odoo.lookup().children("account.move.line", "sale_line_ids", [1, 2], ["name"])
    assert [[1], [1]] == [[row["id"] for row in found[key]] for key in (1, 2)]


def test_children_of_a_model_that_is_not_installed() -> None:
    """A module that is not there holds nothing."""
    odoo = Odoo()
    del odoo.fields["account.move.line"]
    assert {} == odoo.lookup().children("account.move.line", "sale_line_ids", [1], ["name"])


@pytest.mark.parametrize("version", [18, 19])
def test_groups_come_as_ids_and_exact_sums(version: int) -> None:
    """The two ways of asking for sums give the same."""
    odoo = Odoo(version)
    key = "debit:sum" if version >= 19 else "debit"
    odoo.groups = [{"account_id": [4, "Cash"], "company_id": False, key: 0.1}]
    found = odoo.lookup().grouped("account.move.line", [], ["account_id", "company_id"], ["debit"])
    assert [{"account_id": 4, "company_id": None, "debit": Decimal("0.1")}] == found
    method = "formatted_read_group" if version >= 19 else "read_group"
    assert method == odoo.said[0][1]


def test_only_invoices_may_be_hidden() -> None:
    """Without a right to read names the reading ends with Odoo's refusal; nothing is left empty silently."""
    odoo = Odoo()
    odoo.hidden.add("res.partner")
    with pytest.raises(AccessDenied):
        odoo.lookup().names("res.partner", [5])
