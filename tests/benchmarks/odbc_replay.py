"""An ERP that answers at once: it gives back the images of an earlier run, so that what is left is the journal alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.contract import (
    Action,
    Answer,
    Call,
    Fence,
    Image,
    Ref,
    Step,
    System,
    no_fence,
)


class Recorder:
    """Lets calls through and keeps the first and the last image of every document."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.before: dict[Ref, Image] = {}
        self.after: dict[Ref, Image] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.system, name)

    def capture(self, steps: Sequence[Step], known: Sequence[Image | None]) -> list[Image]:
        """Read, and keep what was read."""
        found = self.system.capture(steps, known)
        for step, image in zip(steps, found, strict=True):
            self.before.setdefault(step.ref, image)
            self.after[step.ref] = image
        return found


class ReplayedAction(Action):
    """The declarations of a real action without its judgement: done is what has another image."""

    def __init__(self, real: Action) -> None:
        for name in ("name", "kind", "title", "model", "footprint", "ours", "derived", "trace"):
            setattr(self, name, getattr(real, name))
        # What is a change is asked of the real one's normal form: that is the journal's own work.
        for name in ("reversibility", "executors", "is_atomic_batch", "batch_size", "normal_form"):
            setattr(self, name, getattr(real, name))

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        """Whether the second image was given."""
        del step
        return after is not before

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        """Return nothing: nobody takes this back."""
        del step, before, after
        return ()


class Replay:
    """Answers from memory."""

    kind = "replay"

    def __init__(self, recorded: Recorder, action: Action) -> None:
        self.name = recorded.name
        self._recorded = recorded
        self._actions = {action.name: ReplayedAction(action)}
        self._is_called = set[Ref]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._recorded, name)

    def actions(self) -> Mapping[str, Action]:
        """Return the one action."""
        return self._actions

    def capture(self, steps: Sequence[Step], known: Sequence[Image | None]) -> list[Image]:
        """Give the images of before or of after."""
        del known
        called, before, after = self._is_called, self._recorded.before, self._recorded.after
        return [(after if s.ref in called else before)[s.ref] for s in steps]

    def apply(self, calls: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        """Say yes."""
        fence()
        self._is_called.update(call.step.ref for call in calls)
        return [Answer(call.operation_id) for call in calls]

    def close(self) -> None:
        """There is nothing to close."""
