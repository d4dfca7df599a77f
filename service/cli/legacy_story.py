"""The second act of the demo: a legacy ERP that has no interface, so its tables are read and written over ODBC."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Protocol

from core.errors import UsageError
from core.text import N_, Text, text
from service.cli.proof import Difference
from service.cli.session import Session
from service.cli.telling import Telling
from service.problems import Exit

SYSTEM: Final = "legacy"
COPY: Final = "legacy-copy"
CLOSING: Final = "legacy-orders"
TABLES: Final = frozenset({"POOrder", "POOrderEntry"})


class Company(Protocol):
    """The people of the practice company, who book the same in their books and in books without Storno."""

    def receive(self, number: str, *, in_part: bool = False) -> None: ...

    def invoice(self, number: str) -> None: ...

    def compare(self) -> tuple[int, Sequence[Difference]]: ...

    def key(self, number: str) -> str: ...


class LegacyStory(Telling):
    """Tells the second act in the current folder, where `storno.yaml` knows the practice ERP."""

    def __init__(self, session: Session, company: Company, *, steps: int = 0) -> None:
        super().__init__(session, steps=steps)
        self._company = company

    def missing(self) -> UsageError | None:
        """Return why the ERP cannot be reached from this machine: a driver that is not installed; None if it can."""
        system = self._session.system(SYSTEM)
        try:
            system.check()
        except UsageError as error:
            return error
        finally:
            system.close()
        return None

    def tell(self) -> None:
        """Prove on a copy, close, let business go on, take back, compare with books that Storno never saw."""
        self._prove()
        plan, numbers = self._close()
        invoiced = self._go_on(plan, numbers)
        self._take_back(plan, numbers)
        self._compare(invoiced)

    def _prove(self) -> None:
        self._heading(
            N_("Nobody's tables are written before it was tried on a copy: one document per action")
        )
        self._storno("systems", "prove", SYSTEM, "--on", COPY, "--yes")

    def _close(self) -> tuple[str, list[str]]:
        self._heading(
            N_("The same closing: what the ERP itself would refuse stands in its recipe, as data")
        )
        self._storno("close", "plan", CLOSING, expect=Exit.PERSON_NEEDED)
        plan = self._newest()
        lines = self._operations(plan)
        self._hold(
            bool(lines) and all(line["reversibility"] == "exact" for line in lines),
            N_("every order that is ready can be taken back exactly"),
        )
        self._storno("close", "approve", plan)
        self._storno("close", "run", plan, "--yes")
        counts = self._ask("changes", "show", plan)["counts"]
        self._hold(
            set(counts) == {"confirmed"}, N_("every operation was read back and is confirmed")
        )
        self._heading(N_("What was written: the lines, and the header that follows from them"))
        numbers = [str(line["number"]) for line in lines]
        self._storno("changes", "show", plan, "--document", numbers[0])
        return plan, numbers

    def _go_on(self, plan: str, numbers: Sequence[str]) -> str:
        self._heading(
            N_("Meanwhile business goes on: goods come for closed orders, and an invoice")
        )
        part, whole, invoiced = self._untouched(plan, numbers)
        self._company.receive(part, in_part=True)
        self._company.receive(whole)
        self._company.receive(invoiced)
        self._company.invoice(invoiced)
        self._output.say(
            text(
                N_(
                    "Half a line of {part} came, all of {whole}, and all of {invoiced}, whose invoice is booked."
                ),
                part=part,
                whole=whole,
                invoiced=invoiced,
            )
        )
        return invoiced

    def _untouched(self, plan: str, numbers: Sequence[str]) -> tuple[str, str, str]:
        """Return three orders of which nothing had come, the shortest: what is shown of them is short too."""
        shown = {str(row["number"]): row for row in self._ask("close", "show", plan)["documents"]}
        nothing_came = [n for n in numbers if not Decimal(shown[n]["received"])]
        sizes = {str(line["number"]): len(line["changes"]) for line in self._operations(plan)}
        invoiced, whole, part, *_ = sorted(nothing_came, key=lambda n: (sizes[n], n))
        return part, whole, invoiced

    def _take_back(self, plan: str, numbers: Sequence[str]) -> None:
        self._heading(
            N_(
                "Take it back: what follows from the goods is worked out anew, a booked invoice is in the way"
            )
        )
        reason = self._output.language.say(N_("closed too early"))
        self._storno("rollback", plan, "--reason", reason, "--yes", expect=Exit.PERSON_NEEDED)
        counts = self._ask("changes", "show", self._newest())["counts"]
        self._hold(
            counts == {"confirmed": len(numbers) - 1, "dropped": 1},
            N_("every order but the invoiced one was taken back"),
        )

    def _compare(self, invoiced: str) -> None:
        self._heading(
            N_(
                "The proof: the same company, the same business, in a database that Storno never saw"
            )
        )
        key = self._company.key(invoiced)
        left = Text(N_("left closed because of its invoice: order {number}"), {"number": invoiced})
        compared, differences = self._company.compare()
        explained = [
            each
            for each in differences
            if each.table in TABLES and each.key.partition("|")[0] == key
        ]
        language = self._output.language
        for count, said in (
            (compared, Text(N_("rows compared"))),
            (len(explained), left),
            (len(differences) - len(explained), Text(N_("not explained"))),
        ):
            self._output.line(f"{count:>7}  {language.say(said)}")
        self._hold(
            bool(explained) and len(explained) == len(differences),
            N_("what Storno worked out anew is to the last byte what the ERP itself would hold"),
        )
