"""Who gets scarce goods back: those who had all of theirs come before those who had a part.

Odoo reserves for one transfer after another as much as is there. Without an order of its own a rollback, which goes
from the newest document to the oldest, would give the goods to others than had them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from connectors.odoo.writing import write_in_groups

if TYPE_CHECKING:
    from connectors.contract import Answer, Call
    from connectors.odoo.actions import Server


def reserve_in_turn(
    server: Server,
    calls: Sequence[Call],
    is_partly: Callable[[Call], bool],
    send: Callable[[bool, Sequence[Call]], None],
) -> list[Answer]:
    """Reserve in two requests, each from the oldest document to the newest; answers come in the order of `calls`.

    Between transfers of one request Odoo may go by priority and date; all of them get what they had before.
    """
    oldest_first = sorted(calls, key=lambda call: (is_partly(call), int(call.step.ref.key)))
    answers = {
        each.operation_id: each for each in write_in_groups(server, oldest_first, is_partly, send)
    }
    return [answers[call.operation_id] for call in calls]
