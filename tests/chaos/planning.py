"""Chains of operations, on the evidence of now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.contract import Executor, Ref, System
from core.encoding import Value
from recovery.model import PlannedOperation
from recovery.plan import Chain


def chains_of(
    system: System,
    action: str,
    refs: Sequence[Ref],
    arguments: Mapping[str, Value],
    executor: Executor = Executor.INTERFACE,
) -> list[Chain]:
    """Return what the action would do to each document."""
    declared = system.actions()[action]
    links = [declared.steps(ref, arguments) for ref in refs]
    images = system.capture([steps[0] for steps in links], [None] * len(links))
    return [
        Chain(
            tuple(
                PlannedOperation(
                    system=system.name,
                    kind=declared.kind,
                    number=f"{ref.model}/{ref.key}",
                    step=step,
                    executor=executor,
                    reversibility=declared.reversibility,
                    approved=image if place == 0 else None,
                )
                for place, step in enumerate(steps)
            )
        )
        for ref, steps, image in zip(refs, links, images, strict=True)
    ]
