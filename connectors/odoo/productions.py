"""Manufacturing orders as Odoo keeps them: footprint, and what their actions share."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Final

from connectors.contract import (
    Image,
    Instruction,
    Kind,
    LaterBusiness,
    Remainder,
    Step,
)
from connectors.judging import DELETED, number_in, root_of, rows
from connectors.odoo.actions import STAMPS, OdooAction, Query, name_of
from connectors.odoo.transfers import (
    MOVE,
    MOVE_FIELDS,
    MOVE_LINE,
    MOVE_SET,
    QUANT,
    TRANSFER_NOTE,
    TRANSFER_TRACE,
)
from core.text import N_, Text

PRODUCTION: Final = "mrp.production"
WORK: Final = "mrp.workorder"

PRODUCTION_FIELDS: Final = STAMPS | frozenset(
    {
        "name", "state", "product_id", "product_qty", "product_uom_id", "qty_producing", "bom_id", "company_id",
        "origin", "consumption", "reservation_state", "is_locked", "priority", "location_src_id", "location_dest_id",
        "date_start", "date_finished", "date_deadline", "is_planned",
        "date_planned_start", "date_planned_finished",  # 16
        "lot_producing_id", "lot_producing_ids",  # until 18, 19
    }
)  # fmt: skip
WORK_FIELDS: Final = STAMPS | frozenset(
    {
        "state", "production_id", "name", "date_start", "date_finished", "qty_produced", "production_availability",
        "leave_id",
    }
)  # fmt: skip
PRODUCTION_MOVE: Final = MOVE_FIELDS | {
    "raw_material_production_id", "production_id", "unit_factor",
}  # fmt: skip
RAW: Final = Query(MOVE, "raw_material_production_id", PRODUCTION, PRODUCTION_MOVE)
FINISHED: Final = Query(MOVE, "production_id", PRODUCTION, PRODUCTION_MOVE)
ANY: Final = frozenset({"*"})


class ProductionAction(OdooAction):
    """A manufacturing order with its moves and work orders."""

    kind = Kind.PRODUCTION_ORDER
    model = PRODUCTION
    wanted = PRODUCTION_FIELDS
    queries: ClassVar[tuple[Query, ...]] = (
        RAW,
        FINISHED,
        Query(WORK, "production_id", PRODUCTION, WORK_FIELDS),
    )
    stamped: ClassVar[tuple[str, ...]] = (PRODUCTION, MOVE)
    ours: ClassVar[Mapping[str, frozenset[str]]] = MappingProxyType(
        {
            PRODUCTION: STAMPS | {"state", "reservation_state", "consumption"},
            MOVE: STAMPS | MOVE_SET,
            WORK: STAMPS | {"state", "production_availability", "date_start", "date_finished", "leave_id"},
            MOVE_LINE: ANY,
            QUANT: STAMPS | {"*", "reserved_quantity"},
        }
    )  # fmt: skip
    derived: ClassVar[Mapping[str, frozenset[str]]] = MappingProxyType(
        {
            PRODUCTION: STAMPS | {"reservation_state"},
            MOVE: STAMPS | {"is_done"},
            WORK: STAMPS | {"production_availability"},
        }
    )
    trace: ClassVar[Mapping[str, frozenset[str]]] = MappingProxyType(
        {**TRANSFER_TRACE, PRODUCTION: STAMPS, WORK: STAMPS}
    )
    trace_note = TRANSFER_NOTE

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        # A link of the way back is followed by others, which move the state on: only a deletion counts.
        if not root_of(step, now):
            return (DELETED,)
        return ()

    def instruction(self, step: Step, image: Image) -> Instruction:
        return Instruction(
            screen=Text(
                N_("Manufacturing > Manufacturing Orders, {name}"), {"name": name_of(step, image)}
            ),
            press=Text(self.title),
            reason=Text(N_("see the plan")),
        )

    def remainder(self, image: Image) -> Remainder | None:
        for row in rows(image, PRODUCTION).values():
            ordered, made = number_in(row.get("product_qty")), number_in(row.get("qty_producing"))
            if ordered > made:
                return Remainder(ordered, made, None, ordered - made, None, None)
        return None
