"""Every document of an Odoo company that a test needs, made by a colleague; any Odoo from 16 on will do.

Invoices, projects, companies and names here, what moves goods in `odoo_goods_office`.
"""

from __future__ import annotations

from datetime import date

from tests.contract.odoo_colleague import Values
from tests.contract.odoo_goods_office import GoodsOffice


class Office(GoodsOffice):
    """A colleague who makes documents; each call makes `at_once` of them unless told otherwise."""

    # --- invoices -----------------------------------------------------------------------------------------

    def invoices(self, type_: str, state: str, how_many: int | None = None) -> list[int]:
        """Make invoices that no order made: `draft`, `posted` or `cancel`."""
        partner = self.customer() if type_.startswith("out") else self.vendor()
        line = {"name": "service", "quantity": 2.0, "price_unit": 12.34, "tax_ids": [[6, 0, []]]}
        found = self.many(
            "account.move",
            [
                {
                    "move_type": type_,
                    "partner_id": partner,
                    "invoice_date": self.today.isoformat(),
                    "ref": self.word(),
                    "invoice_line_ids": [[0, 0, line]],
                }
                for _ in range(how_many or self.at_once)
            ],
        )
        if state == "posted":
            self.call("account.move", "action_post", found)
        if state == "cancel":
            self.call("account.move", "button_cancel", found)
        return found

    # --- projects, companies, names -----------------------------------------------------------------------

    def projects(self, *, is_closed: bool = False, how_many: int | None = None) -> list[int]:
        """Make projects with two open tasks and one that was archived before; archived themselves or not."""
        numbers = range(how_many or self.at_once)
        found = self.many("project.project", [{"name": f"Project {self.word()}"} for _ in numbers])
        for key in found:
            self.tasks(project=key, how_many=3)
        tasks = self.call("project.task", "search", [["project_id", "in", found]], order="id")
        self.call("project.task", "write", tasks[::3], {"active": False})
        if is_closed:
            self.call("project.project", "action_archive", found)
        return found

    def tasks(
        self, *, project: int | None = None, is_done: bool = False, how_many: int | None = None
    ) -> list[int]:
        """Make tasks, finished or not."""
        if project is None:
            project = self.one("project", "project.project", {"name": f"Project {self.word()}"})
        values: Values = {"project_id": project}
        found = self.many(
            "project.task",
            [values | {"name": f"Task {self.word()}"} for _ in range(how_many or self.at_once)],
        )
        if is_done:
            done = {"state": "1_done"} if self.version >= 17 else {"kanban_state": "done"}
            self.call("project.task", "write", found, done)
        return found

    def partners(self, *, is_active: bool, how_many: int | None = None) -> list[int]:
        """Make partners that are in use or not any more."""
        rows = [
            {"name": f"Partner {self.word()}", "ref": self.word(), "active": is_active}
            for _ in range(how_many or self.at_once)
        ]
        return self.many("res.partner", rows)

    def items(self, *, is_active: bool, how_many: int | None = None) -> list[int]:
        """Make items that are in use or not any more."""
        rows = [
            {"name": f"Item {self.word()}", "default_code": self.word(), "active": is_active}
            for _ in range(how_many or self.at_once)
        ]
        return self.many("product.product", rows)

    def companies(self, *, is_locked: bool = False, how_many: int | None = None) -> list[int]:
        """Make companies that everybody sees, each with one draft entry of next year; locked up to last year or not."""
        found = self.many(
            "res.company", [{"name": f"Company {self.word()}"} for _ in range(how_many or 2)]
        )
        users = self.call("res.users", "search", [["login", "in", ["storno", "colleague"]]])
        self.call("res.users", "write", users, {"company_ids": [[4, key] for key in found]})
        journals = self.many(
            "account.journal",
            [
                {"name": "Entries", "code": "ENTRY", "type": "general", "company_id": key}
                for key in found
            ],
        )
        day = f"{self.today.year + 1}-01-15"
        self.many(
            "account.move",
            [
                {"move_type": "entry", "journal_id": journal, "company_id": key, "date": day}
                for journal, key in zip(journals, found, strict=True)
            ],
        )
        if is_locked:
            self.call("res.company", "write", found, {"fiscalyear_lock_date": str(self.year_end())})
        return found

    def year_end(self) -> date:
        """Return the last day of last year."""
        return date(self.today.year - 1, 12, 31)
