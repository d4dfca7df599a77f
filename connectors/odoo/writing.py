"""What may be written back to Odoo, and how: only what is ours and differs, and never what Odoo works out itself.

Writing an unchanged value back corrupts documents: Odoo takes the mere presence of some fields for a change and
fetches the vendor's list price over a negotiated one. Its RPC also accepts values that its screens show read-only
(totals, states, the quantity in a location) and keeps them: a document that lies.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from connectors.contract import Answer, Call, FieldInfo
from connectors.odoo.values import to_wire
from core.errors import (
    STOPS_THE_RUN,
    ContractBroken,
    Frozen,
    RefusedError,
    StornoError,
    TransientError,
)

if TYPE_CHECKING:
    from connectors.odoo.actions import Server, Target
    from core.encoding import Value

_ENDS_THE_BATCH: Final[tuple[type[StornoError], ...]] = (TransientError, Frozen, *STOPS_THE_RUN)

Key = TypeVar("Key", bound=Hashable)

SERVERS_OWN: Final = frozenset(
    {"id", "create_uid", "create_date", "write_uid", "write_date", "display_name", "__last_update"}
)
"""Odoo ignores these silently when they are written."""

NEVER: Final[Mapping[str, frozenset[str]]] = {
    # Stock changes with no move behind it.
    "stock.quant": frozenset({"quantity", "reserved_quantity", "product_id", "location_id"}),
    # Fetches every line's price from the new partner's list.
    "purchase.order": frozenset(
        {"partner_id", "company_id", "amount_total", "picking_ids", "name"}
    ),
    "sale.order": frozenset(
        {"partner_id", "company_id", "pricelist_id", "amount_total", "picking_ids", "name"}
    ),
    "stock.picking": frozenset({"state", "picking_type_id"}),
    "stock.move": frozenset({"product_qty"}),
}
"""Writable over RPC, and wrong: refused although a server may not call them read-only."""

MEASURED: Final[Mapping[str, Mapping[str, frozenset[Value] | None]]] = {
    # No method gives a cancelled order back; written, the state is all that is missing (measured on 16 to 19).
    # Taking such a write back is the same write: the method would cancel what the other links still need.
    "purchase.order": {
        "state": frozenset({"draft", "sent", "to approve", "purchase", "cancel"}),
        "mail_reminder_confirmed": None,
    },
    "sale.order": {"state": frozenset({"draft", "sent", "sale", "cancel"})},
    # Back from cancelled. Every other state of a move is the work of a method; `assigned` would lie.
    "stock.move": {"state": frozenset({"draft"}), "reservation_date": None},
    "mrp.production": {"state": frozenset({"draft"})},
    "mrp.workorder": {"state": None},
    # Read-only on the screens of some versions, for posted ones: written on drafts only.
    "account.move": {"invoice_date": None, "date": None, "invoice_date_due": None},
    # The state of a task is what its screen lets everybody choose.
    "project.task": {"state": None},
}
"""Read-only fields that may be written all the same, and with which values: what was measured to be right."""

_DEPENDENT: Final = frozenset({"price_unit", "discount", "name"})
TOGETHER: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "purchase.order.line": (
        frozenset(
            {
                "product_qty", "product_uom", "product_uom_id", "product_id", "order_id",
                "product_packaging_id", "product_packaging_qty",
            }
        ),
        _DEPENDENT | {"product_qty", "date_planned"},
    ),
    "sale.order.line": (
        frozenset(
            {
                "product_uom_qty", "product_uom", "product_uom_id", "product_id", "display_type",
                "product_packaging_id", "product_packaging_qty",
            }
        ),
        _DEPENDENT | {"product_uom_qty"},
    ),
}  # fmt: skip
"""Per model: fields whose write makes Odoo work out others anew, and those that go along to keep their values."""


def write_values(
    target: Target,
    model: str,
    now: Mapping[str, Value],
    wanted: Mapping[str, Value],
    *,
    ours: frozenset[str],
) -> dict[str, Any]:
    """Return what one `write` sends so that a record holds `wanted`: empty when it already does.

    `now` are the record's fields as they were just read. Only fields that differ are sent; where one of them makes
    Odoo recompute others, those go along with the value that they shall keep. Raises `ContractBroken` for a field
    that is not the action's own, that this server lacks, or that nobody may write.
    """
    fields = target.fields.get(model, {})
    changed: dict[str, Value] = {}
    for name, value in wanted.items():
        if name not in ours:
            raise ContractBroken(problem=f"{model}.{name} is not ours to write back")
        if name not in fields or name not in now:
            raise ContractBroken(problem=f"{model}.{name} is not on this server, or was not read")
        if not _is_same(now[name], value):
            require_writable(model, fields[name], value)
            changed[name] = value
    triggers, along = TOGETHER.get(model, (frozenset[str](), frozenset[str]()))
    if triggers & changed.keys():
        for name in sorted(along & fields.keys()):
            if name not in changed:
                if name not in now:
                    raise ContractBroken(problem=f"{model}.{name} must go along, but was not read")
                changed[name] = wanted.get(name, now[name])
    return {name: wire_value(fields[name], value) for name, value in changed.items()}


def require_writable(model: str, info: FieldInfo, value: Value) -> None:
    """Raise `ContractBroken` when the field is none that may be written back with this value."""
    measured = MEASURED.get(model, {})
    if info.name in measured:
        allowed = measured[info.name]
        if allowed is None or value in allowed:
            return
    elif (
        info.name not in SERVERS_OWN
        and info.name not in NEVER.get(model, ())
        and info.name != "state"
        and not info.is_readonly
        and info.is_stored
    ):
        return
    raise ContractBroken(problem=f"{model}.{info.name} must not be written ({value!r})")


def wire_value(info: FieldInfo, value: Value) -> Any:
    """Return a value as Odoo's `write` takes it: nothing is False, a relation to many is a command."""
    if info.type == "tuple" or isinstance(value, tuple):
        return [[6, 0, list(value) if isinstance(value, tuple) else []]]
    return False if value is None else to_wire(value)


def write_in_groups(
    server: Server,
    calls: Sequence[Call],
    key: Callable[[Call], Key | None],
    send: Callable[[Key, Sequence[Call]], None],
) -> list[Answer]:
    """Send calls that write the same in one request each; answer one by one.

    `key` tells what a document needs (None: nothing). Every document is in one request only, so each is changed
    whole or not at all. A refused request did nothing, so its documents are tried alone; a lost answer leaves the
    whole batch in doubt. What ends the batch between two requests (a freeze, a busy server, a log-in that ended) is
    told of the documents that were not sent by then: those before them stand.
    """
    groups: dict[Key, list[Call]] = {}
    for call in calls:
        needed = key(call)
        if needed is not None:
            groups.setdefault(needed, []).append(call)
    refused: dict[str, RefusedError] = {}
    unsent: dict[str, StornoError] = {}
    waiting = [(needed, members) for needed, members in reversed(groups.items())]
    is_first, is_begun = True, False
    while waiting:
        needed, members = waiting.pop()
        try:
            if not is_first:
                server.fence()
            is_first = False
            send(needed, members)
            is_begun = True
        except _ENDS_THE_BATCH as error:
            if not is_begun:
                raise
            left = [*members, *(call for _, others in waiting for call in others)]
            unsent = dict.fromkeys((call.operation_id for call in left), error)
            break
        except RefusedError as error:
            if len(members) == 1:
                refused |= dict.fromkeys((call.operation_id for call in members), error)
            else:
                waiting += [(needed, [call]) for call in reversed(members)]
    return [
        Answer(
            call.operation_id,
            refused.get(call.operation_id),
            unsent.get(call.operation_id),
        )
        for call in calls
    ]


def _is_same(now: Value, wanted: Value) -> bool:
    if isinstance(now, tuple) and isinstance(wanted, tuple):
        return set(now) == set(wanted)
    return type(now) is type(wanted) and now == wanted
