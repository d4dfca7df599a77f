"""Alembic revisions of the journal, for SQLite and PostgreSQL."""

__all__: list[str] = []
