"""What each recording acts on: which documents, in which state, and what must be different afterwards.

A scene is found by the recording's name. It holds no answer: only the ids to put into the request, and the effect
that the facts about Odoo (not the recording) ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.odoo.faults import Fault
from tests.sandbox.odoo.compare import names_in, numbers_in
from tests.sandbox.odoo.office import INVOICE, PO, Office
from tests.sandbox.odoo.recordings import Asked, Recording, Told

Effects = Mapping[str, Any]
TASK, PROJECT, COMPANY = "project.task", "project.project", "res.company"


@dataclass(slots=True)
class Scene:
    """Ids for the request, and what the call must do."""

    ids: tuple[int, ...] = ()  # in the order of the ids in the request
    fields: Mapping[str, Any] = field(default_factory=dict)  # values by the name of the field
    first: Any = None  # replaces the first argument
    context: Mapping[str, Any] = field(default_factory=dict)
    effects: Effects | None = None  # None: the call must change nothing
    on: tuple[str, tuple[int, ...]] | None = None  # whose fields, if not those of the called ones
    changes: bool = False  # something changes, and no field tells what
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """All that a scene may look at."""

    office: Office
    recording: Recording
    asked: Asked
    told: Told

    @property
    def version(self) -> int:
        return self.recording.version

    @property
    def asked_ids(self) -> list[int]:
        """Return the ids in the recorded request."""
        first = (
            self.asked.params[5][0] if len(self.asked.params) > 5 and self.asked.params[5] else ()
        )
        return [each for each in first if type(each) is int] if isinstance(first, list) else []

    @property
    def culprit(self) -> int:
        """Return the place of the record that the recorded refusal names; the middle where it names none."""
        ids = [each for each in self.asked_ids if each < 99999999]
        text = self.told.text
        told = numbers_in(text) + [int(name[1:6]) for name in names_in(text) if name[0] == "P"]
        found = [ids.index(each) for each in told if each in ids]
        return found[0] if found else len(ids) // 2


Maker = Callable[[Case], Scene]
SCENES: dict[str, Maker] = {}


def scene(*names: str) -> Callable[[Maker], Maker]:
    """Register a scene for recordings."""

    def register(maker: Maker) -> Maker:
        SCENES.update(dict.fromkeys(names, maker))
        return maker

    return register


def locked(version: int) -> Effects:
    """Return what locking a purchase order leaves."""
    return {"locked": True} if version >= 19 else {"state": "done", "priority": "0"}


# --- purchase orders ---------------------------------------------------------------------------------------


def orders(state: str = "purchase", effects: Effects | None = None, number: int = 1) -> Maker:
    """Return a scene of purchase orders in one state."""

    def make(case: Case) -> Scene:
        wanted = max(number, len([i for i in case.asked_ids if i < 99999999]))
        if case.recording.transport == "/json/2":
            wanted = len(case.asked.body.get("ids", [])) or 1 if case.asked.body else 1
        return Scene(tuple(case.office.purchases(wanted, state)), effects=effects)

    return make


for _name in (
    "ep1_access", "ep1_missing", "ep1_unknown_field", "fault_access_button",
    "fault_access_model_read", "fault_access_model_write", "fault_arg_count",
    "fault_bad_datetime", "fault_bad_m2o", "fault_bad_selection", "fault_bad_state",
    "fault_batch_lock_missing_id", "fault_batch_write_missing_id", "fault_missing_method",
    "fault_missing_read", "fault_missing_write", "fault_private_method", "fault_required_false",
    "fault_unknown_field_domain", "fault_unknown_field_read", "fault_unknown_field_write",
    "fault_unknown_method", "fault_po_unlink_confirmed", "jsonrpc_missing", "jsonrpc_private",
    "jsonrpc_unknown_field", "jsonrpc_wrong_pw", "missing_and_existing_read", "missing_unlink",
    "po_check_access_rights", "po_check_access_rights_denied", "po_has_access", "po_fields_get",
    "po_get_metadata", "po_read_classic", "po_read_load_empty", "json2_read",
    "json2_read_load_none", "json2_missing_read", "json2_missing_write", "json2_unknown_field",
    "json2_bad_selection", "json2_bad_kwarg", "json2_missing_kwarg", "json2_private_method",
    "json2_access_error", "json2_access_error_write", "json2_bad_key", "json2_basic_auth",
    "json2_no_auth", "json2_password_as_key", "json2_malformed_json", "json2_get_verb",
    "json2_wrong_content_type", "json2_unknown_method", "json2_ids_on_model_method",
):  # fmt: skip
    scene(_name)(orders())
for _name in ("po_search", "po_search_count", "po_search_read", "json2_search_count",
              "json2_search_read", "json2_db_header_ok", "json2_db_header_wrong"):  # fmt: skip
    scene(_name)(orders(number=3))
scene("po_write")(orders(effects={"partner_ref": "REF"}))
scene("json2_write")(orders(effects={"partner_ref": "J2"}))
scene("po_write_state")(orders(effects={"state": "purchase"}))
scene("fault_none_return", "po_unlock", "json2_unlock_none_return")(
    lambda case: Scene(
        tuple(case.office.purchases(1, "locked")),
        effects={"locked": False} if case.version >= 19 else {"state": "purchase"},
    )
)
scene("po_lock", "jsonrpc_none_return", "json2_lock_none_return")(
    lambda case: Scene(tuple(case.office.purchases(priority="1")), effects=locked(case.version))
)
scene("po_button_confirm")(orders("draft", {"state": "purchase"}))
scene("po_button_draft")(orders("cancel", {"state": "draft"}))
scene("po_button_cancel")(orders("purchase", {"state": "cancel"}))


@scene("po_cancel_locked")
def _cancel_locked(case: Case) -> Scene:
    ids = tuple(case.office.purchases(1, "locked"))
    return Scene(ids, effects=None if case.version >= 19 else {"state": "cancel"})


@scene("batch_lock_one_cancelled")
def _lock_one_cancelled(case: Case) -> Scene:
    number = len(case.asked_ids)
    ids = [*case.office.purchases(number - 1), *case.office.purchases(1, "cancel")]
    return Scene(tuple(ids), effects={"locked": True} if case.version >= 19 else {"state": "done"})


@scene("fault_batch_cancel_one_received")
def _one_received(case: Case) -> Scene:
    ids = case.office.purchases(len(case.asked_ids))
    case.office.receive(ids[case.culprit])
    return Scene(tuple(ids), effects={"state": "cancel"} if case.version >= 19 else None)


@scene("fault_batch_cancel_one_billed")
def _one_billed(case: Case) -> Scene:
    ids = case.office.purchases(len(case.asked_ids))
    case.office.env[INVOICE].call("action_post", [case.office.bill(ids[case.culprit])])
    return Scene(tuple(ids))


@scene("po_create", "fault_required_missing", "json2_required_missing")
def _po_create(case: Case) -> Scene:
    company = case.office.company
    fields = {
        "partner_id": company.partners["vendor"],
        "product_id": company.products["goods"],
        "product_uom": company.uoms["unit"],
        "product_uom_id": company.uoms["unit"],
    }
    return Scene(fields=fields, changes=case.recording.name == "po_create")


@scene("po_message_post")
def _message(case: Case) -> Scene:
    return Scene(tuple(case.office.purchases()), changes=True)


@scene("po_read_all")
def _read_all(case: Case) -> Scene:
    ids = case.office.purchases(priority="1")
    if case.version >= 19:
        # There somebody had written to the vendor before.
        case.office.env[PO].call("message_post", ids, body="x", message_type="comment")
    return Scene(tuple(ids))


@scene("po_load_ok", "po_load_error")
def _load(case: Case) -> Scene:
    ids = case.office.purchases(2)
    rows = [[str(each), *row[1:]] for each, row in zip(ids, case.asked.params[5][1], strict=True)]
    scene_made = Scene(tuple(ids), fields={"": rows})
    if case.recording.name == "po_load_ok":
        scene_made.effects, scene_made.on = {"partner_ref": ("L1", "L2")}, (PO, tuple(ids))
    return scene_made


@scene("fault_bad_type", "fault_po_line_unlink_confirmed")
def _po_line(case: Case) -> Scene:
    (order,) = case.office.purchases()
    return Scene((case.office.env[PO].get(order, "order_line")[0],))


@scene("fault_serialization", "json2_serialization")
def _serialization(case: Case) -> Scene:
    fault = Fault("serialization", model=PO, method="write")
    return Scene(tuple(case.office.purchases()), faults=(fault,))


@scene("cas_server_action_ok", "cas_server_action_conflict")
def _compare_and_set(case: Case) -> Scene:
    env = case.office.env
    ids = case.office.purchases(3)
    is_stale = case.recording.name.endswith("conflict")
    stamp = "2026-01-01 00:00:00.000001" if is_stale else env.db.stamp
    model = env["ir.model"].first([("model", "=", PO)]) or env["ir.model"].insert(
        {"model": PO, "name": "Purchase Order", "state": "base"}
    )
    code = _GUARD.replace("METHOD", "button_lock" if case.version >= 19 else "button_done")
    action = env["ir.actions.server"].create(
        {"name": "guard", "model_id": model, "state": "code", "code": code}
    )
    expected = {str(each): stamp for each in ids}
    effects = None if is_stale else locked(case.version)
    made = Scene((action,), context={"storno_expected": expected}, effects=effects)
    made.on = (PO, tuple(ids))
    return made


_GUARD: Final = """
expected = env.context['storno_expected']
orders = env['purchase.order'].browse([int(key) for key in expected])
stale = [o.id for o in orders if str(o.write_date) != expected[str(o.id)]]
if stale:
    raise UserError('STORNO_CONFLICT ' + ','.join(str(i) for i in stale))
orders.METHOD()
action = {'type': 'ir.actions.act_window_close', 'infos': {str(o.id): str(o.write_date) for o in orders}}
"""
