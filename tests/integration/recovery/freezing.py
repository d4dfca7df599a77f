"""Who freezes, what is frozen, and how a freeze comes in the middle of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from connectors.contract import Answer, Call, Fence
from recovery.freezes import Freeze, freeze, parse_scope
from recovery.model import Actor, ChangeSet
from tests.integration.recovery.scene import CANCEL, Scene

ANNA = Actor("anna")
LI = Actor("li")
WHY = "the warehouse counts"


def ice(scene: Scene, *words: str, **given: Any) -> Freeze:
    """Freeze a scope as a person types it."""
    return freeze(scene.journal, parse_scope(words), actor=LI, reason=WHY, **given)


def approved(scene: Scene, count: int = 4) -> ChangeSet:
    """Return a plan that may run."""
    return scene.approve(scene.plan(CANCEL, scene.orders(count)))


def before_call(scene: Scene, number: int, do: Callable[[], Any], *, within: bool = False) -> None:
    """Do something right before the n-th call (counted from 1); `within` means between its start and its fence."""
    apply, calls = scene.system.apply, list[int]()

    def applied(calls_of_batch: Sequence[Call], fence: Fence) -> list[Answer]:
        calls.append(1)
        if len(calls) != number:
            return apply(calls_of_batch, fence)
        if not within:
            do()
            return apply(calls_of_batch, fence)

        def late() -> None:
            do()
            fence()

        return apply(calls_of_batch, late)

    scene.system.apply = applied  # type: ignore[method-assign,assignment]
