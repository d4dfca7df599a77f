"""Taking apart what a manufacturing order has made: the only way back from done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
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
from connectors.judging import ids_in, number_in, root_of, rows, state_problem
from connectors.odoo.actions import (
    STAMPS,
    OdooAction,
    Query,
    Server,
    offenders,
    quietness,
    tracking,
)
from connectors.odoo.transfers import MOVE, MOVE_LINE, QUANT
from connectors.odoo.writing import write_in_groups
from core.encoding import Value
from core.errors import RefusedError
from core.text import N_, Text

UNBUILD: Final = "mrp.unbuild"
_PRODUCTION: Final = "mrp.production"
UNBUILD_FIELDS: Final = STAMPS | frozenset(
    {"name", "state", "mo_id", "product_id", "product_qty", "product_uom_id", "lot_id"}
)
_WANTED: Final = STAMPS | frozenset(
    {
        "name", "state", "product_id", "product_qty", "product_uom_id", "bom_id", "company_id", "location_src_id",
        "location_dest_id",
        "lot_producing_id", "lot_producing_ids",  # until 18, 19
    }
)  # fmt: skip
_MOVE: Final = STAMPS | frozenset(
    {"state", "product_id", "product_uom", "product_uom_qty", "production_id", "quantity", "quantity_done"}
)  # fmt: skip
_ANY: Final = frozenset({"*"})
_BOOKED: Final[Mapping[str, frozenset[str]]] = dict.fromkeys((MOVE, MOVE_LINE, QUANT, "stock.valuation.layer", "account.move", "account.move.line"), _ANY)  # fmt: skip


class _Unbuild(OdooAction):
    """A manufacturing order that is done, with what it made and what was taken apart of it."""

    kind = Kind.PRODUCTION_ORDER
    model = _PRODUCTION
    wanted = _WANTED
    queries = (
        Query(MOVE, "production_id", _PRODUCTION, _MOVE),
        Query(UNBUILD, "mo_id", _PRODUCTION, UNBUILD_FIELDS),
    )
    stamped: ClassVar[tuple[str, ...]] = (UNBUILD,)
    ours = MappingProxyType({UNBUILD: UNBUILD_FIELDS | _ANY, _PRODUCTION: STAMPS, **_BOOKED})
    derived = MappingProxyType({UNBUILD: STAMPS, _PRODUCTION: STAMPS})
    trace = MappingProxyType({UNBUILD: STAMPS | _ANY, _PRODUCTION: STAMPS, **_BOOKED})
    trace_note = N_("the unbuild order stays, with its moves, its number and its entries")
    creates = MappingProxyType({UNBUILD: N_("unbuild order")})
    executors: ClassVar[tuple[Executor, ...]] = (Executor.INTERFACE,)
    is_atomic_batch = True


class MakeUnbuild(_Unbuild):
    """Makes the unbuild order of what is left of the production; nothing moves so far."""

    is_link = True
    name = "production_order.make_unbuild"
    title = N_("Make the unbuild order")

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        values = [self.values(call) for call in calls]
        try:
            server.call(UNBUILD, "create", values, context=tracking(calls), is_write=True)
        except RefusedError as error:
            error.details["offenders"] = offenders(error, calls)
            raise
        return [Answer(call.operation_id) for call in calls]

    def values(self, call: Call) -> dict[str, Any]:
        """Return the unbuild order of one production, as its button would fill it."""
        root = root_of(call.step, call.before)
        found: dict[str, Any] = {
            "mo_id": int(call.step.ref.key),
            "product_id": root["product_id"],
            "product_uom_id": root["product_uom_id"],
            "product_qty": float(left_to_unbuild(call.step, call.before)),
            "bom_id": root.get("bom_id") or False,
            "company_id": root["company_id"],
            "location_id": root["location_dest_id"],
            "location_dest_id": root["location_src_id"],
        }
        lots = ids_in(root.get("lot_producing_ids"))
        lot = root.get("lot_producing_id") or (lots[0] if len(lots) == 1 else None)
        return found | ({"lot_id": lot} if lot is not None else {})

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        return unbuild_problems(step, image)

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return bool(new_unbuilds(before, after))

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        made = new_unbuilds(before, after)
        arguments = {**quietness(step), "unbuilds": made}
        return (Step("production_order.drop_unbuild", step.ref, arguments),) if made else ()


class ConfirmUnbuild(_Unbuild):
    """The product is taken apart. Where it is not in stock any more, Odoo asks, and nothing moves."""

    is_link = True
    name = "production_order.confirm_unbuild"
    title = N_("Confirm the unbuild order")
    reversibility = Reversibility.MANUAL
    reversibility_note = N_("what was taken apart has to be made again, by a person")
    is_atomic_batch = False
    batch_size = 1  # Odoo takes one at a time

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        def send(_: str, members: Sequence[Call]) -> None:
            ids = list(open_unbuilds(members[0].before))
            context = tracking(members)
            self.send(server, members, UNBUILD, "action_validate", ids, context=context)

        return write_in_groups(server, calls, lambda call: call.operation_id, send)

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        if len(open_unbuilds(image)) == 1:
            return ()
        text = Text(N_("not exactly one unbuild order of it waits"))
        return (Problem("unbuild.several", text),)

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        wanted, found = open_unbuilds(before), rows(after, UNBUILD)
        return bool(wanted) and all(found.get(i, {}).get("state") == "done" for i in wanted)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return ()


class DropUnbuild(_Unbuild):
    """An unbuild order that moved nothing is deleted; its number is used up."""

    is_link = True
    name = "production_order.drop_unbuild"
    title = N_("Delete the unbuild order")

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        open_ones = [i for call in calls for i in open_unbuilds(call.before)]
        named = {i for call in calls for i in ids_in(call.step.arguments.get("unbuilds"))}
        ids = [i for i in open_ones if i in named]
        return self.send(server, calls, UNBUILD, "unlink", ids, context=tracking(calls))

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return not set(ids_in(step.arguments.get("unbuilds"))) & rows(after, UNBUILD).keys()

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return (Step("production_order.make_unbuild", step.ref, quietness(step)),)


class Unbuild(_Unbuild):
    """Everything that a production made is taken apart again: a chain."""

    name = "production_order.unbuild"
    title = N_("Unbuild what was made")
    executors = (Executor.INTERFACE, Executor.BY_PERSON)
    reversibility = ConfirmUnbuild.reversibility
    reversibility_note = ConfirmUnbuild.reversibility_note

    def steps(self, ref: Ref, arguments: Mapping[str, Value]) -> tuple[Step, ...]:
        return (
            Step(MakeUnbuild.name, ref, arguments),
            Step(ConfirmUnbuild.name, ref, arguments),
        )

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        raise NotImplementedError  # a chain is never sent itself

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        return unbuild_problems(step, image)

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        made = new_unbuilds(before, after)
        found = rows(after, UNBUILD)
        return bool(made) and all(found[i].get("state") == "done" for i in made)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return ()


def unbuild_problems(step: Step, image: Image) -> tuple[Problem, ...]:
    """Say why there is nothing to take apart."""
    found = state_problem(step, image, "done")
    if found:
        return found
    if open_unbuilds(image):
        text = Text(N_("an unbuild order of it waits already"))
        return (Problem("unbuild.open", text),)
    if left_to_unbuild(step, image) <= 0:
        text = Text(N_("nothing is left of what it made"))
        return (Problem("unbuild.nothing", text),)
    if len(ids_in(root_of(step, image).get("lot_producing_ids"))) > 1:
        text = Text(N_("it made several serial numbers: take them apart one by one"))
        return (Problem("unbuild.serials", text),)
    return ()


def left_to_unbuild(step: Step, image: Image) -> Decimal:
    """Return how much of what an order made was not taken apart, in the order's own unit."""
    root = root_of(step, image)
    made = sum(
        (
            number_in(row.get("quantity" if "quantity" in row else "quantity_done"))
            for row in rows(image, MOVE).values()
            if row.get("state") == "done"
            and row.get("product_id") == root.get("product_id")
            and row.get("production_id") == int(step.ref.key)
        ),
        Decimal(0),
    )
    gone = (
        number_in(row.get("product_qty"))
        for row in rows(image, UNBUILD).values()
        if row.get("state") == "done"
    )
    return made - sum(gone, Decimal(0))


def open_unbuilds(image: Image) -> tuple[int, ...]:
    """Return the unbuild orders that moved nothing so far, sorted."""
    found = rows(image, UNBUILD)
    return tuple(sorted(i for i, row in found.items() if row.get("state") == "draft"))


def new_unbuilds(before: Image, after: Image) -> tuple[int, ...]:
    """Return the unbuild orders that were not there before, sorted."""
    return tuple(sorted(rows(after, UNBUILD).keys() - rows(before, UNBUILD).keys()))


def unbuild_actions() -> tuple[type[OdooAction], ...]:
    """Return the actions that take productions apart."""
    return (Unbuild, MakeUnbuild, ConfirmUnbuild, DropUnbuild)
