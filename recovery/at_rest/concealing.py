"""Values that nobody shall see stand in sealed images alone; rows of the journal refer to them by their hash.

Nothing is lost: whoever carries an operation out, or judges it, gets the very values back. Without the key nobody does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from core import encoding
from core.errors import JournalBroken
from recovery.at_rest.redaction import MASK, VALUES, Redaction
from recovery.at_rest.vault import NewImage, Vault
from recovery.sql.columns import IMAGE_KEY_BYTES
from recovery.sql.schema_storage import pruned_change_set

if TYPE_CHECKING:
    from sqlalchemy import Connection

REFERENCE: Final = "sealed"
_HIDDEN: Final = (*VALUES, "resolution")
_REFERENCES: Final = re.compile(rf'"{REFERENCE}":"([0-9a-f]{{64}})"')

Sealed = Mapping[str, Mapping[str, Any]]
"""By hash what stands in no plain row."""


class Concealer:
    """Takes the hidden values of one operation out of what its row will hold, and lets `images` have them."""

    def __init__(self, redaction: Redaction, vault: Vault, system: str, model: str) -> None:
        self._redaction = redaction
        self._vault = vault
        self._system = system
        self._model = model
        self.images: dict[bytes, NewImage] = {}

    def arguments(self, arguments: Mapping[str, Any]) -> dict[str, dict[str, str]]:
        """Return references for those of the arguments that are hidden."""
        found = {}
        for name, value in arguments.items():
            if self._redaction.hides(self._system, self._model, name):
                values, types = encoding.pack({name: value})
                found[name] = self._kept({"v": values, "t": types})
        return found

    def details(self, value: Any) -> Any:
        """Return plain JSON with references in it, however deep the values stand."""
        match value:
            case Mapping():
                found = {name: self.details(item) for name, item in value.items()}
                if self._redaction.hides_row(self._system, found):
                    hidden = {name: found.pop(name) for name in _HIDDEN if name in found}
                    found |= self._kept(hidden)
                return found
            case list() | tuple():
                return [self.details(item) for item in value]
            case _:
                return value

    def _kept(self, hidden: Mapping[str, Any]) -> dict[str, str]:
        encoded = encoding.encode_json(dict(hidden))
        hashed = self._vault.hash(encoded)
        self.images[hashed] = NewImage(self._system, self._model, encoded)
        return {REFERENCE: hashed.hex()}


def references(*stored: str | None) -> Iterator[str]:
    """Yield the hashes that stand in stored text."""
    for each in stored:
        if each is not None and REFERENCE in each:
            yield from _REFERENCES.findall(each)


def load_sealed(connection: Connection, vault: Vault, rows: Iterable[Any]) -> Sealed:
    """Return what the rows of operations refer to.

    Of a pruned change set the mask is left. Raises `JournalKeyMissing` when no key opens it, `JournalBroken` when
    something is gone that nobody pruned.
    """
    wanted = {
        found: row.change_set_id
        for row in rows
        for found in references(row.arguments, row.details, row.result)
    }
    if not wanted:
        return {}
    keys = {found: bytes.fromhex(found)[:IMAGE_KEY_BYTES] for found in wanted}
    stored = vault.read_keys(connection, keys.values())
    sealed: dict[str, Mapping[str, Any]] = {}
    for found, key in keys.items():
        if key in stored:
            sealed[found] = encoding.loads(stored[key])
        elif _is_pruned(connection, wanted[found]):
            sealed[found] = {}
        else:
            raise JournalBroken(journal=vault.journal, problem="a sealed value is missing")
    return sealed


def _is_pruned(connection: Connection, change_set_id: str) -> bool:
    table = pruned_change_set
    query = select(table.c.change_set_id).where(table.c.change_set_id == change_set_id)
    return connection.execute(query).first() is not None


def reveal(value: Any, sealed: Sealed | None) -> Any:
    """Return plain JSON with the values in it; without them, with the mask: to be shown, never to be sent."""
    match value:
        case Mapping():
            found = {name: reveal(item, sealed) for name, item in value.items()}
            hashed = found.pop(REFERENCE, None) if _is_reference(found) else None
            if hashed is not None:
                hidden = (sealed or {}).get(hashed) or dict.fromkeys(VALUES[:2], MASK)
                found |= hidden
            return found
        case list():
            return [reveal(item, sealed) for item in value]
        case _:
            return value


def _is_reference(found: Mapping[str, Any]) -> bool:
    hashed = found.get(REFERENCE)
    return "field" in found and isinstance(hashed, str) and len(hashed) == 64
