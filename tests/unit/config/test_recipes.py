"""Recipe files: validated, overridden by a site, told with file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.recipe_files import SHIPPED, load_recipe, read_recipe, recipe_names
from config.recipes import DOCUMENT_COLUMNS, KINDS, LINE_COLUMNS
from connectors import columns
from connectors.contract import Kind
from core.errors import ConfigError, NotFound

RECIPE = """\
recipe: 1
name: ours
version: 1
erp: ours
product: Ours
databases: [sqlite]
kinds:
  purchase_order:
    label: order
    document:
      table: po
      key: [id]
      number: [no]
      columns:
        date: day
    lines:
      table: pol
      key: [id]
      link: {po: id}
    closed:
      document: every(lines, mark = 'y')
      line: mark = 'y'
    close:
      lines:
        mark: "'y'"
    by_person:
      screen: orders
      press: close
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def written(folder: Path, text: str) -> Path:
    path = folder / "ours.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", recipe_names())
def test_shipped_recipes_are_valid(name: str) -> None:
    """Every recipe that Storno ships can be read, and says where its facts come from."""
    recipe = load_recipe(name)

    assert recipe.name == name
    assert recipe.sources or name == "generic"
    for kind in recipe.kinds.values():
        assert kind.closed is None or kind.by_person is None or kind.by_person.screen


def test_the_erps_of_the_promise_are_shipped() -> None:
    """The ERPs that people really have, and those that nobody may write."""
    assert {"u8", "k3_wise", "workflow", "tiptop", "sql_ledger", "generic"} <= set(recipe_names())
    for name in ("sap_business_one", "nav"):
        recipe = load_recipe(name)
        assert recipe.forbidden is not None
        assert all(kind.close is None and kind.reopen is None for kind in recipe.kinds.values())


def test_the_words_are_those_of_the_product() -> None:
    """Kinds and canonical columns have the names that they have everywhere."""
    own = {"kind", "model", "key", "number", "is_closed"}
    of_lines = {"kind", "document_key", "number", "model", "key"}

    assert {name for name, _, _ in columns.DOCUMENT_COLUMNS} - own == DOCUMENT_COLUMNS
    assert {name for name, _, _ in columns.LINE_COLUMNS} - of_lines == LINE_COLUMNS
    assert set(KINDS) - {"purchase_requisition"} <= set(Kind)


def test_a_recipe_is_frozen_and_knows_what_an_image_needs(folder: Path) -> None:
    """Keys, links, marks and what is written are needed; what only the bulk face shows is not."""
    kind = read_recipe(written(folder, RECIPE)).kinds["purchase_order"]

    assert kind.places() == ("document", "lines")
    assert kind.needed("document") == {"id", "no", "day"}
    assert kind.needed("lines") == {"id", "po", "mark"}
    assert kind.written("lines") == {"mark"}
    with pytest.raises(ValueError, match="frozen"):
        kind.label = "other"


@pytest.mark.parametrize(
    "old, new, line, key",
    [
        ("mark = 'y'\n    close", "mark = \n    close", 22, "kinds.purchase_order.closed.line"),
        ("table: pol", "tble: pol", 17, "kinds.purchase_order.lines.tble"),
        ("label: order", "label: 12", 9, "kinds.purchase_order.label"),
        ("date: day", "dates: day", 15, "kinds.purchase_order.document.columns.dates"),
        ("every(lines", "every(receipts", 8, "kinds.purchase_order"),
        ("press: close", "presses: close", 28, "kinds.purchase_order.by_person.presses"),
        ("version: 1", "version: 0", 3, "version"),
        ("name: ours", "name: other", 2, "name"),
        ("link: {po: id}", "link: {'a;b': id}", 19, "kinds.purchase_order.lines.link"),
        ("\"'y'\"", "upper('y')", 25, "kinds.purchase_order.close.lines.mark"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_key(
    folder: Path, old: str, new: str, line: int, key: str
) -> None:
    """Who writes a recipe is told where the mistake stands."""
    path = written(folder, RECIPE.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        read_recipe(path)

    said = str(caught.value)
    assert str(path) in said
    assert f"line {line}" in said, said
    assert key in said


@pytest.mark.parametrize(
    "old_and_new",
    [
        ("      press: close\n", "      press: close\n    period: stock\n"),
        ("        mark: \"'y'\"", "        id: 5"),
        ("    close:\n      lines:\n        mark: \"'y'\"\n", "    close: {}\n"),
        (
            "closed:\n      document: every(lines, mark = 'y')",
            "closed:\n      document: mark = closer()",
        ),
        ("    label: order\n", "    label: order\n    to_check: {close.lines.nothing: look}\n"),
        ("mark: \"'y'\"", "mark: closer()"),
        ("erp: ours\n", "erp: ours\nforbidden: {reason: no, instead: yes}\n"),
    ],
)
def test_what_makes_no_sense_is_refused(folder: Path, old_and_new: tuple[str, str]) -> None:
    """A key that is written, a period or closer that is not there, a write where none is allowed ..."""
    old, new = old_and_new
    assert old in RECIPE
    with pytest.raises(ConfigError):
        read_recipe(written(folder, RECIPE.replace(old, new)))


def test_a_site_replaces_a_recipe(folder: Path) -> None:
    """A file of the site goes before the shipped one of its name."""
    (folder / "u8.yaml").write_text(RECIPE.replace("name: ours", "name: u8"), encoding="utf-8")

    assert load_recipe("u8", folder).product == "Ours"
    assert load_recipe("u8").product == "Yonyou U8"
    assert load_recipe("k3_wise", folder).name == "k3_wise"


def test_a_site_extends_a_recipe(folder: Path) -> None:
    """A file that extends a shipped recipe gives only what differs; null takes something away."""
    written(
        folder,
        "extends: u8\nrecipe: 1\nname: ours\nversion: 7\nkinds:\n  purchase_order:\n"
        "    lines:\n      columns: {received_quantity: iReceivedQTY}\n",
    )
    ours, shipped = load_recipe("ours", folder), load_recipe("u8")

    assert (ours.name, ours.version) == ("ours", 7)
    kind = ours.kinds["purchase_order"]
    assert str(kind.shown("lines")["received_quantity"]) == "iReceivedQTY"
    assert kind.shown("lines").keys() == shipped.kinds["purchase_order"].shown("lines").keys()
    assert ours.kinds["sales_order"] == shipped.kinds["sales_order"]


def test_a_site_does_without(folder: Path) -> None:
    """What the site does not have is taken away by its path, a problem by its code; what is not there is told."""
    start = "extends: u8\nrecipe: 1\nname: ours\nversion: 7\n"
    written(
        folder,
        start + "without:\n  - kinds.purchase_order.reopen.lines.cbCloseTime\n"
        "  - kinds.purchase_order.problems.changing\n"
        "  - kinds.sales_order\n",
    )
    ours = load_recipe("ours", folder).kinds
    reopen, codes = ours["purchase_order"].reopen, {p.code for p in ours["purchase_order"].problems}

    assert reopen is not None
    assert {"cbCloser", "cbCloseDate"} == reopen.lines.keys()
    assert {"not_audited", "not_stored"} == codes
    assert "sales_order" not in ours

    written(folder, start + "without: [kinds.purchase_order.close.lines.nothing]\n")

    with pytest.raises(ConfigError, match=r"line 5.*no kinds.purchase_order.close.lines.nothing"):
        load_recipe("ours", folder)


@pytest.mark.parametrize(
    "change",
    [
        ("      link: {order_id: id}\n", "      link: {order_id: number}\n      renewed: true\n"),
        ("      link: {order_id: id}\n", "      link: {order_id: id}\n      renewed: true\n"),
    ],
    ids=["linked by something else", "written"],
)
def test_renewed_lines_are_never_written(folder: Path, change: tuple[str, str]) -> None:
    """Lines with new keys at every save could not be put back; so a recipe may not write them."""
    shipped = (SHIPPED / "generic.yaml").read_text(encoding="utf-8")
    (folder / "generic.yaml").write_text(shipped.replace(*change), encoding="utf-8")

    with pytest.raises(ConfigError, match="renewed"):
        load_recipe("generic", folder)


def test_an_unknown_recipe_is_not_found(folder: Path) -> None:
    """A name is no path, and the answer says which names there are."""
    with pytest.raises(NotFound, match="workflow"):
        load_recipe("../secrets", folder)
    with pytest.raises(ConfigError, match="shipped recipe"):
        read_recipe(written(folder, "extends: nothing\nrecipe: 1\n"))


def test_nothing_in_a_write_is_a_value(folder: Path) -> None:
    """`null` in what a write sets means nothing; elsewhere a key without a value was not written."""
    path = written(
        folder,
        RECIPE.replace("mark: \"'y'\"", "mark: null").replace(
            "press: close", "press: close\n      reopen_press:"
        ),
    )
    kind = read_recipe(path).kinds["purchase_order"]

    assert kind.close is not None
    assert str(kind.close.lines["mark"]) == "null"
    assert kind.by_person is not None
    assert kind.by_person.reopen_press is None


def test_what_is_unsure_is_told() -> None:
    """Everything that a site must check is listed with what to look at."""
    unsure = dict(load_recipe("u8").unsure())

    assert "kinds.goods_receipt" in unsure
    assert unsure["kinds.purchase_order.close.document.cState"]
    assert load_recipe("sql_ledger").unsure() == ()


def test_the_shipped_folder_is_part_of_the_product() -> None:
    """The recipes lie inside the package that is installed."""
    assert SHIPPED.parent.name == "config"


def test_a_key_that_is_nearly_right_is_suggested(folder: Path) -> None:
    """Who mistypes a key is told which one was meant, in sections that may be left out too."""
    path = written(folder, RECIPE.replace("press: close", "presses: close"))

    with pytest.raises(ConfigError, match="did you mean press"):
        read_recipe(path)


def test_a_period_is_never_written(folder: Path) -> None:
    """No recipe can declare what closes a period: that is done on the ERP's own screen."""
    path = written(folder, RECIPE.replace("purchase_order:", "accounting_period:"))

    with pytest.raises(ConfigError, match="closed by people alone"):
        read_recipe(path)


@pytest.mark.parametrize(
    "old, new, said",
    [
        (
            "      link: {po: id}",
            "      link: {po: id}\n      only: kind = 'x'",
            "lines have no only",
        ),
        (
            "    closed:",
            "    related:\n      others: {table: POL, key: [id], of: lines, link: {id: id}}\n    closed:",
            "others and lines are the same table",
        ),
    ],
)
def test_what_no_image_could_hold(folder: Path, old: str, new: str, said: str) -> None:
    """A table stands in one place, and lines are taken as they are: whatever else was silently left out before."""
    with pytest.raises(ConfigError, match=said):
        read_recipe(written(folder, RECIPE.replace(old, new)))
