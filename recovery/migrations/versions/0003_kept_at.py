"""When a run last committed, by the journal's clock. Guards against REPLACE are made anew after every revision."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add one column; who holds a change set at this moment tells it with its next commit."""
    op.add_column("claim", sa.Column("kept_at", sa.Float))
