"""What `fields_get` does not tell about models: pairs of relations, orders, names, and which version has what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Attributes = Mapping[str, Any]
Patch = tuple[int, int, str, Mapping[str, Attributes | None] | None]

# The many2one behind a one2many, where the description of the field does not name it.
INVERSES: Final[Mapping[tuple[str, str], str]] = {
    ("purchase.order.line", "move_ids"): "purchase_line_id",
    ("stock.picking", "move_ids_without_package"): "picking_id",
    ("stock.picking", "move_line_ids_without_package"): "picking_id",
    ("stock.picking", "move_line_nosuggest_ids"): "picking_id",
    ("stock.picking", "return_ids"): "return_id",
    ("stock.move", "move_line_nosuggest_ids"): "move_id",
    ("account.move", "reversal_move_id"): "reversed_entry_id",
    ("account.move", "reversal_move_ids"): "reversed_entry_id",
    ("account.move", "journal_line_ids"): "move_id",
    ("account.move", "stock_move_ids"): "account_move_id",
    ("project.project", "tasks"): "project_id",
    ("sale.order.line", "linked_line_ids"): "linked_line_id",
    ("mrp.production", "all_move_raw_ids"): "raw_material_production_id",
    ("mrp.production", "all_move_ids"): "production_id",
    ("mrp.production", "finished_move_line_ids"): "",
    ("stock.reference", "move_ids"): "",
}

# A one2many that holds only some of the rows: the field that decides, and its values.
ONLY: Final[Mapping[tuple[str, str], tuple[str, tuple[Any, ...]]]] = {
    ("account.move", "invoice_line_ids"): (
        "display_type",
        ("product", "line_section", "line_note"),
    ),
    # None: 16 has no such field, there the stage decides.
    ("project.project", "task_ids"): (
        "state",
        ("01_in_progress", "02_changes_requested", "03_approved", "04_waiting_normal", None),
    ),
}

# Two sides of one many2many.
_PAIRS: Final = (
    ("stock.move", "move_orig_ids", "stock.move", "move_dest_ids"),
    ("account.move.line", "sale_line_ids", "sale.order.line", "invoice_lines"),
    ("project.task", "depend_on_ids", "project.task", "dependent_ids"),
    ("project.project", "type_ids", "project.task.type", "project_ids"),
    ("project.project", "tag_ids", "project.tags", "project_ids"),
    ("project.task", "tag_ids", "project.tags", "task_ids"),
    ("stock.move", "reference_ids", "stock.reference", "move_ids"),
    ("purchase.order", "reference_ids", "stock.reference", "purchase_ids"),
    ("sale.order", "stock_reference_ids", "stock.reference", "sale_ids"),
    ("mrp.production", "reference_ids", "stock.reference", "production_ids"),
    ("purchase.order.line", "move_dest_ids", "stock.move", "created_purchase_line_ids"),
    ("account.move", "wip_production_ids", "mrp.production", "wip_move_ids"),
)
PAIRS: Final[Mapping[tuple[str, str], str]] = {
    **{(a, x): y for a, x, b, y in _PAIRS},
    **{(b, y): x for a, x, b, y in _PAIRS},
}

# The sides of a many2many that a dump leaves out: one relation is one table, shown where it is written.
MIRRORED: Final = frozenset((b, y) for a, _, b, y in _PAIRS if a != b)

# Lines that are deleted with their document.
CASCADES: Final = frozenset(
    {
        ("purchase.order.line", "order_id"),
        ("sale.order.line", "order_id"),
        ("account.move.line", "move_id"),
        ("stock.move.line", "move_id"),
        ("stock.return.picking.line", "wizard_id"),
        ("stock.backorder.confirmation.line", "backorder_confirmation_id"),
        ("mail.tracking.value", "mail_message_id"),
        ("mail.followers", "partner_id"),
        ("product.supplierinfo", "partner_id"),
        ("product.supplierinfo", "product_tmpl_id"),
        ("product.supplierinfo", "partner_id"),
        ("product.supplierinfo", "product_tmpl_id"),
        ("mrp.bom.line", "bom_id"),
        ("project.update", "project_id"),
        ("account.partial.reconcile", "debit_move_id"),
        ("account.partial.reconcile", "credit_move_id"),
    }
)

ORDERS: Final[Mapping[str, str]] = {
    "purchase.order": "priority desc, id desc",
    "purchase.order.line": "order_id, sequence, id",
    "sale.order": "date_order desc, id desc",
    "sale.order.line": "order_id, sequence, id",
    "stock.picking": "priority desc, scheduled_date asc, id desc",
    "stock.move": "sequence, id",
    "stock.move.line": "result_package_id desc, id",
    "account.move": "date desc, name desc, invoice_date desc, id desc",
    "account.move.line": "date desc, move_name desc, id",
    "account.journal": "sequence, type, code",
    "account.account": "code",
    "account.tax": "sequence,id",
    "mail.message": "id desc",
    "mrp.production": "priority desc, date_start asc,id",
    "project.project": "sequence, name, id",
    "project.task": "priority desc, sequence, id desc",
    "project.task.type": "sequence, id",
    "project.update": "id desc",
    "product.product": "default_code, name, id",
    "product.template": "priority desc, name",
    "res.partner": "complete_name ASC, id DESC",
    "res.users": "name, login",
    "res.company": "sequence, name",
    "res.currency": "active desc, name",
    "stock.location": "complete_name, id",
    "uom.uom": "sequence, id",
}

REC_NAMES: Final[Mapping[str, str]] = {
    "product.category": "complete_name",
    "stock.location": "complete_name",
    "purchase.order.line": "order_id",
    "sale.order.line": "order_id",
    "stock.move.line": "product_id",
    "stock.quant": "product_id",
    "mail.message": "record_name",
    "mrp.bom": "product_tmpl_id",
    "mrp.bom.line": "product_id",
    "account.partial.reconcile": "id",
    "account.move.reversal": "id",
    "stock.return.picking": "id",
    "stock.return.picking.line": "id",
    "stock.backorder.confirmation": "id",
    "stock.immediate.transfer": "id",
    "stock.inventory.conflict": "id",
    "sale.order.cancel": "id",
    "mrp.consumption.warning": "id",
    "account.lock_exception": "id",
    "mail.tracking.value": "id",
    "ir.model": "name",
}

MODEL_LABELS: Final[Mapping[str, str]] = {
    "account.journal": "Journal",
    "account.move": "Journal Entry",
    "account.move.line": "Journal Item",
    "mrp.production": "Manufacturing Order",
    "product.product": "Product Variant",
    "product.template": "Product",
    "project.project": "Project",
    "project.task": "Task",
    "purchase.order": "Purchase Order",
    "purchase.order.line": "Purchase Order Line",
    "res.company": "Companies",
    "res.partner": "Contact",
    "res.users": "User",
    "sale.order": "Sales Order",
    "sale.order.line": "Sales Order Line",
    "stock.location": "Inventory Locations",
    "stock.move": "Stock Move",
    "stock.picking": "Transfer",
    "stock.quant": "Quants",
}

LABELS: Final[Mapping[tuple[str, str], str]] = {
    ("purchase.order", "partner_id"): "Vendor",
    ("res.users", "partner_id"): "Related Partner",
}

# Required fields for which Odoo has no default: somebody must give them.
ASKED: Final = frozenset(
    {
        ("account.account", "code"),
        ("account.journal", "code"),
        ("ir.actions.server", "model_id"),
        ("ir.actions.server", "name"),
        ("product.template", "name"),
        ("project.project", "name"),
        ("project.task", "name"),
        ("project.update", "name"),
        ("project.update", "project_id"),
        ("purchase.order", "partner_id"),
        ("purchase.order.line", "order_id"),
        ("res.users", "login"),
        ("sale.order", "partner_id"),
        ("sale.order.line", "order_id"),
        ("stock.move", "location_dest_id"),
        ("stock.move", "location_id"),
        ("stock.move", "product_id"),
        ("stock.picking", "picking_type_id"),
        ("stock.quant", "location_id"),
        ("stock.quant", "product_id"),
    }
)

# Fields that only some may read; `.`: nobody. They are absent from fields_get for everybody else.
GROUPS: Final[Mapping[tuple[str, str], str]] = {
    ("res.users", "totp_secret"): ".",
}

_M2O: Final = "many2one"
_CHANGED_18: Final = ("sale_lock_date", "purchase_lock_date", "hard_lock_date")
_USER_DATES: Final = ("fiscalyear", "tax", "sale", "purchase", "hard")

# (since, until, model, fields): a field that is None does not exist there; a model that is None neither.
PATCHES: Final[tuple[Patch, ...]] = (
    (16, 19, "res.users", {"totp_secret": {"type": "char"}}),
    (16, 17, "account.lock_exception", None),
    (16, 17, "validate.account.move", {"force_post": {"type": "boolean"}}),
    (
        16,
        17,
        "res.company",
        {
            **dict.fromkeys(_CHANGED_18),
            **{f"user_{name}_lock_date": None for name in _USER_DATES},
            "period_lock_date": {"type": "date", "string": "Journals Entries Lock Date"},
        },
    ),
    (
        16,
        16,
        "account.move.reversal",
        {
            "refund_method": {
                "type": "selection",
                "required": True,
                "selection": [
                    ["refund", "Partial Refund"],
                    ["cancel", "Full Refund"],
                    ["modify", "Full refund and new draft invoice"],
                ],
            },
            "date_mode": {
                "type": "selection",
                "selection": [["custom", "Specific"], ["entry", "Journal Entry Date"]],
            },
        },
    ),
    (
        16,
        16,
        "stock.move.line",
        {
            "quantity": None,
            "quantity_product_uom": None,
            "picked": None,
            "qty_done": {"type": "float", "string": "Done"},
            "reserved_uom_qty": {"type": "float", "string": "Reserved"},
            "reserved_qty": {"type": "float", "readonly": True},
        },
    ),
    (
        16,
        16,
        "stock.immediate.transfer",
        {"pick_ids": {"type": "many2many", "relation": "stock.picking"}},
    ),
    (17, 19, "stock.immediate.transfer", None),
    (
        16,
        17,
        "stock.return.picking",
        {
            "location_id": {"type": _M2O, "relation": "stock.location"},
            "original_location_id": {"type": _M2O, "relation": "stock.location"},
        },
    ),
    (
        16,
        16,
        "project.update",
        {
            "status": {
                "type": "selection",
                "required": True,
                "selection": [
                    ["on_track", "On Track"],
                    ["at_risk", "At Risk"],
                    ["off_track", "Off Track"],
                    ["on_hold", "On Hold"],
                ],
            }
        },
    ),
    # Which field a message's old and new value belong to, by name: Odoo refers to ir.model.fields.
    (16, 19, "mail.tracking.value", {"field_name": {"type": "char"}}),
    (16, 19, "ir.actions.actions", {"name": {"type": "char"}}),
    (16, 19, "res.users.log", {"create_uid": {"type": _M2O, "relation": "res.users"}}),
    (19, 19, "uom.category", None),
    (19, 19, "procurement.group", None),
    (19, 19, "sale.order.cancel", None),
    (
        19,
        19,
        "stock.reference",
        {
            "name": {"type": "char", "required": True},
            "move_ids": {"type": "many2many", "relation": "stock.move"},
            "purchase_ids": {"type": "many2many", "relation": "purchase.order"},
            "sale_ids": {"type": "many2many", "relation": "sale.order"},
            "production_ids": {"type": "many2many", "relation": "mrp.production"},
        },
    ),
    (19, 19, "mrp.production.group", {"name": {"type": "char"}}),
    (
        19,
        19,
        "res.users",
        {
            "groups_id": None,
            "group_ids": {"type": "many2many", "relation": "res.groups"},
        },
    ),
    (
        19,
        19,
        "ir.actions.server",
        {"groups_id": None, "group_ids": {"type": "many2many", "relation": "res.groups"}},
    ),
    (19, 19, "uom.uom", {"category_id": None}),
    (
        16,
        19,
        "res.users.apikeys",
        {"name": {"type": "char"}, "user_id": {"type": _M2O, "relation": "res.users"}},
    ),
)
