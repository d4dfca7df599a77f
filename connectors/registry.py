"""Kinds of systems by name. A connector is imported when one of its systems is opened, not before.

A third party registers a connector with an entry point in the group `storno.connectors`:

    [project.entry-points."storno.connectors"]
    acme = "acme_storno.connector:open_system"

The function takes (name, options, secrets already put in) and returns a `System`. An entry point never
replaces a kind that Storno ships.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final, cast

from core.errors import NotFound, PackageMissing
from core.text import N_

if TYPE_CHECKING:
    from connectors.contract import System

GROUP: Final = "storno.connectors"

BUILT_IN: Final[Mapping[str, str]] = {
    "fake": "connectors.fake.connector:open_system",
    "odbc": "connectors.odbc.connector:open_system",
    "odoo": "connectors.odoo.connector:open_system",
    "sap": "connectors.sap.connector:open_system",
    "tryton": "connectors.tryton.connector:open_system",
}

OpenSystem = Callable[[str, Any], "System"]


def kinds() -> tuple[str, ...]:
    """Return every kind of system that can be opened here, sorted."""
    return tuple(sorted({*BUILT_IN, *(point.name for point in entry_points(group=GROUP))}))


def opener(kind: str) -> OpenSystem:
    """Return the function that opens a system of `kind`. Raises `NotFound`, `PackageMissing`."""
    target = BUILT_IN.get(kind)
    try:
        if target is not None:
            module, _, name = target.partition(":")
            return cast("OpenSystem", getattr(import_module(module), name))
        for point in entry_points(group=GROUP):
            if point.name == kind:
                return cast("OpenSystem", point.load())
    except ModuleNotFoundError as error:
        raise PackageMissing(
            package=error.name or kind, command="pip install -r requirements/base.txt"
        ) from error
    raise NotFound(
        N_("There is no connector for systems of kind {name!r}; known: {known}."),
        what="kind",
        name=kind,
        known=", ".join(kinds()),
    )


def open_system(name: str, kind: str, options: Any) -> System:
    """Open the system `name` of `kind` with its validated options from `storno.yaml`."""
    return opener(kind)(name, options)
