"""Images are stored once and small: dictionaries come by themselves, few of them, and stay while they are needed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.errors import JournalBroken
from recovery.at_rest.packing import FEWEST_SAMPLES
from recovery.at_rest.rotation import repack
from recovery.at_rest.vault import MOST_DICTIONARIES
from recovery.sql.health import figures
from recovery.states import ChangeSetState
from tests.integration.recovery.packed import used
from tests.integration.recovery.scene import CANCEL, Scene


def test_many_images_get_a_dictionary(both: Scene) -> None:
    """With the very first plan that has enough of them; after images get one of their own."""
    done = both.do(CANCEL, both.orders(FEWEST_SAMPLES))
    packed = used(both)

    assert ChangeSetState.APPLIED is done.state
    assert {1, 2} == set(packed)
    assert both.journal.verify().is_intact
    assert ChangeSetState.APPLIED is both.roll_back(done).state
    assert both.journal.verify().is_intact


def test_few_images_wait_for_a_dictionary(both: Scene) -> None:
    """Small change sets are remembered until they are enough together."""
    seen = []
    for _ in range(FEWEST_SAMPLES // 20 + 1):
        both.do(CANCEL, both.orders(10))
        seen.append(set(used(both)))

    assert {None} == seen[0]
    assert {None, 1} == seen[-1]
    assert [] == both.sql("SELECT * FROM image_sample")
    assert both.journal.verify().is_intact


def test_a_dictionary_of_a_transaction_that_failed_is_forgotten(both: Scene) -> None:
    """The next one gets its number, and what it packs can be read."""
    chains = both.chains(CANCEL, both.orders(FEWEST_SAMPLES))
    planned = [link for chain in chains for link in chain.operations]

    def broken() -> Iterator[object]:
        yield from planned
        raise RuntimeError

    with pytest.raises(RuntimeError):
        both.journal.plan(both.draft(), broken())  # type: ignore[arg-type]

    assert {} == used(both)
    both.do(CANCEL, both.orders(FEWEST_SAMPLES))
    assert both.journal.verify().is_intact


def test_a_dictionary_that_is_needed_cannot_go(both: Scene) -> None:
    """Whoever asks for it: without it, images cannot be unpacked."""
    both.do(CANCEL, both.orders(FEWEST_SAMPLES))

    with pytest.raises(JournalBroken):
        both.sql("DELETE FROM image_dictionary")
    with pytest.raises(JournalBroken, match="never updated"):
        both.sql("UPDATE image_dictionary SET content = hash")


def test_there_are_never_many_dictionaries(both: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much the documents change."""
    monkeypatch.setattr("recovery.at_rest.vault.CONTENT", 0.0)
    monkeypatch.setattr("recovery.at_rest.vault.WORTH_IT", 10.0)
    for _ in range(MOST_DICTIONARIES):
        both.do(CANCEL, both.orders(FEWEST_SAMPLES))

    assert MOST_DICTIONARIES == figures(both.journal).counts["image_dictionary"]
    assert both.journal.verify().is_intact


def test_what_was_packed_alone_is_packed_again(both: Scene) -> None:
    """Images from before there was a dictionary."""
    both.do(CANCEL, both.orders(20))
    both.do(CANCEL, both.orders(FEWEST_SAMPLES))
    assert None in used(both)

    assert 40 == repack(both.journal)
    assert None not in used(both)
    assert 0 == repack(both.journal)
    assert both.journal.verify().is_intact
