"""Messages on documents, and the numbers of sequences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sandbox.odoo.environment import Env

# Prefix and width of the number, by the code of the sequence.
NUMBERS: Final[Mapping[str, tuple[str, int]]] = {
    "purchase.order": ("P", 5),
    "sale.order": ("S", 5),
    "stock.picking.in": ("WH/IN/", 5),
    "stock.picking.out": ("WH/OUT/", 5),
    "stock.picking.internal": ("WH/INT/", 5),
    "stock.scrap": ("SP/", 5),
    "mrp.production": ("WH/MO/", 5),
    "mrp.unbuild": ("UB/", 5),
    "procurement.group": ("PG/", 6),
}


def is_silent(env: Env) -> bool:
    """Whether the context forbids messages of tracked fields."""
    return bool(env.context.get("tracking_disable") or env.context.get("mail_notrack"))


def tells_of_new(env: Env, model: str) -> bool:
    """Whether a new document of the model gets a first message."""
    return env.has(model, "message_ids") and not is_silent(env)


def post(
    env: Env,
    model: str,
    ids: Iterable[int],
    body: str = "",
    tracking: Mapping[str, tuple[Any, Any]] | None = None,
    **values: Any,
) -> list[int]:
    """Write one `mail.message` for each record; tracked values go to `mail.tracking.value`."""
    if is_silent(env) and not values.get("is_asked"):
        return []
    values.pop("is_asked", None)
    made = []
    su = env.sudo()
    for record_id in ids:
        message = su["mail.message"].insert(
            {
                "model": model,
                "res_id": record_id,
                "body": body,
                "date": env.now,
                "message_type": "notification",
                "author_id": env.db.stores["res.users"].rows[env.uid].get("partner_id", False),
                **values,
            }
        )
        for name, (old, new) in (tracking or {}).items():
            su["mail.tracking.value"].insert(
                {
                    "mail_message_id": message,
                    "field_name": name,
                    "old_value_char": _text(env, model, name, old),
                    "new_value_char": _text(env, model, name, new),
                }
            )
        made.append(message)
    return made


def _text(env: Env, model: str, name: str, value: Any) -> Any:
    field = env.db.schema.models[model].fields[name]
    if field.type == "selection":
        return dict(field.selection).get(value, value)
    if field.type == "many2one" and value:
        return env.sudo()[field.relation].display_name(value)
    return str(value) if value is not False else ""


def followers(env: Env, model: str, record_id: int) -> tuple[int, ...]:
    """Return the partners who follow a document."""
    store = env.db.stores["mail.followers"]
    found = store.pointing("res_id", record_id)
    return tuple(
        store.rows[i]["partner_id"] for i in found if store.rows[i].get("res_model") == model
    )


DERIVED: Final = frozenset({"has_message", "message_is_follower", "message_partner_ids"})


def derived(env: Env, model: str, record_id: int, name: str) -> Any:
    """Return what a document tells about its messages and followers."""
    if name == "has_message":
        return bool(env[model].get(record_id, "message_ids"))
    found = followers(env, model, record_id)
    if name == "message_is_follower":
        return env.db.stores["res.users"].rows[env.uid].get("partner_id") in found
    return found


def follow(env: Env, model: str, record_id: int, partner: int) -> None:
    """Let a partner follow a document, once."""
    if partner and partner not in followers(env, model, record_id):
        vals = {"res_model": model, "res_id": record_id, "partner_id": partner}
        env.sudo()["mail.followers"].insert(vals)


def leave_tracks(env: Env) -> None:
    """Leave one message on each record whose tracked fields changed in this call, or that was made."""
    tracked, env.work.tracked = env.work.tracked, {}
    created, env.work.created = env.work.created, set()
    for model, record_id in sorted(created):
        if record_id in env.db.stores[model].rows and not env.context.get("mail_create_nolog"):
            label = env.db.schema.models[model].label
            post(env, model, [record_id], f"<p>{label} created</p>")
            user = env.db.stores["res.users"].rows[env.uid]
            follow(env, model, record_id, user.get("partner_id", 0))
    for (model, record_id), old in tracked.items():
        row = env.db.stores[model].rows.get(record_id)
        if row is None or (model, record_id) in created:
            continue
        empty = env.db.schema.models[model].fields
        changed = {
            name: (value, row.get(name, empty[name].empty))
            for name, value in old.items()
            if value != row.get(name, empty[name].empty)
        }
        if changed:
            post(env, model, [record_id], "", changed)
