"""Models and fields of one version, as its `fields_get` tells them."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Final

from core.encoding import loads
from sandbox.odoo.schema_facts import (
    CASCADES,
    GROUPS,
    INVERSES,
    LABELS,
    MODEL_LABELS,
    ORDERS,
    PAIRS,
    PATCHES,
    REC_NAMES,
)

TO_MANY: Final = frozenset({"one2many", "many2many"})
EMPTY: Final[Mapping[str, Any]] = {
    "integer": 0,
    "float": 0.0,
    "monetary": 0.0,
    "one2many": (),
    "many2many": (),
}
AUTOMATIC: Final = frozenset({"id", "create_uid", "create_date", "write_uid", "write_date"})


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `inverse` is the many2one behind a one2many, or the other side of a many2many."""

    name: str
    type: str
    string: str
    is_stored: bool = True
    is_readonly: bool = False
    is_required: bool = False
    relation: str = ""
    inverse: str = ""
    related: str = ""
    depends: tuple[str, ...] = ()
    is_company_dependent: bool = False
    is_translated: bool = False
    selection: tuple[tuple[str, str], ...] = ()
    groups: str = ""  # who may read it; `.` nobody
    empty: Any = field(init=False)  # what an unset field holds
    is_column: bool = field(init=False)  # rows hold the value; a one2many lives in the other model

    def __post_init__(self) -> None:
        # Kept, not derived each time: both are asked for with every value that is read.
        object.__setattr__(self, "empty", EMPTY.get(self.type, False))
        object.__setattr__(self, "is_column", self.is_stored and self.type != "one2many")


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """One model: `label` is what people call it, `order` the default order."""

    name: str
    label: str
    fields: Mapping[str, Field]
    order: str = "id"
    rec_name: str = "name"

    @property
    def table(self) -> str:
        """Return the table's name, which constraints carry."""
        return self.name.replace(".", "_")


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    """All models of a version."""

    version: int
    models: Mapping[str, Model]
    # Pairs of many2one and one2many, or of the two sides of one many2many, by (model, field).
    references: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    # By model: its many2one fields that are the inverse of somebody's one2many, with the owners.
    parents: Mapping[str, Mapping[str, tuple[tuple[str, str], ...]]] = field(default_factory=dict)
    # Rows that go with what they refer to.
    cascades: frozenset[tuple[str, str]] = frozenset()


def _read(name: str) -> dict[str, dict[str, dict[str, Any]]]:
    packed = resources.files("sandbox.odoo").joinpath("data", name).read_bytes()
    found: dict[str, dict[str, dict[str, Any]]] = loads(gzip.decompress(packed))
    return found


def _title(name: str) -> str:
    text = name.removesuffix("_ids").removesuffix("_id").replace("_", " ")
    return " ".join(word.capitalize() for word in text.split())


def _field(model: str, name: str, told: Mapping[str, Any]) -> Field:
    kind = told["type"]
    pair = PAIRS.get((model, name), "")
    inverse = INVERSES.get((model, name)) or told.get("relation_field") or pair
    selection = told.get("selection") or ()
    return Field(
        name=name,
        type=kind,
        string=LABELS.get((model, name)) or told.get("string") or _title(name),
        is_stored=told.get("store", True),
        is_readonly=told.get("readonly", False),
        is_required=told.get("required", False),
        relation=told.get("relation") or "",
        inverse=inverse if kind in TO_MANY else "",
        related=told.get("related") or "",
        depends=tuple(told.get("depends", ())),
        is_company_dependent=told.get("company_dependent", False),
        is_translated=bool(told.get("translate")),
        selection=tuple((key, text) for key, text in selection),
        groups=GROUPS.get((model, name), ""),
    )


@cache
def load_schema(version: int) -> Schema:
    """Return the models of one version; the files are read once."""
    told = {**_read("fields_more.json.gz"), **_read(f"fields_{version}.json.gz")}
    for since, until, model, changes in PATCHES:
        if since <= version <= until:
            if changes is None:
                told.pop(model, None)
                continue
            fields = told.setdefault(model, {name: dict(each) for name, each in _BASE.items()})
            for name, attributes in changes.items():
                if attributes is None:
                    fields.pop(name, None)
                else:
                    fields[name] = dict(attributes)
    models = {}
    for name, fields in told.items():
        models[name] = Model(
            name=name,
            label=MODEL_LABELS.get(name, _title(name.replace(".", " "))),
            fields={each: _field(name, each, attributes) for each, attributes in fields.items()},
            order=ORDERS.get(name, "id"),
            rec_name=REC_NAMES.get(name, "name"),
        )
    return _linked(version, models)


def _linked(version: int, models: dict[str, Model]) -> Schema:
    references: dict[str, list[tuple[str, str]]] = {}
    parents: dict[str, dict[str, list[tuple[str, str]]]] = {}
    for model in models.values():
        for each in model.fields.values():
            if each.type in ("many2one", "many2many") and each.is_column:
                references.setdefault(each.relation, []).append((model.name, each.name))
            if each.type == "one2many" and each.inverse and each.relation in models:
                if each.inverse not in models[each.relation].fields:
                    continue
                owners = parents.setdefault(each.relation, {}).setdefault(each.inverse, [])
                owners.append((model.name, each.name))
    return Schema(
        version,
        models,
        {name: tuple(each) for name, each in references.items()},
        {
            name: {inverse: tuple(owners) for inverse, owners in each.items()}
            for name, each in parents.items()
        },
        frozenset(CASCADES),
    )


_BASE: Final[Mapping[str, Mapping[str, Any]]] = {
    "id": {"type": "integer", "readonly": True},
    "display_name": {"type": "char", "store": False, "readonly": True},
    "create_uid": {"type": "many2one", "relation": "res.users", "readonly": True},
    "create_date": {"type": "datetime", "readonly": True},
    "write_uid": {"type": "many2one", "relation": "res.users", "readonly": True},
    "write_date": {"type": "datetime", "readonly": True},
}
