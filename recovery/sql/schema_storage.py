"""Tables of how images are kept: keys, dictionaries, holds, and what retention took away."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, String, Table, Text

from recovery.sql.columns import ImageKey, StornoId, UTCDateTime, metadata

# The name of each key that images were encrypted with, and what tells whether a key of that name is the right one.
journal_key: Final = Table(
    "journal_key",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", String(64), nullable=False, unique=True),
    Column("proof", LargeBinary(32), nullable=False),
    Column("added_at", UTCDateTime, nullable=False),
)

# What images of one sort of document have in common: without its dictionary an image cannot be unpacked, so a
# dictionary goes only when no image refers to it any more.
image_dictionary: Final = Table(
    "image_dictionary",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("system", String(60), nullable=False),
    Column("model", Text, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("key_id", Integer, ForeignKey("journal_key.id")),
    Column("content", LargeBinary, nullable=False),
    Column("trained_at", UTCDateTime, nullable=False),
)

# Images that the next dictionary of their sort will be trained on; gone when it is.
image_sample: Final = Table(
    "image_sample",
    metadata,
    Column("system", String(60), primary_key=True),
    Column("model", Text, primary_key=True),
    Column("hash", ImageKey, primary_key=True),
)

# Found by the beginning of its keyed hash: of what is read the whole hash is computed and compared.
image: Final = Table(
    "image",
    metadata,
    Column("hash", ImageKey, primary_key=True),
    Column("dictionary_id", Integer, ForeignKey("image_dictionary.id")),
    Column("key_id", Integer, ForeignKey("journal_key.id")),
    Column("content", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

legal_hold: Final = Table(
    "legal_hold",
    metadata,
    Column("change_set_id", StornoId, ForeignKey("change_set.id"), primary_key=True),
    Column("held_at", UTCDateTime, nullable=False),
    Column("held_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

# Change sets that cannot be taken back any more. `swept_to` is the position up to which their images are gone;
# NULL when all of them are.
pruned_change_set: Final = Table(
    "pruned_change_set",
    metadata,
    Column("change_set_id", StornoId, ForeignKey("change_set.id"), primary_key=True),
    Column("pruned_at", UTCDateTime, nullable=False),
    Column("pruned_by", Text, nullable=False),
    Column("swept_to", Integer),
)
