"""The journal's tables for rollbacks: from which change sets one takes back, and which documents operations created."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text

from recovery.schema import operation
from recovery.sql.columns import StornoId, metadata

# A rollback may take operations of several change sets back: what was asked for, and what rests on it. The row says
# so before anything was sent, also where only some lines of a document are taken back (such an operation names no
# operation that it ends).
reversal: Final = Table(
    "reversal",
    metadata,
    Column("change_set_id", StornoId, ForeignKey("change_set.id"), primary_key=True),
    Column("reverses_id", StornoId, ForeignKey("change_set.id"), primary_key=True),
)
Index(None, reversal.c.reverses_id)

# Documents with a number of their own that an operation made (counter-documents): they are known by number when the
# images are long gone, and an operation on one of them rests on the operation that made it.
created_document: Final = Table(
    "created_document",
    metadata,
    Column("operation_id", StornoId, ForeignKey("operation.id"), primary_key=True),
    Column("model", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("system", String(60), nullable=False),
    Column("number", Text),
)
Index(None, created_document.c.number)

# Which operations work on these records: asked before anything is taken back. Keys of one model are hardly ever
# those of another, so the model is not worth its bytes here.
operation_by_key: Final = Index("ix_operation_key", operation.c.key)
