"""The third act of the demo: SAP, which forgets every change that nobody commits in the same session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from core.text import N_, Text, text
from service.cli.session import Session
from service.cli.telling import Telling
from service.problems import Exit

SYSTEM: Final = "sap"
COPY: Final = "sap-copy"
CLOSING: Final = "sap-orders"


class Company(Protocol):
    """The people of the practice company."""

    def orders(self) -> list[str]: ...

    def open_it(self, number: str) -> None: ...

    def leave_it(self) -> None: ...

    def lose(self, number: str) -> tuple[bool, bool]: ...

    def dump(self) -> Mapping[str, Any]: ...

    def compare(self, before: Mapping[str, Any]) -> tuple[int, int, int]: ...


class SapStory(Telling):
    """Tells the third act in the current folder, where `storno.yaml` knows the practice SAP."""

    def __init__(self, session: Session, company: Company, *, steps: int = 0) -> None:
        super().__init__(session, steps=steps)
        self._company = company

    def tell(self) -> None:
        """Lose a change as others do, prove on a copy, close around a colleague, take back, compare every row."""
        before = self._company.dump()
        self._lose()
        self._prove()
        plan, numbers, locked = self._close()
        self._take_back(plan, numbers, locked)
        self._compare(before)

    def _lose(self) -> None:
        self._heading(
            N_("Without Storno: a change and its COMMIT, in two calls, as the interface offers it")
        )
        number = self._company.orders()[0]
        is_yes, is_kept = self._company.lose(number)
        self._output.say(
            text(
                N_(
                    "BAPI_PO_CHANGE for order {number} said yes, BAPI_TRANSACTION_COMMIT said yes. The order was read"
                    " again: nothing of it was kept, because each call had a session of its own."
                ),
                number=number,
            )
        )
        self._hold(is_yes and not is_kept, N_("SAP said yes twice and forgot the change"))

    def _prove(self) -> None:
        self._heading(
            N_("Storno changes only where SAP keeps it: a function that commits in the same call")
        )
        (checked,) = self._ask("systems", "check", SYSTEM)["systems"]
        note = next(
            Text.from_dict(each["note"])
            for each in checked["actions"]
            if each["action"] == "production_order.complete"
        )
        self._output.say(text(N_("Of a service without one it says: {note}"), note=note))
        self._storno("systems", "prove", SYSTEM, "--on", COPY, "--yes")

    def _close(self) -> tuple[str, list[str], str]:
        self._heading(
            N_("Close open remainders, while a colleague has one of the orders on the screen")
        )
        self._storno("close", "plan", CLOSING)
        plan = self._newest()
        numbers = [str(line["number"]) for line in self._operations(plan)]
        locked = sorted(numbers)[1]
        self._storno("close", "approve", plan)
        self._company.open_it(locked)
        self._storno("close", "run", plan, "--yes", expect=Exit.PERSON_NEEDED)
        self._company.leave_it()
        counts = self._ask("changes", "show", plan)["counts"]
        self._hold(
            counts == {"confirmed": len(numbers) - 1, "refused": 1},
            N_("the locked order was set apart with SAP's own words, the others are closed"),
        )
        return plan, numbers, locked

    def _take_back(self, plan: str, numbers: Sequence[str], locked: str) -> None:
        self._heading(N_("Take it back"))
        shown = next(number for number in numbers if number != locked)
        self._storno("changes", "show", plan, "--document", shown)
        reason = self._output.language.say(N_("closed too early"))
        self._storno("rollback", plan, "--reason", reason, "--yes")
        counts = self._ask("changes", "show", self._newest())["counts"]
        self._hold(
            counts == {"confirmed": len(numbers) - 1}, N_("every order was read back as before")
        )

    def _compare(self, before: Mapping[str, Any]) -> None:
        self._heading(N_("The proof: every row of SAP's tables, from before and after"))
        compared, changed, added = self._company.compare(before)
        language = self._output.language
        for count, said in (
            (compared, Text(N_("rows compared"))),
            (
                added,
                Text(N_("rows that SAP added to its own trail (CDHDR, CDPOS), as the plan said")),
            ),
            (changed, Text(N_("not explained"))),
        ):
            self._output.line(f"{count:>7}  {language.say(said)}")
        self._hold(changed == 0 and added > 0, N_("nothing is left of it but the trail"))
