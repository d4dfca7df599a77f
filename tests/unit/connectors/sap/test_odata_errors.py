"""A Gateway's answers become errors by status and code, whatever their texts say."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.http import HttpAnswer
from connectors.sap.errors import Vocabulary
from connectors.sap.odata_errors import from_answer, messages_in, require_no_error
from core.encoding import dumps
from core.errors import (
    AccessDenied,
    BadAnswer,
    BadInput,
    Busy,
    ContractBroken,
    LoginFailed,
    OutcomeUnknown,
    RecordMissing,
    Rejected,
    StaleRecord,
    StateRefused,
    StornoError,
)

JSON = {"content-type": "application/json;charset=utf-8"}
PAGE = {"content-type": "text/html"}


def answer(status: int, code: str = "", headers: Any = JSON) -> HttpAnswer:
    body = (
        {"error": {"code": code, "message": {"lang": "de", "value": "irgendwas"}}} if code else {}
    )
    return HttpAnswer(status, headers, dumps(body))


@pytest.mark.parametrize(
    "given, is_write, error",
    [
        (answer(400, "06/020"), True, StateRefused),
        (answer(400, "06/019"), True, RecordMissing),
        (answer(400, "ME/006"), True, Rejected),
        (answer(400, "XX/001"), True, Rejected),
        (answer(400, "005056A509B11EE1B9A8FEC11C23378E"), True, Rejected),
        (answer(400, "005056A509B11EE1B9A8FEC11C23378E"), False, BadInput),
        (answer(404, "/IWBEP/CM_MGW_RT/020"), True, RecordMissing),
        (answer(412, "/IWBEP/CM_MGW_RT/103"), True, StaleRecord),
        (answer(428), True, StaleRecord),
        (answer(423, "ME/006"), True, Rejected),
        (answer(401, headers=PAGE), True, LoginFailed),
        (answer(403, headers=PAGE), True, AccessDenied),
        (answer(403, "/IWFND/MED/170"), True, AccessDenied),
        (answer(403, headers={"x-csrf-token": "Required"}), True, AccessDenied),
        (answer(500, "S&/101"), True, Rejected),
        (answer(500, "XX/001"), True, OutcomeUnknown),
        (answer(500, "XX/001"), False, BadAnswer),
        (answer(503, "XX/001"), False, Busy),
        (answer(500, headers=PAGE), True, OutcomeUnknown),
        (answer(502, headers=PAGE), True, OutcomeUnknown),
        (answer(503, headers=PAGE), False, Busy),
        (answer(400, headers=PAGE), True, ContractBroken),
        (answer(405), True, ContractBroken),
    ],
)
def test_an_answer_is_one_error(
    given: HttpAnswer, is_write: bool, error: type[StornoError]
) -> None:
    """Below 500 nothing happened; from 500 on only SAP's own word that the update failed says so."""
    assert error is type(from_answer("erp", "STORNO", Vocabulary(), given, is_write=is_write))


def test_messages_of_both_versions_are_read() -> None:
    """The first message and its details, whether their weight is a word or a number."""
    older = {
        "error": {
            "code": "06/020",
            "message": {"lang": "en", "value": "deleted"},
            "innererror": {
                "errordetails": [
                    {"code": "ME/006", "message": "locked", "severity": "error"},
                    {"code": "ME/007", "message": "by the way", "severity": "info"},
                ]
            },
        }
    }
    newer = {
        "error": {
            "code": "06/020",
            "message": "deleted",
            "details": [
                {"code": "ME/006", "message": "locked", "@Common.numericSeverity": 4},
                {"code": "ME/007", "message": "by the way", "@Common.numericSeverity": 2},
            ],
        }
    }
    expected = [
        ("E", "06 020", "deleted"),
        ("E", "ME 006", "locked"),
        ("I", "ME 007", "by the way"),
    ]
    for body in (older, newer):
        found = messages_in(HttpAnswer(400, JSON, dumps(body)))
        assert expected == [(each.type, each.code, each.said) for each in found]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"error": 1}', b"{", b"[" * 100_000, b'{"a": 1E999999999}']
)
def test_what_is_no_error_has_no_messages(body: bytes) -> None:
    """However crooked, it is an answer without SAP's words and never an accident of ours."""
    assert [] == list(messages_in(HttpAnswer(400, JSON, body)))


def test_a_success_with_an_error_message_is_doubt() -> None:
    """`sap-message`: warnings pass, an error beside a success is settled by reading."""

    def with_message(severity: str) -> HttpAnswer:
        told = {"code": "ME/083", "message": "check it", "severity": severity, "details": []}
        return HttpAnswer(204, {"sap-message": dumps(told).decode()}, b"")

    require_no_error("erp", with_message("warning"))
    require_no_error("erp", HttpAnswer(204, {"sap-message": "no JSON"}, b""))
    with pytest.raises(OutcomeUnknown):
        require_no_error("erp", with_message("error"))
