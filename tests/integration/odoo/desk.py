"""One journal and one Odoo: plans, approves, runs and takes back, as `storno` does for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connectors.contract import Executor, Image, Ref, System
from core.encoding import Value
from recovery.apply import RunOptions, run
from recovery.approval import approve
from recovery.journal import Journal
from recovery.model import Actor, ChangeSet, Draft, Operation, PlannedOperation, Purpose
from recovery.plan import Chain, arrange
from recovery.reversing.selection import Selection
from recovery.rollback import plan_rollback

MEI: Final = Actor("mei")
ANNA: Final = Actor("anna")


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a person sits who closes documents and takes closings back."""

    journal: Journal
    system: System

    def plan(
        self, action_name: str, keys: Sequence[int], arguments: Mapping[str, Value] | None = None
    ) -> ChangeSet:
        """Plan one action on documents, on the evidence of now; those with problems are left out."""
        action = self.system.actions()[action_name]
        steps = [action.steps(Ref(action.model, str(key)), arguments or {}) for key in keys]
        chains = []
        for start in range(0, len(steps), action.batch_size):
            part = steps[start : start + action.batch_size]
            images = self.system.capture([links[0] for links in part], [None] * len(part))
            chains += [
                Chain(
                    tuple(
                        PlannedOperation(
                            system=self.system.name,
                            kind=action.kind,
                            number=name_in(image, links[0].ref),
                            step=step,
                            executor=Executor.INTERFACE,
                            reversibility=action.reversibility,
                            approved=image if place == 0 else None,
                        )
                        for place, step in enumerate(links)
                    )
                )
                for links, image in zip(part, images, strict=True)
                if not action.problems(links[0], image)
            ]
        draft = Draft(Purpose.CLOSING, action_name, MEI)
        return self.journal.plan(draft, list(arrange(chains)))

    def run(self, change_set: ChangeSet, **options: Any) -> ChangeSet:
        """Approve and run."""
        approve(self.journal, change_set.id, ANNA)
        return self.go_on(change_set, **options)

    def go_on(self, change_set: ChangeSet, **options: Any) -> ChangeSet:
        """Run what was approved, or what is left of it."""
        chosen = RunOptions(**options)
        return run(self.journal, lambda _: self.system, change_set.id, actor=MEI, options=chosen)

    def do(self, action_name: str, keys: Sequence[int], **arguments: Value) -> ChangeSet:
        """Plan, approve and run."""
        return self.run(self.plan(action_name, keys, arguments))

    def plan_back(self, change_set: ChangeSet) -> ChangeSet:
        """Plan the rollback of a change set."""
        selection = Selection(change_set_id=change_set.id)
        return plan_rollback(
            self.journal, lambda _: self.system, selection, actor=MEI, reason="wrong list"
        )

    def operations(self, change_set: ChangeSet) -> list[Operation]:
        """Return its operations."""
        return list(self.journal.operations(change_set.id))


def name_in(image: Image, ref: Ref) -> str:
    """Return what people call a document."""
    record = image.get(ref)
    fields = {} if record is None or record.fields is None else record.fields
    return str(fields.get("name") or ref.key)
