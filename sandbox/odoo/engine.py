"""The engine's face to the business files (purchase.py, sale.py, stock.py ...): import everything from here.

How a business file is written::

    from sandbox.odoo.engine import Env, UserError, compute, method, on_write, track

    track("purchase.order", "state")                       # leaves a message when it changes

    @method("purchase.order", "button_done", until=18)
    def button_done(env: Env, ids: list[int]) -> None:     # real argument names: JSON-2 passes them by name
        env["purchase.order"].write(ids, {"state": "done", "priority": "0"})

    @compute("purchase.order", "amount_untaxed", depends=("order_line.price_subtotal",))
    def amount(env: Env, order: int) -> dict[str, float]:
        lines = env["purchase.order"].get(order, "order_line")
        return {"amount_untaxed": sum(env["purchase.order.line"].get(i, "price_subtotal") for i in lines)}

and listed in sandbox/odoo/business.py, which imports them all.

Values: many2one an id or False; to-many a tuple of ids (never change one in place); empty text, date, selection
False; numbers float or int; date `YYYY-MM-DD`, datetime `YYYY-MM-DD HH:MM:SS` (UTC). Commands `(0,0,vals)`,
`(6,0,ids)` ... are understood by create and write.

`Table` (``env["purchase.order"]``):

* ``get(id, "field")`` any field, computed, related, one2many; a record that is gone is a `MissingError`.
* ``search(domain, order=, limit=)`` ids, archived too unless ``active_test=True``.
* ``create(vals)`` (returns the id), ``write(ids, vals)``, ``unlink(ids)``: as Odoo's methods, with hooks, rights
  (unless ``env.sudo()``), type checks, recomputation, messages of tracked fields.
* ``insert(vals)``, ``update(ids, vals)``, ``delete(ids)``: the same without hooks, rights and tracking, still with
  recomputation and write_date. ``rows`` is the raw content: read it, do not change it.
* ``call("button_cancel", ids, ...)`` runs a registered (or built-in) method. A method whose name starts with `_`
  can be registered and called so; over RPC it is private.

`Env`: ``version``, ``uid``, ``context``, ``db``; ``env.sudo()``, ``env.with_context(key=value)``;
``env.today``, ``env.now``; ``env.next_number("purchase.order")`` (P00001 ...); ``env.message(model, ids, body)``;
``env.check(model, "write")`` raises `AccessError`; ``env.company`` the id of the user's company.

Errors: `UserError`, `ValidationError`, `MissingError`, `AccessError`, `RedirectWarning` are told in their words;
`ValueError`, `TypeError`, `AttributeError`, `KeyError` become a traceback, as in Odoo. Everything a refused call did
is undone. A method that returns None is a fault over XML-RPC (after the commit), as in Odoo.

Which fields exist, in which version: `env.has("purchase.order", "locked")`; sandbox/odoo/schema.py, data/.
`since=`/`until=` of every decorator say in which versions it holds.
"""

from __future__ import annotations

from sandbox.odoo.environment import Env
from sandbox.odoo.errors import (
    AccessDenied,
    AccessError,
    MissingError,
    OdooError,
    RedirectWarning,
    SerializationFailure,
    UserError,
    ValidationError,
)
from sandbox.odoo.registry import (
    after_create,
    after_write,
    compute,
    labels,
    method,
    on_create,
    on_unlink,
    on_write,
    track,
)
from sandbox.odoo.table import Table

__all__ = [
    "AccessDenied",
    "AccessError",
    "Env",
    "MissingError",
    "OdooError",
    "RedirectWarning",
    "SerializationFailure",
    "Table",
    "UserError",
    "ValidationError",
    "after_create",
    "after_write",
    "compute",
    "labels",
    "method",
    "on_create",
    "on_unlink",
    "on_write",
    "track",
]
