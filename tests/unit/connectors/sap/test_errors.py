"""What SAP says becomes one error, by type, class and number."""

from __future__ import annotations

import pytest

from connectors.http import HttpAnswer
from connectors.sap.envelopes import SoapFault
from connectors.sap.errors import Vocabulary, from_answer, from_fault, message_of
from core.errors import (
    AccessDenied,
    BadAnswer,
    Busy,
    ContractBroken,
    LoginFailed,
    NotFound,
    OutcomeUnknown,
    PeriodLocked,
    RecordMissing,
    Rejected,
    StateRefused,
    StornoError,
)


def row(kind: str, code: str, **others: str) -> dict[str, str]:
    ident, _, number = code.rpartition(" ")
    return {"TYPE": kind, "ID": ident, "NUMBER": number, "MESSAGE": "说", **others}


@pytest.mark.parametrize(
    "given, code",
    [
        (row("E", "06 019"), "06 019"),  # BAPIRET2 and BAPIRETURN1
        ({"TYPE": "E", "CODE": "V1302", "MESSAGE": "x"}, "V1 302"),  # BAPIRETURN
        ({"TYPE": "E", "CODE": "", "MESSAGE": "x"}, " "),
        (row("E", "MMPUR_INTEGRATION_PO 2"), "MMPUR_INTEGRATION_PO 002"),
    ],
)
def test_every_shape_of_a_message_is_read(given: dict[str, str], code: str) -> None:
    """Class and number stand apart, or together in CODE."""
    assert code == message_of(given).code


@pytest.mark.parametrize(
    "code, error",
    [
        ("06 019", RecordMissing),
        ("F5 201", PeriodLocked),
        ("06 020", StateRefused),
        ("ME 006", Rejected),
        ("S& 101", Rejected),
        ("XX 999", Rejected),
        ("ME 019", Rejected),  # another class with the number of a missing document
        ("06 201", Rejected),  # and of a closed period
        ("ZZ 001", AccessDenied),
    ],
)
@pytest.mark.parametrize("kind", ["E", "A"])
def test_class_and_number_choose_the_error(kind: str, code: str, error: type[StornoError]) -> None:
    """The words may be in any language; a site's own numbers count like those that are known."""
    vocabulary = Vocabulary(rights=frozenset({"ZZ 001"}))
    found = vocabulary.error("erp", [message_of(row(kind, code))])
    assert error is type(found)
    assert found is not None
    assert "说" in str(found.details["said"])


@pytest.mark.parametrize(
    "code, said", [("ME 006", "somebody else is working on it"), ("S& 101", "SM13")]
)
def test_locks_and_failed_updates_are_told_as_such(code: str, said: str) -> None:
    """Both are refusals like others to a program; a person is told what to do about them."""
    found = Vocabulary().error("erp", [message_of(row("E", code))])
    assert said in str(found)


def test_the_message_that_is_known_counts_before_a_general_one() -> None:
    """SAP says first that no instance was changed, and then why."""
    found = Vocabulary().error(
        "erp", [message_of(row("E", "BAPI 001")), message_of(row("E", "06 020"))]
    )
    assert isinstance(found, StateRefused)


@pytest.mark.parametrize("kind", ["S", "I", "W", ""])
def test_warnings_refuse_nothing(kind: str) -> None:
    """Success, information and warnings stand in the way of no COMMIT, and an empty row is no message."""
    assert Vocabulary().error("erp", [message_of(row(kind, "06 020"))]) is None


@pytest.mark.parametrize(
    "fault, commits, error",
    [
        (SoapFault("Server", "NOT_FOUND", "x"), True, Rejected),
        (SoapFault("Server", None, "x"), True, OutcomeUnknown),
        (SoapFault("Server", None, "x"), False, Rejected),
        (SoapFault("Client", None, "x"), True, ContractBroken),
    ],
)
def test_a_fault_of_a_change(fault: SoapFault, *, commits: bool, error: type[StornoError]) -> None:
    """An exception of ABAP kept nothing; any other fault of a call that commits leaves doubt."""
    assert error is type(from_fault("erp", "F", fault, is_write=True, commits=commits))


def test_a_fault_of_a_reading_may_be_repeated() -> None:
    """Nothing was changed by reading."""
    found = from_fault("erp", "F", SoapFault("Server", None, "x"), is_write=False, commits=False)
    assert BadAnswer is type(found)


@pytest.mark.parametrize(
    "status, is_write, error",
    [
        (401, True, LoginFailed),
        (403, True, AccessDenied),
        (404, True, NotFound),
        (500, True, OutcomeUnknown),
        (500, False, BadAnswer),
        (503, True, OutcomeUnknown),
        (503, False, Busy),
        (200, True, OutcomeUnknown),
        (200, False, BadAnswer),
    ],
)
def test_pages_of_the_web_server(status: int, *, is_write: bool, error: type[StornoError]) -> None:
    """An HTML page is judged by its status; from 500 on nobody knows what a change has become."""
    answer = HttpAnswer(status, {"content-type": "text/html"}, b"<html>")
    assert error is type(from_answer("erp", "U", answer, is_write=is_write))
