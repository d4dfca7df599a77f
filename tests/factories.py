"""Plain functions that make small things for tests."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from connectors.contract import Action, Answer, Call, Image, Step, System
from connectors.fake.client import RemoteERP
from connectors.fake.connector import FakeSystem, open_system, system_in_memory
from connectors.fake.engine import FakeERP
from connectors.fake.request import ERPSettings
from core.encoding import loads
from core.ids import new_id

ROOT: Final = Path(__file__).parents[1]
QUICK_SECONDS: Final = 0.3
"""Time limit of a served fake where a test waits for it to pass."""


def fake_erp(
    *, is_atomic_batch: bool = True, has_compare_and_set: bool = True, sees_everything: bool = True
) -> FakeERP:
    """Return an empty ERP of this process."""
    return FakeERP(
        ERPSettings(
            is_atomic_batch=is_atomic_batch,
            has_compare_and_set=has_compare_and_set,
            sees_everything=sees_everything,
        )
    )


def fake_system(erp: FakeERP, *, batch_size: int = 100) -> FakeSystem:
    """Return a system on an ERP of this process."""
    return system_in_memory(erp, batch_size=batch_size)


@dataclass(frozen=True, slots=True)
class ServedERP:
    """A fake ERP in a process of its own."""

    url: str
    erp: RemoteERP
    ledger: Path
    process: subprocess.Popen[bytes]

    def system(self, *, seconds: float = 30.0) -> FakeSystem:
        """Open a system on it with this time limit for reads and writes."""
        limits = {"read": seconds, "write": seconds}
        return open_system("served", {"kind": "fake", "url": self.url, "timeout_seconds": limits})


@contextmanager
def served_erp(folder: Path, *arguments: str) -> Iterator[ServedERP]:
    """Serve an empty ERP from a process of its own, with its ledger in `folder`."""
    with subprocess.Popen(
        [sys.executable, "-m", "connectors.fake", "serve", "--folder", str(folder), *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        try:
            url = loads(process.stdout.readline())["url"]
            erp = RemoteERP(url)
            yield ServedERP(url, erp, folder / "ledger.jsonl", process)
            if process.poll() is None:
                # In good order, so that what the process measured of itself (coverage) is written.
                erp.stop()
                process.wait(10)
            erp.close()
        finally:
            process.kill()


@dataclass(frozen=True, slots=True)
class Done:
    """One call that was carried out, with its images."""

    step: Step
    before: Image
    after: Image


def image_of(system: System, step: Step, known: Image | None = None) -> Image:
    """Return the footprint of one step."""
    (image,) = system.capture([step], [known])
    return image


def answer_to(system: System, step: Step, before: Image) -> Answer:
    """Send one call, planned on an image, and return its answer."""
    (answer,) = system.apply([Call(new_id(), step, before)])
    return answer


def action_of(system: System, step: Step) -> Action:
    """Return the action of a step."""
    return system.actions()[step.action]


def differences(before: Image, after: Image) -> set[tuple[str, str]]:
    """Return (model, field) of everything that differs; `*` for a record that came or went."""
    found: set[tuple[str, str]] = set()
    for ref in {*before.refs(), *after.refs()}:
        sides = [image.get(ref) for image in (before, after)]
        was, is_now = (None if side is None else side.fields for side in sides)
        if was is None and is_now is None:
            continue
        if was is None or is_now is None:
            found.add((ref.model, "*"))
            continue
        found |= {(ref.model, name) for name in was if was[name] != is_now[name]}
    return found


def pairs(fields: Sequence[tuple[str, frozenset[str]]]) -> set[tuple[str, str]]:
    """Return declared fields (`footprint`, `ours`, `trace` items) as (model, field)."""
    return {(model, name) for model, names in fields for name in names}
