"""The closed list of event names."""

from __future__ import annotations

import re

from core.events import Event


def test_names_follow_the_grammar() -> None:
    """Every event is `subject.verb_past`, and its constant says the same."""
    for event in Event:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*", event.value)
        assert event.name == event.value.replace(".", "_").upper()
