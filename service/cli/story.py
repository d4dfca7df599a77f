"""The first act of the demo: documents closed and taken back in a practice ERP that has an interface."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from core.text import N_, Text, text
from service.cli.proof import Difference, Proof, prove
from service.cli.session import Session
from service.cli.telling import Telling
from service.problems import Exit

if TYPE_CHECKING:
    from connectors.contract import Action

SYSTEM: Final = "practice"
ORDER: Final = "purchase.purchase"
PERIOD: Final = "account.period"
MONTH: Final = re.compile(r"\d{4}-\d{2}")


class Person(Protocol):
    """Somebody else who works in the practice ERP, with neither Storno nor its connector."""

    def give_up_remainder(self, order_id: int) -> None: ...

    def set_back_to_draft(self, order_id: int) -> None: ...

    def write_comment(self, order_id: int, comment: str) -> None: ...

    def state_of(self, model: str, record_id: int, field: str = "state") -> Any: ...


class Story(Telling):
    """The first act: an ERP with an interface, and a colleague who works there too."""

    def __init__(
        self, session: Session, documents: Sequence[dict[str, Any]], colleague: Person
    ) -> None:
        super().__init__(session)
        self._documents = documents
        self._colleague = colleague
        self._closings: list[str] = []
        self._rollbacks: list[str] = []
        stale = self._with_role("stale_quotation")
        self._conflict, self._commented = stale[0], stale[1]

    # --- the steps ------------------------------------------------------------------------------

    def tell(self) -> None:
        """Close, let somebody interfere, take back."""
        self._look()
        self._close_orders()
        self._close_others()
        self._interfere()
        self._take_back()

    def _look(self) -> None:
        self._heading(
            N_("What is there: the purchase orders, in columns that are the same for every ERP")
        )
        where = "state in ('quotation', 'processing')"
        self._storno("documents", SYSTEM, "purchase_order", "--where", where)

    def _close_orders(self) -> None:
        self._heading(
            N_("What can be closed and how, what cannot and why: a plan reads and changes nothing")
        )
        plan = self._plan("purchase-orders", expect=Exit.PERSON_NEEDED)
        lines = self._operations(plan)
        exact = [line for line in lines if line["reversibility"] == "exact"]
        by_person = [line for line in lines if line["executor"] == "by_person"]
        chains = {line["number"] for line in lines if line["action"].endswith("ignore_moves")}
        self._hold(
            len(exact) == len(self._with_role("stale_quotation")),
            N_("every stale quotation is ready and can be taken back exactly"),
        )
        self._hold(
            bool(chains),
            N_("orders with a remainder are closed by a chain, and it says that it is not exact"),
        )
        self._hold(len(by_person) == 1, N_("one order is for a person"))
        never = {d["number"] for d in self._with_role("invoice_for_received_goods_open")}
        self._hold(
            not never & {line["number"] for line in lines},
            N_("no order whose received goods are not invoiced yet is among them"),
        )

        self._heading(
            N_("A person approves the plan; then it runs: before image, intent, call, read back")
        )
        self._storno("close", "approve", plan)
        self._storno("close", "run", plan, "--yes", expect=Exit.PERSON_NEEDED)

        self._heading(N_("One order is closed by a person: the worklist says what to press"))
        self._storno("close", "worklist", plan)
        self._output.say(N_("A colleague does it in the ERP; Storno reads back and confirms."))
        self._colleague.give_up_remainder(int(by_person[0]["document"]["key"]))
        self._storno("changes", "resume", plan)
        counts = self._ask("changes", "show", plan)["counts"]
        self._hold(
            set(counts) == {"confirmed"}, N_("every operation was read back and is confirmed")
        )

        self._heading(N_("What was changed: before and after, field by field"))
        self._storno("changes", "show", plan, "--document", str(self._conflict["number"]))
        self._storno("changes", "show", plan, "--document", min(chains))
        self._closings.append(plan)

    def _close_others(self) -> None:
        self._heading(N_("Project work that is finished: children before their parents"))
        self._plan_and_run("finished-work", expect=Exit.PERSON_NEEDED)
        self._heading(N_("An accounting period, with the journals that it closes along"))
        # Of the periods that can be closed, the newest: the others may well stay open for a late invoice.
        closable = self._with_role("period_closable", PERIOD)
        months = [found for found in closable if MONTH.fullmatch(str(found["number"]))]
        newest = max(months, key=lambda found: str(found["number"]))
        plan = self._plan_and_run("period", str(newest["number"]))
        self._storno("changes", "show", plan)

    def _interfere(self) -> None:
        self._heading(N_("Meanwhile somebody else works in the ERP, behind Storno's back"))
        self._colleague.set_back_to_draft(int(self._conflict["id"]))
        self._colleague.write_comment(
            int(self._commented["id"]), "请先与供应商联系 / call the supplier first"
        )
        self._output.say(
            text(
                N_(
                    "A colleague set order {first} back to draft, and wrote a comment on order {second}."
                ),
                first=self._conflict["number"],
                second=self._commented["number"],
            )
        )

    def _take_back(self) -> None:
        orders, *others = self._closings
        self._heading(
            N_("What taking it back would do: one conflict, field by field; nothing is changed yet")
        )
        self._storno("rollback", orders, "--preview", expect=Exit.PERSON_NEEDED)
        self._heading(N_("Take back the rest; a rollback is a change set like any other"))
        self._roll_back(orders, expect=Exit.PERSON_NEEDED)
        for plan in reversed(others):
            self._roll_back(plan)
        self._storno("changes", "list")
        state = self._colleague.state_of(ORDER, int(self._conflict["id"]))
        self._hold(state == "draft", N_("the order that somebody else had opened was left alone"))
        stale = [d for d in self._with_role("stale_quotation") if d is not self._conflict]
        self._hold(
            all(self._colleague.state_of(ORDER, int(d["id"])) == "quotation" for d in stale),
            N_("the other quotations are quotations again, and the comment is still there"),
        )

    def prove(self, differences: Sequence[Difference]) -> None:
        """Compare the whole database before closing and after rollback with what the plans had named."""
        self._heading(N_("The proof: the ERP's whole database, before closing and after rollback"))
        actions = self._session.system(SYSTEM).actions()
        proof = prove(differences, self._used(actions), self._expected())
        self._show_proof(proof)
        self._hold(
            not proof.unexplained, N_("every difference is in the trace that the plans had named")
        )
        self._heading(N_("The journal itself: every commit is a line in a chain of hashes"))
        self._storno("audit", "verify")

    # --- the proof ------------------------------------------------------------------------------

    def _used(self, actions: Any) -> list[Action]:
        names = {
            line["action"]
            for change_set in (*self._closings, *self._rollbacks)
            for line in self._operations(change_set)
        }
        return [actions[name] for name in sorted(names)]

    def _expected(self) -> dict[tuple[str, str], Text]:
        conflict, commented = str(self._conflict["id"]), str(self._commented["id"])
        left = text(
            N_("left alone because of the conflict: order {number}"),
            number=self._conflict["number"],
        )
        theirs = text(
            N_("the colleague's comment on order {number}"), number=self._commented["number"]
        )
        return {(f"{ORDER},{conflict}", "*"): left, (f"{ORDER},{commented}", "comment"): theirs}

    def _show_proof(self, proof: Proof) -> None:
        output = self._output
        for named, count in proof.explained:
            output.line(f"{count:>7}  {output.language.say(named)}")
        unexplained = output.language.say(N_("not explained"))
        output.line(f"{len(proof.unexplained):>7}  {unexplained}")
        for difference in proof.unexplained[:20]:
            output.line(f"         {difference}")

    # --- telling --------------------------------------------------------------------------------

    def _plan_and_run(self, closing: str, *numbers: str, expect: int = Exit.DONE) -> str:
        plan = self._plan(closing, *numbers, expect=expect)
        self._storno("close", "approve", plan)
        self._storno("close", "run", plan, "--yes")
        self._closings.append(plan)
        return plan

    def _plan(self, closing: str, *numbers: str, expect: int = Exit.DONE) -> str:
        self._storno("close", "plan", closing, *numbers, expect=expect)
        return self._newest()

    def _roll_back(self, change_set: str, *, expect: int = Exit.DONE) -> None:
        reason = self._output.language.say(N_("closed too early"))
        self._storno("rollback", change_set, "--reason", reason, "--yes", expect=expect)
        self._rollbacks.append(self._newest())

    def _with_role(self, role: str, model: str = ORDER) -> list[dict[str, Any]]:
        return [d for d in self._documents if d["role"] == role and d["model"] == model]
