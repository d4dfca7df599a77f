"""Bring a journal to the newest revision inside one transaction of the caller."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from recovery.sql.guards import guard_statements


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def known_revisions() -> frozenset[str]:
    """Return every revision that this Storno knows."""
    script = ScriptDirectory.from_config(_config())
    return frozenset(revision.revision for revision in script.walk_revisions())


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run the revisions up to `revision`, then put the append-only guards back."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    present = inspect(connection).get_table_names()
    for statement in guard_statements(connection.dialect.name, present):
        connection.execute(text(statement))
