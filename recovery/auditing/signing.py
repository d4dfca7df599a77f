"""Signatures (Ed25519): whoever has the public key can check them, only whoever has the private key can make them.

The private key is made by `storno audit key` and named in the settings; it never stands in the journal, so whoever
can write to the database cannot sign what they wrote.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from core import encoding
from core.errors import BadInput
from core.text import N_

SIGNATURE: Final = "signature"
KEY: Final = "key"
_KEY_ID_DIGITS: Final = 16

Signed = Mapping[str, Any]
"""A document with `key` (the id of the public key) and `signature` (base64, of all the rest)."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What checks signatures. `id` is the beginning of the key's own hash: short enough to read out."""

    key: Ed25519PublicKey
    id: str

    @classmethod
    def of(cls, key: Ed25519PublicKey) -> Self:
        """Return the key with its id."""
        raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return cls(key, hashlib.sha256(raw).hexdigest()[:_KEY_ID_DIGITS])

    @classmethod
    def read(cls, written: str, source: str) -> Self:
        """Read a public key as `storno audit key` wrote it (PEM). Raises `BadInput` naming `source`."""
        try:
            found = serialization.load_pem_public_key(written.encode())
        except ValueError as error:
            raise BadInput(source=source, problem=N_("is no public key (PEM)")) from error
        if not isinstance(found, Ed25519PublicKey):
            raise BadInput(source=source, problem=N_("is a key of another sort than Ed25519"))
        return cls.of(found)

    def pem(self) -> str:
        """Return the key as a file holds it."""
        return self.key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()

    def fits(self, document: Signed) -> bool:
        """Whether the document is what the holder of this key signed."""
        try:
            signature = b64decode(str(document.get(SIGNATURE)), validate=True)
            self.key.verify(signature, _signed_bytes(document))
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What makes signatures; never shown, logged or stored in the journal."""

    _key: Ed25519PrivateKey

    @classmethod
    def make(cls) -> Self:
        """Make a new key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def read(cls, written: str, source: str) -> Self:
        """Read a private key as `storno audit key` wrote it (PEM). Raises `BadInput` without its content."""
        try:
            found = serialization.load_pem_private_key(written.encode(), password=None)
        except (ValueError, TypeError):
            # Without the cause: a library's message may hold a piece of what it read.
            raise BadInput(source=source, problem=N_("is no private key (PEM)")) from None
        if not isinstance(found, Ed25519PrivateKey):
            raise BadInput(source=source, problem=N_("is a key of another sort than Ed25519"))
        return cls(found)

    def __repr__(self) -> str:
        return f"SigningKey({self.public.id})"

    @property
    def public(self) -> PublicKey:
        """What checks its signatures."""
        return PublicKey.of(self._key.public_key())

    def pem(self) -> str:
        """Return the key as the file holds it, which nobody else may read."""
        return self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    def sign(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the document with the id of the key and the signature."""
        signed = {**document, KEY: self.public.id}
        signed[SIGNATURE] = b64encode(self._key.sign(_signed_bytes(signed))).decode()
        return signed


def signer_of(document: Signed, keys: Sequence[PublicKey]) -> PublicKey | None:
    """Return the key that the document was signed with, None when none of these made its signature."""
    return next((key for key in keys if key.fits(document)), None)


def _signed_bytes(document: Signed) -> bytes:
    # Canonical, so that it does not matter how the file was indented meanwhile.
    return encoding.dumps({name: value for name, value in document.items() if name != SIGNATURE})
