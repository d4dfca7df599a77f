"""The three ways to say it, checked against what real servers answered."""

from __future__ import annotations

import json
import xmlrpc.client
from decimal import Decimal
from typing import Any

import pytest

from connectors.http import HttpAnswer
from connectors.odoo.dialects import (
    Account,
    Invocation,
    Json2Dialect,
    JsonDialect,
    XmlDialect,
    by_name,
)
from connectors.odoo.errors import Fault
from core.errors import BadAnswer, ContractBroken
from tests.unit.connectors.odoo.recordings import Recording, recording, recordings

ACCOUNT = Account("db", "storno", "secret", user_id=2)


def as_stdlib(value: Any) -> Any:
    """Return a value as Python's own parsers would have read it."""
    match value:
        case Decimal():
            return float(value)
        case dict():
            return {name: as_stdlib(item) for name, item in value.items()}
        case list():
            return [as_stdlib(item) for item in value]
        case _:
            return value


def plainly(each: Recording) -> Any:
    """Read a recorded success with Python's own parsers."""
    if each.path.startswith("/xmlrpc"):
        return xmlrpc.client.loads(each.response, use_builtin_types=True)[0][0]
    found = json.loads(each.response)
    return found.get("result") if each.path == "/jsonrpc" else found


def is_success(each: Recording) -> bool:
    """Judge by the bytes whether a value came."""
    is_fault = "<fault>" in each.response or '"error":' in each.response
    return each.status == 200 and not is_fault


def test_successes_are_read_as_python_reads_them() -> None:
    """Every recorded success has the same value as with Python's own parsers; its numbers are exact."""
    found = [each for each in recordings() if is_success(each)]

    assert len(found) > 150
    for each in found:
        decoded = each.dialect.decode(each.answer, system="erp")
        assert plainly(each) == as_stdlib(decoded), str(each)


def test_none_fault_is_none() -> None:
    """Over XML-RPC a method that returned nothing answers with a fault, after its commit: it is no fault."""
    found = [
        each
        for each in recordings()
        if each.path.startswith("/xmlrpc") and "cannot marshal None" in each.response
    ]

    assert {16, 17, 18, 19} == {each.version for each in found}
    assert {None} == {XmlDialect().decode(each.answer, system="erp") for each in found}


@pytest.mark.parametrize("version", [16, 17, 18, 19])
def test_json_rpc_without_result_is_none(version: int) -> None:
    """JSON-RPC says None by leaving the result out."""
    answer = recording(version, "jsonrpc_none_return").answer

    assert JsonDialect().decode(answer, system="erp") is None


def test_json_of_others_is_not_none() -> None:
    """JSON that is no answer to our call (a proxy's, another request's) is never taken for None."""
    for body in (b"{}", b"null", b'{"jsonrpc":"2.0","id":8}', b'{"id":7}', b"[]", b'{"ok":true}'):
        with pytest.raises(BadAnswer):
            JsonDialect().decode(HttpAnswer(200, {}, body), system="erp")


@pytest.mark.parametrize("dialect", [JsonDialect(), XmlDialect(), Json2Dialect()])
@pytest.mark.parametrize("body", [b"", b"<html><body>log in</body></html>", b'{"jsonrpc": "2.'])
def test_garbage_is_no_answer(dialect: Any, body: bytes) -> None:
    """HTML with status 200, nothing at all and half an answer are told apart from every value."""
    with pytest.raises(BadAnswer):
        dialect.decode(HttpAnswer(200, {}, body), system="erp")


def test_half_of_any_recorded_answer_is_no_answer() -> None:
    """An answer that was cut in the middle is never read as a whole one."""
    for each in recordings():
        half = each.response[: len(each.response) // 2].encode()
        if each.status == 200 and len(each.response) > 8:
            with pytest.raises(BadAnswer):
                each.dialect.decode(HttpAnswer(200, {}, half), system="erp")


def test_json_rpc_request() -> None:
    """A call is `execute_kw` with database, user, secret, model, method, positional and named arguments."""
    invocation = Invocation("purchase.order", "read", [[1], ["name"]], {"load": ""})
    request = JsonDialect().call(ACCOUNT, invocation)
    body = json.loads(request.body)

    assert ("jsonrpc", "POST") == (request.path, request.method)
    assert body["params"] == {
        "service": "object",
        "method": "execute_kw",
        "args": ["db", 2, "secret", "purchase.order", "read", [[1], ["name"]], {"load": ""}],
    }


def test_xml_rpc_request_is_read_by_python() -> None:
    """The server, which is Python, reads back what was meant: decimals as doubles, empty values as None."""
    values = {"price_unit": Decimal("77.50"), "notes": None, "name": "ä<&"}
    request = XmlDialect().call(ACCOUNT, Invocation("m", "write", [[1], values], {}))
    parameters, method = xmlrpc.client.loads(request.body)

    assert ("xmlrpc/2/object", "execute_kw") == (request.path, method)
    assert parameters[5] == [[1], {"price_unit": 77.5, "notes": None, "name": "ä<&"}]


def test_json2_request() -> None:
    """JSON-2 has the key in a header, the database beside it, and every argument under its name."""
    invocation = Invocation("res.partner", "write", [[1], {"name": "x"}], {"context": {}})
    request = Json2Dialect().call(ACCOUNT, invocation)

    assert request.path == "json/2/res.partner/write"
    assert request.headers["Authorization"] == "bearer secret"
    assert request.headers["X-Odoo-Database"] == "db"
    assert json.loads(request.body) == {"ids": [1], "vals": {"name": "x"}, "context": {}}


def test_json2_without_a_database() -> None:
    """A server with one database needs no name."""
    request = Json2Dialect().version()
    called = Json2Dialect().call(Account(None, "u", "s", 1), Invocation("m", "read", [[1]], {}))

    assert ("GET", "web/version") == (request.method, request.path)
    assert "X-Odoo-Database" not in called.headers


@pytest.mark.parametrize(
    "method, parameters, named, body",
    [
        ("read", [[1], ["name"]], {"load": ""}, {"ids": [1], "fields": ["name"], "load": ""}),
        ("search", [[]], {"limit": 2}, {"domain": [], "limit": 2}),
        ("search_read", [[], ["name"]], {}, {"domain": [], "fields": ["name"]}),
        ("search_count", [[]], {}, {"domain": []}),
        ("fields_get", [], {"attributes": ["type"]}, {"attributes": ["type"]}),
        ("create", [{"name": "x"}], {}, {"vals_list": [{"name": "x"}]}),
        ("create", [[{"name": "x"}]], {}, {"vals_list": [{"name": "x"}]}),
        ("button_lock", [[1, 2]], {}, {"ids": [1, 2]}),
        ("unlink", [[1]], {}, {"ids": [1]}),
        ("run", [[7]], {"context": {"a": 1}}, {"ids": [7], "context": {"a": 1}}),
        ("has_access", [[], "write"], {}, {"ids": [], "operation": "write"}),
        ("load", [["id"], [["1"]]], {}, {"fields": ["id"], "data": [["1"]]}),
        ("context_get", [], {}, {}),
    ],
)
def test_arguments_by_name(
    method: str, parameters: list[Any], named: dict[str, Any], body: dict[str, Any]
) -> None:
    """What is positional elsewhere has a name in JSON-2."""
    assert body == by_name(Invocation("m", method, parameters, named))


def test_argument_without_a_name() -> None:
    """An argument whose name nobody knows is refused before anything is sent."""
    with pytest.raises(ContractBroken):
        by_name(Invocation("m", "button_lock", [[1], "more"], {}))


def test_recorded_json2_requests_have_these_names() -> None:
    """The names are those of the recorded requests that version 19 understood."""
    for name, invocation in {
        "json2_write": Invocation("", "write", [[0], {}], {}),
        "json2_create": Invocation("", "create", [{}], {}),
        "json2_search_count": Invocation("", "search_count", [[]], {}),
        "json2_lock_none_return": Invocation("", "button_lock", [[0]], {}),
    }.items():
        assert json.loads(recording(19, name).request).keys() == by_name(invocation).keys()


@pytest.mark.parametrize("name", ["jsonrpc_usererror", "jsonrpc_missing", "jsonrpc_unknown_field"])
def test_json_rpc_names_the_class(name: str) -> None:
    """JSON-RPC gives the class of the exception, so nothing needs to be guessed."""
    with pytest.raises(Fault) as caught:
        JsonDialect().decode(recording(18, name).answer, system="erp")

    assert caught.value.kind in ("UserError", "MissingError", "ValueError")


def test_secret_is_not_shown() -> None:
    """An account that is printed shows no secret."""
    assert "secret" not in repr(ACCOUNT)
