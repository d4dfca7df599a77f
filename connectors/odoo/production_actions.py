"""Cancelling manufacturing orders and giving them back exactly; closing them, and taking apart what was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from connectors.contract import (
    Answer,
    Call,
    Executor,
    Image,
    LaterBusiness,
    Problem,
    Reversibility,
    Step,
)
from connectors.judging import number_in, root_of, rows, state_moved, state_problem
from connectors.odoo.actions import (
    STAMPS,
    MethodAction,
    OdooAction,
    Query,
    Server,
    Target,
    quietness,
    tracking,
)
from connectors.odoo.productions import (
    ANY,
    PRODUCTION,
    PRODUCTION_FIELDS,
    PRODUCTION_MOVE,
    WORK,
    WORK_FIELDS,
    ProductionAction,
)
from connectors.odoo.transfers import (
    MOVE,
    MOVE_LINE,
    OPEN,
    QUANT,
    RESERVED,
    Restore,
    are_confirmed,
    are_drafted,
    are_reserved,
    cancel_problems,
    done_moves,
    open_moves,
    restore_of,
)
from connectors.odoo.unbuild_actions import UNBUILD, UNBUILD_FIELDS, unbuild_actions
from connectors.odoo.writing import write_values
from core.encoding import Value
from core.text import N_, Text


class CancelProduction(ProductionAction, MethodAction):
    """A manufacturing order that nobody began is cancelled with its moves and work orders."""

    name = "production_order.cancel"
    method = "action_cancel"
    title = N_("Cancel the manufacturing order")

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        if target.version < 17:
            self.reversibility = Reversibility.MANUAL  # type: ignore[misc]
            self.reversibility_note = N_(  # type: ignore[misc]
                "this Odoo lets nobody set a cancelled manufacturing order back: copy it"
            )

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        found = (
            *state_problem(step, image, "draft", "confirmed", "progress", "to_close"),
            *cancel_problems(image),
        )
        root = root_of(step, image)
        if number_in(root.get("qty_producing")) or done_moves(image):
            text = Text(N_("something was produced or used up: cancelling is not for that"))
            found = (*found, Problem("production.begun", text))
        works = rows(image, WORK).values()
        if any(work.get("state") in ("progress", "done") for work in works):
            text = Text(N_("one of its work orders was begun"))
            found = (*found, Problem("work.begun", text))
        if root.get("is_planned") and any(work.get("leave_id") for work in works):
            text = Text(N_("its work orders are planned; cancelling loses that plan"))
            found = (*found, Problem("work.planned", text))
        if root and not any(row.get("production_id") for row in rows(image, MOVE).values()):
            text = Text(N_("it has no moves, so nothing could set it back"))
            found = (*found, Problem("transfer.empty", text))
        return found

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return root_of(step, after).get("state") == "cancel" and not open_moves(after)

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        return state_moved(step, after, now)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        restore = restore_of(before, after)
        if self.target.version < 17 or cancel_problems(before) or not restore.moves:
            return ()
        quiet = quietness(step)
        arguments = {**restore.arguments(), **quiet}
        found = [Step("production_order.draft_moves", step.ref, arguments)]
        if cancelled_work(before, after):
            works = {**quiet, "works": cancelled_work(before, after)}
            found.append(Step("production_order.reopen_work", step.ref, works))
        found.append(Step("production_order.draft", step.ref, quiet))
        if root_of(step, before).get("state") != "draft":
            found.append(Step("production_order.confirm", step.ref, arguments))
            if _is_reserved_by_hand(restore, before):
                found.append(Step("production_order.reserve", step.ref, arguments))
        return tuple(found)


class _Link(ProductionAction):
    """A link of the exact way back; cancelling the order again takes any of them back."""

    is_link = True
    executors = (Executor.INTERFACE,)  # no screen of Odoo lets a person do this
    is_atomic_batch = True
    since = 17

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return (Step("production_order.cancel", step.ref, quietness(step)),)


class DraftProductionMoves(_Link):
    """The cancelled moves are drafts again; the order itself stays cancelled so far."""

    name = "production_order.draft_moves"
    title = N_("Set the cancelled moves back to draft")

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        ids = [i for call in calls for i in Restore.of(call.step.arguments).moves]
        values = {"state": "draft"}
        return self.send(server, calls, MOVE, "write", ids, values, context=tracking(calls))

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return are_drafted(Restore.of(step.arguments), after)


class ReopenWork(_Link):
    """Cancelled work orders wait again; Odoo itself finds out which of them are ready."""

    name = "production_order.reopen_work"
    title = N_("Set the cancelled work orders back")
    stamped = (PRODUCTION, WORK)

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        ids = [i for call in calls for i in self.works(call.step)]
        values = {"state": self.waiting()}
        return self.send(server, calls, WORK, "write", ids, values, context=tracking(calls))

    def works(self, step: Step) -> tuple[int, ...]:
        """Return the work orders that the step names."""
        found = step.arguments.get("works")
        return tuple(int(i) for i in found) if isinstance(found, tuple) else ()

    def waiting(self) -> str:
        """Return what this version calls a work order that cannot begin yet."""
        offered = self.target.selections.get((WORK, "state"), ())
        return next((state for state in ("waiting", "blocked") if state in offered), "ready")

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        found = rows(after, WORK)
        return all(i in found and found[i].get("state") != "cancel" for i in self.works(step))


class DraftProduction(_Link):
    """The order is a draft again. Odoo does nothing at all where its moves are cancelled still."""

    name = "production_order.draft"
    title = N_("Set the manufacturing order back to draft")

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        for call in calls:
            now = root_of(call.step, call.before)
            write_values(
                self.target, PRODUCTION, now, {"state": "draft"}, ours=self.ours[PRODUCTION]
            )
        ids = [int(call.step.ref.key) for call in calls]
        values = {"state": "draft"}
        return self.send(server, calls, PRODUCTION, "write", ids, values, context=tracking(calls))

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return root_of(step, after).get("state") == "draft"


class ConfirmProduction(_Link, MethodAction):
    """The same order is confirmed again, with the same moves and the same number."""

    name = "production_order.confirm"
    method = "action_confirm"
    title = N_("Confirm the manufacturing order again")

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        state = root_of(step, after).get("state")
        return state not in (None, "draft", "cancel") and are_confirmed(
            Restore.of(step.arguments), after
        )


class ReserveProduction(_Link, MethodAction):
    """What was reserved by hand is reserved again, as far as the goods are still there."""

    name = "production_order.reserve"
    method = "action_assign"
    title = N_("Reserve the components again")

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return are_reserved(Restore.of(step.arguments), after)


class CloseProduction(ProductionAction, MethodAction):
    """What was made so far is booked and the order is done; what is missing will never be made."""

    name = "production_order.close"
    method = "button_mark_done"
    title = N_("Mark the manufacturing order as done")
    # Odoo asks where less or more was used up than the bill of materials says. Its question is no answer: not done.
    context: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {"skip_backorder": True, "skip_immediate": True, "skip_redirection": True}
    )
    reversibility = Reversibility.COMPENSATING
    reversibility_note = N_(
        "what was made is taken apart again by an unbuild order; the manufacturing order stays done"
    )
    trace_note = N_("the order stays done, with its moves and their entries")
    queries: ClassVar[tuple[Query, ...]] = (
        *ProductionAction.queries,
        Query(UNBUILD, "mo_id", PRODUCTION, UNBUILD_FIELDS),
    )
    ours = MappingProxyType(
        {
            **ProductionAction.ours,
            PRODUCTION: PRODUCTION_FIELDS,
            MOVE: PRODUCTION_MOVE | ANY,
            WORK: WORK_FIELDS,
            QUANT: ANY | {"quantity"},
            "account.move": ANY,
            "account.move.line": ANY,
        }
    )
    derived = MappingProxyType({**ProductionAction.derived, QUANT: frozenset({"quantity"})})
    # Unbuilding brings the goods back and nothing else: order, moves and their details stay as they became.
    trace = MappingProxyType(
        {
            **ProductionAction.trace,
            PRODUCTION: STAMPS | {"state", "date_finished", "qty_producing", "reservation_state"},
            MOVE: STAMPS | {"*", "state", "date", "is_done", "picked", "quantity", "unit_factor"},
            MOVE_LINE: STAMPS
            | {"*", "state", "date", "picked", "quantity", "consume_line_ids", "produce_line_ids"},
            UNBUILD: STAMPS | ANY,
            QUANT: STAMPS | {"*", "reserved_quantity", "in_date"},
            "stock.valuation.layer": STAMPS | {"*", "remaining_qty", "remaining_value"},
            "account.move": ANY,
            "account.move.line": ANY,
        }
    )

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        found = state_problem(step, image, "confirmed", "progress", "to_close")
        if found:
            return found
        if not number_in(root_of(step, image).get("qty_producing")):
            text = Text(N_("nothing was produced: Odoo would book all of it as made"))
            found = (Problem("quantity.none", text),)
        unused = [row for row in rows(image, MOVE).values() if _is_unused(row)]
        if unused:
            text = Text(
                N_("no use was entered for {count} components: Odoo would cancel them"),
                {"count": len(unused)},
            )
            found = (*found, Problem("consumption.missing", text))
        works = rows(image, WORK).values()
        if any(work.get("state") not in ("done", "cancel") for work in works):
            text = Text(N_("a work order of it is not finished"))
            found = (*found, Problem("work.open", text))
        return found

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return root_of(step, after).get("state") == "done" and not open_moves(after)

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        return state_moved(step, after, now)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        quiet = quietness(step)
        return (
            Step("production_order.make_unbuild", step.ref, quiet),
            Step("production_order.confirm_unbuild", step.ref, quiet),
        )


def cancelled_work(before: Image, after: Image) -> tuple[int, ...]:
    """Return the work orders that were not cancelled before and are so after, sorted."""
    was, found = rows(before, WORK), rows(after, WORK)
    return tuple(
        sorted(
            i
            for i, row in found.items()
            if row.get("state") == "cancel" and i in was and was[i].get("state") != "cancel"
        )
    )


def _is_unused(row: Mapping[str, Value]) -> bool:
    """Whether a component is not marked as used: up to 16 by its done quantity, since 17 by `picked`."""
    if not row.get("raw_material_production_id") or row.get("state") not in OPEN:
        return False
    if not number_in(row.get("product_uom_qty")):
        return False
    if "picked" in row:
        return not row["picked"]
    return not number_in(row.get("quantity_done"))


def _is_reserved_by_hand(restore: Restore, before: Image) -> bool:
    """Whether components were reserved although their operation type does not reserve by itself."""
    found = rows(before, MOVE)
    return any(
        found[i].get("state") in RESERVED
        and found[i].get("raw_material_production_id")
        and found[i].get("reservation_date") is None
        for i in restore.moves
    )


def production_actions() -> tuple[type[OdooAction], ...]:
    """Return every action of manufacturing orders."""
    return (
        CancelProduction,
        DraftProductionMoves,
        ReopenWork,
        DraftProduction,
        ConfirmProduction,
        ReserveProduction,
        CloseProduction,
        *unbuild_actions(),
    )
