"""Partners and users: names, what must be unique, who is whose parent."""

from __future__ import annotations

from typing import Any, Final

from sandbox.odoo.engine import Env, ValidationError, compute, method, on_create, on_write
from sandbox.odoo.rights import ALL

PARTNER: Final = "res.partner"
USER: Final = "res.users"


@compute(PARTNER, "display_name", "complete_name", depends=("name", "parent_id.name"))
def named(env: Env, partner: int) -> dict[str, Any]:
    """A person is shown with the company they belong to."""
    table = env.sudo()[PARTNER]
    name, parent = table.get(partner, "name") or "", table.get(partner, "parent_id")
    shown = f"{table.get(parent, 'name')}, {name}" if parent else name
    return {"display_name": shown, "complete_name": shown}


@compute(PARTNER, "commercial_partner_id", depends=("parent_id", "is_company"))
def commercial(env: Env, partner: int) -> dict[str, Any]:
    """Invoices go to the company."""
    table = env.sudo()[PARTNER]
    at = partner
    for _ in range(10):
        parent = table.get(at, "parent_id")
        if not parent or table.get(at, "is_company"):
            break
        at = parent
    return {"commercial_partner_id": at}


@compute(PARTNER, "on_time_rate")
def on_time(_: Env, _partner: int) -> dict[str, Any]:
    """Nothing was delivered yet that could be late."""
    return {"on_time_rate": -1.0}


@on_write(PARTNER)
def no_circle(env: Env, ids: list[int], vals: dict[str, Any]) -> None:
    """Refuse a partner who would be their own ancestor."""
    parent = vals.get("parent_id")
    table = env.sudo()[PARTNER]
    for _ in range(20):
        if not parent:
            return
        if parent in ids:
            raise ValidationError("You cannot create recursive Partner hierarchies.")
        parent = table.get(parent, "parent_id") if parent in table.rows else False


@on_create(USER)
def new_user(env: Env, vals: dict[str, Any]) -> None:
    """Give a new user a partner; two users cannot have one login."""
    su = env.sudo()
    if su[USER].search([("login", "=", vals.get("login"))]):
        space = " " if env.version <= 16 else ""
        raise ValidationError(
            "The operation cannot be completed: "
            f"You can not have two users with the same login{space}!"
        )
    vals.setdefault("company_id", env.company)
    vals.setdefault("company_ids", (vals["company_id"],))
    vals.setdefault("notification_type", "email")
    if not vals.get("partner_id"):
        name, email = vals.pop("name", vals.get("login")), vals.pop("email", False)
        vals["partner_id"] = su[PARTNER].create({"name": name, "email": email})


# Settings of a company that Odoo keeps as groups of users: having all rights does not switch them on.
_FEATURES: Final = frozenset({"sale.group_auto_done_setting", "project.group_project_stages"})


@method(USER, "has_group", until=17, is_model=True)
def has_group_of_mine(env: Env, group_ext_id: str) -> bool:
    """Whether the caller is in a group."""
    return _has_group(env, env.uid, group_ext_id)


@method(USER, "has_group", since=18)
def has_group(env: Env, ids: list[int], group_ext_id: str) -> bool:
    """Whether a user is in a group."""
    return _has_group(env, ids[0] if ids else env.uid, group_ext_id)


def _has_group(env: Env, user: int, group: str) -> bool:
    groups = env.db.groups.get(user, frozenset())
    if group in _FEATURES:
        return group in groups
    module = group.partition(".")[0]
    if group == "base.group_user":
        return bool(groups)
    return ALL in groups or module in groups
