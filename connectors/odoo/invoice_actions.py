"""Posting invoices, setting them back to draft, and cancelling them."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from connectors.contract import (
    Answer,
    Call,
    Executor,
    Image,
    Kind,
    Problem,
    Step,
)
from connectors.judging import number_in, root_of, rows
from connectors.odoo.actions import MethodAction, OdooAction, Server, quietness, tracking
from connectors.odoo.credit_actions import credit_actions
from connectors.odoo.invoices import (
    AMOUNTS,
    DATES,
    INVOICE,
    LINE,
    UNSYNCED,
    InvoiceAction,
    is_sealed,
    opening_problems,
)
from connectors.odoo.writing import write_in_groups, write_values
from core.encoding import Value
from core.text import N_, Text

PUT_BACK: Final = DATES | {"checked", "to_check", "auto_post"}
"""What posting or cancelling sets beside the state, and a draft may be written."""

_ONLY_TEXT: Final = ("line_section", "line_note", "line_subsection")


class _Post(InvoiceAction, MethodAction):
    """The invoice gets its number and enters the books."""

    verb = "post"
    restores = MappingProxyType({INVOICE: PUT_BACK})
    method = "action_post"
    # Posting a batch tells each invoice about gaps before it; that is no change by hand.
    context = MappingProxyType({"skip_is_manually_modified": True})
    title = N_("Confirm the invoice")
    reversibility_note = N_(
        "an invoice that was paid, credited, sent or sealed after it was posted, or whose period was locked, is left"
        " alone: only a credit note takes it back"
    )

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        found = self.state_problems(step, image, "draft")
        if found:
            return found
        root, texts = root_of(step, image), []
        said = root.get("tax_lock_date_message")
        if said:
            text = Text(
                N_("its date lies in a locked period; Odoo would move it without asking: {said}"),
                {"said": said},
            )
            texts.append(Problem("date.locked", text))
        if root.get("partner_id") is None:
            texts.append(Problem("partner.missing", Text(N_("it has no partner"))))
        if root.get("invoice_date") is None and self.kind is Kind.SUPPLIER_INVOICE:
            texts.append(Problem("date.missing", Text(N_("it has no date"))))
        lines = rows(image, LINE).values()
        if all(row.get("display_type") in _ONLY_TEXT for row in lines):
            texts.append(Problem("lines.missing", Text(N_("it has no lines"))))
        if number_in(root.get("amount_total")) < 0:
            texts.append(Problem("amount.negative", Text(N_("its total is below zero"))))
        if root.get("restrict_mode_hash_table") and step.arguments.get("sealed") is not True:
            text = Text(
                N_("its journal seals what is posted: there is no way back (say sealed: true)")
            )
            texts.append(Problem("journal.seals", text))
        return tuple(texts)

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return root_of(step, after).get("state") == "posted"

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        if is_sealed(root_of(step, after), self.target.version):
            return ()
        draft = Step(f"{self.kind}.draft", step.ref, quietness(step))
        return (draft, *put_back(self.kind, step, before, after))


class _Draft(InvoiceAction, MethodAction):
    """The invoice leaves the books and can be changed again. Its number stays with it."""

    verb = "draft"
    method = "button_draft"
    context = UNSYNCED
    title = N_("Reset to draft")

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        found = self.state_problems(step, image, "posted", "cancel")
        root = root_of(step, image)
        if found or root.get("state") == "cancel":
            return found
        return opening_problems(root, image, self.target.version)

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        # Odoo works amounts out anew where it is not kept from it; that is not what was asked.
        was, found = root_of(step, before), root_of(step, after)
        kept = {name for name in AMOUNTS if not name.startswith("amount_residual")}
        return found.get("state") == "draft" and all(found.get(n) == was.get(n) for n in kept)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        verb = {"posted": "post", "cancel": "cancel"}.get(str(root_of(step, before).get("state")))
        if verb is None:
            return ()
        # What was sealed by its journal could not have become a draft: no need to ask about it again.
        return (Step(f"{self.kind}.{verb}", step.ref, quietness(step)),)


class _Cancel(InvoiceAction, MethodAction):
    """A draft, or an invoice in the books that nobody paid, is cancelled. Its number is used up."""

    verb = "cancel"
    restores = MappingProxyType({INVOICE: PUT_BACK})
    method = "button_cancel"
    context = UNSYNCED
    title = N_("Cancel the invoice")

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        found = self.state_problems(step, image, "draft", "posted")
        root = root_of(step, image)
        if found or root.get("state") == "draft":
            return found
        problems = opening_problems(root, image, self.target.version)
        if self.target.version >= 19 and root.get("payment_state") in ("paid", "in_payment"):
            text = Text(N_("it is paid: Odoo would cancel its payments too"))
            problems = (*problems, Problem("invoice.matched", text))
        return problems

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return root_of(step, after).get("state") == "cancel"

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        was, quiet = root_of(step, before).get("state"), quietness(step)
        draft = Step(f"{self.kind}.draft", step.ref, quiet)
        back = put_back(self.kind, step, before, after)
        if was == "draft":
            return (draft, *back)
        if was == "posted":
            return (draft, *back, Step(f"{self.kind}.post", step.ref, quiet))
        return ()


class _PutBack(InvoiceAction):
    """Dates and marks of a draft are what they were before it was posted: written, only where they differ."""

    is_link = True
    verb = "put_back"
    restores = MappingProxyType({INVOICE: PUT_BACK})
    title = N_("Put the dates of the draft back")
    executors = (Executor.INTERFACE,)

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        def key(call: Call) -> tuple[tuple[str, object], ...]:
            return tuple(sorted(self.values(call).items()))

        def send(values: tuple[tuple[str, object], ...], members: Sequence[Call]) -> None:
            ids = [int(call.step.ref.key) for call in members]
            context = {**tracking(members), "skip_is_manually_modified": True}
            self.send(server, members, INVOICE, "write", ids, dict(values), context=context)

        return write_in_groups(server, calls, key, send)

    def values(self, call: Call) -> dict[str, object]:
        """Return what is written of one invoice. The dates go together: one makes Odoo work out the others."""
        wanted, now = wanted_of(call.step), root_of(call.step, call.before)
        return write_values(self.target, INVOICE, now, wanted, ours=PUT_BACK)

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        return self.state_problems(step, image, "draft")

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        found = root_of(step, after)
        return bool(found) and all(found.get(n) == v for n, v in wanted_of(step).items())

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        was = root_of(step, before)
        wanted = {name: was.get(name) for name in wanted_of(step)}
        return (Step(f"{self.kind}.put_back", step.ref, {**quietness(step), **wanted}),)


def wanted_of(step: Step) -> dict[str, Value]:
    """Return the fields that a step wants to have put back."""
    return {name: value for name, value in step.arguments.items() if name in PUT_BACK}


def put_back(kind: Kind, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
    """Return the step that puts back what an action set beside the state; none where it set nothing.

    `checked` is what the journal says after posting, so a mark set by hand goes too.
    """
    was, is_now = root_of(step, before), root_of(step, after)
    names = [n for n in sorted(PUT_BACK) if n in was and was.get(n) != is_now.get(n)]
    if not names:
        return ()
    if DATES & set(names):
        names = sorted({*names, *(n for n in DATES if n in was)})
    wanted = {name: was.get(name) for name in names}
    return (Step(f"{kind}.put_back", step.ref, {**quietness(step), **wanted}),)


def invoice_actions() -> tuple[type[OdooAction], ...]:
    """Return every action of invoices, of both kinds."""
    own = tuple(
        type(base.__name__, (base,), {"kind": kind})
        for kind in (Kind.CUSTOMER_INVOICE, Kind.SUPPLIER_INVOICE)
        for base in (_Post, _Draft, _Cancel, _PutBack)
    )
    return (*own, *credit_actions())
