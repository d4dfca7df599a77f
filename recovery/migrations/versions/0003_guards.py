"""Guards against REPLACE: they are made anew after every revision, so there is nothing to do in this one."""

from __future__ import annotations

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Change no table."""
