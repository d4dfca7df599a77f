"""Real Tryton passes the contract suite: 8.0 on SQLite whole, PostgreSQL and 8.2 in what they do otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import datetime

import pytest

from connectors.contract import Criteria, Image, Kind, Ref, Reversibility, Step, System
from connectors.tryton.actions import TrytonAction
from core.errors import OutcomeUnknown, RefusedError, StaleRecord, StateRefused
from tests.contract.journeys import apply, refusals, travel
from tests.contract.racing import at_once
from tests.contract.suite import ContractSuite
from tests.contract.suite_reading import first_call
from tests.contract.tryton_series import PostgresSubject, StrictSubject
from tests.contract.tryton_subject import TrytonSubject
from tests.factories import action_of, image_of

# The first run makes the practice companies, which takes minutes.
pytestmark = [pytest.mark.contract, pytest.mark.tryton, pytest.mark.timeout(900)]

ROUNDS = 4


class OneSession(ContractSuite):
    """The suite with one session for all its tests: Tryton makes each log-in slow on purpose."""

    @pytest.fixture(scope="class")
    @classmethod
    def system(cls, subject: TrytonSubject) -> Iterator[System]:
        opened = subject.open()
        yield opened
        opened.close()


@pytest.mark.xdist_group("tryton")
class TestTryton(OneSession):
    """Series 8.0 on SQLite: everything."""

    SUBJECT = TrytonSubject

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, tryton_on_sqlite: TrytonSubject) -> TrytonSubject:
        return tryton_on_sqlite

    @pytest.mark.parametrize(
        "name, model, role",
        [
            ("purchase_order.close", "purchase.purchase", "remainder_old_paid"),
            ("purchase_order.close", "purchase.purchase", "remainder_old_posted"),
            ("sales_order.close", "sale.sale", "remainder_old_paid"),
        ],
    )
    def test_order_of_which_something_came(
        self, subject: TrytonSubject, system: System, name: str, model: str, role: str
    ) -> None:
        """An order half received and invoiced is closed and taken back, and what came stays what it was."""
        document = subject.erp.documents(model=model, role=role)[0]
        step = Step(name, Ref(model, str(document["id"])))
        image = image_of(system, first_call(system, step))
        declared = system.actions()[name]
        assert declared.problems(step, image) == ()
        assert "done" in {
            move.fields["state"] for move in image.of_model("stock.move") if move.fields
        }
        remainder = declared.remainder(image)
        assert remainder is not None
        travelled = travel(subject, system, step)
        assert [set(), set()] == [travelled.undeclared, travelled.left]
        assert declared.remainder(travelled.back[-1].after) == remainder

    def test_shipment_with_goods_of_another_order(
        self, subject: TrytonSubject, system: System
    ) -> None:
        """Cancelling it would cancel what the other order waits for, so neither of the two is closed."""
        orders = subject.office.orders("sale", "processing", 2)
        steps = [Step("sales_order.close", Ref("sale.sale", str(key))) for key in orders]
        calls = [first_call(system, step) for step in steps]
        images = [image_of(system, call) for call in calls]
        shipments = [image.of_model("stock.shipment.out")[0].ref.key for image in images]
        moves = [int(record.ref.key) for record in images[1].of_model("stock.move")]
        for call, image in zip(calls, images, strict=True):
            assert action_of(system, call).problems(call, image) == ()
        subject.office.call(
            "stock.move", "write", moves, {"shipment": f"stock.shipment.out,{shipments[0]}"}
        )
        for call in calls:
            (problem,) = action_of(system, call).problems(call, image_of(system, call))
            assert "shipment.shared" == problem.code

    def test_success_that_changed_nothing_is_not_done(
        self, subject: TrytonSubject, system: System
    ) -> None:
        """Tryton answers yes when a posted invoice is set back to draft; reading tells that nothing happened."""
        (key,) = subject.office.invoices("out", "posted", 1)
        step = Step("customer_invoice.draft", Ref("account.invoice", str(key)))
        declared, before = action_of(system, step), image_of(system, step)
        assert declared.problems(step, before)
        (answer,) = apply(system, [(step, before)])
        assert answer.refused is None
        after = image_of(system, step, before)
        assert before == after
        assert not declared.is_done(step, before, after)

    def test_documents_without_a_number(self, subject: TrytonSubject, system: System) -> None:
        """A customer invoice has no number before it is posted, and is shown all the same."""
        (key,) = subject.office.invoices("out", "draft", 1)
        criteria = Criteria(keys=(str(key),))
        (batch,) = system.documents(Kind.CUSTOMER_INVOICE, criteria)
        (row,) = batch.to_pylist()
        assert (None, "draft", False) == (row["number"], row["state"], row["is_closed"])

    def test_two_users_at_one_instant_are_not_kept_apart(self, system: System) -> None:
        """On SQLite both may win, and the connector promises nothing."""
        assert {False} == {found.has_compare_and_set for found in system.check().actions}

    def test_session_that_ended_is_renewed_once(self, subject: TrytonSubject) -> None:
        """A session that ended costs one more log-in; the ERP does what was asked once."""
        with closing(subject.open()) as system:
            step = subject.make(subject.BATCH_ACTION)
            before = image_of(system, step)
            subject.end_session()
            seen, written = len(subject.proxy.exchanges), subject.write_count()
            (answer,) = apply(system, [(step, before)])
            assert answer.refused is None
            assert [
                ("model.purchase.purchase.cancel", 401),
                ("common.db.login", 200),
                ("model.purchase.purchase.cancel", 200),
            ] == [(each.call, each.status) for each in subject.proxy.exchanges[seen:]]
            assert written + 1 == subject.write_count()
            assert subject.presses(step.ref, "cancel") == 1
            subject.end_session()
            assert action_of(system, step).is_done(step, before, image_of(system, step, before))

    def test_write_without_an_answer_was_done_once(self, subject: TrytonSubject) -> None:
        """The ERP's own log shows one press of the button after a write that timed out."""
        self.test_write_that_times_out(subject)
        assert subject.presses(subject.last_made[subject.BATCH_ACTION], "cancel") == 1

    def test_both_dialects_are_one_system(self, subject: TrytonSubject, system: System) -> None:
        """Over XML-RPC the same values are read, but for microseconds, and the same button is pressed."""
        with closing(subject.open(transport="xml")) as other:
            for action in ("purchase_order.close", "project.close", "accounting_period.close"):
                step = first_call(system, subject.make(action))
                assert _whole_seconds(image_of(system, step)) == image_of(other, step)
            step = subject.make(subject.BATCH_ACTION)
            before = image_of(other, step)
            subject.edit(step)
            assert isinstance(refusals(other, [(step, before)])[0], StaleRecord)
            before = image_of(other, step)
            assert refusals(other, [(step, before)]) == {}
            assert action_of(other, step).is_done(step, before, image_of(other, step, before))


@pytest.mark.xdist_group("tryton-strict")
class TestStrictTryton(OneSession):
    """Series 8.2 on SQLite: what its rules for writing leave."""

    SUBJECT = StrictSubject

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, strict_tryton: TrytonSubject) -> TrytonSubject:
        return strict_tryton

    def test_what_is_not_offered_is_refused(self, subject: TrytonSubject, system: System) -> None:
        """An action that the connector does not offer here is one that the ERP does refuse."""
        missing = [found for found in system.check().actions if not found.is_available]
        assert {"customer_invoice.draft", "supplier_invoice.draft"} == {m.action for m in missing}
        for found in missing:
            step = subject.make(found.action)
            before = image_of(system, step)
            assert isinstance(refusals(system, [(step, before)])[0], RefusedError)
            assert before == image_of(system, step, before)

    def test_what_has_no_way_back_here_says_so(self, system: System) -> None:
        """What 8.0 takes back and 8.2 does not is told by `check`, with the reason."""
        told = {found.action: found.reversibility for found in system.check().actions}
        for name in (
            "customer_invoice.validate",
            "supplier_invoice.validate",
            "customer_invoice.cancel",
        ):
            assert told[name] is Reversibility.NONE
            assert system.actions()[name].reversibility_note
        assert told["purchase_order.close"] is Reversibility.COMPENSATING


@pytest.mark.postgres
@pytest.mark.xdist_group("tryton-postgres")
class TestTrytonOnPostgres(OneSession):
    """Series 8.0 on PostgreSQL: what depends on the database."""

    SUBJECT = PostgresSubject

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, tryton_on_postgres: TrytonSubject) -> TrytonSubject:
        return tryton_on_postgres

    @pytest.mark.parametrize("action_name", TrytonSubject.ACTIONS)
    def test_nothing_is_written_over_what_somebody_changed(
        self, subject: TrytonSubject, system: System, action_name: str
    ) -> None:
        """Every call is refused when a record that it writes was changed since the before image."""
        step = first_call(system, subject.make(action_name))
        declared = action_of(system, step)
        assert declared.has_compare_and_set
        assert isinstance(declared, TrytonAction)
        before = image_of(system, step)
        written = [ref for ref in before.refs() if ref.model in declared.stamped]
        subject.edit(Step(step.action, written[0]))
        edited = image_of(system, step, before)
        assert isinstance(refusals(system, [(step, before)])[0], StaleRecord)
        assert edited == image_of(system, step, before)

    @pytest.mark.parametrize(
        "actions",
        [
            ("project.close", "project.close"),
            ("purchase_order.cancel", "purchase_order.cancel"),
            ("purchase_order.cancel", "purchase_order.draft"),
            ("accounting_period.close", "accounting_period.close"),
        ],
        ids="-".join,
    )
    def test_one_of_two_writers_wins(
        self, subject: TrytonSubject, system: System, actions: Sequence[str]
    ) -> None:
        """Of two at one instant with the same before image exactly one is done; the other is told, and did nothing."""
        with ExitStack() as stack:
            others = [stack.enter_context(closing(subject.open())) for _ in actions]
            for other in others:
                other.actions()
            for _ in range(ROUNDS):
                ref = subject.make(actions[0]).ref
                steps = [Step(action, ref) for action in actions]
                images_before = [image_of(system, step) for step in steps]
                said = at_once(others, steps, images_before)
                (lost,) = (each for each in said if each is not None)
                assert isinstance(lost, _losing(actions[0]))
                winner = said.index(None)
                step, before = steps[winner], images_before[winner]
                assert action_of(system, step).is_done(step, before, image_of(system, step, before))


def _losing(action: str) -> tuple[type[RefusedError | OutcomeUnknown], ...]:
    """Return what the second of two writers is told: a button looks at the state before it looks at the stamps.

    A server that gives up repeating a transaction answers HTTP 503, which says nothing: reading settles that.
    """
    by_stamp = (StaleRecord, OutcomeUnknown)
    return by_stamp if action == "project.close" else (*by_stamp, StateRefused)


def _whole_seconds(image: Image) -> Image:
    """Return what XML-RPC carries of an image: its moments have no microseconds."""
    records = []
    for record in image.records:
        assert record.fields is not None
        fields = {
            name: value.replace(microsecond=0) if isinstance(value, datetime) else value
            for name, value in record.fields.items()
        }
        records.append(replace(record, fields=fields))
    return Image(tuple(records))
