"""Small closings, documents and a fake ERP for the tests of `closing`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from closing.drawing import DrawnPlan
from closing.plan import draw_closing
from config.closings import Check, ClosingSettings, Route
from connectors.columns import documents_schema, lines_schema
from connectors.contract import Action, Image, Problem, Step
from connectors.fake.connector import FakeSystem, system_in_memory
from connectors.fake.engine import FakeERP
from connectors.fake.others import CloseProject
from connectors.fake.request import ERPSettings
from recovery.model import Actor

if TYPE_CHECKING:
    import pyarrow as pa

TODAY: Final = date(2026, 11, 22)
MEI: Final = Actor("mei")


def documents(*rows: Mapping[str, Any], native: tuple[str, ...] = ()) -> pa.RecordBatch:
    """Return documents with these columns; the rest is null, the key counts from 1."""
    import pyarrow as pa

    filled = [
        {"kind": "purchase_order", "model": "order", "key": str(number), **row}
        for number, row in enumerate(rows, start=1)
    ]
    return pa.RecordBatch.from_pylist(filled, schema=documents_schema(native))


def lines(*rows: Mapping[str, Any]) -> pa.RecordBatch:
    """Return document lines with these columns."""
    import pyarrow as pa

    return pa.RecordBatch.from_pylist(list(rows), schema=lines_schema())


def keys(found: Any) -> list[str]:
    """Return the keys of documents in the order in which they came."""
    return [key for batch in found for key in batch.column("key").to_pylist()]


def empty_erp(**settings: Any) -> FakeERP:
    """Return a fake ERP without any document."""
    return FakeERP(ERPSettings(**settings))


def route(action: str, *, name: str = "only", when: str = "true", **given: Any) -> Route:
    """Return a route of a closing."""
    return Route(name=name, when=when, action=action, **given)


def check(code: str, holds: str, reason: str = "because") -> Check:
    """Return a check of a closing."""
    return Check(code=code, holds=holds, reason=reason)


def closing(*routes: Route, kind: str = "purchase_order", **given: Any) -> ClosingSettings:
    """Return the settings of a closing on the system `fake`."""
    return ClosingSettings(system="fake", kind=kind, routes=routes, **given)


def draw(erp: FakeERP, settings: ClosingSettings, **given: Any) -> DrawnPlan:
    """Draw up a plan and store it nowhere."""
    system = given.pop("system", None) or system_in_memory(erp, batch_size=given.pop("batch", 100))
    return draw_closing(system, "stale", settings, actor=MEI, today=TODAY, **given)


def outcome(drawn: DrawnPlan) -> dict[str, set[str]]:
    """Return, per number or key, the codes of its exceptions; an empty set for one that is ready."""
    found: dict[str, set[str]] = {}
    for operation in drawn.operations:
        found.setdefault(operation.number or operation.step.ref.key, set())
    for exception in drawn.exceptions:
        name = exception.number or (exception.ref.key if exception.ref else "")
        found.setdefault(name, set()).add(exception.code)
    return found


class ClosePartOfTree(CloseProject):
    """Closes a project and says which project below it stands in the way."""

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        below = {str(r.fields["name"]): r.ref for r in image.records if r.fields is not None}
        return tuple(
            replace(problem, by=below.get(str(problem.text.values.get("name"))))
            for problem in super().problems(step, image)
        )


class CloseWhatIsFree(ClosePartOfTree):
    """The same of an ERP whose projects do not say what comes after them."""

    precedes = Action.precedes


class TreeSystem(FakeSystem):
    """The fake ERP with projects that know who stands in their way."""

    closing: type[CloseProject] = ClosePartOfTree

    def actions(self) -> Mapping[str, Action]:
        found = dict(super().actions())
        original = found["project.close"]
        tree = self.closing.__new__(self.closing)
        tree.__dict__.update(original.__dict__)
        return {**found, "project.close": tree}


def tree_system(
    erp: FakeERP, closing: type[CloseProject] = ClosePartOfTree, *, batch: int = 100
) -> TreeSystem:
    """Open a system on the ERP whose projects form a tree."""
    plain = system_in_memory(erp, batch_size=batch)
    system = TreeSystem.__new__(TreeSystem)
    system.__dict__.update(plain.__dict__, closing=closing)
    return system
