"""Failures that are ordered happen to the request that they are meant for, and leave what they say."""

from __future__ import annotations

import http.client
import json

import pytest

from sandbox.odoo.faults import Fault
from sandbox.odoo.instance import Odoo
from tests.sandbox.odoo.caller import Caller

PARTNER = "res.partner"


def vendor(odoo: Odoo) -> int:
    return odoo.company.partners["vendor"]


def ref(odoo: Odoo) -> object:
    return odoo.db.stores[PARTNER].rows[vendor(odoo)].get("ref", False)


@pytest.mark.parametrize("kind", ["lost", "cut"])
@pytest.mark.parametrize("is_applied", [True, False])
def test_broken_connection(odoo: Odoo, admin: Caller, kind: str, is_applied: bool) -> None:
    """A connection breaks without a whole answer, and the work is done or not, as ordered."""
    odoo.faults.add(Fault(kind, method="write", is_applied=is_applied))

    with pytest.raises((http.client.HTTPException, OSError)):
        admin.raw(PARTNER, "write", [vendor(odoo)], {"ref": "X"})

    assert ("X" if is_applied else False) == ref(odoo)
    assert [False] == [line.is_answered for line in odoo.ledger.lines()]


@pytest.mark.parametrize(
    "fault, status",
    [
        (Fault("html"), 200),
        (Fault("garbage"), 200),
        (Fault("status", status=502), 502),
        (Fault("status", status=504), 504),
        (Fault("login"), 303),
    ],
    ids=["html", "garbage", "502", "504", "login"],
)
def test_answer_of_somebody_else(odoo: Odoo, admin: Caller, fault: Fault, status: int) -> None:
    """A proxy's page comes instead of an answer, and nothing is done."""
    odoo.faults.add(fault)

    told, body = admin.raw(PARTNER, "write", [vendor(odoo)], {"ref": "X"})

    assert status == told
    with pytest.raises(ValueError):  # noqa: PT011 - whatever the parser says, it is no JSON
        json.loads(body)
    assert False is ref(odoo)


def test_worker_limit_rolls_back(odoo: Odoo, admin: Caller) -> None:
    """A worker that hits its time limit closes the connection, and its work is undone."""
    odoo.faults.add(Fault("worker_limit"))

    with pytest.raises((http.client.HTTPException, OSError)):
        admin.raw(PARTNER, "write", [vendor(odoo)], {"ref": "X"})

    assert False is ref(odoo)


def test_serialization_failure(odoo: Odoo, admin: Caller) -> None:
    """A serialization failure is told by its class, and nothing is done."""
    odoo.faults.add(Fault("serialization", model=PARTNER, method="write"))

    _, body = admin.raw(PARTNER, "write", [vendor(odoo)], {"ref": "X"})

    assert "psycopg2.errors.SerializationFailure" == json.loads(body)["error"]["data"]["name"]
    assert False is ref(odoo)


def test_somebody_else_writes_first(odoo: Odoo, admin: Caller) -> None:
    """A colleague's write comes between, and it is theirs in the record."""
    odoo.faults.add(Fault("edit", method="read", values={"ref": "theirs"}))

    (row,) = admin(PARTNER, "read", [vendor(odoo)], ["ref", "write_uid"])

    assert ("theirs", "Colleague") == (row["ref"], row["write_uid"][1])


def test_only_the_nth_call_of_a_record(odoo: Odoo, admin: Caller) -> None:
    """A fault meets the call that it names, and no other."""
    fault = Fault("refused", method="write", record=vendor(odoo), nth=2, said="Not you.")
    odoo.faults.add(fault)

    admin(PARTNER, "write", [odoo.company.partners["customer"]], {"ref": "A"})
    admin(PARTNER, "write", [vendor(odoo)], {"ref": "A"})
    with pytest.raises(RuntimeError, match="Not you"):
        admin(PARTNER, "write", [vendor(odoo)], {"ref": "B"})
    admin(PARTNER, "write", [vendor(odoo)], {"ref": "C"})

    assert "C" == ref(odoo)
    assert [(fault, 1)] == odoo.faults.fired()


def test_unknown_kind_is_refused_when_ordered() -> None:
    """A fault that could never happen is told at once."""
    with pytest.raises(ValueError, match="sloow"):
        Fault("sloow")
