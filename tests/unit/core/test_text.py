"""Text for people: translated only where it is shown."""

from __future__ import annotations

import pytest

from core.encoding import dumps, loads
from core.text import N_, Text, text

CHINESE = {"{number} is closed: {why}": "{number} 已结案：{why}", "by hand": "手工"}


def test_places_are_filled() -> None:
    """The values stand in the places of the template."""
    assert str(text(N_("{number} is closed"), number="PO7")) == "PO7 is closed"


def test_template_without_values_stands_as_it_is() -> None:
    """Braces mean nothing where there is nothing to fill in."""
    assert str(text("write ${NAME}")) == "write ${NAME}"


def test_translation_reaches_texts_within() -> None:
    """A text within a text is translated too."""
    sentence = text("{number} is closed: {why}", number="PO7", why=text("by hand"))

    assert sentence.translated(lambda template: CHINESE[template]) == "PO7 已结案：手工"
    assert str(sentence) == "PO7 is closed: by hand"


@pytest.mark.parametrize(
    "template", ["{missing}", "{number", "{0}", "{number.nothing}", "{number:%d}", "{number[x]}"]
)
def test_broken_template_never_raises(template: str) -> None:
    """A translator's mistake shows the template; it does not stop the work."""
    assert f"{template} {{'number': 7}}" == text("x", number=7).fill(template)


def test_stored_and_read_back() -> None:
    """What the journal keeps comes back as the same text, texts within it included."""
    sentence = text("{a} {b} {c}", a=1, b=text("in {x}", x="y"), c={"k": "v"})

    assert sentence == Text.from_dict(loads(dumps(sentence.as_dict())))
    assert text("plain") == Text.from_dict({"template": "plain", "values": None})
