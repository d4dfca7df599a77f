"""Promises of the session: one dialect, one log-in, one request a call."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from connectors.contract import Ref
from connectors.http import HttpAnswer
from connectors.odoo.actions import Guard
from connectors.odoo.transport import Session, Version, open_session, read_version
from core.errors import (
    BadAnswer,
    BadInput,
    Busy,
    ContractBroken,
    LoginFailed,
    NotFound,
    OutcomeUnknown,
    StaleRecord,
    StornoError,
    Unreachable,
)
from tests.unit.connectors.odoo.recordings import recording
from tests.unit.connectors.odoo.wire import VERSION, Odoo, Sent, Wire, always, json_answer

NOT_FOUND = HttpAnswer(404, {}, b"<html>Not Found</html>")
XML_VERSION = recording(18, "common_version").answer
WEB_VERSION = HttpAnswer(
    200, {}, json.dumps({"version": "20.0", "version_info": [20, 0, 0, "final", 0, ""]}).encode()
)


class UserError(Exception):
    """A refusal of Odoo's."""


def session_with(
    answer: Callable[[Sent], HttpAnswer], transport: str = "auto"
) -> tuple[Session, Wire]:
    """Return a session whose server answers by a function."""
    wire = Wire(answer)
    session = Session(
        "erp", wire, database="db", user="storno", secret="hidden", transport=transport
    )
    return session, wire


def by_path(**answers: HttpAnswer) -> Callable[[Sent], HttpAnswer]:
    """Answer by the first part of the path; everything else is not found."""
    return lambda sent: answers.get(sent.path.partition("/")[0], NOT_FOUND)


# --- which dialect ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answers, name, series",
    [
        ({"jsonrpc": json_answer(VERSION), "xmlrpc": XML_VERSION}, "JSON-RPC", 18),
        ({"xmlrpc": XML_VERSION, "web": WEB_VERSION}, "XML-RPC", 18),
        ({"web": WEB_VERSION}, "JSON-2", 20),
        ({"jsonrpc": HttpAnswer(200, {}, b"<html>"), "xmlrpc": XML_VERSION}, "XML-RPC", 18),
        ({"jsonrpc": HttpAnswer(200, {}, b"{}"), "web": WEB_VERSION}, "JSON-2", 20),
        ({"jsonrpc": HttpAnswer(403, {}, b""), "xmlrpc": XML_VERSION}, "XML-RPC", 18),
    ],
)
def test_negotiation(answers: dict[str, HttpAnswer], name: str, series: int) -> None:
    """The first dialect that answers with a version is spoken, JSON-RPC before the others."""
    session, _ = session_with(by_path(**answers))

    assert (name, series) == (session.dialect.name, session.version().series)


def test_pinned_dialect_is_the_only_one() -> None:
    """A pinned dialect is not replaced by one that would work."""
    session, wire = session_with(by_path(jsonrpc=json_answer(VERSION)), transport="xml")
    with pytest.raises(NotFound):
        session.version()

    assert ["xmlrpc/2/common"] == [sent.path for sent in wire.sent]


def test_json2_alone() -> None:
    """Where nothing but JSON-2 passes, it is spoken when it is pinned; the log-in shows whether it is there."""
    session, _ = session_with(
        by_path(json=HttpAnswer(200, {}, b'{"lang": "en_US", "uid": 5}')), transport="json2"
    )
    session.log_in()

    assert (19, 5) == (session.version().series, session.user_id)


def test_no_odoo_at_all() -> None:
    """Where nothing answers as Odoo does, the first answer says why: a log-in page is named as one."""
    session, wire = session_with(always(HttpAnswer(303, {"location": "/login"}, b"")))
    with pytest.raises(BadInput):
        session.log_in()

    assert 3 == len(wire.sent)


def test_not_reached_says_nothing_about_dialects() -> None:
    """A server that cannot be reached is not asked in three languages."""

    def fail(_: Sent) -> HttpAnswer:
        raise Unreachable(system="erp", problem="refused")

    session, wire = session_with(fail)
    with pytest.raises(Unreachable):
        session.version()

    assert 1 == len(wire.sent)


@pytest.mark.parametrize(
    "info, said, version",
    [
        ([18, 0, 0, "final", 0, ""], "18.0", Version(18, "18.0")),
        (["saas~18", 2, 0, "final", 0, ""], "saas~18.2", Version(18, "saas~18.2")),
        ([19, 0, 0, "final", 0, "e"], "19.0+e", Version(19, "19.0+e")),
    ],
)
def test_versions(info: list[Any], said: str, version: Version) -> None:
    """A version between two counts as the one that it comes after."""
    found = {"server_version": said, "server_version_info": info}

    assert version == read_version(found, "erp")


@pytest.mark.parametrize("found", [None, {}, [], {"server_version": "x"}, "18.0"])
def test_what_is_no_version(found: Any) -> None:
    """JSON of another program is not taken for an Odoo."""
    with pytest.raises(BadAnswer):
        read_version(found, "erp")


def test_database_may_be_left_out_for_json2_alone() -> None:
    """The older dialects name the database in every call."""
    wire = Wire(always(NOT_FOUND))
    given: dict[str, Any] = {"database": None, "user": "u", "secret": "s", "company": None}
    open_session("erp", wire, transport="json2", **given)
    with pytest.raises(BadInput):
        open_session("erp", wire, transport="auto", **given)


# --- who we are -------------------------------------------------------------------------------------------


def test_log_in_once() -> None:
    """The password is checked once; every later call carries the id that came back."""
    odoo = Odoo({"m.read": always([])})
    session = odoo.session()
    wire = session._http
    assert isinstance(wire, Wire)
    for _ in range(3):
        session.call("m", "read", [1])
    methods = [json.loads(sent.body)["params"]["method"] for sent in wire.sent]

    assert ["version", "authenticate", "execute_kw", "execute_kw", "execute_kw"] == methods
    assert 2 == session.user_id


def test_wrong_password() -> None:
    """Odoo answers False and no fault."""
    with pytest.raises(LoginFailed):
        Odoo(user_id=0).session().log_in()


def test_json2_asks_who_the_key_is() -> None:
    """With JSON-2 the key says who we are; Odoo tells whom it takes us for."""

    def answer(sent: Sent) -> HttpAnswer:
        if sent.path == "web/version":
            return WEB_VERSION
        return HttpAnswer(200, {}, b'{"lang": "en_US", "uid": 5}')

    session, wire = session_with(answer, transport="json2")
    session.log_in()

    assert 5 == session.user_id
    assert "json/2/res.users/context_get" == wire.sent[-1].path


def test_context() -> None:
    """English always, the configured company always, and what the caller adds."""
    odoo = Odoo({"m.read": always([])})
    odoo.session(company=3).call("m", "read", [1], context={"active_test": False})
    odoo.session().call("m", "read", [1], load="")

    assert [named for _, named in odoo.called("m.read")] == [
        {"context": {"lang": "en_US", "allowed_company_ids": [3], "active_test": False}},
        {"load": "", "context": {"lang": "en_US"}},
    ]


def test_created_record_is_one_id() -> None:
    """A record alone has one id, records in a list have a list, in whatever form Odoo answers."""
    odoo = Odoo({"m.create": always([9])})
    session = odoo.session()

    assert 9 == session.call("m", "create", {"name": "x"}, is_write=True)
    assert [9] == session.call("m", "create", [{"name": "x"}], is_write=True)


# --- one request a call -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer, of_read, of_write",
    [
        (HttpAnswer(200, {}, b"<html>log in</html>"), BadAnswer, OutcomeUnknown),
        (HttpAnswer(200, {}, b'{"jsonrpc": "2.0", "id": 7, "res'), BadAnswer, OutcomeUnknown),
        (HttpAnswer(200, {}, b""), BadAnswer, OutcomeUnknown),
        (HttpAnswer(502, {}, b"<html>"), Busy, OutcomeUnknown),
        (HttpAnswer(504, {}, b""), Busy, OutcomeUnknown),
        (HttpAnswer(302, {"location": "/web/login"}, b""), BadInput, BadInput),
    ],
)
def test_spoiled_answers_are_never_sent_again(
    answer: HttpAnswer, of_read: type[StornoError], of_write: type[StornoError]
) -> None:
    """Whatever comes back, a call is one request: a write without a trustworthy answer is in doubt."""
    odoo = Odoo()
    session, wire = session_with(odoo.answer)
    session.log_in()
    wire._answer = always(answer)
    before = len(wire.sent)
    with pytest.raises(of_read):
        session.call("m", "read", [1])
    with pytest.raises(of_write):
        session.call("m", "button", [1], is_write=True)

    assert [False, True] == [sent.is_write for sent in wire.sent[before:]]


def test_a_redirect_names_the_other_address() -> None:
    """Who typed http for https, or an old host, reads in the message what to type instead."""
    odoo = Odoo()
    session, wire = session_with(odoo.answer)
    session.log_in()
    wire._answer = always(HttpAnswer(301, {"location": "https://erp.example/jsonrpc"}, b""))

    with pytest.raises(BadInput, match=r"https://erp\.example/jsonrpc"):
        session.call("m", "read", [1])


def test_lost_answer_is_never_sent_again() -> None:
    """A connection that ends after the request says nothing, and nothing is said twice."""
    odoo = Odoo()

    def lose(sent: Sent) -> HttpAnswer:
        if sent.is_write:
            raise OutcomeUnknown(system="erp", problem="gone")
        return odoo.answer(sent)

    session, wire = session_with(lose)
    with pytest.raises(OutcomeUnknown):
        session.call("m", "button", [1], is_write=True)

    assert 1 == sum(sent.is_write for sent in wire.sent)


# --- the guard --------------------------------------------------------------------------------------------


def guarded(answer: Callable[..., Any]) -> tuple[Session, Odoo]:
    """Return a session with a guard whose run is answered by a function of the context."""
    odoo = Odoo({"ir.actions.server.run": lambda _, context: answer(context)})
    session = odoo.session()
    session.guard = Guard(77, 1)
    return session, odoo


def test_guarded_call() -> None:
    """Model, method, ids, values and expected stamps travel in the context of one run."""
    session, odoo = guarded(always({"infos": {"storno": 1, "returned": ""}}))
    session.guarded(
        "purchase.order",
        "write",
        [1],
        {"state": "purchase"},
        expected={Ref("purchase.order", "1"): "s1", Ref("purchase.order.line", "4"): "s2"},
        context={"tracking_disable": True},
    )
    ((ids, named),) = odoo.called("ir.actions.server.run")

    assert ids == [[77]]
    assert named["context"] == {
        "lang": "en_US",
        "tracking_disable": True,
        "storno_mode": "call",
        "storno_model": "purchase.order",
        "storno_method": "write",
        "storno_ids": [1],
        "storno_parameters": [{"state": "purchase"}],
        "storno_expected": {"purchase.order": {"1": "s1"}, "purchase.order.line": {"4": "s2"}},
    }


def test_guard_refuses_a_stale_record() -> None:
    """A record that somebody wrote meanwhile is named."""

    def refuse(_: Any) -> Any:
        raise UserError("STORNO_CONFLICT purchase.order.1")

    session, _ = guarded(refuse)
    with pytest.raises(StaleRecord, match=r"purchase\.order\.1"):
        session.guarded("purchase.order", "write", [1], {}, expected={})


def test_stamps() -> None:
    """Stamps are text to the microsecond, by id; with a link those of the records that name the owners."""
    session, odoo = guarded(always({"infos": {"storno": 1, "stamps": {"4": "t"}}}))

    assert {4: "t"} == session.stamps("purchase.order.line", [1], link="order_id")
    ((_, named),) = odoo.called("ir.actions.server.run")
    assert "order_id" == named["context"]["storno_link"]
    assert named["context"]["active_test"] is False


def test_guard_that_somebody_changed() -> None:
    """A guard that does not answer as ours does is not trusted: a write through it is read back."""
    session, _ = guarded(always(False))
    with pytest.raises(BadAnswer):
        session.stamps("m", [1])
    with pytest.raises(OutcomeUnknown):
        session.guarded("m", "write", [1], {}, expected={})


def test_guard_that_is_not_there() -> None:
    """Without a guard nobody asks for it."""
    with pytest.raises(ContractBroken):
        Odoo().session().stamps("m", [1])
