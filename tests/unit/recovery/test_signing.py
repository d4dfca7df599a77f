"""Keys of audit: only those that sign as Storno does, and nothing of a private one is ever told."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from core.errors import BadInput
from recovery.auditing.signing import PublicKey, SigningKey


def test_keys_of_another_sort_are_refused() -> None:
    """A key that cannot sign is named as such where it is read, and not when it is first used."""
    other = X25519PrivateKey.generate()
    private = other.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = other.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with pytest.raises(BadInput, match="of another sort"):
        SigningKey.read(private.decode(), "a.pem")
    with pytest.raises(BadInput, match="of another sort"):
        PublicKey.read(public.decode(), "a.pem.pub")


def test_a_private_key_is_never_told() -> None:
    """Neither by the object that holds it, nor by what is said of one that cannot be read."""
    key = SigningKey.make()
    secret = key.pem().splitlines()[1]
    with pytest.raises(BadInput) as refused:
        SigningKey.read(f"-----BEGIN PRIVATE KEY-----\n{secret[:-4]}\n", "a.pem")

    assert secret[:20] not in repr(key)
    assert secret[:20] not in f"{refused.value} {refused.value.__cause__}"
    assert refused.value.__suppress_context__


def test_only_what_was_signed_fits() -> None:
    """However it is indented; not with another key, nor with another word, nor without a signature."""
    key = SigningKey.make()
    signed = key.sign({"line": 1})

    assert key.public.fits(dict(reversed(signed.items())))
    assert not SigningKey.make().public.fits(signed)
    assert not key.public.fits(signed | {"line": 2})
    assert not key.public.fits({"line": 1})
    assert not key.public.fits(signed | {"key": "another"})
