"""A chain goes on only while what the link before left is what is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from connectors.contract import Effect, Image, LaterBusiness, Record, Step
from connectors.fake.purchase_chain import CancelRemainder
from connectors.fake.sample import add_project
from connectors.fake.schema import LINE, MOVE, TASK
from core.text import Text
from recovery.reversing.preview import Status
from recovery.states import ChangeSetState, OperationState
from tests.integration.recovery.scene import CLOSE, Scene

CONFIRMED, DROPPED = OperationState.CONFIRMED, OperationState.DROPPED


def test_an_edit_between_two_links_ends_the_chain(scene: Scene) -> None:
    """A later link rests on what the link before it left."""
    keys = scene.orders(2, state="processing")
    approved = scene.approve(scene.plan(CLOSE, keys))
    # The second capture of the first link is its reading back.
    scene.fail(
        "edit",
        on="capture",
        action="purchase_order.cancel_remainder",
        key=keys[0],
        nth=2,
        changes={"note": "stop!"},
        moment="after",
    )
    done = scene.run(approved)
    operations = scene.operations(done)

    assert [CONFIRMED, CONFIRMED, DROPPED, CONFIRMED, DROPPED, CONFIRMED] == scene.moved(done)
    assert 'note: "" -> "stop!"' in str(operations[2].reason)
    assert "had to come before" in str(operations[4].reason)
    assert ["processing", "closed"] == scene.states(keys)
    assert ChangeSetState.APPLIED is scene.roll_back(done).state


def test_a_chain_may_go_over_several_documents(both: Scene) -> None:
    """Each task is closed, then their project: what the other links do not look at is no move."""
    project = add_project(both.erp, "P1", tasks=("open", "closed", "open"))
    before = both.erp.dump(with_trace=False)
    rows = both.erp.dump()[TASK].items()
    tasks = tuple(key for key, row in rows if row["state"] == "open")
    done = both.do("project.close", [project], arguments={"tasks": tasks})

    assert ChangeSetState.APPLIED is done.state

    both.roll_back(done)

    assert before == both.erp.dump(with_trace=False)


def test_what_later_links_did_is_no_later_business(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link is asked what came after the whole chain, and the document is read once for all links."""

    def moved(_: object, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        states = [(image.get(step.ref) or Record(step.ref, None)).fields for image in (after, now)]
        same = [None if each is None else each["state"] for each in states]
        return () if same[0] == same[1] else (LaterBusiness(Effect.BLOCKS, Text("it went on")),)

    # The header is closed by the last link: to the first one alone the order would seem to have gone on.
    monkeypatch.setattr(CancelRemainder, "later_business", moved)
    done = scene.do(CLOSE, scene.orders(2, state="processing"))
    capture, asked = scene.system.capture, list[str]()

    def counted(steps: Sequence[Step], known: Sequence[Image | None]) -> list[Image]:
        asked.extend(step.action for step in steps)
        return capture(steps, known)

    monkeypatch.setattr(scene.system, "capture", counted)
    found = scene.preview(done)
    assert [Status.CLEAN] * 2 == [item.status for item in found.items]
    assert ["purchase_order.close_header"] * 2 == asked
    monkeypatch.undo()
    assert ChangeSetState.APPLIED is scene.roll_back(done).state


def _after_first_link(scene: Scene, act: Callable[[], object]) -> None:
    """Let `act` happen when the first links were read back."""
    capture, count = scene.system.capture, [0]

    def meddle(steps: Sequence[Step], known: Sequence[Image | None]) -> list[Image]:
        count[0] += 1
        images = capture(steps, known)
        if count[0] == 2:
            act()
        return images

    scene.system.capture = meddle  # type: ignore[method-assign]


def test_a_record_that_came_between_two_links_ends_the_chain(scene: Scene) -> None:
    """Goods are expected again: the order is not closed over them."""
    (key,) = scene.orders(state="processing")
    approved = scene.approve(scene.plan(CLOSE, [key]))
    fields = {"order": key, "state": "done", "quantity": Decimal(1)}
    _after_first_link(scene, lambda: scene.erp.insert(MOVE, fields))
    scene.run(approved)

    assert [CONFIRMED, DROPPED, DROPPED] == scene.moved(approved)
    assert "*: <missing> -> exists" in str(scene.operations(approved)[1].reason)


def test_a_record_that_went_between_two_links_ends_the_chain(scene: Scene) -> None:
    """A line was deleted: it is no line that the first link cut loose, which would still be there."""
    (key,) = scene.orders(state="processing")
    approved = scene.approve(scene.plan(CLOSE, [key]))
    line = scene.erp.tables[LINE].children("order", key)[0]
    _after_first_link(scene, lambda: scene.erp.delete(LINE, line))
    scene.run(approved)

    assert [CONFIRMED, DROPPED, DROPPED] == scene.moved(approved)
    assert f"{LINE},{line} *: exists -> <missing>" in str(scene.operations(approved)[1].reason)


def test_a_link_after_one_that_was_there_already_has_evidence(scene: Scene) -> None:
    """The first link had nothing to do; what moves after it was looked at ends the chain all the same."""
    (key,) = scene.orders(state="processing", lines=(("5.000", "5.000", "3.00"),))
    approved = scene.approve(scene.plan(CLOSE, [key]))
    scene.fail("edit", on="capture", key=key, changes={"note": "stop!"}, moment="after")
    scene.run(approved)

    assert [DROPPED] * 3 == scene.moved(approved)
    assert 'note: "" -> "stop!"' in str(scene.operations(approved)[1].reason)


def test_a_record_that_came_below_a_waiting_document_drops_it(scene: Scene) -> None:
    """The same where the document waits for another one: it has evidence of its own."""
    keys = scene.orders(2, state="processing")
    chains = scene.chains(CLOSE, keys)
    chains[1] = replace(chains[1], follows=0)
    approved = scene.approve(scene.store(chains))
    scene.erp.insert(MOVE, {"order": keys[1], "state": "draft", "quantity": Decimal(1)})
    scene.run(approved)

    assert ["closed", "processing"] == scene.states(keys)
