"""The revisions that a journal went through."""

from __future__ import annotations

from alembic.script import ScriptDirectory

from recovery.migrations import upgrade as migrations


def revisions() -> list[str]:
    """Return every revision, oldest first."""
    script = ScriptDirectory.from_config(migrations._config())
    return [revision.revision for revision in script.walk_revisions()][::-1]
