"""What a change set keeps of its actions, so that it can be read in a year without asking the ERP."""

from __future__ import annotations

from typing import Any

from connectors.contract import Action
from core.text import Text


def describe_action(action: Action) -> dict[str, Any]:
    """Return an action's title, what it creates, per model its trace fields, and the ERP's own words for fields."""
    found: dict[str, Any] = {
        "title": Text(action.title).as_dict(),
        "creates": {
            model: Text(title).as_dict() for model, title in sorted(action.creates.items())
        },
        "trace_fields": {model: sorted(fields) for model, fields in sorted(action.trace.items())},
    }
    if action.word:
        found["word"] = action.word
    if action.labels:
        found["labels"] = {model: dict(names) for model, names in sorted(action.labels.items())}
    return found
