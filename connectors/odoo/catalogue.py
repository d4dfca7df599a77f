"""What models and fields this server has, asked model by model when it is first needed and then remembered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from connectors.contract import FieldInfo
from connectors.odoo.actions import STAMP, Server
from connectors.odoo.values import VALUE_TYPES
from core.errors import AccessDenied, BadAnswer, NotFound
from core.text import N_

ATTRIBUTES: Final = ("type", "store", "readonly", "relation", "selection", "company_dependent")


class Catalogue(Mapping[str, Mapping[str, FieldInfo]]):
    """Fields by model, as our user sees them. A model that is not installed is missing.

    A field of a group that our user is not in is missing too: Odoo does not tell of it.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._kinds: dict[str, Mapping[str, str] | None] = {}
        self._fields: dict[str, Mapping[str, FieldInfo]] = {}
        self._selections: dict[tuple[str, str], tuple[str, ...]] = {}

    def __getitem__(self, model: str) -> Mapping[str, FieldInfo]:
        if self.kinds(model) is None:
            raise KeyError(model)
        return self._fields[model]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def kinds(self, model: str) -> Mapping[str, str] | None:
        """Return Odoo's own type of each field; None for a model that is not there."""
        if model not in self._kinds:
            self._ask(model)
        return self._kinds[model]

    def selection(self, model: str, name: str) -> tuple[str, ...]:
        """Return the values that a selection field takes. Raises `KeyError` where it is no such field."""
        self.kinds(model)
        return self._selections[model, name]

    def known_selections(self) -> Iterator[tuple[str, str]]:
        """Yield the selection fields of the models that were asked for so far."""
        return iter(self._selections)

    def _ask(self, model: str) -> None:
        try:
            found = self._server.call(model, "fields_get", attributes=list(ATTRIBUTES))
        except (NotFound, AccessDenied):
            self._kinds[model] = None
            return
        if not isinstance(found, dict):
            raise BadAnswer(system=self._server.system, problem=N_("it is no list of fields"))
        self._fields[model] = {name: field_info(name, about) for name, about in found.items()}
        for name, about in found.items():
            selection = about.get("selection")
            if isinstance(selection, list):
                self._selections[model, name] = tuple(str(choice[0]) for choice in selection)
        # Last: another thread that finds the model here finds all of it.
        self._kinds[model] = {name: str(about["type"]) for name, about in found.items()}


class Selections(Mapping[tuple[str, str], tuple[str, ...]]):
    """The values of selection fields, by model and field."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def __getitem__(self, key: tuple[str, str]) -> tuple[str, ...]:
        return self._catalogue.selection(*key)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return self._catalogue.known_selections()

    def __len__(self) -> int:
        return sum(1 for _ in self)


def field_info(name: str, about: Mapping[str, Any]) -> FieldInfo:
    """Return what Odoo says about a field. One with a value for each company counts as stored."""
    kind = str(about["type"])
    return FieldInfo(
        name,
        VALUE_TYPES.get(kind, "str"),
        is_stored=bool(about.get("store") or about.get("company_dependent")),
        is_readonly=bool(about.get("readonly")),
        relation=about.get("relation") or None,
    )


STAMP_INFO: Final = FieldInfo(STAMP, "str", is_stored=False, is_readonly=True)
