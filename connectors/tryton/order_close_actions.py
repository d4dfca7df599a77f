"""Closing purchase and sales orders whose remainder will never come, and the way back: chains of calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import ClassVar

from connectors.contract import (
    Answer,
    Call,
    Executor,
    Image,
    Instruction,
    LaterBusiness,
    Problem,
    Ref,
    Remainder,
    Reversibility,
    Step,
)
from connectors.judging import ids_in, root_of, rows, state_problem
from connectors.tryton.actions import COUNTERS, LOG_NOTE, STAMPS, ButtonAction, TrytonAction
from connectors.tryton.orders import (
    CACHES,
    MOVE,
    PURCHASE,
    Side,
    all_in,
    closing_problems,
    later_business_of,
    open_moves,
    open_shipments,
    order_instruction,
    remainder_of,
    undecided_moves,
)
from connectors.tryton.transport import Session
from core.encoding import Value
from core.errors import StornoError
from core.text import N_

_NOT_EXACT = N_(
    "the cancelled moves stay cancelled; a rollback makes new ones with the same quantities, prices and dates"
)


class _WholeOrder(TrytonAction):
    """What the links of a close and of its way back share: the footprint of the whole order."""

    side: ClassVar[Side]
    verb: ClassVar[str]
    reversibility = Reversibility.COMPENSATING
    reversibility_note = _NOT_EXACT
    trace_note = LOG_NOTE

    def __init_subclass__(cls) -> None:
        if "side" in cls.__dict__:
            side = cls.side
            cls.name = f"{side.kind}.{cls.verb}"
            cls.kind, cls.model, cls.shape = side.kind, side.model, side.whole
            cls.stamped = (MOVE,)
            header = STAMPS | CACHES | {"state", "shipment_state", "invoice_state"}
            line = STAMPS | {"actual_quantity", "moves_ignored", "moves_recreated"}
            cls.ours = {
                side.model: header,
                side.line: line,
                MOVE: STAMPS | {"state", "shipment", "effective_date"},
            }
            cls.derived = {
                side.model: header,
                side.line: STAMPS | {"actual_quantity"},
                MOVE: STAMPS,
            }
            cls.trace = {side.model: STAMPS, side.line: STAMPS, MOVE: STAMPS}
            if side.shipment is not None:
                # Cancelled with its moves; made again it is another one, with a number of its own.
                shipment = side.shipment.model
                cls.ours = {**cls.ours, shipment: STAMPS | {"state"}}
                cls.derived = {**cls.derived, shipment: STAMPS}
                cls.trace = {**cls.trace, shipment: STAMPS}
            cls.footprint = cls.shape.models()
        super().__init_subclass__()

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        return state_problem(step, image, "processing", "done")

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        return later_business_of(self.side, step, after, now)

    def remainder(self, image: Image) -> Remainder | None:
        return remainder_of(self.target, self.side, image, is_whole=False)

    def instruction(self, step: Step, image: Image) -> Instruction:
        return order_instruction(
            self.side, step, image, self.title, N_("the remainder will never come")
        )


class _CancelOpenMoves(_WholeOrder, ButtonAction):
    """The moves of what has not come yet are cancelled; the order then waits for a decision."""

    is_link = True
    verb = "cancel_open_moves"
    title = N_("Cancel the open moves")
    button = "cancel"

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        return (
            *state_problem(step, image, "processing"),
            *closing_problems(self.target, self.side, step, image),
        )

    def button_model(self) -> str:
        return MOVE

    def button_ids(self, call: Call) -> Sequence[int]:
        return open_moves(call.before)

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        moves = rows(after, MOVE)
        return all(
            i in moves and moves[i]["state"] == "cancelled" for i in open_moves(before)
        ) and not open_moves(after)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        moves = open_moves(before)
        if not moves:
            return ()
        return (Step(f"{self.kind}.recreate_moves", step.ref, {"moves": moves}),)


class _CancelOpenShipments(_CancelOpenMoves):
    """As above for sales, whose open moves lie in shipments: the shipments are cancelled with them."""

    verb = "cancel_open_moves"
    title = N_("Cancel the open shipments")

    def button_model(self) -> str:
        return "stock.shipment.out"

    def button_ids(self, call: Call) -> Sequence[int]:
        return open_shipments(call.before)


class _ExceptionWizard(_WholeOrder):
    """Tryton's wizard for an order whose moves were cancelled: one order a session, so one a batch."""

    is_link = True
    batch_size = 1
    choice: ClassVar[str]  # the wizard's field: ignore_moves or recreate_moves

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "side" in cls.__dict__:
            # The wizard writes every line first; only their stamps are checked, the header's is not.
            cls.stamped = (cls.side.line,)

    def perform(self, session: Session, calls: Sequence[Call]) -> list[Answer]:
        (call,) = calls
        key, moves = int(call.step.ref.key), list(self.moves(call.step, call.before))
        target: dict[str, Value] = {
            "active_model": self.model,
            "active_id": key,
            "active_ids": (key,),
        }
        # Making the wizard's session changes no business record, so its lost answer is no doubt.
        made = session.wizard(self.side.wizard, "create", context=target, is_write=False)
        answers = {"domain_moves": moves, "ignore_moves": [], "recreate_moves": []}
        context = {**target, **self.stamps(calls)}
        try:
            session.wizard(
                self.side.wizard,
                "execute",
                made[0],
                {"ask": {**answers, self.choice: moves}},
                "handle",
                context=context,
                is_write=True,
            )
        finally:
            self._forget(session, made[0], target)
        return [Answer(call.operation_id)]

    def moves(self, step: Step, image: Image) -> tuple[int, ...]:
        """Return the moves to decide on: the given ones, else every undecided one."""
        given = ids_in(step.arguments.get("moves"))
        return given or undecided_moves(self.side, image)

    def _forget(self, session: Session, wizard: int, target: Mapping[str, Value]) -> None:
        # The server drops forgotten wizards by itself; what was decided stands.
        with suppress(StornoError):
            session.wizard(self.side.wizard, "delete", wizard, context=target, is_write=False)


class _IgnoreMoves(_ExceptionWizard):
    """The cancelled moves will not be made again. Never used for an invoice."""

    verb = "ignore_moves"
    title = N_("Ignore the cancelled moves")
    choice = "ignore_moves"

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        return state_problem(step, image, "processing")

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        ignored = all_in(rows(after, self.side.line), "moves_ignored")
        header = root_of(step, after)
        return (
            set(self.moves(step, before)) <= ignored
            and not undecided_moves(self.side, after)
            and header.get("shipment_state") != "exception"
        )

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        moves = self.moves(step, before)
        return (
            Step(f"{self.kind}.unignore_moves", step.ref, {"moves": moves}),
            Step(f"{self.kind}.process", step.ref),
        )


class _RecreateMoves(_ExceptionWizard):
    """New moves are made for cancelled ones: the way back of `cancel_open_moves`."""

    verb = "recreate_moves"
    title = N_("Make the cancelled moves again")
    choice = "recreate_moves"
    trace_note = N_(
        "the cancelled moves stay and are marked as made again; the new ones have other ids and, for sales, "
        "another shipment"
    )

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "side" in cls.__dict__:
            line = cls.side.line
            cls.ours = {
                **cls.ours,
                MOVE: cls.ours[MOVE] | {"*"},
                line: cls.ours[line] | {"moves"},
            }
            cls.trace = {
                **cls.trace,
                MOVE: STAMPS | {"*", "state", "shipment"},
                line: STAMPS | {"moves", "moves_recreated"},
                f"{line}-recreated-{MOVE}": frozenset({"*"}),
            }
            if cls.side.shipment is not None:
                shipment = cls.side.shipment.model
                cls.ours = {**cls.ours, shipment: cls.ours[shipment] | {"*"}}
                cls.trace = {**cls.trace, **COUNTERS, shipment: STAMPS | {"*", "state"}}

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        wanted = set(self.moves(step, before))
        again = all_in(rows(after, self.side.line), "moves_recreated")
        return bool(wanted) and wanted <= again and bool(open_moves(after))

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return (Step(f"{self.kind}.cancel_open_moves", step.ref),)


class _UnignoreMoves(_WholeOrder):
    """Takes the decision `ignore` back by writing the lines: a field that no series holds read-only."""

    is_link = True
    verb = "unignore_moves"
    title = N_("Take the moves out of the ignored ones")
    is_atomic_batch = True
    executors = (Executor.INTERFACE,)  # no screen of Tryton lets a person do this

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "side" in cls.__dict__:
            cls.stamped = (cls.side.line,)

    def perform(self, session: Session, calls: Sequence[Call]) -> list[Answer]:
        parameters: list[object] = []
        for call in calls:
            wanted = set(ids_in(call.step.arguments.get("moves")))
            for key, line in rows(call.before, self.side.line).items():
                moves = sorted(wanted & set(ids_in(line["moves_ignored"])))
                if moves:
                    parameters += [[key], {"moves_ignored": [["remove", moves]]}]
        if parameters:
            session.model(
                self.side.line, "write", *parameters, context=self.stamps(calls), is_write=True
            )
        return [Answer(call.operation_id) for call in calls]

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        ignored = all_in(rows(after, self.side.line), "moves_ignored")
        return not ignored & set(ids_in(step.arguments.get("moves")))

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        """Ignore what is undecided by then: these moves, or those that were made again in their place."""
        return (Step(f"{self.kind}.ignore_moves", step.ref),)


class _Process(_WholeOrder, ButtonAction):
    """Tryton works out the order's states anew from its moves and invoices. Changes nothing else."""

    is_link = True
    verb = "process"
    title = N_("Let the ERP work out the order's state")
    executors = (Executor.INTERFACE,)  # its button is hidden on every screen
    button = "process"

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        expected = "exception" if undecided_moves(self.side, after) else None
        shipment_state = root_of(step, after).get("shipment_state")
        return (shipment_state == "exception") == (expected == "exception")

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        """Let it be worked out once more, from what is there by then."""
        return (Step(self.name, step.ref),)


class _Close(_WholeOrder):
    """The remainder will never come: the open moves are cancelled, then given up. A chain."""

    verb = "close"
    title = N_("Close: the remainder will never come")

    def steps(self, ref: Ref, arguments: Mapping[str, Value]) -> tuple[Step, ...]:
        return (
            Step(f"{self.kind}.cancel_open_moves", ref),
            Step(f"{self.kind}.ignore_moves", ref),
        )

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        return (
            *state_problem(step, image, "processing"),
            *closing_problems(self.target, self.side, step, image),
        )

    def perform(self, session: Session, calls: Sequence[Call]) -> list[Answer]:
        raise NotImplementedError  # a chain is never sent itself

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return (
            not open_moves(after)
            and root_of(step, after).get("shipment_state") in self.side.finished
        )

    def instruction(self, step: Step, image: Image) -> Instruction:
        press = N_(
            "cancel each move that is still open; then Handle Shipment Exception: choose no move to recreate, OK"
        )
        return order_instruction(self.side, step, image, press, N_("the remainder will never come"))

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        """Take back what a person closed as a whole; the links of a chain have inverses of their own."""
        line = self.side.line
        given_up = all_in(rows(after, line), "moves_ignored") - all_in(
            rows(before, line), "moves_ignored"
        )
        return (
            Step(f"{self.kind}.unignore_moves", step.ref, {"moves": tuple(sorted(given_up))}),
            Step(f"{self.kind}.process", step.ref),
            Step(f"{self.kind}.recreate_moves", step.ref),
        )


def close_actions(side: Side) -> tuple[type[TrytonAction], ...]:
    """Return the actions that close an order of one side, links and ways back included."""
    cancel = _CancelOpenMoves if side is PURCHASE else _CancelOpenShipments
    bases = (_Close, cancel, _IgnoreMoves, _RecreateMoves, _UnignoreMoves, _Process)
    return tuple(type(base.__name__, (base,), {"side": side}) for base in bases)
