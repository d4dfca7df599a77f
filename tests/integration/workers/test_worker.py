"""`storno worker`: what is queued is carried out once, whoever does it, whatever becomes of whoever did."""

from __future__ import annotations

import signal
import time

import pytest

from connectors.fake.faults import Fault, FaultKind
from core.encoding import loads
from recovery.states import ChangeSetState
from tests.integration.workers.office import Office, wait_until

pytestmark = [pytest.mark.timeout(180)]

APPLIED = ChangeSetState.APPLIED


def test_once(office: Office) -> None:
    """What waits is carried out, and the worker ends when nothing is left."""
    first, second = office.queued(5, "A"), office.queued(3, "B")
    done = office.storno("worker", "--once", "--json")

    assert 0 == done.returncode, done.stderr.decode()[-3000:]
    assert 2 == loads(done.stdout)["done"]
    assert [APPLIED, APPLIED] == [office.state(first), office.state(second)]
    office.assert_once(first, second)


def test_only_what_was_queued(office: Office) -> None:
    """What was approved and not queued is left alone."""
    left_alone = office.approved(2)
    done = office.storno("worker", "--once", "--json")

    assert 0 == done.returncode, done.stderr.decode()[-3000:]
    assert ChangeSetState.APPROVED is office.state(left_alone)


def test_queued_by_command(office: Office) -> None:
    """`--queue` leaves it to a worker, `worker list` shows that it waits, and for whom."""
    change_set = office.approved(2)
    queued = office.storno("close", "run", change_set.id, "--queue", "--yes", "--json")
    listed = office.storno("worker", "list", "--json")
    office.storno("worker", "--once")

    assert 0 == queued.returncode, queued.stderr.decode()
    (waiting,) = loads(listed.stdout)["waiting"]
    assert (change_set.id, ["erp"], "mei") == (
        waiting["change_set_id"],
        waiting["systems"],
        waiting["queued_by"],
    )
    assert APPLIED is office.state(change_set)
    assert [] == loads(office.storno("worker", "list", "--json").stdout)["waiting"]


def test_a_worker_that_waits_hears_of_it(office: Office) -> None:
    """A worker that is up takes what is queued later."""
    office.worker()
    change_set = office.queued(3)

    office.wait_for(change_set, APPLIED)
    office.assert_once(change_set)


def test_ended_in_good_order(office: Office) -> None:
    """SIGTERM: the batch under way is finished, the claim given back, and another worker goes on."""
    change_set = office.queued(40)
    first = office.worker()
    wait_until(lambda: any(line.do == "apply" for line in office.lines()), "nothing was sent")
    office.wait_for(change_set, ChangeSetState.RUNNING, APPLIED)
    first.process.send_signal(signal.SIGTERM)

    assert 0 == first.end(), first.said()[-3000:]
    assert ChangeSetState.RUNNING is office.state(change_set)
    listed = loads(office.storno("worker", "list", "--json").stdout)
    assert [] == listed["claims"]
    office.storno("worker", "--once")
    assert APPLIED is office.state(change_set)
    office.assert_once(change_set)


@pytest.mark.parametrize(
    "point", ["apply.after_capture#2", "apply.after_fence#2", "apply.after_call#2"]
)
def test_killed(office: Office, point: str) -> None:
    """A killed worker's change set is taken over by one that is up, without anybody typing anything."""
    change_set = office.queued(8)
    first = office.worker(point=point)
    first.wait_for_point()
    office.worker()
    first.kill()
    office.wait_for(change_set, APPLIED)

    office.assert_once(change_set)


def test_frozen_loses_it_after_the_lease(office: Office) -> None:
    """Frozen right before it sends: after its lease another worker settles and goes on; nothing is done twice."""
    change_set = office.queued(8)
    first = office.worker(point="apply.after_fence#2")
    first.wait_for_point()
    first.process.send_signal(signal.SIGSTOP)
    begun = time.monotonic()
    office.worker()
    office.wait_for(change_set, APPLIED)
    lasted = time.monotonic() - begun
    first.process.send_signal(signal.SIGCONT)

    assert lasted > office.lease_seconds / 2
    office.assert_once(change_set)


def test_several_at_once(office: Office) -> None:
    """Two workers with two places each share six change sets; each is carried out once."""
    change_sets = [office.queued(6, f"N{n}") for n in range(6)]
    for _ in range(2):
        office.worker("--concurrency", "2")
    for each in change_sets:
        office.wait_for(each, APPLIED)

    office.assert_once(*change_sets)


def test_only_for_some_systems(office: Office) -> None:
    """A worker for another system leaves it alone; one for this system takes it."""
    change_set = office.queued(2)
    refused = office.storno("worker", "--once", "--system", "crm")
    office.politeness = f"  crm: {{kind: fake, url: {office.erp.url}}}"
    office.storno("worker", "--once", "--system", "crm")

    assert 2 == refused.returncode
    assert ChangeSetState.APPROVED is office.state(change_set)
    office.storno("worker", "--once", "--system", "erp")
    assert APPLIED is office.state(change_set)


def test_a_person_is_needed(office: Office) -> None:
    """What a worker cannot do is left for a person, and no worker takes it up again by itself."""
    change_set = office.queued(4)
    office.erp.erp.faults.add(Fault(FaultKind.REFUSED, code="access_denied"))
    office.storno("worker", "--once")
    again = loads(office.storno("worker", "--once", "--json").stdout)

    assert ChangeSetState.PAUSED is office.state(change_set)
    assert 0 == again["done"]
    assert [] == loads(office.storno("worker", "list", "--json").stdout)["waiting"]


def test_a_system_that_never_answers(office: Office) -> None:
    """Nor after so many lost answers: a worker would send into the dark, minute after minute, and tell nobody."""
    change_set = office.queued(2)
    office.erp.erp.faults.add(Fault(FaultKind.LOST, is_applied=False, times=1000))
    office.storno("worker", "--once")
    again = loads(office.storno("worker", "--once", "--json").stdout)

    assert ChangeSetState.PAUSED is office.state(change_set)
    assert 0 == again["done"]
    assert [] == loads(office.storno("worker", "list", "--json").stdout)["waiting"]


def test_a_system_that_is_away(office: Office) -> None:
    """The change set waits a minute and stays queued: the worker takes it up again itself."""
    office.retry_seconds = 0.1
    change_set = office.queued(2)
    office.erp.erp.faults.add(Fault(FaultKind.BUSY, on="capture", times=2))
    office.storno("worker", "--once")
    (waiting,) = loads(office.storno("worker", "list", "--json").stdout)["waiting"]

    assert ChangeSetState.PAUSED is office.state(change_set)
    assert waiting["not_before"] is not None


@pytest.mark.postgres
@pytest.mark.xdist_group("postgres")
def test_the_database_ends_every_connection(shared_office: Office) -> None:
    """As when its server is started anew in the middle of a run: the worker outlives it, and nothing is done twice."""
    change_set = shared_office.queued(30)
    worker = shared_office.worker()
    for _ in range(3):
        count = len(shared_office.lines())
        wait_until(lambda before=count: len(shared_office.lines()) > before, "nothing was sent")  # type: ignore[misc]
        shared_office.end_connections()
    shared_office.wait_for(change_set, APPLIED)

    assert worker.process.poll() is None
    shared_office.assert_once(change_set)
