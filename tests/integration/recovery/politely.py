"""A run that treats its ERP politely and waits for nothing by itself, and what people were told of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from core.retry import RetryPolicy
from recovery.model import ChangeSet
from recovery.sql.schema_freezes import alarm
from recovery.workers.politeness import Manners, Politeness
from tests.integration.recovery.scene import CANCEL, Scene

AT_ONCE = RetryPolicy(deadline_seconds=0.0)


def polite(scene: Scene, **manners: Any) -> dict[str, Any]:
    """Return options of a run that treats the ERP so, and waits for nothing."""
    rules = Politeness({scene.system.name: Manners(**manners)}, longest_wait_seconds=0.0)
    return {"politeness": rules, "retry": AT_ONCE}


def approved(scene: Scene, count: int = 3) -> ChangeSet:
    """Return a change set that may run."""
    return scene.approve(scene.plan(CANCEL, scene.orders(count)))


def alarms(scene: Scene) -> list[str]:
    """Return what people were told of."""
    with scene.journal.reading() as connection:
        return list(connection.execute(select(alarm.c.kind)).scalars())
