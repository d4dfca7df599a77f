"""Scenes of sales, invoices, stock, production, projects and people. Importing this registers them."""

from __future__ import annotations

from tests.sandbox.odoo.office import INVOICE, MO, PICKING, QUANT, SO
from tests.sandbox.odoo.scenes import COMPANY, TASK, Case, Effects, Maker, Scene, scene

# --- sales orders ------------------------------------------------------------------------------------------


def sales(state: str, effects: Effects | None = None, number: int = 1) -> Maker:
    """Return a scene of sales orders in one state."""
    return lambda case: Scene(tuple(case.office.sales(number, state)), effects=effects)


scene("so_action_confirm")(sales("draft", {"state": "sale"}))
scene("so_action_draft")(sales("cancel", {"state": "draft"}))
scene("so_action_cancel_ctx")(sales("sale", {"state": "cancel"}))


@scene("so_lock")
def _so_lock(case: Case) -> Scene:
    effects = {"state": "done"} if case.version <= 16 else {"state": "sale", "locked": True}
    return Scene(tuple(case.office.sales()), effects=effects)


@scene("so_unlock")
def _so_unlock(case: Case) -> Scene:
    effects = {"state": "sale"} if case.version <= 16 else {"state": "sale", "locked": False}
    return Scene(tuple(case.office.sales(1, "locked")), effects=effects)


@scene("so_action_cancel_plain", "so_action_cancel_multi")
def _so_cancel(case: Case) -> Scene:
    ids = tuple(case.office.sales(len(case.asked_ids)))
    return Scene(ids, effects={"state": "cancel"} if case.version >= 19 else None)


@scene("so_cancel_locked")
def _so_cancel_locked(case: Case) -> Scene:
    return Scene(tuple(case.office.sales(1, "locked")))


@scene("so_line_write_locked")
def _so_line(case: Case) -> Scene:
    (order,) = case.office.sales(1, "locked")
    return Scene((case.office.env[SO].get(order, "order_line")[0],))


@scene("batch_so_cancel_one_locked")
def _so_batch_cancel(case: Case) -> Scene:
    ids = [*case.office.sales(2), *case.office.sales(1, "locked")]
    return Scene(tuple(ids), effects={"state": "cancel"} if case.version <= 16 else None)


@scene("batch_so_confirm_one_done")
def _so_batch_confirm(case: Case) -> Scene:
    # 16 confirms again what is confirmed; it only refuses what is locked or cancelled.
    other = case.office.sales(1, "cancel" if case.version == 16 else "sale")
    return Scene((*case.office.sales(1, "draft"), *other))


@scene("so_create")
def _so_create(case: Case) -> Scene:
    company = case.office.company
    fields = {"partner_id": company.partners["customer"], "product_id": company.products["goods"]}
    return Scene(fields=fields, changes=True)


# --- invoices and periods ----------------------------------------------------------------------------------


def invoices(state: str, effects: Effects | None = None) -> Maker:
    """Return a scene of one invoice."""
    return lambda case: Scene(tuple(case.office.invoices(1, state)), effects=effects)


scene("inv_action_post")(invoices("draft", {"state": "posted"}))
scene("inv_button_draft")(invoices("posted", {"state": "draft"}))
scene("inv_button_cancel")(invoices("draft", {"state": "cancel"}))
scene("inv_button_cancel_posted")(invoices("posted", {"state": "cancel"}))
scene("fault_inv_post_twice", "fault_inv_unlink_posted")(invoices("posted"))
scene("fault_usererror", "ep1_usererror", "jsonrpc_usererror", "json2_usererror")(
    lambda case: Scene((case.office.credit_note(),))
)


@scene("fault_inv_line_write_posted")
def _posted_line(case: Case) -> Scene:
    (invoice,) = case.office.invoices(1, "posted")
    line = case.office.env[INVOICE].get(invoice, "invoice_line_ids")[0]
    return Scene((line,), effects={"price_unit": 120.0})


@scene("inv_create")
def _invoice(case: Case) -> Scene:
    company = case.office.company
    fields = {
        "partner_id": company.partners["customer"],
        "account_id": company.accounts["income"],
    }
    return Scene(fields=fields, changes=True)


@scene("fault_batch_post_one_posted")
def _one_posted(case: Case) -> Scene:
    ids = case.office.invoices(len(case.asked_ids))
    case.office.env[INVOICE].call("action_post", [ids[case.culprit]])
    case.office._noted(INVOICE, ids)
    return Scene(tuple(ids))


@scene("fault_batch_draft_one_draft")
def _one_draft(case: Case) -> Scene:
    ids = case.office.invoices(len(case.asked_ids))
    case.office.env[INVOICE].call("action_post", ids[:-1])
    return Scene(tuple(ids), effects={"state": "draft"} if case.version <= 16 else None)


@scene("inv_reversal_create")
def _reversal(case: Case) -> Scene:
    ids = tuple(case.office.invoices(1, "posted"))
    journal = {"journal_id": case.office.company.journals["sale"]}
    return Scene(fields=journal, context={"active_ids": list(ids)}, changes=True)


@scene("inv_reversal_reverse_moves", "inv_reversal_refund_moves")
def _reverse(case: Case) -> Scene:
    ids = case.office.invoices(1, "posted")
    context = {"active_model": INVOICE, "active_ids": ids}
    vals = {"reason": "Storno", "date": "2026-11-22",
            "journal_id": case.office.company.journals["sale"]}  # fmt: skip
    wizard = case.office.env.with_context(context)["account.move.reversal"].create(vals)
    return Scene((wizard,), context=context, changes=True)


def period(field: str, day: str) -> Maker:
    """Return a scene in which a lock date is set."""

    def make(case: Case) -> Scene:
        return Scene((case.office.company.company,), effects={field: day})

    return make


for _kind in ("fiscalyear", "period", "tax", "sale", "purchase"):
    scene(f"lock_set_{_kind}_lock_date")(period(f"{_kind}_lock_date", "2025-12-31"))
scene("lock_set_hard")(period("hard_lock_date", "2020-01-31"))


@scene("fault_hard_lock_lower")
def _lower(case: Case) -> Scene:
    company = case.office.company.company
    case.office.env[COMPANY].update([company], {"hard_lock_date": "2020-01-31"})
    return Scene((company,))


@scene("fault_hard_lock_with_drafts")
def _hard_with_drafts(case: Case) -> Scene:
    ids = case.office.invoices(1, "draft", "2021-05-05")
    return Scene((case.office.company.company,), fields={"": ids})


@scene("fault_lock_with_drafts")
def _lock_with_drafts(case: Case) -> Scene:
    ids = case.office.invoices(1, "draft", "2024-05-05")
    effects = {"fiscalyear_lock_date": "2024-12-31"} if case.version >= 18 else None
    return Scene((case.office.company.company,), fields={"": ids}, effects=effects)


@scene("fault_draft_in_locked_period")
def _draft_in_locked(case: Case) -> Scene:
    ids = case.office.invoices(1, "posted", "2024-05-05")
    company = case.office.company.company
    case.office.env[COMPANY].update([company], {"fiscalyear_lock_date": "2024-12-31"})
    return Scene(tuple(ids))


# --- stock -------------------------------------------------------------------------------------------------


@scene("picking_action_cancel")
def _picking_cancel(case: Case) -> Scene:
    return Scene((case.office.transfer(),), effects={"state": "cancel"})


@scene("picking_button_validate")
def _picking_validate(case: Case) -> Scene:
    return Scene((case.office.transfer("filled"),), effects={"state": "done"})


@scene("picking_validate_partial")
def _picking_partial(case: Case) -> Scene:
    # Where two were validated, the recorded wizard asks about the second one alone.
    ids = [case.office.transfer("filled") for _ in case.asked_ids[1:]]
    return Scene((*ids, case.office.transfer("short")))


@scene("fault_picking_cancel_done")
def _picking_done(case: Case) -> Scene:
    return Scene((case.office.transfer("done"),))


@scene("return_wizard_create", "return_wizard_create_returns")
def _return(case: Case) -> Scene:
    picking = case.office.transfer("done")
    context = {"active_id": picking, "active_ids": [picking], "active_model": PICKING}
    if case.recording.name == "return_wizard_create":
        return Scene(fields={"picking_id": picking}, context=context, changes=True)
    env = case.office.env.with_context(context)
    wizard = env["stock.return.picking"].create({"picking_id": picking})
    lines = env["stock.return.picking"].get(wizard, "product_return_moves")
    if case.version >= 18:
        env["stock.return.picking.line"].write(lines, {"quantity": 1.0})
    return Scene((wizard,), context=context, changes=case.version >= 17)


@scene("quant_create")
def _quant_create(case: Case) -> Scene:
    company = case.office.company
    fields = {"product_id": company.products["kit"], "location_id": company.locations["stock"]}
    return Scene(fields=fields, changes=True)


@scene("quant_apply")
def _quant_apply(case: Case) -> Scene:
    effects = {"quantity": 10.0, "inventory_quantity": 0.0, "user_id": False}
    return Scene((case.office.counted(10.0),), effects=effects)


@scene("quant_apply_conflict")
def _quant_conflict(case: Case) -> Scene:
    quant = case.office.counted(10.0)
    case.office.env[QUANT].update([quant], {"quantity": 4.0})
    return Scene((quant,))


@scene("quant_clear")
def _quant_clear(case: Case) -> Scene:
    return Scene((case.office.counted(10.0),), effects={"inventory_quantity": 0.0})


@scene("fault_quant_write_quantity")
def _quant_write(case: Case) -> Scene:
    return Scene((case.office.counted(10.0),), effects={"quantity": 12.0})


# --- production, projects, people --------------------------------------------------------------------------


@scene("mo_action_confirm")
def _mo_confirm(case: Case) -> Scene:
    return Scene((case.office.production(),), effects={"state": "confirmed"})


@scene("mo_action_cancel")
def _mo_cancel(case: Case) -> Scene:
    return Scene((case.office.production("confirmed"),), effects={"state": "cancel"})


@scene("mo_button_mark_done")
def _mo_done(case: Case) -> Scene:
    order = case.office.production("confirmed")
    case.office.env[MO].write([order], {"qty_producing": 3.0})
    return Scene((order,))


@scene("fault_mo_cancel_done")
def _mo_cancel_done(case: Case) -> Scene:
    if case.version <= 16:
        # There the recorded order had only come to `to_close`, which may still be cancelled.
        return Scene((case.office.production("confirmed"),), effects={"state": "cancel"})
    return Scene((case.office.production("done"),))


@scene("unbuild_action_unbuild")
def _unbuild(case: Case) -> Scene:
    company = case.office.company
    order = case.office.production("done")
    vals = {
        "mo_id": order, "product_id": company.products["kit"], "product_qty": 3.0,
        "product_uom_id": company.uoms["unit"], "bom_id": company.bom,
        "location_id": company.locations["stock"], "location_dest_id": company.locations["stock"],
    }  # fmt: skip
    made = case.office.env["mrp.unbuild"].create(vals)
    return Scene((made,), effects={"state": "done"})


@scene("project_archive", "project_unarchive")
def _project(case: Case) -> Scene:
    is_archived = case.recording.name == "project_unarchive"
    made = case.office.project(is_active=not is_archived)
    tasks = case.office.env[TASK].search([("project_id", "=", made)])
    return Scene((made,), effects={"active": is_archived}, on=(TASK, tuple(tasks)))


@scene("project_update_create")
def _project_update(case: Case) -> Scene:
    made = case.office.project()
    return Scene(fields={"project_id": made}, changes=True)


@scene("task_close", "task_reopen")
def _task(case: Case) -> Scene:
    env = case.office.env
    project = case.office.project()
    task = env[TASK].search([("project_id", "=", project)])[0]
    if case.recording.name == "task_reopen":
        env[TASK].write([task], {"state": "1_done"})
        return Scene((task,), effects={"state": "01_in_progress"})
    return Scene((task,), effects={"state": "1_done"})


@scene("partner_name_search")
def _partner_search(case: Case) -> Scene:
    return Scene(first="Wood" if case.told.value else "no such partner")


@scene("json2_create")
def _partner(_: Case) -> Scene:
    return Scene(changes=True)


@scene("fault_validationerror", "json2_validationerror")
def _recursive(case: Case) -> Scene:
    partner = case.office.company.partners["vendor"]
    return Scene((partner,), fields={"parent_id": partner})


@scene("fault_fk_unlink", "json2_fk_unlink")
def _in_use(case: Case) -> Scene:
    case.office.purchases()
    return Scene((case.office.company.partners["vendor"],))


@scene("fault_access_field", "fault_access_res_users_write")
def _users(case: Case) -> Scene:
    return Scene((case.office.company.users["admin"],))


# What needs no document at all.
for _name in (
    "auth_api_key", "auth_ok", "auth_wrong_password", "common_login_wrong", "common_version",
    "ep1_wrong_password", "execute_kw_api_key", "fault_auth_unknown_db", "fault_empty_password",
    "fault_malformed_xml", "fault_unique", "fault_unknown_db", "fault_unknown_model",
    "fault_unknown_service", "fault_unknown_service_method", "fault_unknown_uid",
    "fault_wrong_password", "jsonrpc_malformed", "json2_bare_path", "json2_unknown_model",
):  # fmt: skip
    scene(_name)(lambda _: Scene())
