"""Actions on purchase and sales orders: the same classes for both."""

from __future__ import annotations

from typing import ClassVar

from connectors.contract import (
    Image,
    Instruction,
    Ref,
    Remainder,
    Step,
)
from connectors.judging import root_of
from connectors.tryton.actions import COUNTERS, STAMPS, StateAction, TrytonAction
from connectors.tryton.order_close_actions import close_actions
from connectors.tryton.orders import (
    CACHES,
    PURCHASE,
    SALE,
    Side,
    order_instruction,
    remainder_of,
)
from core.encoding import Value
from core.text import N_

# --- draft, quotation, cancelled: there and back ----------------------------------------------------------


class _OrderState(StateAction):
    """What the three buttons share. `quoted_by` follows the person who presses, it is never restored."""

    side: ClassVar[Side]

    def __init_subclass__(cls) -> None:
        if "side" in cls.__dict__:
            side = cls.side
            cls.name = f"{side.kind}.{cls.verb}"
            cls.kind, cls.model, cls.shape = side.kind, side.model, side.header
            cls.stamped = (side.model,)
            cls.ours = {side.model: STAMPS | CACHES | {"state", "quoted_by"}}
            cls.derived = {side.model: STAMPS | CACHES | {"quoted_by"}}
            cls.trace = {side.model: STAMPS | {"quoted_by"}}
            cls.footprint = cls.shape.models()
        super().__init_subclass__()

    verb: ClassVar[str]
    trace_note = N_(
        "the ERP shows our user as the one who quoted the order; write date and last writer are new, "
        "and Tryton keeps who pressed what (ir.model.log)"
    )

    def back_to(self, state: Value, ref: Ref) -> tuple[Step, ...]:
        """Return the steps from the goal state back to `state`."""
        verbs = {
            ("cancelled", "draft"): ("draft",),
            ("cancelled", "quotation"): ("draft", "quote"),
            ("quotation", "draft"): ("draft",),
            ("draft", "cancelled"): ("cancel",),
            ("draft", "quotation"): ("quote",),
        }.get((self.goal_state, str(state)), ())
        return tuple(Step(f"{self.kind}.{verb}", ref) for verb in verbs)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return self.back_to(root_of(step, before).get("state"), step.ref)


class _Cancel(_OrderState):
    """A quotation or draft that will never become an order is cancelled."""

    verb = "cancel"
    button = "cancel"
    title = N_("Cancel the quotation")
    source_states = ("draft", "quotation")
    goal_state = "cancelled"

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "side" in cls.__dict__:
            cls.reopen_action = f"{cls.side.kind}.draft"

    def remainder(self, image: Image) -> Remainder | None:
        return remainder_of(self.target, self.side, image, is_whole=True)

    def instruction(self, step: Step, image: Image) -> Instruction:
        return order_instruction(
            self.side, step, image, N_("Cancel"), N_("the quotation is given up")
        )


class _Draft(_OrderState):
    """A cancelled order or a quotation becomes a draft again; it keeps its number."""

    verb = "draft"
    button = "draft"
    title = N_("Set back to draft")
    source_states = ("cancelled", "quotation")
    goal_state = "draft"


class _Quote(_OrderState):
    """A draft becomes a quotation."""

    verb = "quote"
    button = "quote"
    title = N_("Make it a quotation")
    source_states = ("draft",)
    goal_state = "quotation"

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "side" in cls.__dict__:
            # The first time it also gets its number (and a sale its date), which no way back takes away.
            model, given = cls.side.model, cls.side.given_by_quote
            cls.ours = {**cls.ours, model: cls.ours[model] | given}
            cls.derived = {**cls.derived, model: cls.derived[model] | given}
            cls.trace = {**cls.trace, **COUNTERS, model: cls.trace[model] | given}


def order_actions() -> tuple[type[TrytonAction], ...]:
    """Return every action of both kinds of orders."""
    return tuple(
        action
        for side in (PURCHASE, SALE)
        for action in (
            *(type(base.__name__, (base,), {"side": side}) for base in (_Cancel, _Draft, _Quote)),
            *close_actions(side),
        )
    )
