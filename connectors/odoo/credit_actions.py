"""Taking an invoice that stands in the books back by a credit note, and taking that credit note back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Final

from connectors.contract import (
    Answer,
    Call,
    Effect,
    Executor,
    Image,
    Kind,
    LaterBusiness,
    Problem,
    Ref,
    Reversibility,
    Step,
)
from connectors.judging import root_of, rows
from connectors.odoo.actions import OdooAction, Query, Server, quietness, tracking
from connectors.odoo.invoices import (
    ANY,
    INVOICE,
    INVOICE_FIELDS,
    LINE,
    LINES,
    REVERSALS,
    UNSYNCED,
    InvoiceAction,
    is_matched,
    reversals_of,
)
from connectors.odoo.writing import write_in_groups
from core.encoding import Value
from core.text import N_, Text

WIZARD: Final = "account.move.reversal"
_MATCHES: Final[Mapping[str, frozenset[str]]] = {
    "account.partial.reconcile": ANY,
    "account.full.reconcile": ANY,
}
"""What ties the credit note to its invoice, and goes when it leaves the books."""


class _Credit(InvoiceAction):
    """The links of a credit: every one looks at the invoice, its credit notes and the lines of all."""

    queries = (Query(INVOICE, "reversed_entry_id", INVOICE, INVOICE_FIELDS), LINES)
    ours = MappingProxyType(
        {**InvoiceAction.ours, INVOICE: InvoiceAction.ours[INVOICE] | REVERSALS | ANY, **_MATCHES}
    )
    derived = MappingProxyType({**InvoiceAction.derived, **_MATCHES})
    trace: ClassVar[Mapping[str, frozenset[str]]] = MappingProxyType(
        {
            **InvoiceAction.trace,
            INVOICE: InvoiceAction.trace[INVOICE] | REVERSALS | ANY,
            LINE: InvoiceAction.trace[LINE] | ANY,
        }
    )
    reversibility = Reversibility.COMPENSATING
    reversibility_note = N_("the credit note is cancelled and stays, with its number")
    trace_note = N_("the credit note stays, cancelled, and its number is used up")
    creates = MappingProxyType({INVOICE: N_("credit note")})
    executors: ClassVar[tuple[Executor, ...]] = (Executor.INTERFACE,)

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        was, found = reversals_of(after, step.ref.key), reversals_of(now, step.ref.key)
        if not found.keys() <= was.keys():
            text = Text(N_("another credit note was made for it since"))
            return (LaterBusiness(Effect.BLOCKS, text),)
        for key, note in found.items():
            if note.get("is_move_sent") and not was[key].get("is_move_sent"):
                text = Text(N_("its credit note was sent since"))
                return (LaterBusiness(Effect.BLOCKS, text),)
        return ()

    def link(self, verb: str, step: Step, **arguments: Value) -> Step:
        """Return a link of the same kind on the same invoice."""
        return Step(f"{self.kind}.{verb}", step.ref, {**quietness(step), **arguments})


class _MakeNote(_Credit):
    """Makes the credit note of the whole invoice: a draft since 17, posted and matched before.

    The wizard keeps nothing that a person sees; only its last call changes the books. One invoice a request.
    """

    is_link = True
    verb = "make_credit_note"
    title = N_("Make the credit note")
    batch_size = 1

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        def send(_: str, members: Sequence[Call]) -> None:
            self._make(server, members[0])

        return write_in_groups(server, calls, lambda call: call.operation_id, send)

    def _make(self, server: Server, call: Call) -> None:
        key = int(call.step.ref.key)
        root = root_of(call.step, call.before)
        context = {
            **tracking([call]),
            "skip_is_manually_modified": True,
            "active_model": INVOICE,
            "active_id": key,
            "active_ids": [key],
        }
        values: dict[str, Any] = {"journal_id": root["journal_id"]}
        values |= {
            n: str(call.step.arguments[n]) for n in ("date", "reason") if n in call.step.arguments
        }
        is_old = self.target.version < 17
        if is_old:
            values["refund_method"] = "cancel"
        wizard = server.call(WIZARD, "create", values, context=context)
        made = wizard[0] if isinstance(wizard, list) else wizard
        method = "reverse_moves" if is_old else "refund_moves"
        self.send(server, [call], WIZARD, method, [made], context=context)

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        found = self.state_problems(step, image, "posted")
        if found:
            return found
        root = root_of(step, image)
        if any(row.get("state") != "cancel" for row in reversals_of(image, step.ref.key).values()):
            return (Problem("credit.exists", Text(N_("there is a credit note of it already"))),)
        if is_matched(root, image):
            text = Text(N_("payments are matched with it: a credit note alone does not settle it"))
            return (Problem("invoice.matched", text),)
        if root.get("move_type") not in ("out_invoice", "in_invoice"):
            return (Problem("credit.of_credit", Text(N_("it is a credit note itself"))),)
        return ()

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        # Odoo works the taxes of the note out anew: where somebody had corrected them, a rest would stay open.
        made = list(new_notes(step, before, after).values())
        total = root_of(step, after).get("amount_total")
        return len(made) == 1 and made[0].get("amount_total") == total

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        found = []
        for key, note in sorted(new_notes(step, before, after).items()):
            if note.get("state") == "posted":
                found.append(self.link("draft_credit_note", step, note=key))
            found.append(self.link("cancel_credit_note", step, note=key))
        return tuple(found)


class _NoteMethod(_Credit):
    """A button of the credit note."""

    is_link = True
    method: ClassVar[str]
    context: ClassVar[Mapping[str, Any]] = {}
    goal: ClassVar[str]
    is_atomic_batch = True

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        ids = [note for call in calls for note in self.notes(call.step, call.before)]
        context = {**self.context, **tracking(calls)}
        return self.send(server, calls, INVOICE, self.method, ids, context=context)

    def notes(self, step: Step, image: Image) -> tuple[int, ...]:
        """Return the credit notes to press the button of: the one that the step names, else every draft."""
        named = step.arguments.get("note")
        if isinstance(named, int):
            return (named,)
        found = reversals_of(image, step.ref.key)
        return tuple(sorted(i for i, row in found.items() if row.get("state") == "draft"))

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        found, wanted = rows(after, INVOICE), self.notes(step, before)
        return bool(wanted) and all(found.get(i, {}).get("state") == self.goal for i in wanted)


class _PostNote(_NoteMethod):
    """The credit note enters the books; Odoo matches it with its invoice."""

    verb = "post_credit_note"
    title = N_("Confirm the credit note")
    method = "action_post"
    context = MappingProxyType({"skip_is_manually_modified": True})
    goal = "posted"

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return tuple(
            self.link("draft_credit_note", step, note=note) for note in self.notes(step, before)
        )


class _DraftNote(_NoteMethod):
    """The credit note leaves the books; up to 18 the invoice is open again at once."""

    verb = "draft_credit_note"
    title = N_("Reset the credit note to draft")
    method = "button_draft"
    context = UNSYNCED
    goal = "draft"

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        found = rows(before, INVOICE)
        verbs = {"posted": "post_credit_note", "cancel": "cancel_credit_note"}
        states = {note: str(found[note].get("state")) for note in self.notes(step, before)}
        return tuple(
            self.link(verbs[state], step, note=note)
            for note, state in states.items()
            if state in verbs
        )


class _CancelNote(_NoteMethod):
    """The credit note is cancelled; since 19 only this opens the invoice again."""

    verb = "cancel_credit_note"
    title = N_("Cancel the credit note")
    method = "button_cancel"
    context = UNSYNCED
    goal = "cancel"

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        found = []
        for note in self.notes(step, before):
            found.append(self.link("draft_credit_note", step, note=note))
            if rows(before, INVOICE)[note].get("state") == "posted":
                found.append(self.link("post_credit_note", step, note=note))
        return tuple(found)


class _CreditAll(_MakeNote):
    """The whole invoice is taken back by a credit note that is matched with it: a chain since 17."""

    is_link = False
    verb = "credit"
    title = N_("Take the invoice back by a credit note")
    executors = (Executor.INTERFACE, Executor.BY_PERSON)

    def steps(self, ref: Ref, arguments: Mapping[str, Value]) -> tuple[Step, ...]:
        made = Step(f"{self.kind}.make_credit_note", ref, arguments)
        if self.target.version < 17:
            return (made,)
        quiet = {name: value for name, value in arguments.items() if name == "tracking"}
        return (made, Step(f"{self.kind}.post_credit_note", ref, quiet))

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        raise NotImplementedError  # a chain is never sent itself

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        notes = new_notes(step, before, after).values()
        return bool(notes) and all(note.get("state") == "posted" for note in notes)


def new_notes(step: Step, before: Image, after: Image) -> dict[int, Mapping[str, Value]]:
    """Return the credit notes of the invoice that were not there before, by id; cancelled ones left out."""
    was = reversals_of(before, step.ref.key)
    found = reversals_of(after, step.ref.key)
    return {i: row for i, row in found.items() if i not in was and row.get("state") != "cancel"}


def credit_actions() -> tuple[type[OdooAction], ...]:
    """Return the actions that credit invoices, of both kinds."""
    bases = (_CreditAll, _MakeNote, _PostNote, _DraftNote, _CancelNote)
    return tuple(
        type(base.__name__, (base,), {"kind": kind})
        for kind in (Kind.CUSTOMER_INVOICE, Kind.SUPPLIER_INVOICE)
        for base in bases
    )
