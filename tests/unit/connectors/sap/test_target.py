"""What a check calls: test runs that keep nothing, and nothing else."""

from __future__ import annotations

from typing import Any, cast

import pytest

from connectors.sap.shapes import Function, Member, Structure
from connectors.sap.target import _test_run
from connectors.sap.transport import Endpoint, Session
from connectors.sap.values import Scalar
from core.errors import (
    AccessDenied,
    LoginFailed,
    NotFound,
    RecordMissing,
    Rejected,
    StornoError,
    Unreachable,
)


class Witness:
    """Stands for the session: keeps what is called, and raises what it was told to."""

    def __init__(self, error: StornoError | None = None) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.error = error

    def call(self, endpoint: Endpoint, parameters: dict[str, Any], **_: Any) -> None:
        self.calls.append((endpoint.function.name, parameters))
        if self.error is not None:
            raise self.error


def endpoint(name: str, *parameters: str) -> Endpoint:
    members = {each: Member(each, each, Scalar()) for each in parameters}
    request = Structure("request", members)
    return Endpoint(Function(name, name, "", request, "", Structure("answer", {}), ""), "/sap/x")


def tried(witness: Witness, change: Endpoint, check: Endpoint | None = None) -> str | None:
    found = _test_run(cast("Session", witness), change, check)
    return None if found is None else str(found)


@pytest.mark.parametrize(
    "change, check, called",
    [
        (endpoint("BAPI_PO_CHANGE", "PURCHASEORDER", "TESTRUN"), None, {"TESTRUN": "X"}),
        (endpoint("BAPI_SALESORDER_CHANGE", "SIMULATION"), None, {"SIMULATION": "X"}),
        (endpoint("BAPI_PRODORD_CLOSE", "ORDERS"), None, None),
    ],
)
def test_a_change_is_tried_as_a_test_run_or_not_at_all(
    change: Endpoint, check: Endpoint | None, called: dict[str, Any] | None
) -> None:
    """Without the flag the check itself would change something."""
    witness = Witness()
    assert tried(witness, change, check) is None
    assert ([] if called is None else [(change.function.name, called)]) == witness.calls


def test_a_check_of_saps_own_is_called_in_its_place() -> None:
    """Where a posting has one beside it, the posting itself is not called."""
    witness = Witness()
    post = endpoint("BAPI_ACC_DOCUMENT_REV_POST", "REVERSAL")
    assert tried(witness, post, endpoint("BAPI_ACC_DOCUMENT_REV_CHECK", "REVERSAL")) is None
    assert [("BAPI_ACC_DOCUMENT_REV_CHECK", {})] == witness.calls


@pytest.mark.parametrize(
    "error, is_trouble",
    [
        (AccessDenied(system="erp", said="no right"), True),
        (NotFound(what="service", name="erp"), True),
        (RecordMissing(system="erp", said="no such order"), False),
        (Rejected(system="erp", said="order is missing"), False),
    ],
)
def test_what_a_test_run_says_is_judged(error: StornoError, *, is_trouble: bool) -> None:
    """That there is no such document is the answer of a function that works."""
    found = tried(Witness(error), endpoint("BAPI_PO_CHANGE", "TESTRUN"))
    assert is_trouble is (found is not None)


@pytest.mark.parametrize(
    "error",
    [
        LoginFailed(system="erp", user="STORNO", said="wrong password"),
        Unreachable(system="erp", problem="no route"),
    ],
)
def test_who_is_not_let_in_has_checked_nothing(error: StornoError) -> None:
    """Descriptions may lie in files: the test run is then the first call, and its error is the answer."""
    with pytest.raises(type(error)):
        tried(Witness(error), endpoint("BAPI_PO_CHANGE", "TESTRUN"))
