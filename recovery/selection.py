"""Which operations a rollback is about: chains of one document each, with what was before, after, and is there now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors.contract import Image, Kind, Ref
from core.errors import BadInput, IllegalMove, NotFound
from core.retry import RetryPolicy
from core.text import N_
from recovery.images import footprint_key
from recovery.journal import Journal
from recovery.judgement import Systems
from recovery.model import Operation, Purpose
from recovery.parts import narrowed, parts_of, without_parts
from recovery.rewinding import Place
from recovery.side_by_side import capture
from recovery.states import ChangeSetState, OperationState

FINISHED = frozenset(
    {
        ChangeSetState.APPLIED,
        ChangeSetState.PARTLY_APPLIED,
        ChangeSetState.PARTLY_ROLLED_BACK,
        ChangeSetState.ROLLED_BACK,
        ChangeSetState.FAILED,
    }
)


@dataclass(frozen=True, slots=True)
class Selection:
    """What to take back: a change set, or the newest standing operations on documents."""

    change_set_id: str | None = None
    numbers: tuple[str, ...] = ()
    system: str | None = None
    kind: Kind | None = None
    only: tuple[str, ...] = ()  # of the change set, these document numbers or keys alone
    lines: tuple[str, ...] = ()  # of the one document, these lines alone: positions or keys


@dataclass(slots=True)
class Chosen:
    """The operations of one document in one change set, in order, with their images by operation."""

    operations: list[Operation]
    before: dict[str, Image] = field(default_factory=dict)
    after: dict[str, Image] = field(default_factory=dict)
    now: dict[str, Image] = field(default_factory=dict)
    seen: dict[str, Image] = field(default_factory=dict)  # now, as newer chains will leave it
    still_ours: dict[str, Image] = field(default_factory=dict)  # after, without what parts put back
    has_parts: bool = False
    lines: frozenset[Ref] = frozenset()
    # What the newest link that looks at the same records left: business that came later came after that one.
    left: dict[str, Image] = field(default_factory=dict)

    def places(self) -> set[Place]:
        """Return every record in the footprints of its operations."""
        return {
            (operation.system, ref)
            for operation in self.operations
            for images in (self.before, self.after)
            for ref in images[operation.id].refs()
        }


def chosen_chains(
    journal: Journal, systems: Systems, selection: Selection, policy: RetryPolicy | None
) -> tuple[list[Chosen], str | None]:
    """Return the chains of a selection, newest first, and the one change set that they belong to, if it is one.

    Raises `NotFound` when nothing that stands fits, `IllegalMove` when the change set is still running, `BadInput`
    for a number or a line that does not name one thing.
    """
    operations, reverses_id = _select(journal, selection)
    chains = _chains(operations)
    if selection.only:
        wanted = set(selection.only)
        chains = [chain for chain in chains if chain.operations[0].called in wanted]
        missing = wanted - {chain.operations[0].called for chain in chains}
        if missing:
            raise NotFound(what="document", name=", ".join(sorted(missing)))
    _load_images(journal, chains)
    _leave_parts_alone(journal, systems, chains)
    if selection.lines:
        _choose_lines(systems, chains, selection.lines)
    _read_now(systems, chains, policy)
    return chains, reverses_id


def _select(journal: Journal, selection: Selection) -> tuple[list[Operation], str | None]:
    reverses_id: str | None = None
    if selection.change_set_id is not None:
        change_set = journal.change_set(selection.change_set_id)
        if change_set.state not in FINISHED:
            raise IllegalMove(
                N_("Change set {name} is {state}: there is nothing finished to take back yet."),
                what="change set",
                name=change_set.short_id,
                to="rolled_back",
                state=change_set.state.value,
            )
        reverses_id = change_set.id
        found = list(journal.operations(change_set.id, states={OperationState.CONFIRMED}))
        name = change_set.short_id
    else:
        found = journal.operations_of_numbers(selection.numbers, system=selection.system)
        name = ", ".join(selection.numbers)
    if selection.kind is not None:
        found = [operation for operation in found if operation.kind is selection.kind]
    standing = set(journal.standing([operation.id for operation in found]))
    found = [operation for operation in found if operation.id in standing]
    if selection.change_set_id is None:
        found = _newest_of_each(journal, found)
        _refuse_ambiguous(found)
        known = {operation.called for operation in found}
        missing = [number for number in selection.numbers if number not in known]
        if missing:
            raise NotFound(
                N_("Nothing that stands was done by Storno to {name!r}."),
                what="document",
                name=", ".join(missing),
            )
        sets = {operation.change_set_id for operation in found}
        reverses_id = sets.pop() if len(sets) == 1 else None
    if not found:
        raise NotFound(
            N_("There is nothing left to take back in {name!r}."), what="change set", name=name
        )
    return found, reverses_id


def _refuse_ambiguous(found: Sequence[Operation]) -> None:
    homes: dict[str, set[tuple[str, Ref]]] = {}
    for operation in found:
        homes.setdefault(operation.called, set()).add((operation.system, operation.ref))
    several = [name for name, documents in homes.items() if len(documents) > 1]
    if several:
        raise BadInput(
            source=", ".join(several),
            problem=N_("several documents have this number; say which with --system or --kind"),
        )


def _newest_of_each(journal: Journal, found: Sequence[Operation]) -> list[Operation]:
    """Keep, per document, the operations of its newest change set alone, rollbacks left out."""
    kept: dict[tuple[str, str, str], str] = {}
    purposes: dict[str, Purpose] = {}
    result = []
    for operation in found:  # newest first
        set_id = operation.change_set_id
        if set_id not in purposes:
            purposes[set_id] = journal.change_set(set_id).purpose
        if purposes[set_id] is Purpose.ROLLBACK:
            continue
        document = (operation.system, operation.ref.model, operation.ref.key)
        if kept.setdefault(document, set_id) == set_id:
            result.append(operation)
    return sorted(result, key=lambda op: (op.change_set_id, op.position))


def _chains(operations: Sequence[Operation]) -> list[Chosen]:
    """Group links of one document, newest chain first."""
    chains: dict[tuple[str, str, str, str], Chosen] = {}
    for operation in operations:
        key = (operation.change_set_id, operation.system, operation.ref.model, operation.ref.key)
        chains.setdefault(key, Chosen([])).operations.append(operation)
    found = list(chains.values())
    for chain in found:
        chain.operations.sort(key=lambda op: op.position)
    return sorted(
        found,
        key=lambda c: (c.operations[-1].change_set_id, c.operations[-1].position),
        reverse=True,
    )


def _load_images(journal: Journal, chains: Sequence[Chosen]) -> None:
    hashes: set[str | None] = set()
    for chain in chains:
        for operation in chain.operations:
            hashes |= {operation.before_hash, operation.after_hash}
    images = journal.images(hashes)
    for chain in chains:
        for operation in chain.operations:
            chain.before[operation.id] = images[str(operation.before_hash)]
            chain.after[operation.id] = images[str(operation.after_hash)]


def _leave_parts_alone(journal: Journal, systems: Systems, chains: Sequence[Chosen]) -> None:
    """What was taken back line by line already belongs to the operation no more."""
    parts = parts_of(journal, [op for chain in chains for op in chain.operations])
    found = [part for each in parts.values() for part in each]
    images = journal.images({h for part in found for h in (part.before_hash, part.after_hash)})
    for chain in chains:
        for operation in chain.operations:
            after = chain.after[operation.id]
            mine = parts.get(operation.id)
            if mine:
                action = systems(operation.system).actions()[operation.step.action]
                after = without_parts(after, mine, images, action)
                chain.has_parts = True
            chain.still_ours[operation.id] = after


def _choose_lines(systems: Systems, chains: Sequence[Chosen], names: Sequence[str]) -> None:
    """Narrow the one chain to some lines of its document. Raises `BadInput`."""
    if len(chains) != 1 or len(chains[0].operations) != 1:
        raise BadInput(
            N_("{source}: name the one document whose lines they are: --only or --documents."),
            source="--lines",
        )
    (chain,) = chains
    (operation,) = chain.operations
    action = systems(operation.system).actions()[operation.step.action]
    before = chain.before[operation.id]
    chain.lines = frozenset(action.lines(before, names))
    if not chain.lines:
        raise BadInput(
            N_("{source}: {action} is taken back as a whole or not at all."),
            source="--lines",
            action=operation.step.action,
        )
    for images in (chain.before, chain.after, chain.still_ours):
        images[operation.id] = narrowed(images[operation.id], chain.lines)


def _read_now(systems: Systems, chains: Sequence[Chosen], policy: RetryPolicy | None) -> None:
    """Read each document as it is now, once where several links of its chain look at the same records."""
    groups: dict[tuple[str, str], list[tuple[Chosen, list[Operation]]]] = {}
    for chain in chains:
        for links in _views(systems, chain):
            key = (links[-1].system, links[-1].step.action)
            groups.setdefault(key, []).append((chain, links))
    for (system_name, _), members in groups.items():
        images = capture(
            systems(system_name),
            [links[-1].step for _, links in members],
            [_known(chain, links) for chain, links in members],
            policy,
        )
        for (chain, links), image in zip(members, images, strict=True):
            for operation in links:
                chain.now[operation.id] = image
                chain.left[operation.id] = chain.after[links[-1].id]


def _views(systems: Systems, chain: Chosen) -> list[list[Operation]]:
    """Return the links of a chain, those together that look at the same records of the same document, in order."""
    found: dict[tuple[object, ...], list[Operation]] = {}
    for operation in chain.operations:
        action = systems(operation.system).actions()[operation.step.action]
        view = (operation.system, operation.ref, footprint_key(action))
        found.setdefault(view, []).append(operation)
    return list(found.values())


def _known(chain: Chosen, links: Sequence[Operation]) -> Image:
    """Return every record that one of the links left, each as the newest left it."""
    records = {r.ref: r for operation in links for r in chain.after[operation.id].records}
    return Image(tuple(records[ref] for ref in sorted(records)))
