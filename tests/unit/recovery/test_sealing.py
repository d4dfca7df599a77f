"""Only the key opens what was sealed, and only as what it was sealed as."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidTag

from core.errors import JournalBroken, JournalKeyMissing
from recovery.at_rest.sealing import OVERHEAD_BYTES, Keys

NEW, OLD = ("new", b"n" * 32), ("old", b"o" * 32)
HASH = b"h" * 16


def test_what_was_sealed_is_opened() -> None:
    """28 bytes larger: a nonce and a tag."""
    keys = Keys([NEW])
    sealed = keys.seal(b"wage 5000", b"image", HASH)

    assert b"wage 5000" == keys.open("new", sealed, b"image", HASH)
    assert OVERHEAD_BYTES == len(sealed) - len(b"wage 5000")
    assert b"wage" not in sealed


def test_nothing_is_sealed_alike_twice() -> None:
    """Equal values cannot be told by their sealed form."""
    keys = Keys([NEW])

    assert keys.seal(b"x", b"image", HASH) != keys.seal(b"x", b"image", HASH)


def test_the_first_key_seals_and_the_others_open() -> None:
    """While old images are still there."""
    sealed = Keys([OLD]).seal(b"x", b"image", HASH)
    both = Keys([NEW, OLD])

    assert ("new", ("new", "old")) == (both.active, both.names)
    assert b"x" == both.open("old", sealed, b"image", HASH)
    assert b"x" == Keys([NEW]).open("new", both.seal(b"x", b"image", HASH), b"image", HASH)


@pytest.mark.parametrize(
    "what, hashed", [(b"dictionary", HASH), (b"image", b"i" * 16), (b"image", b"")]
)
def test_what_is_put_elsewhere_is_not_opened(what: bytes, hashed: bytes) -> None:
    """The image of another document, or something else that was sealed."""
    keys = Keys([NEW])
    with pytest.raises(InvalidTag):
        keys.open("new", keys.seal(b"x", b"image", HASH), what, hashed)


@pytest.mark.parametrize("place", [0, 12, -1])
def test_what_was_altered_is_not_opened(place: int) -> None:
    """One bit of the nonce, the content or the tag."""
    keys = Keys([NEW])
    sealed = bytearray(keys.seal(b"wage 5000", b"image", HASH))
    sealed[place] ^= 1
    with pytest.raises(InvalidTag):
        keys.open("new", bytes(sealed), b"image", HASH)


def test_a_key_under_another_name_is_not_the_key() -> None:
    """The name is part of what is sealed."""
    sealed = Keys([("a", b"k" * 32)]).seal(b"x", b"image", HASH)
    with pytest.raises(InvalidTag):
        Keys([("b", b"k" * 32)]).open("b", sealed, b"image", HASH)


def test_a_missing_key_is_named() -> None:
    """With what to do."""
    with pytest.raises(JournalKeyMissing, match=r"'old'.*journal\.keys"):
        Keys([NEW]).open("old", b"", b"image", HASH)


def test_without_a_key_nothing_is_sealed() -> None:
    """Whoever tries has a bug."""
    assert Keys().active is None
    with pytest.raises(JournalBroken):
        Keys().seal(b"x", b"image", HASH)


def test_a_proof_tells_keys_apart() -> None:
    """Without telling the key."""
    assert Keys([NEW]).proof("new") == Keys([OLD, NEW]).proof("new")
    assert Keys([NEW]).proof("new") != Keys([OLD]).proof("old")
    assert NEW[1] not in Keys([NEW]).proof("new")
