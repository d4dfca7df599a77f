"""What is packed comes out again; what has much in common becomes small."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from core import encoding
from recovery.at_rest.packing import FEWEST_SAMPLES, MOST_SAMPLES, Dictionary, Plain, train

NAMES = ("amount", "closed_by", "company", "currency", "due", "number", "owner", "partner", "state")


def records(count: int, seed: int = 1) -> list[bytes]:
    """Return encoded records of one sort of document."""
    random = Random(seed)
    return [
        encoding.encode_json({name: random.randrange(10**9) for name in NAMES} | {"model": "x.y"})
        for _ in range(count)
    ]


def test_what_was_packed_without_a_dictionary_comes_out() -> None:
    """Byte for byte, and smaller."""
    encoded = ("結案" * 500).encode()
    stored = Plain().pack(encoded)

    assert encoded == Plain().unpack(stored)
    assert len(encoded) > len(stored)


def test_a_dictionary_makes_small_what_it_knows() -> None:
    """Records that it has never seen, of the same sort."""
    content = train(records(FEWEST_SAMPLES))
    assert content is not None
    dictionary = Dictionary(1, content)
    others = records(50, seed=2)
    packed = [dictionary.pack(each) for each in others]

    assert others == [dictionary.unpack(each) for each in packed]
    assert sum(map(len, packed)) < 0.7 * sum(len(Plain().pack(each)) for each in others)


def test_a_dictionary_packs_what_it_does_not_know() -> None:
    """Nothing, and something else altogether."""
    content = train(records(FEWEST_SAMPLES))
    assert content is not None
    dictionary = Dictionary(1, content)

    for each in (b"", bytes(range(256)) * 10):
        assert each == dictionary.unpack(dictionary.pack(each))


def test_another_dictionary_unpacks_nothing() -> None:
    """Neither error nor luck gives another image: what comes out is hashed and compared, or nothing comes out."""
    one, other = (train(records(FEWEST_SAMPLES, seed)) for seed in (1, 2))
    assert one is not None
    assert other is not None
    packed = Dictionary(1, one).pack(records(1, seed=3)[0])
    found: Any = None
    try:
        found = Dictionary(2, other).unpack(packed)
    except Exception:  # noqa: BLE001 - whatever the library says
        found = None

    assert records(1, seed=3)[0] != found


@pytest.mark.parametrize("samples", [[], [b""] * 200, [b"x"] * 3])
def test_nothing_in_common_is_no_dictionary(samples: list[bytes]) -> None:
    """Too few, too short, or equal."""
    assert train(samples) is None


def test_many_samples_are_enough() -> None:
    """More than that are not looked at: it would take long and change little."""
    assert train(records(MOST_SAMPLES * 2)) is not None
