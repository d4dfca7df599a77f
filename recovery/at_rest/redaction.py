"""Fields that nobody shall see: masked wherever people or programs read, exact where Storno puts them back.

In the journal their values stand in sealed images alone (`recovery.at_rest.concealing`); texts that explain an operation have
the mask from the beginning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from core.text import Text
from recovery.model import FieldDifference

if TYPE_CHECKING:
    from config.storage import RedactionRule

MASK: Final = "***"
"""What is shown instead of a value."""

VALUES: Final = ("before", "after", "ours", "now", "target", "will_be", "value")
"""What rows about a field call its values."""


SHOWN_COLUMNS: Final = frozenset(
    {
        "kind", "model", "key", "number", "document_key", "position", "company", "currency", "state", "is_closed",
        "closed_how",
    }
)  # fmt: skip
"""Columns of lists and plans that stay where a rule hides fields and does not say which columns tell them."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Fields of one model, in one system or in all of them; `columns` None: all but `SHOWN_COLUMNS`."""

    model: str
    fields: frozenset[str]
    system: str | None = None
    columns: frozenset[str] | None = None


def of_settings(rules: Iterable[RedactionRule]) -> Redaction:
    """Return the rules of storno.yaml."""
    return Redaction(
        Rule(
            each.model,
            frozenset(each.fields),
            each.system,
            None if each.columns is None else frozenset(each.columns),
        )
        for each in rules
    )


class Redaction:
    """The rules of one journal; without any, everything is shown."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._everywhere: dict[str, set[str]] = {}
        self._of_system: dict[tuple[str, str], set[str]] = {}
        self._rules: dict[str, list[Rule]] = {}
        for rule in rules:
            self._rules.setdefault(rule.model, []).append(rule)
            fields = (
                self._everywhere.setdefault(rule.model, set())
                if rule.system is None
                else self._of_system.setdefault((rule.system, rule.model), set())
            )
            fields.update(rule.fields)

    def __bool__(self) -> bool:
        """Whether anything is hidden at all."""
        return bool(self._everywhere or self._of_system)

    def hides(self, system: str | None, model: str, field: str) -> bool:
        """Whether values of this field are shown to nobody. Without a system, the rules of all of them count."""
        if field in self._everywhere.get(model, ()):
            return True
        if system is None:
            return any(
                field in fields for (_, of), fields in self._of_system.items() if of == model
            )
        return field in self._of_system.get((system, model), ())

    def hides_any(self, system: str | None, model: str) -> bool:
        """Whether anything of this model is hidden."""
        return any(rule.system in (None, system) for rule in self._rules.get(model, ()))

    def hides_column(self, system: str, model: str, column: str) -> bool:
        """Whether a column of lists and plans may tell what a hidden field of this model holds."""
        native = column.removeprefix("native.")
        for rule in self._rules.get(model, ()):
            if rule.system not in (None, system):
                continue
            if native in rule.fields:
                return True
            if native != column or column in SHOWN_COLUMNS:
                continue
            if rule.columns is None or column in rule.columns:
                return True
        return False

    def shown_columns(self, system: str, model: str, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row of a list or a plan as it is shown: what is empty stays empty."""
        return {
            name: MASK if value is not None and self.hides_column(system, model, name) else value
            for name, value in row.items()
        }

    def shown(self, system: str | None, model: str, field: str, value: Any) -> Any:
        """Return the value, or the mask."""
        return MASK if self.hides(system, model, field) else value

    def shown_fields(
        self, system: str | None, model: str, fields: Mapping[str, Any] | None
    ) -> dict[str, Any] | None:
        """Return the fields of a record as they are shown."""
        if fields is None:
            return None
        return {name: self.shown(system, model, name, value) for name, value in fields.items()}

    def shown_difference(self, system: str, found: FieldDifference) -> FieldDifference:
        """Return a difference as it is shown: that the field changed, not what it held."""
        if not self.hides(system, found.ref.model, found.field):
            return found
        return FieldDifference(found.ref, found.field, MASK, MASK)

    def hides_row(self, system: str | None, row: Mapping[str, Any]) -> bool:
        """Whether a row that names a model and a field tells values of a hidden field."""
        model, field = row.get("model"), row.get("field")
        return (
            isinstance(model, str) and isinstance(field, str) and self.hides(system, model, field)
        )

    def masked_text(self, said: Text) -> Text:
        """Return a text about one field with the field's values masked, where any rule hides a field of that name."""
        field = said.values.get("field")
        everywhere = (*self._everywhere.values(), *self._of_system.values())
        if not any(field in fields for fields in everywhere):
            return said
        hidden = dict.fromkeys((*VALUES, "wanted"), MASK)
        return Text(said.template, {n: hidden.get(n, value) for n, value in said.values.items()})

    def masked(self, value: Any, system: str | None = None) -> Any:
        """Return what is shown to programs with every hidden value masked, however deep it stands.

        Rows name model and field; records name model and fields; operations name their document and arguments.
        """
        match value:
            case Mapping():
                return self._masked_mapping(value, system)
            case list() | tuple():
                return [self.masked(item, system) for item in value]
            case Iterator():
                return (self.masked(item, system) for item in value)
            case _:
                return value

    def _masked_mapping(self, value: Mapping[Any, Any], system: str | None) -> dict[Any, Any]:
        named = value.get("system")
        system = named if isinstance(named, str) else system
        found = {name: self.masked(item, system) for name, item in value.items()}
        if self.hides_row(system, value):
            found |= dict.fromkeys((name for name in VALUES if name in value), MASK)
            if isinstance(found.get("resolution"), Mapping):
                found["resolution"] = {**found["resolution"], "target": MASK}
        model = value.get("model")
        if isinstance(model, str):
            for name in ("fields", "raw"):
                if isinstance(value.get(name), Mapping):
                    found[name] = self.shown_fields(system, model, value[name])
        document = value.get("document")
        if isinstance(document, Mapping) and isinstance(value.get("arguments"), Mapping):
            arguments = value["arguments"]
            found["arguments"] = self.shown_fields(system, str(document.get("model")), arguments)
        return found
