"""How images are kept: the keys that seal them, and the fields that nobody shall see."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo

from config.fields import Name, Secret, Section, Words, wrong
from core.text import N_

KEY_BYTES: Final = 32


def key_bytes(written: str) -> bytes | None:
    """Return a key from its text (base64 of 32 bytes); None when it is none."""
    try:
        key = base64.b64decode(written.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == KEY_BYTES else None


def _key(written: SecretStr) -> SecretStr:
    if key_bytes(written.get_secret_value()) is None:
        raise wrong(
            N_("must be 32 bytes in base64; make one with: storno journal new-key {file}"),
            file="secrets/journal.key",
        )
    return written


def _keys(keys: tuple[JournalKey, ...]) -> tuple[JournalKey, ...]:
    if len({each.name for each in keys}) < len(keys):
        raise wrong(N_("two keys have the same name"))
    return keys


def require_key(rules: Any, info: ValidationInfo) -> Any:
    """Refuse redaction where nothing is sealed: the values would stand in the journal for everybody."""
    if rules and not getattr(info.data.get("journal"), "keys", ()) and "journal" in info.data:
        raise wrong(
            N_(
                "needs a key, so that the values are sealed in the journal:"
                " run storno journal new-key {file}, then name it under journal.keys"
            ),
            file="secrets/journal.key",
        )
    return rules


class JournalKey(Section):
    """A key that seals the images of the journal."""

    name: Name
    """What the key is called in the journal, for ever: 2026-11, say."""
    key: Annotated[Secret, AfterValidator(_key)]
    """32 bytes in base64, from outside: `${file:secrets/journal.key}`."""

    @property
    def secret(self) -> bytes:
        """The key itself: never shown, never logged."""
        found = key_bytes(self.key.get_secret_value())
        assert found is not None  # noqa: S101 - checked when the settings were read
        return found


class RedactionRule(Section):
    """Fields whose values nobody shall see; taking a change back restores them all the same."""

    system: Name | None = None
    """The system; every system when it is left out."""
    model: Words
    """The native model or table, as `storno changes show` names it: hr.contract, say."""
    fields: Annotated[tuple[Words, ...], Field(min_length=1)]
    """The native names of the fields."""
    columns: tuple[Words, ...] | None = None
    """Columns of lists and plans (amount, partner) that tell what these fields hold; left out, all of this model but
    its number, key and state."""


JournalKeys = Annotated[tuple[JournalKey, ...], AfterValidator(_keys)]
RedactionRules = Annotated[tuple[RedactionRule, ...], AfterValidator(require_key)]
