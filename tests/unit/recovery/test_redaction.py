"""What the settings hide is masked wherever it is shown, and nothing else is."""

from __future__ import annotations

from typing import Any

from config.storage import RedactionRule
from connectors.contract import Ref
from core.text import Text
from recovery.at_rest.redaction import MASK, Redaction, Rule, of_settings
from recovery.model import FieldDifference

WAGE = Rule("hr.contract", frozenset({"wage", "iban"}))
ONE = Rule("res.partner", frozenset({"vat"}), "erp")
REDACTION = Redaction([WAGE, ONE])
CONTRACT = Ref("hr.contract", "7")


def test_rules_hide_their_fields() -> None:
    """Of their model, in every system or in the one that they name."""
    assert REDACTION.hides("erp", "hr.contract", "wage")
    assert REDACTION.hides("other", "hr.contract", "iban")
    assert not REDACTION.hides("erp", "hr.contract", "name")
    assert not REDACTION.hides("erp", "hr.employee", "wage")
    assert REDACTION.hides("erp", "res.partner", "vat")
    assert not REDACTION.hides("other", "res.partner", "vat")


def test_where_no_system_is_named_every_rule_counts() -> None:
    """Rather too much is hidden than too little."""
    assert REDACTION.hides(None, "res.partner", "vat")
    assert not REDACTION.hides(None, "res.partner", "name")


def test_several_rules_of_one_model_add_up() -> None:
    """The second does not replace the first."""
    both = Redaction([WAGE, Rule("hr.contract", frozenset({"bonus"}))])

    assert both.hides("erp", "hr.contract", "wage")
    assert both.hides("erp", "hr.contract", "bonus")


def test_without_rules_nothing_is_hidden() -> None:
    """And nobody spends time on it."""
    assert not Redaction()
    assert REDACTION
    assert 1 == Redaction().shown("erp", "hr.contract", "wage", 1)


def test_rules_of_the_settings() -> None:
    """As storno.yaml has them."""
    found = of_settings([RedactionRule(system="erp", model="a.b", fields=("c",))])

    assert found.hides("erp", "a.b", "c")
    assert not found.hides("other", "a.b", "c")


def test_a_difference_says_that_it_changed() -> None:
    """Not what it was."""
    wage = FieldDifference(CONTRACT, "wage", 5000, 6000)
    name = FieldDifference(CONTRACT, "name", "a", "b")

    assert FieldDifference(CONTRACT, "wage", MASK, MASK) == REDACTION.shown_difference("erp", wage)
    assert name == REDACTION.shown_difference("erp", name)


def test_rows_records_and_arguments_are_masked() -> None:
    """However deep they stand, in lists and in what is written piece by piece."""
    row = {"model": "hr.contract", "key": "7", "field": "wage", "before": 5, "after": 6, "by": "x"}
    conflict = {**row, "ours": 6, "now": 7, "resolution": {"way": "put_back", "target": 5}}
    record = {"model": "hr.contract", "fields": {"wage": 5, "name": "a"}, "raw": {"wage": "5.0"}}
    operation = {
        "system": "erp",
        "document": {"model": "res.partner", "key": "1"},
        "arguments": {"vat": "DE1", "name": "b"},
        "result": {"foreign": [row]},
    }
    shown: dict[str, Any] = REDACTION.masked(
        {"rows": [conflict], "image": (record,), "operations": iter([operation])}
    )
    (told,), (image,), (done,) = shown["rows"], shown["image"], list(shown["operations"])

    assert {MASK} == {told[name] for name in ("before", "after", "ours", "now")}
    assert {"way": "put_back", "target": MASK} == told["resolution"]
    assert ("7", "x") == (told["key"], told["by"])
    assert ({"wage": MASK, "name": "a"}, {"wage": MASK}) == (image["fields"], image["raw"])
    assert {"vat": MASK, "name": "b"} == done["arguments"]
    assert MASK == done["result"]["foreign"][0]["after"]


def test_a_rule_of_one_system_leaves_the_others_alone() -> None:
    """Where the answer says which system it is about."""
    record = {"model": "res.partner", "fields": {"vat": "DE1"}}

    assert {"vat": "DE1"} == REDACTION.masked({"system": "other", "image": record})["image"][
        "fields"
    ]
    assert {"vat": MASK} == REDACTION.masked({"system": "erp", "image": record})["image"]["fields"]


def test_a_record_that_is_missing_stays_missing() -> None:
    """There is nothing to hide."""
    assert REDACTION.shown_fields("erp", "hr.contract", None) is None


def test_texts_about_a_hidden_field_have_the_mask() -> None:
    """A reason that stands in the journal for everybody."""
    values = {"field": "wage", "wanted": "5000", "now": "6000"}
    said = Text("{field}: {wanted} -> {now}", values)
    other = Text("{field}: {now}", {"field": "name", "now": "x"})

    assert f"wage: {MASK} -> {MASK}" == str(REDACTION.masked_text(said))
    assert other == REDACTION.masked_text(other)
