"""Documents made by hand: what servers of each version have, images, and a server that records its calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from connectors.contract import Answer, Call, Fence, FieldInfo, Image, Record, Ref, Step, no_fence
from connectors.odoo.actions import OdooAction, Target
from connectors.odoo.invoice_actions import invoice_actions
from connectors.odoo.period_actions import period_actions
from connectors.odoo.production_actions import production_actions
from connectors.odoo.project_actions import project_actions
from connectors.odoo.stock_actions import stock_actions
from core.encoding import Value
from recovery.images import differences, only, without

VERSIONS: Final = (16, 17, 18, 19)
MODERN: Final = (17, 18, 19)
US: Final = 8
MOMENT: Final = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)

CLASSES: Final[tuple[type[OdooAction], ...]] = (
    *invoice_actions(),
    *stock_actions(),
    *production_actions(),
    *project_actions(),
    *period_actions(),
)

_SINCE: Final[Mapping[str, int]] = {
    "stock.move.quantity": 17,
    "stock.move.picked": 17,
    "project.task.state": 17,
    "account.move.checked": 18,
    "account.move.is_manually_modified": 18,
    "account.move.reversal_move_ids": 18,
    "res.company.sale_lock_date": 18,
    "res.company.purchase_lock_date": 18,
    "res.company.hard_lock_date": 18,
    "mrp.production.lot_producing_ids": 19,
}
_UNTIL: Final[Mapping[str, int]] = {
    "stock.move.quantity_done": 16,
    "project.task.kanban_state": 16,
    "res.company.period_lock_date": 17,
    "account.move.to_check": 17,
    "account.move.reversal_move_id": 17,
    "stock.move.is_done": 18,
    "mrp.production.lot_producing_id": 18,
}
_TO_MANY: Final = ("_ids", "reversal_move_id")
_READONLY: Final = frozenset({"state", "name", "amount_total", "reservation_date"})


@cache
def target(version: int = 18) -> Target:
    """Return what is known of a server of this version."""
    fields: dict[str, dict[str, FieldInfo]] = {}
    for kind in CLASSES:
        views = [(kind.model, kind.wanted, True), (kind.model, kind.computed, False)]
        views += [(query.model, query.fields, True) for query in kind.queries]
        for model, names, is_stored in views:
            for name in names:
                place = f"{model}.{name}"
                if _SINCE.get(place, 0) <= version <= _UNTIL.get(place, 99):
                    kept = "tuple" if name.endswith(_TO_MANY) else "str"
                    info = FieldInfo(name, kept, is_stored, is_readonly=name in _READONLY)
                    fields.setdefault(model, {}).setdefault(name, info)
    works = ("blocked", "ready") if version >= 19 else ("pending", "waiting", "ready")
    selections = {("mrp.workorder", "state"): works}
    return Target(version=version, user_id=US, fields=fields, selections=selections)


def action(name: str, version: int = 18) -> OdooAction:
    """Return one action on a server of this version."""
    (kind,) = (each for each in CLASSES if each.name == name)
    return kind(target(version))


@dataclass
class Recorder:
    """A server that does nothing but remember. What it creates has the id 91; `refusals` are raised one by one."""

    refusals: list[Exception | None] = field(default_factory=list)
    calls: list[tuple[str, str, list[Any]]] = field(default_factory=list)
    contexts: list[Mapping[str, Any]] = field(default_factory=list)
    writes: list[bool] = field(default_factory=list)
    system: str = "erp"
    fence: Fence = no_fence

    def call(
        self,
        model: str,
        method: str,
        *parameters: Any,
        context: Mapping[str, Any] | None = None,
        is_write: bool = False,
        **named: Any,
    ) -> Any:
        """Remember a call."""
        assert not named
        self.calls.append((model, method, list(parameters)))
        self.contexts.append(dict(context or {}))
        self.writes.append(is_write)
        refusal = self.refusals.pop(0) if self.refusals else None
        if refusal is not None:
            raise refusal
        return [91] if method == "create" else True

    def guarded(self, *_arguments: Any, **_named: Any) -> Any:
        """Never used: these servers have no guard."""
        raise AssertionError("no guard is installed")


def sent(step: Step, *images: Image, version: int = 18) -> Recorder:
    """Return what an action sends for a batch: the same step for every image."""
    server = Recorder()
    perform(server, step, *images, version=version)
    return server


def perform(server: Recorder, step: Step, *images: Image, version: int = 18) -> list[Answer]:
    """Carry a step out for a batch of images; the second and later ones are copies under their own refs."""
    found = action(step.action, version)
    calls = []
    for number, image in enumerate(images):
        ref = step.ref if number == 0 else image.of_model(step.ref.model)[0].ref
        calls.append(Call(f"op-{number}", Step(step.action, ref, step.arguments), image))
    return found.perform(server, calls)


def row(model: str, key: int, /, **fields: Value) -> Record:
    """Return one record."""
    return Record(Ref(model, str(key)), {"write_date": MOMENT, "write_uid": US, **fields})


def image(*records: Record) -> Image:
    """Return an image of records, in the order of their refs."""
    return Image(tuple(sorted(records, key=lambda record: record.ref)))


def but(of: Image, ref: Ref, /, **fields: Value) -> Image:
    """Return an image in which one record has other fields."""
    return Image(
        tuple(
            Record(r.ref, {**(r.fields or {}), **fields}) if r.ref == ref else r for r in of.records
        )
    )


def gone(of: Image, *refs: Ref) -> Image:
    """Return an image in which records do not exist any more."""
    return Image(tuple(Record(r.ref, None) if r.ref in refs else r for r in of.records))


def codes(step: Step, of: Image, version: int = 18) -> set[str]:
    """Return the codes of the problems of a step."""
    return {problem.code for problem in action(step.action, version).problems(step, of)}


def foreign(name: str, before: Image, after: Image, version: int = 18) -> list[str]:
    """Return what changed between two images and is neither the action's own nor its trace."""
    found = action(name, version)
    left = without(differences(before, after, ignore=found.trace), found.ours)
    return [f"{each.ref}.{each.field}" for each in left]


def residue(name: str, before: Image, back: Image, version: int = 18) -> list[str]:
    """Return what a way back left different of what the action had changed."""
    found = action(name, version)
    left = only(differences(before, back, ignore=found.trace), found.ours)
    return [f"{each.ref}.{each.field}" for each in left]


def way_back(step: Step, before: Image, after: Image, version: int = 18) -> list[str]:
    """Return the actions that take a step back, in order."""
    return [each.action for each in action(step.action, version).inverse(step, before, after)]
