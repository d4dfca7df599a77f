"""Text for people: an English template and its values, translated only where it is shown.

Connectors and the recovery core know reasons ("goods were received"), not readers. They hand out
`Text`; the service translates the template with gettext and fills in the values. Logs and the
journal keep English.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final


def N_(template: str) -> str:  # noqa: N802 - the name that gettext's extractors look for
    """Mark a template for translation and return it unchanged."""
    return template


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence for a person: `template` in English with `{name}` places, `values` to fill them.

    A value may be a `Text` itself (the problem within a message). Without values a template is
    shown as it stands, braces and all.
    """

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.fill(self.template)

    def fill(self, template: str) -> str:
        """Put the values into `template`, which may be a translation of ours.

        Never raises: a place without its value shows the template and the values as they are,
        because a message must not hide the event that it describes.
        """
        return _fill(template, self.values)

    def translated(self, translate: Callable[[str], str]) -> str:
        """Return the sentence in the language of `translate` (gettext), texts within it included."""
        values = {
            name: value.translated(translate) if isinstance(value, Text) else value
            for name, value in self.values.items()
        }
        return _fill(translate(self.template), values)

    def as_dict(self) -> dict[str, Any]:
        """Return the form that the journal and `--json` keep."""
        values = {
            name: value.as_dict() if isinstance(value, Text) else value
            for name, value in self.values.items()
        }
        return {"template": self.template, "values": values, "text": str(self)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Text:
        """Read back what `as_dict` wrote."""
        values = {
            name: cls.from_dict(value)
            if isinstance(value, Mapping) and value.keys() == _STORED_KEYS
            else value
            for name, value in (stored.get("values") or {}).items()
        }
        return cls(stored["template"], values)


_STORED_KEYS: Final = frozenset({"template", "values", "text"})


def _fill(template: str, values: Mapping[str, Any]) -> str:
    if not values:
        return template
    try:
        return template.format_map(values)
    except (LookupError, ValueError, AttributeError, TypeError):
        return f"{template} {dict(values)}"


def text(template: str, /, **values: Any) -> Text:
    """Make a `Text` of a marked template: `text(N_("..."), number=...)`."""
    return Text(template, values)
