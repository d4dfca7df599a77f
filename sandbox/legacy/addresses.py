"""Where practice databases are, and what is raised when one is not."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote as percent
from urllib.parse import unquote, urlsplit

from sandbox.legacy.schema import Backend


class LegacyError(Exception):
    """The practice database could not be made, reached or changed; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """Where PostgreSQL or MariaDB listens."""

    backend: Backend
    host: str
    port: int
    user: str
    password: str = ""

    @classmethod
    def parse(cls, url: str) -> Server:
        """``postgresql://user:password@host:port/...`` or ``mariadb://...``; the database in it is left out."""
        parts = urlsplit(url)
        if parts.scheme not in {"postgresql", "mariadb"} or parts.hostname is None:
            raise LegacyError(f"this is no address of a PostgreSQL or MariaDB server: {url}")
        return cls(
            backend="postgresql" if parts.scheme == "postgresql" else "mariadb",
            host=parts.hostname,
            port=parts.port or (5432 if parts.scheme == "postgresql" else 3306),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )

    def url(self, database: str) -> str:
        person = percent(self.user) + (f":{percent(self.password)}" if self.password else "")
        return f"{self.backend}://{person}@{self.host}:{self.port}/{percent(database)}"
