"""A way back on which somebody said, or a policy says, what becomes of a conflict."""

from __future__ import annotations

from typing import Any

from recovery.conflicts.resolutions import Rules, parse_rule
from recovery.model import ChangeSet
from recovery.reversing.rollback_item import RollbackItem, RollbackPreview
from recovery.rollback import store_rollback
from tests.integration.recovery.scene import MEI, Scene

THEIRS = {"closed_how": "by_itself"}


def said(*written: str) -> Rules:
    """Return rules as they are typed."""
    return Rules(tuple(parse_rule(each) for each in written))


def look(scene: Scene, done: ChangeSet, *written: str, **given: Any) -> RollbackPreview:
    """Preview with these rules."""
    return scene.preview(done, rules=said(*written), **given)


def take_back(scene: Scene, found: RollbackPreview) -> ChangeSet:
    """Carry out exactly what was shown."""
    planned = store_rollback(scene.journal, found, actor=MEI, reason="wrong list")
    return scene.run(scene.approve(planned))


def targets(item: RollbackItem) -> dict[str, Any]:
    """Return field -> target of every resolved conflict."""
    return {
        c.field: c.resolution.target
        for c in item.conflicts
        if c.resolution is not None and c.resolution.has_target
    }
