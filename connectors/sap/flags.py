"""Items of a document that carry a mark, the actions that set and take it, and what people call these items."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from connectors.contract import Image, Problem, Ref, Step
from connectors.judging import MISSING, fields_of, root_of
from connectors.sap.actions import SapAction
from connectors.sap.layouts import SEPARATOR
from core.encoding import Value
from core.errors import BadInput, StateRefused
from core.text import N_, Text

if TYPE_CHECKING:
    from connectors.contract import Call

ITEMS: Final = "items"
"""Argument: the positions that are meant (`00010`); without it every item on which it is possible."""

NOTHING: Final = Problem("nothing", Text(N_("no item of it is left on which that could be done")))


class ItemAction(SapAction):
    """Sets one field of items: of those that are named, else of every item where it can be done."""

    item_model: ClassVar[str]
    mark: ClassVar[str]  # the field
    width: ClassVar[int]  # of a position
    back: ClassVar[str]  # the action that takes it back

    def value(self, step: Step, position: str) -> str:
        """Return what the field of an item shall hold."""
        raise NotImplementedError

    def is_possible(self, item: Mapping[str, Value]) -> bool:
        """Whether the field of this item can be set, and is not set already."""
        raise NotImplementedError

    def refuses(self, item: Mapping[str, Value]) -> Text | None:
        """Return why SAP would refuse it for a named item; None where nothing stands against it."""
        del item
        return None

    def items(self, image: Image) -> dict[str, Mapping[str, Value]]:
        """Return the items of a document by position."""
        return {
            record.ref.key.rpartition(SEPARATOR)[2]: fields_of(record)
            for record in image.of_model(self.item_model)
        }

    def chosen(self, step: Step, image: Image) -> tuple[str, ...]:
        """Return the positions that the step is about, judged by an image from before it."""
        named = step.arguments.get(ITEMS)
        if isinstance(named, tuple):
            return tuple(str(position).zfill(self.width) for position in named)
        return tuple(
            position for position, item in self.items(image).items() if self.is_possible(item)
        )

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        if not root_of(step, image):
            return (MISSING,)
        items = self.items(image)
        chosen = self.chosen(step, image)
        if not chosen:
            return (NOTHING,)
        found = []
        for position in chosen:
            place = {"position": position}
            reason = self.refuses(items[position]) if position in items else None
            if position not in items:
                found.append(Problem("item.missing", Text(N_("it has no item {position}"), place)))
            elif reason is not None:
                found.append(
                    Problem(
                        "item.state",
                        Text(N_("item {position}: {reason}"), {**place, "reason": reason}),
                    )
                )
        return tuple(found)

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        if not root_of(step, after):
            return False
        items, chosen = self.items(after), self.chosen(step, before)
        if not chosen:
            return False
        return all(
            position in items and items[position].get(self.mark) == self.value(step, position)
            for position in chosen
        )

    def changed(self, step: Step, before: Image, after: Image) -> tuple[str, ...]:
        """Return the positions whose field the step really changed."""
        was, is_now = self.items(before), self.items(after)
        return tuple(
            position
            for position in self.chosen(step, before)
            if position in was
            and position in is_now
            and was[position].get(self.mark) != is_now[position].get(self.mark)
        )

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        changed = self.changed(step, before, after)
        if not changed or not self.has_way_back:
            return ()
        return (Step(self.back, step.ref, {ITEMS: changed, **self.remembered(before, changed)}),)

    def remembered(self, before: Image, changed: Sequence[str]) -> Mapping[str, Value]:
        """Return what the way back must know beside the positions."""
        del before, changed
        return {}

    def lines(self, image: Image, names: Sequence[str]) -> tuple[Ref, ...]:
        refs = {record.ref.key: record.ref for record in image.of_model(self.item_model)}
        found = []
        for name in names:
            position = name.rpartition(SEPARATOR)[2].zfill(self.width)
            ref = next((r for k, r in refs.items() if k.endswith(SEPARATOR + position)), None)
            if ref is None:
                raise BadInput(source=name, problem=N_("the document has no such item"))
            found.append(ref)
        return tuple(found)

    def require_items(self, call: Call) -> tuple[str, ...]:
        """Return the chosen positions of a call. Raises `StateRefused` where there are none: nothing to send."""
        chosen = self.chosen(call.step, call.before)
        if not chosen:
            raise StateRefused(system=self.target.system, said=NOTHING.text)
        return chosen


def positions_of(names: Iterable[str]) -> str:
    """Return positions as people write them: `10, 20`."""
    return ", ".join(name.lstrip("0") or "0" for name in names)
