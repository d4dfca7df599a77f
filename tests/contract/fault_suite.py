"""Every fault that can be ordered from the fake ERP gives the promised error and the promised effect.

Run in memory (a unit test) and served: both must behave alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from connectors.contract import Answer, Call, Criteria, Image, Kind, Ref, Step, System
from connectors.fake.faults import Fault
from connectors.fake.ledger import LedgerLine, applied_counts
from connectors.fake.sample import add_invoice, add_period, add_purchase_order
from connectors.fake.schema import INVOICE, ORDER
from core.errors import (
    AccessDenied,
    BadAnswer,
    Busy,
    LoginFailed,
    OutcomeUnknown,
    PeriodLocked,
    RateLimited,
    RecordMissing,
    RefusedError,
    Rejected,
    StaleRecord,
    StateRefused,
    StornoError,
    Timeout,
    TransientError,
    Unreachable,
)
from tests.contract.fake_subject import FakeSubject
from tests.factories import QUICK_SECONDS

NOTHING_DONE: tuple[tuple[str, type[TransientError]], ...] = (
    ("unreachable", Unreachable),
    ("busy", Busy),
    ("rate_limited", RateLimited),
)
ANSWER_LOST = ("slow", "lost", "garbage", "server_error")
CODES: tuple[tuple[str, type[RefusedError]], ...] = (
    ("rejected", Rejected),
    ("state", StateRefused),
    ("period_locked", PeriodLocked),
    ("stale", StaleRecord),
    ("missing", RecordMissing),
    ("access_denied", AccessDenied),
    ("login_failed", LoginFailed),
)


class Batch:
    """Three quotations that are to be cancelled, on a system that waits only shortly."""

    def __init__(self, subject: FakeSubject) -> None:
        self.subject = subject
        self.erp = subject.erp
        self.system: System = subject.open(seconds=QUICK_SECONDS)
        self.steps = [subject.make("purchase_order.cancel") for _ in range(3)]
        self.keys = [step.ref.key for step in self.steps]
        self.operations = [f"operation {key}" for key in self.keys]
        self.before = self.capture()
        self._lines_before = len(self.erp.ledger.lines())

    def order(self, kind: str, **order: Any) -> None:
        self.erp.faults.add(Fault(kind, **order))

    def capture(self, known: Sequence[Image | None] = (None, None, None)) -> list[Image]:
        return self.system.capture(self.steps, known)

    def apply(self) -> list[Answer]:
        together = zip(self.operations, self.steps, self.before, strict=True)
        return self.system.apply([Call(*each) for each in together])

    def states(self) -> list[str]:
        orders = self.erp.dump()[ORDER]
        return [orders[key]["state"] if key in orders else "deleted" for key in self.keys]

    def lines(self) -> list[LedgerLine]:
        return self.erp.ledger.lines()[self._lines_before :]

    def close(self) -> None:
        self.erp.faults.clear()
        self.system.close()


OPEN = ["quotation"] * 3
CANCELLED = ["cancelled"] * 3


class FaultSuite:
    """Subclassed once for each way to the ERP; fixtures `batch` and `uneven` (no atomic batch)."""

    # --- nothing was done ---------------------------------------------------------------------------

    @pytest.mark.parametrize("kind,error", NOTHING_DONE)
    def test_write_that_never_began(
        self, batch: Batch, kind: str, error: type[TransientError]
    ) -> None:
        """The error is sure that nothing happened, and nothing did; the same call works afterwards."""
        batch.order(kind, retry_after=7)
        with pytest.raises(error) as raised:
            batch.apply()
        assert raised.value.retry_after == 7
        assert batch.states() == OPEN
        assert [answer.refused for answer in batch.apply()] == [None] * 3
        assert batch.states() == CANCELLED

    @pytest.mark.parametrize("kind,error", NOTHING_DONE)
    def test_read_that_never_began(
        self, batch: Batch, kind: str, error: type[TransientError]
    ) -> None:
        """A read meets the same errors."""
        batch.order(kind, on="capture")
        with pytest.raises(error):
            batch.capture()
        assert batch.before == batch.capture()

    # --- no trustworthy answer ------------------------------------------------------------------------

    @pytest.mark.parametrize("is_applied", [True, False])
    @pytest.mark.parametrize("kind", ANSWER_LOST)
    def test_write_without_answer(self, batch: Batch, kind: str, is_applied: bool) -> None:
        """The error says that the outcome is unknown, and the ERP did it or not, as ordered."""
        batch.order(kind, is_applied=is_applied)
        with pytest.raises(OutcomeUnknown):
            batch.apply()
        assert batch.states() == (CANCELLED if is_applied else OPEN)
        (line,) = batch.lines()
        assert line.operations == tuple(batch.operations)
        assert line.applied == (line.operations if is_applied else ())

    @pytest.mark.parametrize(
        "kind,error",
        [
            ("slow", Timeout),
            ("lost", BadAnswer),
            ("garbage", BadAnswer),
            ("server_error", BadAnswer),
        ],
    )
    @pytest.mark.parametrize("on", ["read", "capture", "documents"])
    def test_read_without_answer(
        self, batch: Batch, kind: str, error: type[StornoError], on: str
    ) -> None:
        """Every reading method tells that the read may be repeated, and repeating works."""
        batch.order(kind, on=on)

        def ask() -> object:
            match on:
                case "read":
                    return batch.system.read([batch.steps[0].ref], ["number"])
                case "capture":
                    return batch.capture()
                case _:
                    keys = Criteria(keys=tuple(batch.keys))
                    return list(batch.system.documents(Kind.PURCHASE_ORDER, keys))

        with pytest.raises(error):
            ask()
        assert ask()

    # --- the ERP says no --------------------------------------------------------------------------------

    @pytest.mark.parametrize("code,error", CODES)
    def test_refused_request(self, batch: Batch, code: str, error: type[RefusedError]) -> None:
        """Each code is one error, with the ERP's own words; nothing happened."""
        batch.order("refused", code=code, said="否")
        with pytest.raises(error, match=r"refused|failed") as raised:
            batch.apply()
        assert raised.value.details["said"] == "否"
        assert batch.states() == OPEN

    def test_refused_login(self, batch: Batch) -> None:
        """A log-in can be refused."""
        batch.order("refused", on="login", code="login_failed")
        with pytest.raises(LoginFailed):
            batch.system.check()

    @pytest.mark.parametrize("is_named", [True, False])
    def test_bad_document_in_an_atomic_batch(self, batch: Batch, is_named: bool) -> None:
        """The batch is refused whole, and the offender is named or not, as ordered."""
        batch.order("bad_document", key=batch.keys[1], code="rejected", is_named=is_named)
        with pytest.raises(Rejected) as raised:
            batch.apply()
        assert raised.value.offenders == ((batch.operations[1],) if is_named else ())
        assert batch.states() == OPEN

    def test_bad_document_among_others(self, uneven: Batch) -> None:
        """Where a batch is not atomic, only the bad one is refused."""
        uneven.order("bad_document", key=uneven.keys[1], code="period_locked")
        refused = [answer.refused for answer in uneven.apply()]
        assert [None, PeriodLocked, None] == [error and type(error) for error in refused]
        assert uneven.states() == ["cancelled", "quotation", "cancelled"]

    # --- the ERP says yes ---------------------------------------------------------------------------------

    def test_success_that_changed_nothing(self, batch: Batch) -> None:
        """The ERP says yes to all and did nothing."""
        batch.order("no_effect")
        assert [answer.refused for answer in batch.apply()] == [None] * 3
        assert batch.states() == OPEN
        assert [line.applied for line in batch.lines()] == [()]

    def test_success_that_changed_all_but_one(self, batch: Batch) -> None:
        """The ERP says yes to all and left one out."""
        batch.order("no_effect", key=batch.keys[0])
        assert [answer.refused for answer in batch.apply()] == [None] * 3
        assert batch.states() == ["quotation", "cancelled", "cancelled"]

    @pytest.mark.parametrize("is_answered", [True, False])
    def test_applied_later(self, batch: Batch, is_answered: bool) -> None:
        """The effect comes two requests later, whether the ERP said yes at once or nothing."""
        batch.order("late", after_requests=2, is_answered=is_answered)
        if is_answered:
            assert [answer.refused for answer in batch.apply()] == [None] * 3
        else:
            with pytest.raises(OutcomeUnknown):
                batch.apply()
        assert batch.before == batch.capture()
        assert batch.states() == OPEN
        assert batch.before != batch.capture()
        assert batch.states() == CANCELLED
        assert {1} == set(applied_counts(batch.lines()).values())

    def test_half_a_batch(self, uneven: Batch) -> None:
        """The first half is done and stays, then the connection breaks."""
        uneven.order("half")
        with pytest.raises(OutcomeUnknown):
            uneven.apply()
        assert uneven.states() == ["cancelled", "quotation", "quotation"]

    # --- twice --------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("is_deduplicated", [True, False])
    def test_request_that_arrives_twice(self, batch: Batch, is_deduplicated: bool) -> None:
        """Both arrivals stand in the ledger under one id; a counter-document is made once or twice."""
        period = add_period(batch.erp, "P")
        invoice = add_invoice(batch.erp, "I", period=period)
        step = Step("record.update", Ref(INVOICE, invoice), {"partner": "王"})
        (before,) = batch.system.capture([step], [None])
        batch.order("twice", is_deduplicated=is_deduplicated)
        # Without compare-and-set the ERP has no way to see that the second one is old.
        call = Call("operation", step, Image(()))
        assert [Answer("operation")] == batch.system.apply([call])
        version = before.records[0].fields
        assert version is not None
        written = batch.erp.dump()[INVOICE][invoice]["version"] - version["version"]
        assert written == (1 if is_deduplicated else 2)
        second, first = [line for line in batch.lines() if line.do == "apply"]
        assert second.request_id == first.request_id
        assert (second.answered == "duplicate") is is_deduplicated
        assert applied_counts(batch.lines()) == {"operation": 1 if is_deduplicated else 2}

    def test_second_arrival_answers(self, batch: Batch) -> None:
        """The second arrival is refused because the first was done, and its answer is the one that comes back."""
        batch.order("twice", is_second_answered=True)
        with pytest.raises(RefusedError):
            batch.apply()
        assert batch.states() == CANCELLED

    # --- somebody else --------------------------------------------------------------------------------------

    def test_edit_before_capture(self, batch: Batch) -> None:
        """The image that is captured holds the foreign edit already."""
        batch.order("edit", on="capture", key=batch.keys[0], changes={"note": "x"})
        assert _note(batch.capture()[0]) == "x"

    def test_edit_between_capture_and_apply(self, batch: Batch) -> None:
        """The write finds the record changed: refused as stale."""
        batch.order("edit", key=batch.keys[0], changes={"note": "x"})
        with pytest.raises(StaleRecord) as raised:
            batch.apply()
        assert (batch.operations[0],) == raised.value.offenders
        assert batch.states() == OPEN

    def test_edit_between_apply_and_read_back(self, batch: Batch) -> None:
        """The after image holds our change and the foreign one, and tells that we were not the last."""
        batch.order("edit", key=batch.keys[0], changes={"note": "x"}, moment="after", user="eve")
        batch.apply()
        after = batch.capture(batch.before)
        assert _note(after[0]) == "x"
        action = batch.system.actions()["purchase_order.cancel"]
        assert [action.is_ours(*images) for images in zip(batch.before, after, strict=True)] == [
            False,
            True,
            True,
        ]
        assert action.is_done(batch.steps[0], batch.before[0], after[0])

    def test_deleted_behind(self, batch: Batch) -> None:
        """The write finds the record gone."""
        batch.order("delete", key=batch.keys[2])
        with pytest.raises((RecordMissing, StaleRecord)):
            batch.apply()
        assert batch.states() == ["quotation", "quotation", "deleted"]

    # --- precise and counted ----------------------------------------------------------------------------------

    def test_nth_and_times(self, batch: Batch) -> None:
        """A fault meets the requests from the nth on, so many times, and tells how often."""
        batch.order("busy", on="capture", nth=2, times=2)
        met = []
        for _ in range(4):
            try:
                batch.capture()
                met.append(False)
            except Busy:
                met.append(True)
        assert met == [False, True, True, False]
        assert [count for _, count in batch.erp.faults.fired()] == [2]
        assert batch.erp.faults.pending() == []

    def test_only_the_named_action_and_key(self, batch: Batch) -> None:
        """A fault for another action or another document meets nobody."""
        batch.order("busy", action="purchase_order.close")
        batch.order("busy", key="no such key")
        assert [answer.refused for answer in batch.apply()] == [None] * 3
        assert [count for _, count in batch.erp.faults.fired()] == [0, 0]

    def test_unknown_fault_is_refused(self) -> None:
        """A misspelt fault would never be met: it is refused when it is ordered."""
        with pytest.raises(ValueError, match="unreachible"):
            Fault("unreachible")

    def test_ledger_has_every_request(self, batch: Batch) -> None:
        """Each request leaves one line, whatever became of it."""
        batch.order("busy", on="capture")
        with pytest.raises(Busy):
            batch.capture()
        batch.capture()
        batch.apply()
        told = [(line.do, line.answered, line.faults) for line in batch.lines()]
        # The system logs in on its first call, which is before the lines that are looked at here.
        assert told == [
            ("capture", "busy", ("busy",)),
            ("capture", "ok", ()),
            ("apply", "ok", ()),
        ]
        assert len({line.request_id for line in batch.lines()}) == 3

    def test_counter_document_carries_the_operation(self, batch: Batch) -> None:
        """What a creating action makes is in the after image, names its origin and our operation."""
        invoice = add_invoice(batch.erp, "I", period=add_period(batch.erp, "P"))
        step = Step("supplier_invoice.reverse", Ref(INVOICE, invoice))
        (before,) = batch.system.capture([step], [None])
        batch.order("lost", action=step.action)
        with pytest.raises(OutcomeUnknown):
            batch.system.apply([Call("operation 7", step, before)])
        (after,) = batch.system.capture([step], [before])
        (made,) = set(after.refs()) - set(before.refs())
        record = after.get(made)
        assert record is not None
        assert record.fields is not None
        assert (record.fields["reversed_entry"], record.fields["reference"]) == (
            invoice,
            "operation 7",
        )

    def test_closed_period_refuses_a_reversal(self, batch: Batch) -> None:
        """Nothing is posted into a closed period."""
        period = add_period(batch.erp, "P", state="closed")
        invoice = add_invoice(batch.erp, "I", period=period)
        step = Step("supplier_invoice.reverse", Ref(INVOICE, invoice))
        (before,) = batch.system.capture([step], [None])
        with pytest.raises(PeriodLocked):
            batch.system.apply([Call("operation 7", step, before)])

    def test_reminder_leaves_nothing_to_find(self, batch: Batch) -> None:
        """What an untraceable action created shows in no image."""
        order = add_purchase_order(batch.erp, "R", state="processing")
        step = Step("purchase_order.send_reminder", Ref(ORDER, order))
        assert batch.system.actions()[step.action].creates_untraceably
        (before,) = batch.system.capture([step], [None])
        messages = len(batch.erp.dump()["message"])
        batch.system.apply([Call("operation 7", step, before)])
        assert len(batch.erp.dump()["message"]) == messages + 1
        assert [before] == batch.system.capture([step], [before])


def _note(image: Image) -> object:
    (record,) = image.records
    return None if record.fields is None else record.fields["note"]
