"""Another user of an Odoo, over its own XML-RPC with the standard library.

It knows no connector, so that it can be the second person in every test.
"""

from __future__ import annotations

import threading
import xmlrpc.client
from collections.abc import Mapping
from typing import Any, Final

Values = dict[str, Any]

_NONE_FAULT: Final = "TypeError: cannot marshal None unless allow_none is enabled"


class Colleague:
    """One user of one database, over `/xmlrpc/2`. Raises `xmlrpc.client.Fault` for a refusal."""

    def __init__(self, url: str, database: str, user: str, password: str) -> None:
        self.url = url
        self.database = database
        self.user = user
        self._password = password
        self._own = threading.local()
        version = self._proxy("common").version()
        self.version = int(str(version["server_serie"]).rpartition("~")[2].partition(".")[0])
        self.uid = self._proxy("common").authenticate(database, user, password, {})

    def _proxy(self, service: str) -> Any:
        """Return a client of this thread's own: one connection cannot be shared."""
        if not hasattr(self._own, service):
            address = f"{self.url}/xmlrpc/2/{service}"
            setattr(self._own, service, xmlrpc.client.ServerProxy(address, use_builtin_types=True))
        return getattr(self._own, service)

    def call(self, model: str, method: str, *parameters: Any, **named: Any) -> Any:
        """Call a method of a model; what returns nothing is a fault that is none."""
        asked = (self.database, self.uid, self._password, model, method, list(parameters), named)
        try:
            return self._proxy("object").execute_kw(*asked)
        except xmlrpc.client.Fault as fault:
            if fault.faultString.rstrip().endswith(_NONE_FAULT):
                return None
            raise

    def fields(self, model: str) -> Mapping[str, Values]:
        """Return the fields of a model."""
        found: Mapping[str, Values] = self.call(
            model, "fields_get", [], attributes=["type", "store", "relation"]
        )
        return found


def with_all_rights(admin: Colleague, login: str, password: str) -> Colleague:
    """Return this user, made with all the administrator's rights and companies where there is none."""
    found = Colleague(admin.url, admin.database, login, password)
    if found.uid:
        return found
    groups = "group_ids" if "group_ids" in admin.fields("res.users") else "groups_id"
    (own,) = admin.call("res.users", "read", [admin.uid], [groups, "company_ids", "company_id"])
    values = {
        "name": login.title(),
        "login": login,
        "password": password,
        "email": f"{login}@example.com",
        "company_id": own["company_id"][0],
        "company_ids": [[6, 0, own["company_ids"]]],
        groups: [[6, 0, own[groups]]],
    }
    admin.call("res.users", "create", [values], context={"no_reset_password": True})
    return Colleague(admin.url, admin.database, login, password)
