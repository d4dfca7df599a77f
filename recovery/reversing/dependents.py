"""Everything that a rollback is about: what was asked for, what rests on it, and the order in which it goes back.

Reads the journal alone. What rests on an operation may stand in any younger change set, and something may rest on
that in turn: all of it is found, whether it will be taken back or only named.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from core.text import Text
from recovery.ordering import circles, in_order
from recovery.reversing import touching
from recovery.reversing.asked import ask, operations_by_id, restated
from recovery.reversing.dependence import Footing, Point, Sign, Tie, footing, ties
from recovery.reversing.parts import PART_OF
from recovery.reversing.rewinding import shared_places
from recovery.reversing.selection import Chosen, Selection, Shelf, chains_of, choose_lines

if TYPE_CHECKING:
    from connectors.contract import Ref
    from recovery.journal import Journal
    from recovery.model import Operation
    from recovery.reversing.rewinding import Place
    from recovery.running.judgement import Systems

LOADED_AT_ONCE: Final = 500
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Gathered:
    """Chains in the order in which they go back, with what rests on what (by places in that order)."""

    chains: tuple[Chosen, ...]
    ties: tuple[Tie, ...]
    circles: tuple[tuple[int, ...], ...]
    shared: frozenset[Place]
    shelf: Shelf
    reverses_id: str | None
    notes: tuple[Text, ...]


def in_parts(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield the values so many at a time."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def gather_chains(journal: Journal, systems: Systems, selection: Selection) -> Gathered:
    """Return what the selection names and everything that rests on it. Raises as `recovery.reversing.asked.ask`, and `BadInput`."""
    asked = ask(journal, selection)
    shelf = Shelf(journal, systems)
    chains = chains_of(asked.operations)
    shelf.know_parts(chains)
    if selection.lines:
        choose_lines(systems, shelf, chains, selection.lines)
    found = _Search(journal, systems, shelf)
    found.add(chains)
    while True:
        new = found.resting_on(chains)
        if not new:
            break
        chains = new
    if selection.positions:
        found.name_what_stays()
    known, tied = found.result()
    waits: dict[int, set[int]] = {}
    for tie in tied:
        waits.setdefault(tie.older, set()).add(tie.newer)
    order = in_order([chain.system for chain in known], waits)
    place = {number: i for i, number in enumerate(order)}
    moved = tuple(Tie(place[tie.newer], place[tie.older], tie.sign, tie.why) for tie in tied)
    return Gathered(
        chains=tuple(known[number] for number in order),
        ties=moved,
        circles=tuple(
            tuple(sorted(place[number] for number in circle))
            for circle in circles(len(known), waits)
        ),
        shared=found.shared,
        shelf=shelf,
        reverses_id=asked.reverses_id,
        notes=asked.notes,
    )


class _Search:
    """The chains found so far, with their footings."""

    def __init__(self, journal: Journal, systems: Systems, shelf: Shelf) -> None:
        self._journal = journal
        self._systems = systems
        self._shelf = shelf
        self._known: list[tuple[Chosen, Footing]] = []

    @property
    def shared(self) -> frozenset[Place]:
        """The records that more than one of the chains looks at."""
        return shared_places(each.looked_at for _, each in self._known)

    def add(self, chains: Sequence[Chosen]) -> None:
        """Take these in."""
        self._known += self._footings(chains)

    def _footings(self, chains: Sequence[Chosen]) -> list[tuple[Chosen, Footing]]:
        found = []
        undone = self._undone([op for chain in chains for op in chain.operations])
        for part in in_parts(chains, LOADED_AT_ONCE):
            self._shelf.load(part)
            for chain in part:
                actions = self._systems(chain.system).actions()
                found.append((chain, footing(chain, actions, undone)))
                chain.release()
        return found

    def _undone(self, operations: Sequence[Operation]) -> dict[str, Point]:
        """Return what operations took back in the end: a rollback of a rollback takes nothing back."""
        below = {op.id: _taken_back_by(op) for op in operations}
        found: dict[str, Point] = {}
        is_odd = True
        current = {op_id: target for op_id, target in below.items() if target is not None}
        while current:
            targets = {
                each.id: each
                for each in operations_by_id(self._journal, sorted(set(current.values())))
            }
            following: dict[str, str] = {}
            for op_id, target in current.items():
                other = targets[target]
                if is_odd:
                    found[op_id] = (other.change_set_id, other.position)
                else:
                    found.pop(op_id, None)
                further = _taken_back_by(other)
                if further is not None:
                    following[op_id] = further
            current, is_odd = following, not is_odd
        return found

    def resting_on(self, chains: Sequence[Chosen]) -> list[Chosen]:
        """Take in what rests on these or on others that are known, directly or not; return what was new."""
        wanted = _Same(chains)
        footings = [each for chain, each in self._known if chain in wanted]
        candidates = self._candidates(chains, footings)
        if not candidates:
            return []
        new = self._footings(candidates)
        both = [*self._known, *new]
        numbered, tied = self._ties(both)
        newer: dict[int, list[int]] = {}
        for tie in tied:
            if tie.sign is not Sign.WAY_BACK:
                newer.setdefault(tie.older, []).append(tie.newer)
        known = _Same([chain for chain, _ in self._known])
        left = [number for number, (chain, _) in enumerate(numbered) if chain in known]
        reached = set(left)
        while left:
            for number in newer.get(left.pop(), ()):
                if number not in reached:
                    reached.add(number)
                    left.append(number)
        taken = [each for n, each in enumerate(numbered) if n in reached and each[0] not in known]
        self._known += taken
        return [chain for chain, _ in taken]

    def _candidates(self, chains: Sequence[Chosen], footings: Sequence[Footing]) -> list[Chosen]:
        """Return younger standing chains on the same records, whether or not they rest on these."""
        known = {op.id for chain, _ in self._known for op in chain.operations}
        places = {place for each in footings for place in each.touched()}
        since = min(chain.operations[0].change_set_id for chain in chains)
        with self._journal.reading() as connection:
            ids = touching.operations_on(connection, places, since=since, known=known)
        if not ids:
            return []
        operations = self._standing(ids)
        begun = {_chain_of(op) for chain, _ in self._known for op in chain.operations}
        whole = {_chain_of(op) for op in operations} - begun
        with self._journal.reading() as connection:
            links = touching.links_of(connection, whole) if whole else []
        operations += self._standing([each for each in links if each not in set(ids)])
        operations = restated(self._journal, operations)
        wanted = [
            op
            for op in {op.id: op for op in operations}.values()
            # Lines that were taken back already are no longer the operation's own: it does not wait for them.
            if op.id not in known and op.details.get(PART_OF) not in known
        ]
        found = chains_of(wanted, is_asked=False)
        self._shelf.know_parts(found)
        return found

    def _standing(self, ids: Sequence[str]) -> list[Operation]:
        standing = set(self._journal.standing(ids))
        return operations_by_id(self._journal, [each for each in ids if each in standing])

    def _ties(
        self, known: Sequence[tuple[Chosen, Footing]]
    ) -> tuple[list[tuple[Chosen, Footing]], list[Tie]]:
        """Number the chains from the oldest to the newest, and return what rests on what among them."""
        numbered = sorted(known, key=lambda each: each[0].age)
        for number, (_, each) in enumerate(numbered):
            each.number = number
        footings = [each for _, each in numbered]
        meeting = {n: numbered[n][0] for n in _meeting(footings)}
        for part in in_parts(list(meeting.values()), LOADED_AT_ONCE):
            self._shelf.load(part)
        tied = ties(footings, meeting, self._systems)
        for chain in meeting.values():
            chain.release()
        return numbered, tied

    def name_what_stays(self) -> None:
        """Name the links that stand beside those that were asked for alone: the document is left half done."""
        chains = {_chain_of(chain.operations[0]): chain for chain, _ in self._known}
        known = {op.id for chain, _ in self._known for op in chain.operations}
        with self._journal.reading() as connection:
            ids = touching.links_of(connection, chains.keys())
        for operation in self._standing([each for each in ids if each not in known]):
            chains[_chain_of(operation)].stay.append(operation)

    def result(self) -> tuple[list[Chosen], list[Tie]]:
        """Return every chain from the newest to the oldest, and the ties by their places there."""
        numbered, tied = self._ties(self._known)
        last = len(numbered) - 1
        chains = [chain for chain, _ in reversed(numbered)]
        turned = [Tie(last - tie.newer, last - tie.older, tie.sign, tie.why) for tie in tied]
        return chains, turned


class _Same:
    """A set of chains by what they are, not by what they hold."""

    def __init__(self, chains: Sequence[Chosen]) -> None:
        self._ids = {id(chain) for chain in chains}

    def __contains__(self, chain: Chosen) -> bool:
        return id(chain) in self._ids


def _taken_back_by(operation: Operation) -> str | None:
    """Return the operation that this one took back, or lines of it."""
    target = operation.reverses_operation_id or operation.details.get(PART_OF)
    return None if target is None else str(target)


def _chain_of(operation: Operation) -> tuple[str, str, Ref]:
    return operation.change_set_id, operation.system, operation.ref


def _meeting(footings: Sequence[Footing]) -> Collection[int]:
    """Return the chains that look at a record which another one changed, and those others."""
    changers: dict[Place, list[int]] = {}
    for each in footings:
        for place in each.changed:
            changers.setdefault(place, []).append(each.number)
    found: set[int] = set()
    told: set[Place] = set()
    for each in footings:
        for place in each.looked_at:
            others = changers.get(place)
            if others is None or others == [each.number]:
                continue
            found.add(each.number)
            if place not in told:
                told.add(place)
                found.update(others)
    return found
