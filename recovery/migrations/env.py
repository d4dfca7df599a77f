"""Alembic's entry: runs on the connection that `upgrade` hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from recovery.sql.columns import metadata
from recovery.sql.tables import all_tables

all_tables()
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=False,  # the caller's transaction is the only one
    render_as_batch=True,
)
context.run_migrations()
