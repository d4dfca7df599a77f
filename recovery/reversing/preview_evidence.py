"""The evidence on which the way back of a document rests: what is there now, read in few calls and held once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from core.text import N_, Text
from recovery.images import differences, footprint_key, only
from recovery.reversing.parts import narrowed
from recovery.reversing.rollback_item import RollbackItem, Status, StoredImage
from recovery.running.side_by_side import capture

if TYPE_CHECKING:
    from connectors.contract import Image
    from core.retry import RetryPolicy
    from recovery.reversing.rewinding import Rewound
    from recovery.reversing.selection import Chosen
    from recovery.running.judgement import Systems


def with_evidence(
    systems: Systems,
    items: Sequence[RollbackItem],
    chains: Sequence[Chosen],
    rewound: Rewound,
    policy: RetryPolicy | None,
) -> list[RollbackItem]:
    """Give each clean item the image on which its first inverse rests, and say what will be worked out anew.

    Only where the way back looks at other records than the operation did is anything read for it. Where it works on
    a counter-document that cannot be taken back any more, the item is blocked.
    """
    images: dict[int, Image] = {}
    wanted: dict[tuple[str, str], list[int]] = {}
    for i, (item, chain) in enumerate(zip(items, chains, strict=True)):
        if item.status is not Status.CLEAN:
            continue
        actions = systems(item.last.system).actions()
        first = item.steps[0][0]
        is_same_view = first.ref == item.last.ref and (
            footprint_key(actions[first.action]) == footprint_key(actions[item.last.step.action])
        )
        if is_same_view:
            images[i] = chain.now[item.last.id]
        else:
            wanted.setdefault((item.last.system, first.action), []).append(i)
    for (system_name, _), indexes in wanted.items():
        steps = [items[i].steps[0][0] for i in indexes]
        found = capture(systems(system_name), steps, [None] * len(steps), policy)
        images |= dict(zip(indexes, found, strict=True))
    return [
        _with_image(systems, _checked(systems, item, images[i], rewound), chain, images[i])
        if i in images
        else item
        for i, (item, chain) in enumerate(zip(items, chains, strict=True))
    ]


def _checked(systems: Systems, item: RollbackItem, image: Image, rewound: Rewound) -> RollbackItem:
    """Block an item whose counter-document is not as it was left, when everything younger is back."""
    first = item.steps[0][0]
    if first.ref == item.last.ref:
        return item
    action = systems(item.last.system).actions()[first.action]
    problems = action.problems(first, rewound.seen(item.last.system, image))
    if not problems:
        return item
    reason = Text(
        N_("its counter-document cannot be taken back any more: {problem}"),
        {"problem": problems[0].text},
    )
    return replace(item, status=Status.BLOCKED, reason=reason)


def _has_moved(systems: Systems, item: RollbackItem, chain: Chosen, image: Image) -> bool:
    """Whether somebody changed the document between the reading that was judged and the one that is evidence.

    What was judged is what was shown; evidence that holds more would let the newer change be written over.
    """
    judged = chain.now[item.last.id]
    action = systems(item.last.system).actions()[item.last.step.action]
    return judged is not image and bool(
        differences(judged, image, ignore=action.trace, common_only=True, form=action.normal_form)
    )


def _with_image(systems: Systems, item: RollbackItem, chain: Chosen, image: Image) -> RollbackItem:
    last = item.last
    if _has_moved(systems, item, chain, image):
        reason = Text(N_("somebody changed it while it was looked at: look again"))
        return replace(item, status=Status.CONFLICT, reason=reason)
    recomputed = item.recomputed
    if len(item.steps) == 1:
        ((step, _),) = item.steps
        actions = systems(last.system).actions()
        expected = actions[step.action].expected(step, image)
        if expected is not None:
            found = differences(
                chain.before[last.id], narrowed(expected, chain.lines), common_only=True
            )
            recomputed = tuple(only(found, actions[last.step.action].derived))
    is_stored = image is chain.after[last.id] and last.after_hash is not None
    approved = StoredImage(str(last.after_hash), image.refs()) if is_stored else image
    return replace(item, approved=approved, recomputed=recomputed)
