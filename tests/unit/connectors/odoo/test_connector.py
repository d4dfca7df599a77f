"""What the system promises above its parts: lost races, sizes of batches, names that it does not know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from connectors.contract import Answer, Call, Image, Kind, Record, Ref, Step
from connectors.odoo import connector
from connectors.odoo.actions import STAMP, OdooAction, Server
from connectors.odoo.connector import OdooSystem
from core import clock
from core.errors import Busy, ContractBroken, NotFound, OutcomeUnknown, Rejected, StornoError
from tests.unit.connectors.odoo.wire import Odoo, always

CHAR = {"type": "char", "store": True}
STEP = Step("test.close", Ref("m", "1"))


class Close(OdooAction):
    """An action that does what a test says."""

    name = "test.close"
    kind = Kind.PURCHASE_ORDER
    title = "close"
    model = "m"
    wanted = frozenset({"name"})
    stamped = ()
    ours: Mapping[str, frozenset[str]] = {}  # type: ignore[misc]
    raised: StornoError | None = None

    def is_done(self, *_: Any) -> bool:
        return True

    def inverse(self, *_: Any) -> Any:
        return ()

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        if self.raised is not None:
            raise self.raised
        return [Answer(call.operation_id) for call in calls]


class Setting(Close):
    """An action on the system itself."""

    name = "test.setting"
    kind = Kind.SETTING


@pytest.fixture
def odoo() -> Odoo:
    """An Odoo with one record."""
    return Odoo(
        {
            "res.users.read": always([{"id": 2, "company_id": 1}]),
            "res.currency.search_read": always([]),
            "ir.actions.actions.get_bindings": always({}),
            "ir.actions.server.search_read": always([]),
            "m.fields_get": always({"name": CHAR}),
            "m.read": always([{"id": 1, "name": "as it was"}]),
        }
    )


@pytest.fixture
def system(odoo: Odoo, monkeypatch: pytest.MonkeyPatch) -> Iterator[OdooSystem]:
    """A system with one action."""
    monkeypatch.setattr(connector, "ACTIONS", (Close, Setting))
    found = OdooSystem("erp", odoo.session(), limit_seconds=150)
    yield found
    found.close()


def action_of(system: OdooSystem) -> Close:
    """Return the action's instance."""
    action = system.actions()[Close.name]
    assert isinstance(action, Close)
    return action


def calls_of(count: int, name: str = "as it was") -> list[Call]:
    """Return calls on the one record."""
    before = Image((Record(Ref("m", "1"), {"name": name}),))
    return [Call(f"op{place}", STEP, before) for place in range(count)]


def lost(**details: Any) -> OutcomeUnknown:
    """Return an error that only reading settles."""
    return OutcomeUnknown(system="erp", problem="could not serialize access", **details)


def test_lost_race_that_changed_nothing_is_tried_again(system: OdooSystem) -> None:
    """Odoo gave up, answered, and every record is as it was: certainly nothing happened."""
    action_of(system).raised = lost(is_answered=True)
    with pytest.raises(Busy):
        system.apply(calls_of(1))


def test_lost_race_that_changed_something_is_in_doubt(system: OdooSystem) -> None:
    """A record that is not as it was may be our work: reading settles it, nothing is sent again."""
    action_of(system).raised = lost(is_answered=True)
    with pytest.raises(OutcomeUnknown):
        system.apply(calls_of(1, name="other"))


def test_lost_race_that_cannot_be_read_back_is_in_doubt(system: OdooSystem, odoo: Odoo) -> None:
    """Where reading fails too, nothing is certain."""
    action_of(system).raised = lost(is_answered=True)
    odoo.methods["m.read"] = always([{"id": 1}])
    with pytest.raises(OutcomeUnknown):
        system.apply(calls_of(1))


def test_lost_answer_is_not_read_back_at_once(system: OdooSystem, odoo: Odoo) -> None:
    """Without an answer Odoo may still be working: that nothing is seen yet says nothing."""
    action_of(system).raised = lost()
    with pytest.raises(OutcomeUnknown):
        system.apply(calls_of(100))

    assert [] == odoo.called("m.read")
    assert 50 == action_of(system).batch_size


@pytest.mark.parametrize(
    "count, seconds, size",
    [
        (50, 0.5, 100),  # quick: as large as the action allows
        (100, 40.0, 50),  # 0.4 s a document, 20 s a batch
        (100, 4000.0, 1),  # never none
    ],
)
def test_batches_fit_the_servers_pace(
    system: OdooSystem, monkeypatch: pytest.MonkeyPatch, count: int, seconds: float, size: int
) -> None:
    """A batch takes a sixth of the limit of a request, by the time that the last one took."""
    moments = iter([0.0, seconds])
    action = action_of(system)
    monkeypatch.setattr(clock, "monotonic", lambda: next(moments))
    system.apply(calls_of(count))

    assert size == action.batch_size


def test_a_method_for_one_document_stays_one(
    system: OdooSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However quick the server is: the method takes no more."""
    action = action_of(system)
    monkeypatch.setattr(Close, "batch_size", 1)
    system.apply(calls_of(1))

    assert 1 == action.batch_size


def test_refused_batch_says_nothing_about_pace(system: OdooSystem) -> None:
    """A refusal comes at once, whatever the size."""
    action_of(system).raised = Rejected(system="erp", said="no")
    with pytest.raises(Rejected):
        system.apply(calls_of(3))

    assert 100 == action_of(system).batch_size


def test_guard_that_came_or_went_is_looked_for(system: OdooSystem, odoo: Odoo) -> None:
    """After a change of the system itself everything is found out anew."""
    system.actions()
    before = Image((Record(Ref("m", "1"), {"name": "x"}),))
    system.apply([Call("op", Step(Setting.name, Ref("m", "1")), before)])
    system.actions()

    assert 2 == len(odoo.called("ir.actions.actions.get_bindings"))


def test_preparation(system: OdooSystem) -> None:
    """What can be installed is the guard, whose code is shown, and it can be removed again."""
    (install,) = system.preparation(remove=False)
    (remove,) = system.preparation(remove=True)

    assert ("setting.install_guard", "setting.remove_guard") == (install.action, remove.action)
    assert "STORNO_CONFLICT" in str(install.arguments["code"])


def test_read_and_schema(system: OdooSystem) -> None:
    """Records come in the order of their refs; the stamp is a field of every model."""
    first, gone = Ref("m", "1"), Ref("m", "9")

    assert [Record(gone, None), Record(first, {"name": "as it was"})] == system.read(
        [gone, first], ["name"]
    )
    assert {STAMP, "name"} == system.schema("m").keys()
    assert [] == system.read([], ["name"])
    assert [] == system.capture([], [])
    assert [] == system.apply([])


def test_unknown_names(system: OdooSystem) -> None:
    """Unknown actions, models, fields and kinds are named; calls of two actions are no batch."""
    for asked in (
        lambda: system.capture([Step("no.action", Ref("m", "1"))], [None]),
        lambda: system.read([Ref("m", "1")], ["nofield"]),
        lambda: list(system.documents(Kind.SETTING, None)),  # type: ignore[arg-type]
    ):
        with pytest.raises(NotFound):
            asked()
    with pytest.raises(ContractBroken):
        system.apply([*calls_of(1), Call("x", Step(Setting.name, STEP.ref), Image(()))])


def test_options_of_another_kind() -> None:
    """Only the options of this kind open a system."""
    with pytest.raises(ContractBroken):
        connector.open_system("erp", {"url": "http://127.0.0.1"})
