"""A receipt of two moves, as the versions 16 to 19 keep it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from connectors.contract import Image, Ref
from core.encoding import Value
from tests.unit.connectors.odoo.document_scenes import image, row

PICKING: Final = Ref("stock.picking", "7")
FIRST: Final = Ref("stock.move", "71")
SECOND: Final = Ref("stock.move", "72")


def move(key: int, version: int = 18, **fields: Value) -> Any:
    done = "quantity" if version >= 17 else "quantity_done"
    return row(
        "stock.move", key,
        **{
            "state": "assigned", "picking_id": 7, "product_id": 3, "product_uom": 1, "product_uom_qty": Decimal(5),
            "product_qty": Decimal(5), "procure_method": "make_to_stock", "move_orig_ids": (), "move_dest_ids": (),
            "reservation_date": None, "origin_returned_move_id": None, done: Decimal(0),
            **({"picked": False} if version >= 17 else {}), **fields,
        },
    )  # fmt: skip


def transfer(version: int = 18, state: str = "assigned", **fields: Value) -> Image:
    """Return a receipt of two moves; the second is not reserved."""
    return image(
        row(
            "stock.picking", 7, name="WH/IN/00007", state=state, picking_type_code="incoming", is_locked=True,
            location_id=4, location_dest_id=8, move_ids=(71, 72), **fields,
        ),
        move(71, version, state=state),
        move(72, version, state="draft" if state == "draft" else "confirmed"),
    )  # fmt: skip
