"""Recipes on real databases: closed, business goes on, taken back; the ERP's own rules find nothing to mend."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from config.systems import OdbcOptions
from connectors.contract import Action, Call, Effect, Image, Kind, Ref, Step
from connectors.odbc.connector import OdbcSystem, open_system
from core.errors import PeriodLocked, RecordMissing, StaleRecord
from core.ids import new_id
from sandbox import mariadb, postgres
from sandbox.legacy.build import Practice, build
from sandbox.legacy.data import PEOPLE, YEAR, Order, periods
from sandbox.legacy.databases import Server
from sandbox.legacy.dump import dump
from sandbox.legacy.office import Office, open_office

RECIPES: Final = {"u8": "u8", "k3": "k3_wise", "digiwin": "workflow", "tiptop": "tiptop"}
ORDERS: Final = 110
SORTS: Final = ("partly", "fully", "invoiced", "untouched")

Prepare = Callable[..., tuple[Practice, OdbcSystem]]


@pytest.fixture(
    params=[
        "sqlite",
        "postgresql",
        "mariadb",
    ]
)
def prepare(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Prepare]:
    """Makes a practice ERP on the backend, and a system that may write it."""
    opened: list[tuple[Practice, OdbcSystem]] = []

    def made(erp: str, **changes: Any) -> tuple[Practice, OdbcSystem]:
        practice, options = _place(request, tmp_path, erp)
        person = PEOPLE[1][1] if erp == "u8" else PEOPLE[1][0]
        everything = {
            **options,
            "recipe": RECIPES[erp],
            "closer": person,
            "time_zone": "Asia/Shanghai",
            **changes,
        }
        system = open_system("legacy", OdbcOptions.model_validate(everything))
        system.trust_as_copy()
        opened.append((practice, system))
        return practice, system

    yield made
    for practice, system in opened:
        system.close()
        practice.drop()


def _place(
    request: pytest.FixtureRequest, folder: Path, erp: str
) -> tuple[Practice, dict[str, Any]]:
    if request.param == "sqlite":
        practice = build(erp, folder / f"{erp}.sqlite", size=ORDERS)
        return practice, {"driver": "SQLite3", "database": str(practice.place)}
    if request.param == "postgresql":
        cluster: postgres.Cluster = request.getfixturevalue("postgres_cluster")
        server = Server.parse(cluster.dsn)
        driver = "PostgreSQL Unicode"
    else:
        running: mariadb.Server = request.getfixturevalue("mariadb_server")
        server = Server(
            backend="mariadb",
            host="127.0.0.1",
            port=running.port,
            user=mariadb.USER,
            password=mariadb.PASSWORD,
        )
        driver = "MariaDB Unicode"
    practice = build(erp, server, size=ORDERS)
    options = {
        "driver": driver,
        "server": server.host,
        "port": server.port,
        "database": practice.database,
        "user": server.user,
    }
    return practice, options | ({"password": server.password} if server.password else {})


@dataclass
class _Closing:
    """One order, the call that closes it, and what was read before and after."""

    system: OdbcSystem
    order: Order
    step: Step
    before: Image
    known: Image | None = None

    @property
    def action(self) -> Action:
        return self.system.actions()[self.step.action]

    @property
    def after(self) -> Image:
        assert self.known is not None
        return self.known

    @property
    def is_possible(self) -> bool:
        return not self.action.problems(self.step, self.before)


def read_orders(practice: Practice, system: OdbcSystem, orders: Iterable[Order]) -> list[_Closing]:
    """Find and capture orders, all of one kind in one go, as a run does."""
    kinds = {"purchase": Kind.PURCHASE_ORDER, "sale": Kind.SALES_ORDER}
    read: list[_Closing] = []
    for side, kind in kinds.items():
        chosen = {practice.number(order): order for order in orders if order.side == side}
        found = system.find(kind, list(chosen)) if chosen else {}
        steps = [Step(f"{kind}.close", ref) for number in chosen for ref in found[number]]
        images = system.capture(steps, [None] * len(steps))
        read += [
            _Closing(system, order, step, before)
            for order, step, before in zip(chosen.values(), steps, images, strict=True)
        ]
    return read


def close(orders: Sequence[_Closing]) -> None:
    for members in _by_action(orders):
        system = members[0].system
        system.apply([Call(new_id(), each.step, each.before) for each in members])
        steps = [each.step for each in members]
        images = system.capture(steps, [each.before for each in members])
        for each, after in zip(members, images, strict=True):
            each.known = after
            assert each.action.is_done(each.step, each.before, after)


def effects(each: _Closing) -> set[Effect]:
    (now,) = each.system.capture([each.step], [each.after])
    return {fact.effect for fact in each.action.later_business(each.step, each.after, now)}


def take_back(orders: Sequence[_Closing]) -> None:
    for members in _by_action(orders):
        system = members[0].system
        steps = [
            step
            for each in members
            for step in each.action.inverse(each.step, each.before, each.after)
        ]
        assert len(steps) == len(members)
        restore = system.actions()[steps[0].action]
        images = system.capture(steps, [each.after for each in members])
        needed = [
            (step, now)
            for step, now in zip(steps, images, strict=True)
            if not restore.is_done(step, now, now)
        ]
        system.apply([Call(new_id(), step, now) for step, now in needed])
        again = system.capture([step for step, _ in needed], [now for _, now in needed])
        for (step, now), then in zip(needed, again, strict=True):
            assert restore.is_done(step, now, then)


def _by_action(orders: Iterable[_Closing]) -> list[list[_Closing]]:
    groups: dict[str, list[_Closing]] = {}
    for each in orders:
        groups.setdefault(each.step.action, []).append(each)
    return list(groups.values())


def close_all(practice: Practice, system: OdbcSystem) -> list[_Closing]:
    """Close every order that can be closed."""
    found = read_orders(practice, system, practice.story.orders)
    possible = [each for each in found if each.is_possible]
    close(possible)
    return possible


@pytest.mark.parametrize("erp", RECIPES)
def test_every_order_there_and_back(prepare: Prepare, erp: str) -> None:
    """Every order that can be closed is closed and taken back, odd ones too: the database is byte for byte as before."""
    practice, system = prepare(erp)
    before = dump(practice)
    found = close_all(practice, system)
    between = dump(practice)
    take_back(found)
    after = dump(practice)

    assert len(found) > ORDERS // 2
    assert before != between
    assert _without_trace(before) == _without_trace(after)


@pytest.mark.parametrize("erp", RECIPES)
def test_business_after_the_close(prepare: Prepare, erp: str) -> None:
    """Received in part, in full and invoiced: told apart, and after the rollback the ERP itself would change nothing."""
    practice, system = prepare(erp)
    found = [
        each
        for each in close_all(practice, system)
        if each.order.odd is None and not any(line.received for line in each.order.lines)
    ]
    chosen = [each for side in ("purchase", "sale") for each in found if each.order.side == side][
        :40
    ]
    told: dict[str, set[Effect]] = {}
    with open_office(practice) as office:
        sorts = [SORTS[number % len(SORTS)] for number, _ in enumerate(chosen)]
        for sort, each in zip(sorts, chosen, strict=True):
            _go_on(office, each.order, sort)
            told[sort] = told.get(sort, set()) | effects(each)
        take_back([e for sort, e in zip(sorts, chosen, strict=True) if sort != "invoiced"])
        between = dump(practice)
        for each in chosen:
            office.recompute(each.order)

    assert told["untouched"] == set()
    assert told["partly"] == told["fully"] == {Effect.CHANGES_RESULT}
    assert Effect.BLOCKS in told["invoiced"]
    assert between == dump(practice)


def _go_on(office: Office, order: Order, sort: str) -> None:
    missing = {line: held.ordered - held.received for line, held in office.lines(order).items()}
    open_lines = {line: left for line, left in missing.items() if left > 0}
    if sort == "partly":
        line, left = next(iter(open_lines.items()))
        office.receive(order, {line: (left / 2).quantize(Decimal("0.001"))})
    elif sort in ("fully", "invoiced"):
        office.receive(order)
        if sort == "invoiced":
            office.invoice(order)


def test_nobody_is_overwritten(prepare: Prepare) -> None:
    """A line that somebody else changed, removed or added since the image refuses the close."""
    practice, system = prepare("k3")
    one, two = [
        each
        for each in read_orders(practice, system, practice.story.orders)
        if each.is_possible and each.order.odd is None
    ][:2]
    with open_office(practice) as office:
        office.change_quantity(one.order, one.order.lines[0].no, Decimal(77))
    with closing(practice.connect()) as session:
        key = int(two.step.ref.key)
        table = {"POOrder": "POOrderEntry", "SEOrder": "SEOrderEntry"}[two.step.ref.model]
        session.run(f'delete from "{table}" where "FInterID" = ? and "FEntryID" = 1', [key])
        session.commit()
    before = dump(practice)

    for each in (one, two):
        with pytest.raises((StaleRecord, RecordMissing)):
            system.apply([Call(new_id(), each.step, each.before)])
    assert before == dump(practice)


def test_an_added_line_names_its_order(prepare: Prepare) -> None:
    """The one order is refused by name, so the rest of a batch need not be tried half by half."""
    practice, system = prepare("k3")
    one, two, three = [
        each
        for each in read_orders(practice, system, practice.story.side("purchase"))
        if each.is_possible and each.order.odd is None
    ][:3]
    with closing(practice.connect()) as session:
        mine = f'"FInterID" = {two.step.ref.key} and "FEntryID" = 1'
        session.run(f'create table "copied" as select * from "POOrderEntry" where {mine}')
        session.run('update "copied" set "FEntryID" = 99')
        session.run('insert into "POOrderEntry" select * from "copied"')
        session.run('drop table "copied"')
        session.commit()
    calls = [Call(new_id(), each.step, each.before) for each in (one, two, three)]

    with pytest.raises(StaleRecord) as caught:
        system.apply(calls)

    assert (calls[1].operation_id,) == caught.value.offenders


def test_a_period_that_closes_meanwhile(prepare: Prepare) -> None:
    """The period is asked for once more within the transaction; its flags are never written."""
    practice, system = prepare("u8")
    still_open = {(YEAR, month) for month, is_closed in periods() if not is_closed}
    found = next(
        each
        for each in read_orders(practice, system, practice.story.orders)
        if each.order.odd is None
        and (each.order.day.year, each.order.day.month) in still_open
        and each.is_possible
    )
    with open_office(practice) as office:
        office.post_period(found.order.day.month)
    before = dump(practice)

    with pytest.raises(PeriodLocked):
        system.apply([Call(new_id(), found.step, found.before)])
    assert before == dump(practice)


def test_one_line_of_an_order(prepare: Prepare) -> None:
    """Two lines closed one after the other; the first taken back leaves the second closed and the header in part."""
    practice, system = prepare("k3")
    chosen = next(
        each
        for each in read_orders(practice, system, practice.story.side("purchase"))
        if each.order.odd is None
        and len(each.order.lines) >= 2
        and each.order.state == "confirmed"
        and each.is_possible
        and not any(line.received for line in each.order.lines)
    )
    order, ref, action = chosen.order, chosen.step.ref, chosen.action
    images: list[tuple[Step, Image, Image]] = []
    for line in order.lines[:2]:
        step = Step(action.name, ref, {"lines": (f"{ref.key}|{line.no}",)})
        (before,) = system.capture([step], [None])
        system.apply([Call(new_id(), step, before)])
        (after,) = system.capture([step], [before])
        assert action.is_done(step, before, after)
        images.append((step, before, after))
    (back,) = action.inverse(*images[0])
    (now,) = system.capture([back], [None])
    system.apply([Call(new_id(), back, now)])
    first, second = (
        system.read([Ref("POOrderEntry", f"{ref.key}|{line.no}")], ["FMRPClosed"])[0]
        for line in order.lines[:2]
    )
    with open_office(practice) as office:
        between = dump(practice)
        office.recompute(order)

    assert first.fields == {"FMRPClosed": 0}
    assert second.fields == {"FMRPClosed": 1}
    assert between == dump(practice)


def test_check_names_what_differs(prepare: Prepare) -> None:
    """A column that is gone and one of another type are named, and nothing is done with that kind."""
    practice, system = prepare("tiptop")
    assert system.check().limits == ()
    with closing(practice.connect()) as session:
        session.run('alter table "pmn_file" rename column "pmn57" to "pmn_x"')
        session.commit()
    checked = system.check()

    assert not checked.sees_everything
    assert any("pmn_file.pmn57" in str(limit) for limit in checked.limits)
    support = {each.action: each.is_available for each in checked.actions}
    assert not support["purchase_order.close"]
    assert support["sales_order.close"]


def _without_trace(content: Any) -> Any:
    return {
        table: {
            key: {name: value for name, value in row.items() if name not in ("ufts", "FLAG")}
            for key, row in rows.items()
        }
        for table, rows in content.items()
    }
