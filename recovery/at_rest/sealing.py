"""What is secret in the journal is sealed with AES-256-GCM; who opens it must say again what it belongs to.

The key has a name, which stands in the journal; the key itself never does. The first key of the settings seals, the
others only open. `Keys` without any key seals nothing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

from core.errors import JournalBroken, JournalKeyMissing

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
OVERHEAD_BYTES: Final = NONCE_BYTES + 16
"""What sealing adds to every image: a random nonce and GCM's tag."""

_PROOF: Final = b"storno journal key"


class Keys:
    """The keys of one journal, by name; the first one is active."""

    def __init__(self, keys: Sequence[tuple[str, bytes]] = ()) -> None:
        self._keys: Mapping[str, bytes] = dict(keys)
        self.active: str | None = keys[0][0] if keys else None
        """The name of the key that seals; None where nothing is sealed."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every name, the active one first."""
        return tuple(self._keys)

    @cached_property
    def _ciphers(self) -> dict[str, AESGCM]:
        # Imported only where a key is configured: it takes a tenth of a second.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return {name: AESGCM(key) for name, key in self._keys.items()}

    def proof(self, name: str) -> bytes:
        """Return what tells, without the key, whether a key of that name is the right one."""
        return hashlib.blake2b(_PROOF, digest_size=32, key=self._keys[name]).digest()

    def seal(self, plain: bytes, what: bytes, hashed: bytes) -> bytes:
        """Return `plain` sealed with the active key, as `what` with this content hash."""
        if self.active is None:
            raise JournalBroken(journal="keys", problem="there is no key to seal with")
        nonce = os.urandom(NONCE_BYTES)
        associated = _associated(what, self.active, hashed)
        return nonce + self._ciphers[self.active].encrypt(nonce, plain, associated)

    def open(self, name: str, sealed: bytes, what: bytes, hashed: bytes) -> bytes:
        """Return what was sealed.

        Raises `JournalKeyMissing`, and `cryptography`'s `InvalidTag` when it was altered or belongs elsewhere.
        """
        if name not in self._keys:
            raise JournalKeyMissing(name=name)
        associated = _associated(what, name, hashed)
        return self._ciphers[name].decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], associated)


def _associated(what: bytes, name: str, hashed: bytes) -> bytes:
    return b"\0".join((b"storno", what, name.encode(), hashed))
