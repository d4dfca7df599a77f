"""Chains of operations of one document each, with what was before, after, and is there now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from connectors.contract import Image, Kind, Record, Ref
from core.errors import BadInput
from core.text import N_
from recovery.at_rest.pruned import require_images
from recovery.images import footprint_key
from recovery.reversing.parts import narrowed, parts_of, without_parts
from recovery.running.side_by_side import capture

if TYPE_CHECKING:
    from datetime import datetime

    from core.retry import RetryPolicy
    from recovery.journal import Journal
    from recovery.model import Operation
    from recovery.reversing.rewinding import Place
    from recovery.running.judgement import Systems

KEPT_IMAGES: Final = 2_500
"""Images of the journal that are not read twice. A rollback of ten thousand documents holds no more at once."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What to take back: a change set, the newest standing operations on documents, or what was done in a time."""

    change_set_id: str | None = None
    numbers: tuple[str, ...] = ()
    system: str | None = None
    kind: Kind | None = None
    only: tuple[str, ...] = ()  # of what is selected, these document numbers or keys alone
    lines: tuple[str, ...] = ()  # of the one document, these lines alone: positions or keys
    positions: tuple[int, ...] = ()  # of the change set, these operations alone
    since: datetime | None = None  # without change set and numbers: what was done from here ...
    until: datetime | None = None  # ... to here
    by: str | None = None  # made or approved by
    with_dependents: bool = False  # what rests on it is taken back with it


@dataclass(slots=True)
class Chosen:
    """The operations of one document in one change set, in order, with their images by operation."""

    operations: list[Operation]
    is_asked: bool = True  # else it comes along, because it rests on what was asked for
    before: dict[str, Image] = field(default_factory=dict)
    after: dict[str, Image] = field(default_factory=dict)
    now: dict[str, Image] = field(default_factory=dict)
    seen: dict[str, Image] = field(default_factory=dict)  # now, as newer chains will leave it
    still_ours: dict[str, Image] = field(default_factory=dict)  # after, without what parts put back
    has_parts: bool = False
    lines: frozenset[Ref] = frozenset()
    # What the newest link that looks at the same records left: business that came later came after that one.
    left: dict[str, Image] = field(default_factory=dict)
    stay: list[Operation] = field(default_factory=list)  # links of it that were not asked for

    @property
    def age(self) -> tuple[str, int]:
        """What sorts chains from the oldest to the newest."""
        last = self.operations[-1]
        return last.change_set_id, last.position

    @property
    def system(self) -> str:
        """The system of its document."""
        return self.operations[-1].system

    def places(self) -> set[Place]:
        """Return every record in the footprints of its operations."""
        return {
            (operation.system, ref)
            for operation in self.operations
            for images in (self.before, self.after)
            for ref in images[operation.id].refs()
        }

    def release(self) -> None:
        """Let go of every image."""
        for images in (self.before, self.after, self.now, self.seen, self.still_ours, self.left):
            images.clear()


def chains_of(operations: Iterable[Operation], *, is_asked: bool = True) -> list[Chosen]:
    """Group links of one document in one change set, the newest chain first."""
    chains: dict[tuple[str, str, str, str], Chosen] = {}
    for operation in operations:
        key = (operation.change_set_id, operation.system, operation.ref.model, operation.ref.key)
        chains.setdefault(key, Chosen([], is_asked)).operations.append(operation)
    found = list(chains.values())
    for chain in found:
        chain.operations.sort(key=lambda op: op.position)
    return sorted(found, key=lambda chain: chain.age, reverse=True)


class Shelf:
    """The images of chains: loaded for some at a time, what is equal is there once, the last few thousand are kept."""

    def __init__(self, journal: Journal, systems: Systems) -> None:
        self._journal = journal
        self._systems = systems
        self._kept: dict[str, Image] = {}
        self._parts: dict[str, list[Operation]] = {}

    def know_parts(self, chains: Iterable[Chosen]) -> None:
        """Find what was taken back line by line of these chains: it is no longer theirs."""
        self._parts |= parts_of(self._journal, (op for chain in chains for op in chain.operations))

    def load(self, chains: Sequence[Chosen]) -> None:
        """Put the images from before and after into these chains, without what parts put back and other lines."""
        operations = [op for chain in chains for op in chain.operations]
        require_images(self._journal, (op.change_set_id for op in operations))
        hashes = {h for op in operations for h in (op.before_hash, op.after_hash)}
        parts = [part for op in operations for part in self._parts.get(op.id, ())]
        images = self._images(
            hashes | {h for part in parts for h in (part.before_hash, part.after_hash)}
        )
        for chain in chains:
            for operation in chain.operations:
                before, after = (
                    images[str(operation.before_hash)],
                    images[str(operation.after_hash)],
                )
                still_ours, mine = after, self._parts.get(operation.id)
                if mine:
                    action = self._systems(operation.system).actions()[operation.step.action]
                    still_ours = without_parts(after, mine, images, action)
                    chain.has_parts = True
                chain.before[operation.id] = narrowed(before, chain.lines)
                chain.after[operation.id] = narrowed(after, chain.lines)
                chain.still_ours[operation.id] = narrowed(still_ours, chain.lines)

    def _images(self, hashes: Iterable[str | None]) -> Mapping[str, Image]:
        wanted = {each for each in hashes if each is not None}
        found = {each: self._kept[each] for each in wanted if each in self._kept}
        loaded = self._journal.images(wanted - found.keys())
        self._kept |= loaded
        while len(self._kept) > KEPT_IMAGES:
            del self._kept[next(iter(self._kept))]
        return {**found, **loaded}


def choose_lines(
    systems: Systems, shelf: Shelf, chains: Sequence[Chosen], names: Sequence[str]
) -> None:
    """Narrow the one chain to some lines of its document. Raises `BadInput`."""
    if len(chains) != 1 or len(chains[0].operations) != 1:
        raise BadInput(
            N_("{source}: name the one document whose lines they are: --only or --documents."),
            source="--lines",
        )
    (chain,) = chains
    (operation,) = chain.operations
    action = systems(operation.system).actions()[operation.step.action]
    shelf.load(chains)
    chain.lines = frozenset(action.lines(chain.before[operation.id], names))
    chain.release()
    if not chain.lines:
        raise BadInput(
            N_("{source}: {action} is taken back as a whole or not at all."),
            source="--lines",
            action=operation.step.action,
        )


def read_now(systems: Systems, chains: Sequence[Chosen], policy: RetryPolicy | None) -> None:
    """Read each document as it is now, once for all links and chains that look at the same records of it.

    A record that is as the newest link left it is not held a second time.
    """
    groups: dict[tuple[str, str], list[list[tuple[Chosen, Operation]]]] = {}
    for links in _views(systems, chains):
        operation = links[-1][1]
        groups.setdefault((operation.system, operation.step.action), []).append(links)
    for (system_name, _), members in groups.items():
        images = capture(
            systems(system_name),
            [links[-1][1].step for links in members],
            [_known(links) for links in members],
            policy,
        )
        for links, image in zip(members, images, strict=True):
            newest: dict[int, Operation] = {id(chain): operation for chain, operation in links}
            shared = _shared(image, [chain.after[op.id] for chain, op in links])
            for chain, operation in links:
                chain.now[operation.id] = shared
                chain.left[operation.id] = chain.after[newest[id(chain)].id]


def _views(systems: Systems, chains: Sequence[Chosen]) -> list[list[tuple[Chosen, Operation]]]:
    """Return links that look at the same records of the same document together, from the oldest to the newest."""
    found: dict[tuple[object, ...], list[tuple[Chosen, Operation]]] = {}
    for chain in sorted(chains, key=lambda each: each.age):
        for operation in chain.operations:
            action = systems(operation.system).actions()[operation.step.action]
            view = (operation.system, operation.ref, footprint_key(action))
            found.setdefault(view, []).append((chain, operation))
    return list(found.values())


def _known(links: Sequence[tuple[Chosen, Operation]]) -> Image:
    """Return every record that one of the links left, each as the newest left it."""
    if len(links) == 1:
        ((chain, operation),) = links
        return chain.after[operation.id]
    records = {r.ref: r for chain, operation in links for r in chain.after[operation.id].records}
    return Image(tuple(records[ref] for ref in sorted(records)))


def _shared(now: Image, others: Sequence[Image]) -> Image:
    """Return an image of now that shares with the others every record that is equal."""
    for other in reversed(others):
        known = {record.ref: record for record in other.records}
        records = tuple(_either(record, known.get(record.ref)) for record in now.records)
        if len(records) == len(other.records) and all(
            mine is its for mine, its in zip(records, other.records, strict=True)
        ):
            return other
        now = Image(records)
    return now


def _either(record: Record, known: Record | None) -> Record:
    """Return the known record where it holds the same values of the same types (1 is not True here)."""
    if known is None or record.raw != known.raw:
        return record
    if record.fields is None or known.fields is None:
        return known if record.fields is known.fields else record
    is_same = record.fields == known.fields and all(
        type(value) is type(known.fields[name]) for name, value in record.fields.items()
    )
    return known if is_same else record
