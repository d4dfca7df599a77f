"""The desk of the SAP stories: a practice SAP, a copy of it, and the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.integration.odbc.desk import CommandLine

if TYPE_CHECKING:
    from sandbox.sap.instance import SAP

USER: Final = "STORNO"
PASSWORD: Final = "STORNO_TEST_SAP"


@dataclass(frozen=True)
class SapDesk(CommandLine):
    """A practice SAP, a copy of it, and the command line."""

    sap: SAP
    copy: SAP

    def prove(self) -> dict[str, Any]:
        """Try every action on the copy; return what stands against each, None where it is proved."""
        proving = self.done("systems", "prove", "erp", "--on", "copy", "--yes", "--json", code=1)
        return {each["action"]: each["problem"] for each in proving.json["actions"]}

    def close_and_take_back(self) -> None:
        """Close every old order; a colleague changes one of them, which stays; all the rest is as it was."""
        before = marks(self.sap)
        orders = self.ready("old")
        change_set = self.close(orders, "old")
        assert len(orders) > 2
        assert {"X"} == set.union(*(delivered(self.sap, order) for order in orders))

        first = min(orders)
        self.sap.edit("EKPO", first, "00010", TXZ01="as agreed on the phone")
        self.done("rollback", change_set, "--reason", "wrong list", "--yes")
        assert before == marks(self.sap)
        assert "as agreed on the phone" in {
            row["TXZ01"] for row in self.sap.db.rows("EKPO", EBELN=first)
        }
        self.done("audit", "verify")


def delivered(sap: SAP, order: str) -> set[str]:
    """Return what “delivery completed” says of the items of an order that are not deleted."""
    return {str(row["ELIKZ"]) for row in sap.db.rows("EKPO", EBELN=order) if not row["LOEKZ"]}


def marks(sap: SAP) -> list[object]:
    """Return “delivery completed” of every item, in its order."""
    return [row["ELIKZ"] for row in sap.dump()["EKPO"]]
