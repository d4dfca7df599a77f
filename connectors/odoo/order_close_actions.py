"""Locking orders and unlocking them, and closing those whose remainder will never come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from connectors.contract import (
    Answer,
    Call,
    Image,
    Instruction,
    LaterBusiness,
    Problem,
    Ref,
    Remainder,
    Step,
)
from connectors.judging import ids_in, root_of, rows, state_moved, state_problem
from connectors.odoo.actions import STAMPS, TRACE_NOTE, Query, Server, Target
from connectors.odoo.order_shapes import (
    OrderAction,
    WholeOrder,
    holds,
    order_instruction,
    write_back,
)
from connectors.odoo.orders import (
    PURCHASE,
    SALE,
    Side,
    is_confirmed,
    is_locked,
    later_at_lock,
    remainder_of,
    transfer_problems,
)
from connectors.odoo.transfers import PICKING, open_moves
from core.encoding import Value
from core.text import N_, Text

PAYMENT: Final = "payment.transaction"
_LOCK_DERIVED: Final = frozenset({"invoice_status", "date_calendar_start", "amount_to_invoice"})


# --- lock and unlock --------------------------------------------------------------------------------------


class LightOrder(OrderAction):
    """An action on the order alone: it reads the order and its lines, so that thousands are quick."""

    batch_size = 200
    is_parallel = True  # measured: two clients are twice as quick, and orders apart never meet
    trace_note = TRACE_NOTE

    @classmethod
    def declare(cls, side: Side) -> None:
        super().declare(side)
        derived = STAMPS | _LOCK_DERIVED
        line = STAMPS | {"state", "invoice_status", "qty_to_invoice", "untaxed_amount_to_invoice"}
        cls.ours = {side.model: derived | {"state", "locked", "priority"}, side.line: line}
        cls.derived = {side.model: derived, side.line: line}
        cls.trace = {side.model: STAMPS, side.line: STAMPS}

    def __init__(self, target: Target) -> None:
        if self.side is SALE and not target.has(self.model, "locked"):
            fields, link = frozenset({"state"}), "transaction_ids"
            self.wanted = self.wanted | {link}  # type: ignore[misc]
            payments = Query(PAYMENT, link, self.model, fields, is_forward=True)
            self.queries = (*self.queries, payments)  # type: ignore[misc]
        super().__init__(target)

    @property
    def has_lock_flag(self) -> bool:
        """Whether locking is a flag beside the state (sales 17, purchases 19), not the state `done`."""
        return self.target.has(self.model, "locked")

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        return (*state_moved(step, after, now), *later_at_lock(self.side, step, after, now))


class Close(LightOrder):
    """A confirmed order is locked. Odoo would lock drafts and cancelled ones too, some versions into existence."""

    verb = "close"
    title = N_("Lock the order")

    @classmethod
    def declare(cls, side: Side) -> None:
        super().declare(side)
        cls.reopen_action = f"{side.kind}.reopen"
        cls.restores = {side.model: frozenset({"priority"})}

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        if self.side is PURCHASE:
            method = "button_lock" if self.has_lock_flag else "button_done"
        else:
            method = "action_lock" if self.has_lock_flag else "action_done"
        return self.press(server, calls, method)

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        if is_locked(root_of(step, image)):
            return (Problem("locked", Text(N_("it is locked already"))),)
        found = state_problem(step, image, self.side.confirmed)
        payments = rows(image, PAYMENT).values()
        is_unseen = not payments and bool(ids_in(root_of(step, image).get("transaction_ids")))
        if is_unseen or any(row.get("state") == "pending" for row in payments):
            # Until 16 the lock of a sale settles a bank transfer that is still awaited (source, not measured).
            text = N_("a payment of it may be pending; locking would take it for paid")
            found = (*found, Problem("payment.pending", Text(text)))
        return found

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        root = root_of(step, after)
        return is_locked(root) and is_confirmed(self.side, root)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        was = root_of(step, before)
        if was.get("state") != self.side.confirmed:
            return ()
        unlock = self.link("reopen", step)
        priority = was.get("priority")
        if priority == root_of(step, after).get("priority"):
            return (unlock,)
        # Locking takes the star from a purchase order (until 18), and unlocking does not bring it back. The last
        # link looks at the whole, so that the rollback is judged by all that locking changed.
        return (self.link("restore_priority", step, priority=priority), unlock)

    def remainder(self, image: Image) -> Remainder | None:
        return remainder_of(self.target, self.side, image, is_whole=False)

    def instruction(self, step: Step, image: Image) -> Instruction:
        return order_instruction(self.side, step, image, N_("Lock"), N_("the order is finished"))


class Reopen(LightOrder):
    """A locked order is unlocked, where it was confirmed before it was locked."""

    verb = "reopen"
    title = N_("Unlock the order")

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        return self.press(
            server, calls, "button_unlock" if self.side is PURCHASE else "action_unlock"
        )

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        root = root_of(step, image)
        if root and not is_locked(root):
            return (Problem("not.locked", Text(N_("it is not locked"))),)
        found = state_problem(step, image, self.side.confirmed, "done")
        if self.side is PURCHASE and not found and root.get("date_approve") is None:
            text = N_("it was locked before it was confirmed; unlocked it would have no transfer")
            found = (Problem("never.confirmed", Text(text)),)
        return found

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        root = root_of(step, after)
        return root.get("state") == self.side.confirmed and not is_locked(root)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return (self.link("close", step),)

    def instruction(self, step: Step, image: Image) -> Instruction:
        return order_instruction(self.side, step, image, N_("Unlock"), N_("work on it goes on"))


class RestorePriority(LightOrder):
    """The star that locking took is set again. It reads hardly more than the star, so that thousands are quick."""

    is_link = True
    verb = "restore_priority"
    title = N_("Set the star again")
    is_atomic_batch = False  # one request for each value

    @classmethod
    def declare(cls, side: Side) -> None:
        super().declare(side)
        cls.wanted, cls.queries = STAMPS | {"name", "state", "priority"}, ()
        cls.ours = {side.model: STAMPS | {"priority"}}
        cls.derived = cls.trace = {side.model: STAMPS}

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        return write_back(self, server, calls)

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return holds(step, after)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return (self.link(self.verb, step, priority=root_of(step, before).get("priority")),)


# --- the remainder will never come ------------------------------------------------------------------------


class CloseRemainder(WholeOrder):
    """What has not come will never come: the open transfers are cancelled, then the order is locked. A chain.

    Locking alone leaves the open transfers open: goods can still be received on a locked order.
    """

    verb = "close_remainder"
    title = N_("Close: the remainder will never come")
    verbs: ClassVar[tuple[str, ...]] = ("cancel_transfers", "close")

    @classmethod
    def declare(cls, side: Side) -> None:
        super().declare(side)
        cls.ours = {**cls.ours, side.model: cls.ours[side.model] | {"priority"}}
        cls.reopen_action = f"{side.kind}.reopen"

    @property
    def is_available(self) -> bool:
        return super().is_available and self.target.has(PICKING)

    def steps(self, ref: Ref, arguments: Mapping[str, Value]) -> tuple[Step, ...]:
        given = {name: arguments[name] for name in ("tracking",) if name in arguments}
        return tuple(Step(f"{self.kind}.{verb}", ref, given) for verb in self.verbs)

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        if is_locked(root_of(step, image)):
            return (Problem("locked", Text(N_("it is locked already"))),)
        found = state_problem(step, image, self.side.confirmed)
        if not open_moves(image):
            text = Text(N_("no open transfer is left to give up"))
            found = (*found, Problem("nothing.open", text))
        return (*found, *transfer_problems(self.side, image))

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        raise NotImplementedError  # a chain is never sent itself

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        root = root_of(step, after)
        return is_locked(root) and is_confirmed(self.side, root) and not open_moves(after)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        """Take back what a person closed as a whole; the links of a chain have inverses of their own."""
        priority = root_of(step, before).get("priority")
        is_changed = priority != root_of(step, after).get("priority")
        star = (self.link("restore_priority", step, priority=priority),) if is_changed else ()
        return (*star, self.link("reopen", step), *self.restore_steps(step, before, after))

    def instruction(self, step: Step, image: Image) -> Instruction:
        press = N_("cancel each transfer of it that is still open; then Lock")
        return order_instruction(self.side, step, image, press, N_("the remainder will never come"))
