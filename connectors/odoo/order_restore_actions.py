"""The exact way back of a cancelled order, link by link: no button of Odoo gives the same transfers again.

`button_draft` and `button_confirm` make a different world (a new transfer with a new number, new dates). What was
measured to give back the same records: the old moves are written to draft, their transfers confirmed and reserved
again, draft invoices reset, and last the order's state written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, ClassVar, Final

from connectors.contract import Answer, Call, Executor, Image, Problem, Step
from connectors.judging import ids_in, root_of, rows
from connectors.odoo.actions import TRACE_NOTE, Server, Target, tracking
from connectors.odoo.order_shapes import (
    UNMARKED,
    WholeOrder,
    chain_of,
    holds,
    wanted_of,
    write_back,
)
from connectors.odoo.orders import INVOICE, transfer_problems
from connectors.odoo.reserving import reserve_in_turn
from connectors.odoo.transfers import (
    MOVE,
    MOVE_LINE,
    OPEN,
    PICKING,
    open_moves,
    pickings_of,
)
from connectors.odoo.writing import write_in_groups, write_values
from core.errors import Rejected
from core.text import N_, Text


class _Link(WholeOrder):
    """One call of the way back; no screen of Odoo lets a person do these."""

    is_link = True
    executors = (Executor.INTERFACE,)
    trace_note = TRACE_NOTE

    @property
    def is_available(self) -> bool:
        return super().is_available and self.target.has(PICKING)


class _DraftMoves(_Link):
    """Cancelled moves become drafts again: the only state of a move that is ever written."""

    verb = "draft_moves"
    title = N_("Set the cancelled moves back to draft")

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        ids = [
            i
            for call in calls
            for i in ids_in(call.step.arguments.get("moves"))
            if rows(call.before, MOVE).get(i, {}).get("state") == "cancel"
        ]
        return self.send(
            server, calls, MOVE, "write", ids, {"state": "draft"}, context=tracking(calls)
        )

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        found = rows(image, MOVE)
        if all(i in found for i in ids_in(step.arguments.get("moves"))):
            return ()
        return (Problem("gone", Text(N_("a move of it was deleted"))),)

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        found = rows(after, MOVE)
        return all(
            found.get(i, {}).get("state") in OPEN for i in ids_in(step.arguments.get("moves"))
        )

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        pickings = pickings_of(after, ids_in(step.arguments.get("moves")))
        return (self.link("cancel_transfers", step, transfers=pickings),)


class _RestoreChain(_Link):
    """Moves wait again for those which they waited for: a cancel cuts them loose from each other.

    Every move gets values of its own, so the whole batch is one call of Odoo's import, which is one transaction.
    """

    verb = "restore_chain"
    title = N_("Chain the moves as they were")

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.has_compare_and_set = (
            False  # the guard calls methods of records, and the import is none
        )

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        lines = [[str(i), *values] for call in calls for i, values in self._wanted(call.step)]
        names = [".id", "move_orig_ids/.id", "procure_method"]
        answer = server.call(MOVE, "load", names, lines, context=tracking(calls), is_write=True)
        if isinstance(answer, dict) and answer.get("ids") is False:
            # It says so without a fault: nothing was saved.
            raise Rejected(system=server.system, said=_told(answer))
        return [Answer(call.operation_id) for call in calls]

    def _wanted(self, step: Step) -> list[tuple[int, tuple[str, str]]]:
        origins, methods = (step.arguments.get(name) for name in ("origins", "methods"))
        if not isinstance(origins, tuple) or not isinstance(methods, tuple):
            return []
        values = zip(map(str, origins), map(str, methods), strict=True)
        return list(zip(ids_in(step.arguments.get("moves")), values, strict=True))

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        moves = ids_in(step.arguments.get("moves"))
        found = chain_of(moves, after)
        return all(found[name] == step.arguments.get(name) for name in ("origins", "methods"))

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        moves = ids_in(step.arguments.get("moves"))
        return (self.link(self.verb, step, **chain_of(moves, before)),)


def _told(answer: Mapping[str, Any]) -> str:
    messages = answer.get("messages")
    found = messages if isinstance(messages, list) else []
    return "; ".join(str(each.get("message", each)) for each in found if isinstance(each, dict))


class _TransferMethod(_Link):
    """A method of the order's transfers, named in the step."""

    method: ClassVar[str]

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        # A rollback goes from the newest order to the oldest; goods are reserved in the order of the ids given.
        ids = sorted(i for call in calls for i in self.transfers(call.step, call.before))
        return self.send(server, calls, PICKING, self.method, ids, context=tracking(calls))

    def transfers(self, step: Step, image: Image) -> tuple[int, ...]:
        """Return the transfers whose method is called."""
        return ids_in(step.arguments.get("transfers"))


class _ConfirmTransfers(_TransferMethod):
    """The old transfers are confirmed again; Odoo reserves by itself where its settings say so."""

    verb = "confirm_transfers"
    title = N_("Confirm the old transfers again")
    method = "action_confirm"

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        found = rows(after, MOVE)
        return all(
            found.get(i, {}).get("state") in OPEN[1:] for i in ids_in(step.arguments.get("moves"))
        )

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        """Return the way back to drafts, which leads over cancelled moves."""
        transfers, moves = ids_in(step.arguments.get("transfers")), step.arguments.get("moves")
        return (
            self.link("cancel_transfers", step, transfers=transfers),
            self.link("draft_moves", step, moves=moves),
            *self.chain_steps(step, ids_in(moves), before),
            *self.reservation_steps(step, ids_in(moves), before),
        )


class _AssignTransfers(_ConfirmTransfers):
    """As above for transfers that held goods: confirmed and reserved, in one call.

    Goods that others took meanwhile cannot be reserved again: the order comes back all the same, and the
    difference is told as residue.
    """

    verb = "assign_transfers"
    title = N_("Confirm and reserve the old transfers again")
    method = "action_assign"
    is_atomic_batch = False  # two requests: who had everything, then who had a part

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        def send(_: bool, members: Sequence[Call]) -> None:
            super(_AssignTransfers, self).perform(server, members)

        return reserve_in_turn(
            server, calls, lambda call: bool(call.step.arguments.get("partly")), send
        )


class _UnreserveTransfers(_TransferMethod):
    """Transfers that held nothing before hold nothing again."""

    verb = "unreserve_transfers"
    title = N_("Give free what the transfers did not hold before")
    method = "do_unreserve"

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        transfers = ids_in(step.arguments.get("transfers"))
        return not any(
            row.get("picking_id") in transfers and row.get("state") != "done"
            for row in rows(after, MOVE_LINE).values()
        )

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        transfers = ids_in(step.arguments.get("transfers"))
        found = rows(before, MOVE)
        moves = tuple(i for i in open_moves(before) if found[i].get("picking_id") in transfers)
        return (self.link("assign_transfers", step, transfers=transfers, moves=moves),)


class _CancelTransfers(_TransferMethod):
    """What has not come yet will not come: the open transfers are cancelled, the order stays as it is."""

    verb = "cancel_transfers"
    title = N_("Cancel the open transfers")
    method = "action_cancel"
    trace_note = WholeOrder.trace_note

    def transfers(self, step: Step, image: Image) -> tuple[int, ...]:
        """Return the given transfers, else every one with an open move."""
        given = ids_in(step.arguments.get("transfers"))
        return given or pickings_of(image, open_moves(image))

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        if not open_moves(image):
            return (Problem("nothing.open", Text(N_("no open transfer is left to give up"))),)
        return transfer_problems(self.side, image)

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        found = rows(after, MOVE)
        given = ids_in(step.arguments.get("transfers"))
        return not any(not given or found[i].get("picking_id") in given for i in open_moves(after))

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return self.restore_steps(step, before, after)


class _RestoreMoves(_Link):
    """Confirming gave the moves a new day of reservation; they get the old one."""

    verb = "restore_moves"
    title = N_("Give the moves their old day of reservation")
    is_atomic_batch = False  # one request for each day

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        def send(day: date, members: Sequence[Call]) -> None:
            ids = [i for call in members for i in self._differing(call.step, call.before)]
            now, wanted = {"reservation_date": None}, {"reservation_date": day}
            values = write_values(self.target, MOVE, now, wanted, ours=self.ours[MOVE])
            self.send(server, members, MOVE, "write", ids, values, context=tracking(members))

        return write_in_groups(server, calls, self._day, send)

    def _day(self, call: Call) -> date | None:
        day = call.step.arguments.get("reservation_date")
        is_needed = bool(self._differing(call.step, call.before))
        return day if is_needed and isinstance(day, date) else None

    def _differing(self, step: Step, image: Image) -> list[int]:
        found, day = rows(image, MOVE), step.arguments.get("reservation_date")
        return [
            i
            for i in ids_in(step.arguments.get("moves"))
            if i in found and found[i].get("reservation_date") != day
        ]

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return not self._differing(step, after)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        """Return the old day; something in any case: a link without a way back would block the whole rollback."""
        found = rows(before, MOVE)
        moves = ids_in(step.arguments.get("moves"))
        was = (found[i].get("reservation_date") for i in moves if i in found)
        days = sorted(day for day in was if isinstance(day, date))
        wanted = step.arguments.get("reservation_date")
        day = days[0] if days else wanted
        return (self.link(self.verb, step, moves=moves, reservation_date=day),)


class _InvoiceMethod(WholeOrder):
    """A method of the order's invoices, named in the step."""

    is_link = True
    method: ClassVar[str]
    goal: ClassVar[str]
    back: ClassVar[str]
    executors = (Executor.INTERFACE,)

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        ids = [
            i
            for call in calls
            for i in ids_in(call.step.arguments.get("invoices"))
            if rows(call.before, INVOICE).get(i, {}).get("state") != self.goal
        ]
        context = {**UNMARKED, **tracking(calls)}
        return self.send(server, calls, INVOICE, self.method, ids, context=context)

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        found = rows(after, INVOICE)
        return all(
            found.get(i, {}).get("state") == self.goal
            for i in ids_in(step.arguments.get("invoices"))
        )

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        invoices = ids_in(step.arguments.get("invoices"))
        return (self.link(self.back, step, invoices=invoices),)


class _ResetInvoices(_InvoiceMethod):
    """Draft invoices that the cancelled order took along are drafts again."""

    verb, method, goal, back = "reset_invoices", "button_draft", "draft", "cancel_invoices"
    title = N_("Set its cancelled draft invoices back to draft")


class _CancelInvoices(_InvoiceMethod):
    """The way back of that."""

    verb, method, goal, back = "cancel_invoices", "button_cancel", "cancel", "reset_invoices"
    title = N_("Cancel its draft invoices")


class _RestoreOrder(WholeOrder):
    """The state is written, which no method does, and what the cancel cleared beside it. The last link."""

    is_link = True
    verb = "restore_order"
    title = N_("Write the order's former state back")
    is_atomic_batch = False  # one request for each set of values
    executors = (Executor.INTERFACE,)

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        return write_back(self, server, calls)

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return holds(step, after)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        """Return the same with the values before: the links before this one take the transfers back themselves."""
        was = root_of(step, before)
        values = {name: was.get(name) for name in wanted_of(step)}
        return (self.link(self.verb, step, **values),)


RESTORE_LINKS: Final[tuple[type[WholeOrder], ...]] = (
    _DraftMoves,
    _RestoreChain,
    _ConfirmTransfers,
    _AssignTransfers,
    _UnreserveTransfers,
    _CancelTransfers,
    _RestoreMoves,
    _RestoreOrder,
)
INVOICE_LINKS: Final[tuple[type[WholeOrder], ...]] = (_ResetInvoices, _CancelInvoices)
"""Not yet of a kind: `order_actions` makes one of each for each side."""
