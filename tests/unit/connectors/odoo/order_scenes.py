"""Orders made by hand: what servers of each version have, images of orders, and a server that records its calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final

from connectors.contract import Answer, Call, Fence, FieldInfo, Image, Record, Ref, Step, no_fence
from connectors.odoo.actions import OdooAction, Target
from connectors.odoo.order_actions import order_actions
from connectors.odoo.orders import PURCHASE, SALE, Side
from core.encoding import Value

VERSIONS: Final = (16, 17, 18, 19)
US: Final = 8
_MISSING: Final[Mapping[int, frozenset[str]]] = {
    16: frozenset(
        {
            "purchase.order.locked", "sale.order.locked", "purchase.order.reference_ids", "purchase.order.note",
            "purchase.order.acknowledged", "sale.order.stock_reference_ids", "stock.move.quantity",
            "stock.move.picked", "stock.move.line.quantity", "stock.move.line.picked",
        }
    ),
    17: frozenset(
        {
            "purchase.order.locked", "purchase.order.reference_ids", "purchase.order.note",
            "purchase.order.acknowledged", "sale.order.stock_reference_ids", "stock.move.quantity_done",
        }
    ),
    18: frozenset(
        {
            "purchase.order.locked", "purchase.order.reference_ids", "purchase.order.note",
            "purchase.order.acknowledged", "sale.order.stock_reference_ids", "stock.move.quantity_done",
        }
    ),
    19: frozenset(
        {
            "purchase.order.notes", "purchase.order.group_id", "purchase.order.mail_reminder_confirmed",
            "sale.order.procurement_group_id", "purchase.order.line.state", "purchase.order.line.product_uom",
            "sale.order.line.product_uom", "stock.move.is_done", "stock.move.quantity_done",
        }
    ),
}  # fmt: skip
_READONLY: Final = frozenset(
    {
        "state", "amount_total", "amount_tax", "amount_untaxed", "mail_reminder_confirmed", "reservation_date",
        "invoice_status", "receipt_status", "date_approve",
    }
)  # fmt: skip


@cache
def target(version: int = 18, *, without: tuple[str, ...] = ()) -> Target:
    """Return what is known of a server of this version; `without` are models that are not installed."""
    fields: dict[str, dict[str, FieldInfo]] = {}
    for side in (PURCHASE, SALE):
        views = [(side.model, side.header | side.relations)]
        views += [(query.model, query.fields) for query in side.whole]
        views += [("sale.order", frozenset({"transaction_ids"}))]
        for model, names in views:
            for name in names:
                if f"{model}.{name}" not in _MISSING[version] and model not in without:
                    kind = "tuple" if name.endswith("_ids") or name == "invoice_lines" else "str"
                    info = FieldInfo(name, kind, is_stored=True, is_readonly=name in _READONLY)
                    fields.setdefault(model, {})[name] = info
    return Target(version=version, user_id=US, fields=fields, currencies={2: "USD"})


def action(name: str, version: int = 18, *, without: tuple[str, ...] = ()) -> OdooAction:
    """Return one action on a server of this version."""
    (kind,) = (each for each in order_actions() if each.name == name)
    return kind(target(version, without=without))


@dataclass
class Recorder:
    """A server that does nothing but remember; `refusals` are raised one by one."""

    refusals: list[Exception | None] = field(default_factory=list)
    calls: list[tuple[str, str, list[Any]]] = field(default_factory=list)
    contexts: list[Mapping[str, Any]] = field(default_factory=list)
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
        """Remember a write."""
        assert is_write
        assert not named
        self.calls.append((model, method, list(parameters)))
        self.contexts.append(dict(context or {}))
        refusal = self.refusals.pop(0) if self.refusals else None
        if refusal is not None:
            raise refusal
        return True

    def guarded(self, *_arguments: Any, **_named: Any) -> Any:
        """Never used: these servers have no guard."""
        raise AssertionError("no guard is installed")


def sent(name: str, *images: Image, version: int = 18, **arguments: Any) -> Recorder:
    """Return what an action sends for a batch of orders, one an image."""
    server, found = Recorder(), action(name, version)
    perform(found, server, *images, **arguments)
    return server


def perform(found: OdooAction, server: Recorder, *images: Image, **arguments: Any) -> list[Answer]:
    """Carry an action out for a batch of orders."""
    calls = [
        Call(f"op-{number}", Step(found.name, root(image, found.model), arguments), image)
        for number, image in enumerate(images)
    ]
    return found.perform(server, calls)


def root(image: Image, model: str) -> Ref:
    """Return the order of an image."""
    (record,) = image.of_model(model)
    return record.ref


# --- one purchase and one sale ----------------------------------------------------------------------------

MOMENT: Final = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
DAY: Final = date(2026, 11, 20)
PURCHASE_REF: Final = Ref("purchase.order", "7")
SALE_REF: Final = Ref("sale.order", "9")
_STAMPS: Final[dict[str, Value]] = {"write_date": MOMENT, "write_uid": US}


def _order(side: Side, key: int, header: dict[str, Value], invoice: int | None) -> Image:
    lines: dict[int, dict[str, Value]] = {
        1: {side.quantity: Decimal(4), "price_subtotal": Decimal(310), "name": "desk"},
        2: {side.quantity: Decimal(5), "price_subtotal": Decimal("56.25"), "name": "box"},
    }
    found: dict[Ref, dict[str, Value]] = {
        Ref(side.model, str(key)): {
            "name": f"P000{key}", "state": side.confirmed, "currency_id": 2, "invoice_status": "no",
            "picking_ids": (19,), **header, **_STAMPS,
        },
        Ref("stock.picking", "19"): {"name": "WH/00019", "state": "assigned", **_STAMPS},
    }  # fmt: skip
    for line, values in lines.items():
        found[Ref(side.line, str(line))] = {
            "order_id": key, "display_type": None, "is_downpayment": False, "product_id": 30 + line,
            "product_uom": 1, "price_unit": Decimal("77.5"), "discount": Decimal(0), side.received: Decimal(0),
            "qty_invoiced": Decimal(0), **values, **_STAMPS,
        }  # fmt: skip
        found[Ref("stock.move", str(80 + line))] = {
            "picking_id": 19, "state": "assigned", "procure_method": "make_to_stock", "move_orig_ids": (),
            "move_dest_ids": (), "quantity": values[side.quantity], "picked": False, side.move_line: line,
            "reservation_date": DAY, **_STAMPS,
        }  # fmt: skip
        found[Ref("stock.move.line", str(90 + line))] = {"picking_id": 19, "move_id": 80 + line}
    if invoice is not None:
        found[Ref("account.move", str(invoice))] = {
            "name": "/", "state": "draft", "auto_post": "no", **_STAMPS,
        }  # fmt: skip
    return Image(tuple(Record(ref, fields) for ref, fields in sorted(found.items())))


def purchase(key: int = 7, **header: Value) -> Image:
    """Return a confirmed purchase order of two lines, nothing received, starred."""
    given: dict[str, Value] = {"priority": "1", "date_approve": MOMENT, "receipt_status": "pending"}
    return _order(PURCHASE, key, {**given, **header}, None)


def sale(key: int = 9, **header: Value) -> Image:
    """Return a confirmed sales order of two lines with a draft invoice, nothing delivered."""
    given: dict[str, Value] = {"locked": False, "delivery_status": "pending"}
    return _order(SALE, key, {**given, **header}, 25)


def but(image: Image, model: str, key: int | None = None, /, **values: Value) -> Image:
    """Return the image with values changed in the records of a model, or in one of them."""
    return Image(
        tuple(
            replace(record, fields={**record.fields, **values})
            if record.ref.model == model
            and record.fields is not None
            and key in (None, int(record.ref.key))
            else record
            for record in image.records
        )
    )


def without(image: Image, *models: str) -> Image:
    """Return the image without the records of these models."""
    return Image(tuple(r for r in image.records if r.ref.model not in models))


def cancelled(image: Image) -> Image:
    """Return what Odoo leaves of an order that was cancelled."""
    image = but(
        without(image, "stock.move.line"), "stock.move", state="cancel", quantity=Decimal(0)
    )
    for model in ("purchase.order", "sale.order", "stock.picking", "account.move"):
        image = but(image, model, state="cancel")
    return image


def locked(image: Image, version: int) -> Image:
    """Return the order as the version's lock leaves it."""
    model = "purchase.order" if image.of_model("purchase.order") else "sale.order"
    has_flag = version >= (19 if model == "purchase.order" else 17)
    if has_flag:
        return but(image, model, locked=True)
    changes: dict[str, Value] = {"state": "done"}
    return but(image, model, **changes, **({"priority": "0"} if model == "purchase.order" else {}))
