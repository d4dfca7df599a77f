"""The real Odoo that a person names in the environment, for tests and benchmarks; nothing else looks there.

`STORNO_ODOO_URL`, `_DB`, `_USER`, `_PASSWORD` name a server, a database in which anything may happen, and an
administrator, who makes the users `storno` and `colleague` where there are none. `STORNO_ODOO_DSN`, where it is given,
is the same database for the independent witness; without it the witness reads over RPC as another user.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Final

from config.systems import OdooOptions
from tests.contract.odoo_colleague import Colleague, with_all_rights
from tests.contract.odoo_office import Office
from tests.contract.odoo_witness import Witness, database_witness, rpc_witness

WHY_SKIPPED: Final = "no real Odoo: set STORNO_ODOO_URL, _DB, _USER (an administrator), _PASSWORD"
STORNO: Final = "storno"
COLLEAGUE: Final = "colleague"


@dataclass(frozen=True, slots=True)
class LiveOdoo:
    """One real server, and one database of it."""

    url: str
    database: str
    user: str
    password: str
    dsn: str | None

    def admin(self) -> Colleague:
        """Return the administrator."""
        return Colleague(self.url, self.database, self.user, self.password)

    def office(self, *, at_once: int) -> Office:
        """Return a colleague's office; both users are there afterwards."""
        admin = self.admin()
        with_all_rights(admin, STORNO, STORNO)
        return Office(with_all_rights(admin, COLLEAGUE, COLLEAGUE), at_once=at_once)

    def options(self, **more: Any) -> OdooOptions:
        """Return how Storno reaches it."""
        given = {"url": self.url, "database": self.database, "user": STORNO, "password": STORNO}
        return OdooOptions.model_validate(given | more)

    def witness(self, office: Office) -> Witness:
        """Return who tells what is in the database."""
        return database_witness(self.dsn) if self.dsn else rpc_witness(office.colleague)


def live_odoo() -> LiveOdoo | None:
    """Return the server that the environment names."""
    names = ("URL", "DB", "USER", "PASSWORD")
    given = [os.environ.get(f"STORNO_ODOO_{name}", "") for name in names]
    if not all(given):
        return None
    url, database, user, password = given
    return LiveOdoo(
        url.rstrip("/"), database, user, password, os.environ.get("STORNO_ODOO_DSN") or None
    )
