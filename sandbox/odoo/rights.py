"""Who may do what: groups, and the words in which Odoo refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from sandbox.odoo.errors import AccessError

if TYPE_CHECKING:
    from sandbox.odoo.environment import Env

# The stand-in's groups, by the name that a user row carries in `storno_groups`.
ALL: Final = "all"
USER: Final = "user"
PURCHASE: Final = "purchase"
SALE: Final = "sale"
STOCK: Final = "stock"
ACCOUNT: Final = "account"
PROJECT: Final = "project"
SETTINGS: Final = "settings"

# Which groups may read or change a model, by the first words of its name; the longest one that fits counts.
_READ: Final[Mapping[str, tuple[str, ...]]] = {
    "purchase.": (PURCHASE, STOCK, ACCOUNT),
    "sale.": (SALE, STOCK, ACCOUNT),
    "stock.": (STOCK, PURCHASE, SALE),
    "account.": (ACCOUNT, PURCHASE, SALE),
    "mrp.": (STOCK,),
    "project.": (PROJECT, USER),
    "ir.rule": (SETTINGS,),
    "ir.model.access": (SETTINGS,),
    "": (USER,),
}
_CHANGE: Final[Mapping[str, tuple[str, ...]]] = {
    "purchase.": (PURCHASE,),
    "sale.": (SALE,),
    "stock.": (STOCK, PURCHASE, SALE),
    "account.move": (ACCOUNT, PURCHASE),
    "account.": (ACCOUNT,),
    "mrp.": (STOCK,),
    "project.": (PROJECT,),
    "product.": (PURCHASE, SALE, STOCK),
    "res.partner": (PURCHASE, SALE, ACCOUNT),
    "mail.": (USER,),
    "ir.": (SETTINGS,),
    "res.": (SETTINGS,),
    "": (SETTINGS,),
}

# The groups that the refusal lists; Odoo's names moved in 19.
_NAMES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("purchase.order", "read"): ("inventory", "invoicing", "purchase", "readonly", "portal"),
    ("purchase.order", "change"): ("purchase",),
    ("res.users", "change"): ("access rights",),
    ("ir.actions.server", "change"): ("settings",),
}


def _names(version: int, group: str) -> tuple[str, ...]:
    is_new = version >= 19
    return {
        "inventory": ("Inventory/User",),
        "invoicing": (
            "Accounting/Invoicing"
            if is_new
            else "Invoicing/Invoicing"
            if version >= 18
            else "Invoicing/Billing",
        ),
        "purchase": ("Purchase/Administrator", "Purchase/User"),
        "readonly": (
            "Show Accounting Features - Readonly"
            if is_new
            else "Technical/Show Accounting Features - Readonly",
        ),
        "portal": ("Role / Portal" if is_new else "User types/Portal",),
        "access rights": ("Access Rights" if is_new else "Administration/Access Rights",),
        "settings": ("Role / Administrator" if is_new else "Administration/Settings",),
    }[group]


_NOBODY: Final = frozenset({("stock.quant", "unlink")})
"""What Odoo grants to no group: it tidies up by itself."""


def groups_of(env: Env) -> frozenset[str]:
    """Return the groups of the user."""
    return env.db.groups.get(env.uid, frozenset())


def is_allowed(env: Env, model: str, right: str) -> bool:
    """Whether the user's groups hold the right."""
    if (model, right) in _NOBODY:
        return False
    groups = groups_of(env)
    if ALL in groups:
        return True
    table = _READ if right == "read" else _CHANGE
    best = max((prefix for prefix in table if model.startswith(prefix)), key=len)
    return not groups.isdisjoint(table[best])


def check(env: Env, model: str, right: str) -> None:
    """Raise `AccessError` in Odoo's words unless the user holds the right.

    Odoo reads a record before it changes it, so a user who may not even read is told of that.
    """
    asked = right if is_allowed(env, model, "read") else "read"
    if is_allowed(env, model, asked) and is_allowed(env, model, right):
        return
    verb = {"read": "access", "write": "modify", "create": "create", "unlink": "delete"}[asked]
    label = env.db.schema.models[model].label
    kind = "read" if asked == "read" else "change"
    groups = [
        name for group in _NAMES.get((model, kind), ()) for name in _names(env.version, group)
    ]
    lines = "".join(f"\t- {name}\n" for name in sorted(groups))
    allowed = (
        f"This operation is allowed for the following groups:\n{lines}\n"
        if groups
        else "No group currently allows this operation.\n\n"
    )
    raise AccessError(
        f"You are not allowed to {verb} '{label}' ({model}) records.\n\n{allowed}"
        "Contact your administrator to request access if necessary."
    )


def field_refused(env: Env, model: str, names: list[str]) -> AccessError:
    """Return what Odoo says when somebody reads fields that nobody may read."""
    label = env.db.schema.models[model].label
    listed = ", ".join(names)
    where = f"on {label} ({model}). Please contact your system administrator.\n\nOperation: read\n"
    if env.version >= 19:
        return AccessError(
            f'You do not have enough rights to access the field "{listed}" {where}'
            f"User: {env.uid}\nGroups: always forbidden"
        )
    lines = "\n".join(f"- {name} (always forbidden)" for name in names)
    if env.version == 18:
        return AccessError(
            f'You do not have enough rights to access the fields "{listed}" {where}'
            f"User: {env.uid}\nFields:\n{lines}"
        )
    return AccessError(
        "The requested operation can not be completed due to security restrictions.\n\n"
        f"Document type: {label} ({model})\nOperation: read\nUser: {env.uid}\nFields:\n{lines}"
    )
