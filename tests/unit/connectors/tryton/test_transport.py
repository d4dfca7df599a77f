"""Promises of the two dialects and of the session that both use."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from connectors.answers import LONGEST_SAID
from connectors.http import HttpAnswer, HttpClient
from connectors.tryton.errors import Fault, from_fault, from_status
from connectors.tryton.transport import (
    Dialect,
    JsonDialect,
    Session,
    XmlDialect,
    field_value,
    to_wire,
    write_value,
)
from core.errors import (
    AccessDenied,
    BadAnswer,
    BadInput,
    Busy,
    ContractBroken,
    LoginFailed,
    NotFound,
    OutcomeUnknown,
    PeriodLocked,
    RateLimited,
    RecordMissing,
    Rejected,
    StaleRecord,
    StateRefused,
    StornoError,
)
from tests.unit.connectors.tryton.recorded import recorded

DIALECTS: dict[str, Dialect] = {"json": JsonDialect(), "xml": XmlDialect()}

TYPED = (
    st.decimals(allow_nan=False, allow_infinity=False)
    | st.dates()
    | st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.replace(fold=0))
    | st.times().map(lambda moment: moment.replace(fold=0))
    | st.timedeltas(timedelta(days=-40_000), timedelta(days=40_000))
    | st.binary()
)


@given(TYPED)
def test_typed_values_keep_everything(value: Any) -> None:
    """Decimals with their zeros, moments with their microseconds and bytes pass both ways unchanged."""
    body = json.dumps({"id": 1, "result": to_wire(value)}).encode()
    assert repr(value) == repr(JsonDialect().decode(body, system="erp"))


def test_request_has_three_keys() -> None:
    """One key more and Tryton answers in another form."""
    assert {"id", "method", "params"} == json.loads(JsonDialect().encode("m", [1])).keys()


@pytest.mark.parametrize("name", DIALECTS)
def test_recorded_order(name: str) -> None:
    """Both dialects read the same order: quantities as decimals, dates, ids and None, whichever way they came."""
    (row,) = DIALECTS[name].decode(recorded(f"read_order_{name}").body, system="erp")
    line = row["lines."][0]
    assert {
        "purchase_date": date,
        "write_date": datetime,
        "_timestamp": str,
        "total_amount_cache": Decimal,
        "comment": type(None),
    } == {
        name: type(row[name])
        for name in ("purchase_date", "write_date", "_timestamp", "total_amount_cache", "comment")
    }
    assert (Decimal, Decimal, ()) == (
        type(line["quantity"]),
        type(line["unit_price"]),
        field_value(line["moves_ignored"]),
    )


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize(
    "case, expected",
    [
        ("wrong_state", StateRefused),
        ("missing_record", RecordMissing),
        ("stale_record", StaleRecord),
        ("unknown_field", Rejected),
        ("access", AccessDenied),
        ("warning", Rejected),
    ],
)
def test_recorded_refusals(name: str, case: str, expected: type[StornoError]) -> None:
    """What Tryton refuses becomes the same error over both dialects, in its own words."""
    kept = recorded(f"{case}_{name}")
    with pytest.raises(Fault) as raised:
        DIALECTS[name].decode(kept.body, system="erp")
    error = from_fault("erp", "storno", raised.value, is_write=kept.is_write)
    assert (expected, raised.value.said) == (type(error), error.details["said"])


def test_warning_keeps_its_name_over_json_only() -> None:
    """That is why JSON-RPC is the default: only there a person could answer the warning."""
    names = []
    for name, dialect in DIALECTS.items():
        with pytest.raises(Fault) as raised:
            dialect.decode(recorded(f"warning_{name}").body, system="erp")
        names.append(raised.value.warning)
    assert names == ["54cadfd2d349f89083de1868ea0fef27.invoice_date_future", None]


def test_long_errors_are_cut() -> None:
    """Tryton hangs 70 kB of definitions to an error; they reach neither log nor person."""
    body = json.dumps(
        {"id": 1, "error": ["UserError", ["no " * 999, "x", [[], {"f": "y" * 70_000}]]]}
    )
    with pytest.raises(Fault) as raised:
        JsonDialect().decode(body.encode(), system="erp")
    assert len(raised.value.said) == LONGEST_SAID


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"id":1}', b'{"id":1,"error":[]}', b'{"id":1,"result":[1']
)
def test_not_json_rpc(body: bytes) -> None:
    """What is not the protocol is no answer."""
    with pytest.raises(BadAnswer):
        JsonDialect().decode(body, system="erp")


@pytest.mark.parametrize("is_write", [False, True])
def test_unknown_exception(*, is_write: bool) -> None:
    """An exception that Tryton does not know as its own may come from after the commit of a write."""
    expected = OutcomeUnknown if is_write else Rejected
    assert expected is type(from_fault("erp", "u", Fault("", "'nope'"), is_write=is_write))


@pytest.mark.parametrize(
    "said, expected",
    [
        ('You cannot add/modify/delete lines on closed journal-period "x".', PeriodLocked),
        ('You cannot modify invoice "1" because it is posted, paid or cancelled.', StateRefused),
        ('Calling button "process on "Purchase" is not allowed.', AccessDenied),
        ('You are not allowed to modify the field "State" of "Purchase".', AccessDenied),
        ('To close period "2026-10" you must post the moves "(95)".', Rejected),
    ],
)
def test_user_errors_by_text(said: str, expected: type[StornoError]) -> None:
    """Tryton has no code for these: the English words decide."""
    assert expected is type(from_fault("erp", "u", Fault("UserError", said), is_write=True))


def test_locked_sqlite_is_busy() -> None:
    """SQLite that cannot get its lock has changed nothing: the call may be repeated."""
    assert isinstance(from_fault("erp", "u", Fault("", "database is locked"), is_write=True), Busy)


@pytest.mark.parametrize(
    "status, read, write",
    [
        (200, None, None),
        (302, BadInput, BadInput),
        (401, LoginFailed, LoginFailed),
        (403, AccessDenied, AccessDenied),
        (404, NotFound, NotFound),
        (408, BadAnswer, OutcomeUnknown),
        (422, ContractBroken, ContractBroken),
        (429, RateLimited, RateLimited),
        (500, BadAnswer, OutcomeUnknown),
        (502, Busy, OutcomeUnknown),
        (503, Busy, OutcomeUnknown),
    ],
)
def test_statuses(
    status: int, read: type[StornoError] | None, write: type[StornoError] | None
) -> None:
    """Below 500 nothing was done; from 500 on nobody knows what became of a write."""
    answer = HttpAnswer(status, {"retry-after": "7"}, b"<html>")
    for is_write, expected in ((False, read), (True, write)):
        error = from_status("erp", "u", "db", answer, is_write=is_write)
        assert expected is (None if error is None else type(error))


def test_written_values() -> None:
    """A float field gets the very double that was read, a numeric field its exact decimal."""
    assert (45.6, Decimal("45.60"), [3, 4]) == (
        write_value(Decimal("45.6"), "float"),
        write_value(Decimal("45.60"), "numeric"),
        write_value((3, 4), "many2many"),
    )


def test_time_value() -> None:
    """A time of day goes to the wire as Tryton writes it."""
    assert to_wire(time(1, 2, 3, 4)) == {
        "__class__": "time",
        "hour": 1,
        "minute": 2,
        "second": 3,
        "microsecond": 4,
    }


# --- session ----------------------------------------------------------------------------------------------


class Desk:
    """Plays the server's session desk: every call is counted, sessions end when told to."""

    def __init__(self, server: HTTPServer) -> None:
        self.calls: list[str] = []
        self.sessions = 0
        self.refused: set[str] = set()
        self.answers: dict[str, Callable[[], Response]] = {}
        self.http = HttpClient("erp", server.url_for("/"), write_timeout_seconds=5)
        self.session = Session(
            "erp", self.http, JsonDialect(), database="db", user="storno", password="secret-word"
        )
        server.expect_request("/db/rpc/").respond_with_handler(self.answer)

    def answer(self, request: Request) -> Response:
        method = json.loads(request.data)["method"]
        self.calls.append(method)
        if method == "common.db.login":
            self.sessions += 1
            return self.result([7, f"token{self.sessions}", None])
        if request.headers.get("Authorization", "") in self.refused:
            return Response(status=401)
        if method in self.answers:
            return self.answers[method]()
        return self.result(
            {"company": 1, "language": "de", "locale": {}} if "get_pref" in method else 42
        )

    def end_session(self) -> None:
        assert self.session._authorization is not None
        self.refused.add(self.session._authorization)

    @staticmethod
    def result(value: Any) -> Response:
        return Response(json.dumps({"id": 1, "result": value}), content_type="application/json")


@pytest.fixture
def desk(httpserver: HTTPServer) -> Desk:
    return Desk(httpserver)


def test_first_call_logs_in(desk: Desk) -> None:
    """Nothing is sent before it is needed; then one log-in, the user's context, the call."""
    assert desk.session.model("m", "write", [1], is_write=True) == 42
    assert desk.calls == ["common.db.login", "model.res.user.get_preferences", "model.m.write"]


def test_ended_session_is_renewed_once(desk: Desk) -> None:
    """A 401 says that nothing was done: one new session, and the write is sent once more, not twice."""
    desk.session.log_in()
    desk.end_session()
    desk.calls.clear()
    desk.session.model("m", "write", [1], is_write=True)
    assert desk.calls == ["model.m.write", "common.db.login", "model.m.write"]


def test_session_that_is_never_accepted(desk: Desk) -> None:
    """A server that refuses fresh sessions too is left alone."""
    desk.answers["model.m.write"] = lambda: Response(status=401)
    with pytest.raises(LoginFailed):
        desk.session.model("m", "write", [1], is_write=True)
    assert desk.calls.count("model.m.write") == 2


@pytest.mark.parametrize("body", [b"<html>login please</html>", b'{"id":1,"resu'])
def test_unreadable_answer_to_a_write(desk: Desk, body: bytes) -> None:
    """An answer that is none leaves a write in doubt; it is not sent again."""
    desk.answers["model.m.write"] = lambda: Response(body)
    with pytest.raises(OutcomeUnknown):
        desk.session.model("m", "write", [1], is_write=True)
    assert desk.calls.count("model.m.write") == 1


def test_writes_speak_english(httpserver: HTTPServer, desk: Desk) -> None:
    """Refusals are told apart by their English words; what is read comes in the user's language."""
    languages = []

    def answer(request: Request) -> Response:
        asked = json.loads(request.data)
        if asked["method"].startswith("model.m."):
            languages.append(asked["params"][-1]["language"])
        return desk.answer(request)

    httpserver.clear()
    httpserver.expect_request("/db/rpc/").respond_with_handler(answer)
    desk.session.model("m", "read", [1])
    desk.session.model("m", "write", [1], is_write=True)
    assert languages == ["de", "en"]


def test_wrong_password() -> None:
    """A wrong password is said without repeating it."""
    with pytest.raises(LoginFailed) as raised:
        _answered(Response("<html>", status=401)).log_in()
    assert "secret-word" not in str(raised.value)


def test_second_factor_is_asked_for() -> None:
    """A log-in that wants more than a password is refused: nobody is there to type it."""
    error = {"id": 1, "error": ["LoginException", ["sms", "Code for storno", "char"]]}
    with pytest.raises(LoginFailed):
        _answered(Response(json.dumps(error))).log_in()


def test_close_logs_out_once(desk: Desk) -> None:
    """A session that was opened is ended; a server that is gone needs no log-out."""
    desk.session.log_in()
    desk.session.close()
    assert desk.calls[-1] == "common.db.logout"


def _answered(answer: Response) -> Session:
    """Return a session whose every request gets this answer."""

    class Fixed(HttpClient):
        def request(self, *_args: Any, **_named: Any) -> HttpAnswer:
            return HttpAnswer(answer.status_code, {}, answer.get_data())

    http = Fixed("erp", "http://127.0.0.1:9")
    return Session("erp", http, JsonDialect(), database="db", user="storno", password="secret-word")
