"""Several users who act at one instant."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from connectors.contract import Call, Image, Step, System
from core.errors import OutcomeUnknown, RefusedError
from core.ids import new_id


def at_once(
    systems: Sequence[System], steps: Sequence[Step], images_before: Sequence[Image]
) -> list[RefusedError | OutcomeUnknown | None]:
    """Send one call of each system at one instant; return what each was told."""
    gate = threading.Barrier(len(systems))
    said: dict[int, RefusedError | OutcomeUnknown | None] = {}

    def send(place: int) -> None:
        gate.wait(30)
        try:
            (answer,) = systems[place].apply([Call(new_id(), steps[place], images_before[place])])
            said[place] = answer.refused
        except (RefusedError, OutcomeUnknown) as error:
            said[place] = error

    threads = [threading.Thread(target=send, args=(place,)) for place in range(len(systems))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return [said[place] for place in range(len(systems))]
