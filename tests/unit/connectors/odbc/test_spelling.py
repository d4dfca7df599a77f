"""A recipe takes on the live database's own spelling; Oracle keeps TIPTOP's names in capitals."""

from __future__ import annotations

from config.recipe_files import load_recipe
from config.recipes import KindRecipe
from connectors.odbc.spelling import respelled
from connectors.odbc.values import Column, Sort, Table


def live(rules: KindRecipe, place: str, *, in_capitals: bool) -> Table:
    table = rules.table_of(place)
    shown = {name for each in rules.shown(place).values() for name in each.columns()}
    names = {*rules.needed(place), *table.types, *table.labels, *shown}
    spelt = [name.upper() if in_capitals else name for name in sorted(names)]
    name = table.table.upper() if in_capitals else table.table
    return Table(name, {each: Column(each, "text", Sort.TEXT) for each in spelt})


def test_every_name_follows_the_database() -> None:
    """Keys, links, conditions, writes and what is recomputed are spelled as the live tables are."""
    rules = load_recipe("tiptop").kinds["purchase_order"]
    tables = {place: live(rules, place, in_capitals=True) for place in rules.places()}
    found = respelled(rules, tables, {})

    for place in rules.places():
        assert found.table_of(place).table == rules.table_of(place).table.upper()
        assert found.needed(place) == {name.upper() for name in rules.needed(place)}
    assert found.written("lines") == {"PMN16", "PMN57"}
    assert found.closed is not None
    assert found.closed.document.places() == {"lines": {"PMN16"}}
    assert found.lines is not None
    assert found.lines.link == {"PMN01": "PMM01"}
    assert found.related["prepayments"].link == {"APA08": "PMM01"}
    assert [rule.changed for rule in found.later if rule.code == "received"] == [
        ("PMN50", "PMN51", "PMN53", "PMN55", "PMN58")
    ]


def test_nothing_changes_where_the_spelling_agrees() -> None:
    """A recipe that fits is used as it stands."""
    rules = load_recipe("tiptop").kinds["purchase_order"]
    tables = {place: live(rules, place, in_capitals=False) for place in rules.places()}

    assert respelled(rules, tables, {}) is rules
