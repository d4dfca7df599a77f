"""Order by dependency: what has to wait for what, circles named, systems one after the other. Numbers only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from heapq import heapify, heappop, heappush

Waits = Mapping[int, Collection[int]]
"""Per number those that must come before it; a number that waits for nothing may be left out."""


def circles(count: int, waits: Waits) -> list[tuple[int, ...]]:
    """Return every group of numbers below `count` that wait for one another, each sorted; [] is what one hopes for."""
    found: list[tuple[int, ...]] = []
    index: dict[int, int] = {}
    lowest: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    for root in range(count):
        if root in index:
            continue
        work = [(root, iter(sorted(waits.get(root, ()))))]
        index[root] = lowest[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, later = work[-1]
            for other in later:
                if other not in index:
                    index[other] = lowest[other] = len(index)
                    stack.append(other)
                    on_stack.add(other)
                    work.append((other, iter(sorted(waits.get(other, ())))))
                    break
                if other in on_stack:
                    lowest[node] = min(lowest[node], index[other])
            else:
                work.pop()
                if work:
                    above = work[-1][0]
                    lowest[above] = min(lowest[above], lowest[node])
                if lowest[node] == index[node]:
                    members = []
                    while True:
                        member = stack.pop()
                        on_stack.discard(member)
                        members.append(member)
                        if member == node:
                            break
                    if len(members) > 1 or node in waits.get(node, ()):
                        found.append(tuple(sorted(members)))
    return sorted(found)


def in_order(homes: Sequence[str], waits: Waits) -> list[int]:
    """Return the numbers 0 .. len(homes) - 1 so that each comes after those that it waits for.

    `homes[n]` is the system of number n. Among those that may come next the lowest number is taken, of the same
    system as long as it has one that is free: a system is left only when nothing of it can go on, and the next one
    is that of the lowest free number. Within a circle nobody waits.
    """
    circle_of = {n: i for i, circle in enumerate(circles(len(homes), waits)) for n in circle}
    waiting: dict[int, int] = {}
    wakes: dict[int, list[int]] = {}
    for number in range(len(homes)):
        before = {
            other
            for other in waits.get(number, ())
            if other != number
            and not (number in circle_of and circle_of[number] == circle_of.get(other))
        }
        waiting[number] = len(before)
        for other in before:
            wakes.setdefault(other, []).append(number)
    free: dict[str, list[int]] = {}
    for number, count in waiting.items():
        if not count:
            free.setdefault(homes[number], []).append(number)
    for heap in free.values():
        heapify(heap)
    order: list[int] = []
    home = ""
    while free:
        if home not in free:
            home = min(free, key=lambda name: free[name][0])
        number = heappop(free[home])
        if not free[home]:
            del free[home]
        order.append(number)
        for other in wakes.get(number, ()):
            waiting[other] -= 1
            if not waiting[other]:
                heappush(free.setdefault(homes[other], []), other)
    return order
