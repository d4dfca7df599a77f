"""The guard: one server action in Odoo that compares and sets in a single call.

Odoo has no call that changes a record only if nobody changed it since, and cuts its stamps to seconds. A server
action runs inside Odoo, sees the stamps to the microsecond and runs in the transaction that it checks: of
writers that race exactly one wins. An administrator lets Storno install it; any user may run it, with their own
rights and no others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from connectors.contract import (
    Answer,
    Call,
    Executor,
    Image,
    Kind,
    Problem,
    Ref,
    Reversibility,
    Step,
)
from connectors.judging import rows
from connectors.odoo.actions import Guard, OdooAction, Query, Server, Target
from core.errors import NotFound, RefusedError, Rejected
from core.text import N_, Text

MODEL: Final = "ir.actions.server"
VERSION: Final = 1
PREFIX: Final = "Storno: compare and set"
NAME: Final = f"{PREFIX} {VERSION}"

BOUND_TO: Final = "res.users.log"
"""Users may not read server actions, but everybody may ask which actions are bound to a model.

This model has no screen, so that nobody finds the guard in a menu.
"""

METHODS: Final[tuple[str, ...]] = (
    "action_apply_inventory",
    "action_archive",
    "action_assign",
    "action_cancel",
    "action_clear_inventory_quantity",
    "action_confirm",
    "action_create_returns",
    "action_done",
    "action_draft",
    "action_lock",
    "action_post",
    "action_set_inventory_quantity_to_zero",
    "action_set_quantities_to_reservation",
    "action_unarchive",
    "action_unlock",
    "action_validate",
    "button_cancel",
    "button_confirm",
    "button_done",
    "button_draft",
    "button_lock",
    "button_mark_done",
    "button_unlock",
    "button_validate",
    "create_returns",
    "do_unreserve",
    "refund_moves",
    "reverse_moves",
    "unlink",
)
"""What the guard may call beside `write`. Odoo's sandbox has no `getattr`: each is written out."""

_HEAD: Final = """\
# Made by Storno. It changes records only when each still has the stamp that Storno read, all in one transaction.
# It acts with the rights of the user who calls it. To remove it: storno systems prepare NAME --remove
clean = {k: v for k, v in env.context.items() if not k.startswith('storno_')}
world = env(context=clean)
mode = env.context.get('storno_mode')
model = env.context.get('storno_model')
ids = env.context.get('storno_ids') or []
infos = {'storno': VERSION}
if mode == 'stamps':
    link = env.context.get('storno_link')
    if link:
        records = world[model].search([(link, 'in', ids)], order='id')
    else:
        records = world[model].browse(ids).exists()
    infos['stamps'] = {str(r.id): str(r.write_date or '') for r in records}
elif mode == 'call':
    stale = []
    expected = env.context.get('storno_expected') or {}
    for name in sorted(expected):
        stamps = expected[name]
        wanted = sorted(int(key) for key in stamps)
        now = {r.id: str(r.write_date or '') for r in world[name].browse(wanted).exists()}
        stale += [name + '.' + str(key) for key in wanted if now.get(key) != stamps[str(key)]]
    if stale:
        raise UserError('STORNO_CONFLICT ' + ','.join(stale))
    records = world[model].browse(ids)
    method = env.context.get('storno_method')
    parameters = env.context.get('storno_parameters') or []
    if method == 'write':
        returned = records.write(parameters[0])
"""
_BRANCH: Final = """\
    elif method == '{method}':
        returned = records.{method}()
"""
_TAIL: Final = """\
    else:
        raise UserError('Storno does not know the method ' + str(method))
    infos['returned'] = returned.get('res_model') or '' if isinstance(returned, dict) else ''
action = {'type': 'ir.actions.act_window_close', 'infos': infos}
"""

CODE: Final = (
    _HEAD.replace("VERSION", str(VERSION))
    + "".join(_BRANCH.format(method=method) for method in METHODS)
    + _TAIL
)
"""What is installed, shown before. Odoo answers with what is left in `action`."""


def find(server: Server) -> Guard | None:
    """Return the guard that is installed, of whatever version; None where there is none or nobody tells us."""
    try:
        bound = server.call("ir.actions.actions", "get_bindings", BOUND_TO)
    except (RefusedError, NotFound):
        bound = None
    found = bound.get("action") if isinstance(bound, Mapping) else None
    if not found:
        try:
            found = server.call(MODEL, "search_read", [["name", "=like", f"{PREFIX}%"]], ["name"])
        except (RefusedError, NotFound):
            found = []
    guards = [guard for row in found if (guard := _guard(row)) is not None]
    return max(guards, key=lambda guard: guard.version, default=None)


def _guard(row: Any) -> Guard | None:
    prefix, _, version = str(row.get("name")).rpartition(" ")
    if prefix != PREFIX or not version.isdigit():
        return None
    return Guard(int(row["id"]), int(version))


class _GuardAction(OdooAction):
    kind = Kind.SETTING
    model = "res.company"
    executors = (Executor.INTERFACE,)
    wanted = frozenset({"name"})
    queries = (
        Query(
            MODEL,
            "",
            "res.company",
            frozenset({"name", "code", "state"}),
            domain=(("name", "=like", f"{PREFIX}%"),),
        ),
    )
    stamped = ()
    ours: ClassVar[Mapping[str, frozenset[str]]] = {
        MODEL: frozenset({"*", "name", "code", "state"})
    }
    trace_note = N_("Odoo's log of server actions names who made and who removed it")

    @property
    def is_available(self) -> bool:
        return super().is_available and self.target.has(MODEL)


class InstallGuard(_GuardAction):
    """Create the server action, once a database."""

    name = "setting.install_guard"
    title = N_("Let Odoo compare and set in one call")

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        del step
        names = sorted(str(fields.get("name")) for fields in rows(image, MODEL).values())
        if NAME in names:
            return (Problem("installed", Text(N_("it is installed already"))),)
        if names:
            older = Text(
                N_("another version is installed, remove it first: {name}"), {"name": names[0]}
            )
            return (Problem("other_version", older),)
        return ()

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        del before
        wanted = step.arguments
        return any(
            fields.get("name") == wanted["name"]
            and str(fields.get("code")).strip() == str(wanted["code"]).strip()
            for fields in rows(after, MODEL).values()
        )

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        del before, after
        return (Step(RemoveGuard.name, step.ref),)

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        fields = self.target.fields[MODEL]
        groups = "group_ids" if "group_ids" in fields else "groups_id"
        everybody = _one(
            server,
            "ir.model.data",
            [["module", "=", "base"], ["name", "=", "group_user"]],
            "res_id",
        )
        values = {
            **calls[0].step.arguments,  # what was shown and approved
            "state": "code",
            "model_id": _one(server, "ir.model", [["model", "=", BOUND_TO]], "id"),
            "binding_model_id": _one(server, "ir.model", [["model", "=", BOUND_TO]], "id"),
            # With a group Odoo asks for that one, without it for the right to write the model above.
            groups: [[6, 0, [everybody]]],
        }
        server.call(MODEL, "create", [values], is_write=True)
        return [Answer(call.operation_id) for call in calls]


class RemoveGuard(_GuardAction):
    """Delete the server action."""

    name = "setting.remove_guard"
    title = N_("Take the guard out of Odoo again")
    reversibility = Reversibility.COMPENSATING
    reversibility_note = N_("installed again, it has another id")

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        del step
        if not rows(image, MODEL):
            return (Problem("missing", Text(N_("it is not installed"))),)
        return ()

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        del step, before
        return not rows(after, MODEL)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        del after
        return tuple(
            Step(InstallGuard.name, step.ref, {name: fields[name] for name in ("name", "code")})
            for fields in rows(before, MODEL).values()
        )

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        ids = sorted({key for call in calls for key in rows(call.before, MODEL)})
        server.call(MODEL, "unlink", ids, is_write=True)
        return [Answer(call.operation_id) for call in calls]


def guard_steps(target: Target, *, remove: bool) -> tuple[Step, ...]:
    """Return what `storno systems prepare` plans: to install the guard, or to remove it."""
    ref = Ref("res.company", str(target.company_id))
    if remove:
        return (Step(RemoveGuard.name, ref),)
    return (Step(InstallGuard.name, ref, {"name": NAME, "code": CODE}),)


def guard_actions() -> tuple[type[OdooAction], ...]:
    """Return the actions of this module."""
    return (InstallGuard, RemoveGuard)


def _one(server: Server, model: str, domain: list[Any], field: str) -> int:
    found = server.call(model, "search_read", domain, [field], limit=1)
    if not found:
        raise Rejected(system=server.system, said=N_("Odoo's own records are not there"))
    return int(found[0][field])
