"""Sessions, commits and the update task: what is seen when, and by whom."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import pytest
from zeep.exceptions import TransportError

from sandbox.sap.faults import Fault
from sandbox.sap.instance import SAP
from sandbox.sap.server import SAPServer
from sandbox.sap.sessions import Sessions
from tests.sandbox.sap.caller import Client, said, send
from tests.sandbox.sap.conftest import Open
from tests.sandbox.sap.test_purchase import change, closing


@pytest.fixture
def sap() -> SAP:
    """A practice SAP that keeps sessions."""
    return SAP(stateful=True)


@pytest.fixture
def client(opened: Open) -> Client:
    """A client of the purchase order service."""
    return opened("zstorno_po")


def completed(sap: SAP, order: str) -> str:
    return str(sap.db.tables["EKPO"][order, "00010"]["ELIKZ"])


def test_seen_after_commit_alone(sap: SAP, client: Client, opened: Open) -> None:
    """A change is seen by nobody before the commit; others meet the lock; the commit gives it back."""
    order = sap.company.purchase_orders[0]
    other = opened("zstorno_po", user="LI:li", language="zh")

    assert ["S 06 023"] == said(change(client, order, **closing(NO_MORE_GR="X")))
    assert "" == completed(sap, order)
    assert [("EKKO", order, "STORNO")] == [(k.table, k.key, k.user) for k in sap.locks.listed()]
    refused = change(other, order, **closing(NO_MORE_GR="X"))
    assert ["E ME 006"] == said(refused)
    assert f"用户 STORNO 正在处理采购订单 {order}" == refused.RETURN["item"][0].MESSAGE
    answer = client("BAPI_TRANSACTION_COMMIT", WAIT="X")
    assert [] == ([answer.TYPE] if answer.TYPE else [])
    assert "X" == completed(sap, order)
    assert [] == sap.locks.listed()
    assert ["S 06 022"] == said(change(other, order, **closing(NO_MORE_GR="X")))


def test_rolled_back(sap: SAP, client: Client) -> None:
    """A rollback takes the change and the lock; a commit after it does nothing."""
    order = sap.company.purchase_orders[0]
    change(client, order, **closing(NO_MORE_GR="X"))
    client("BAPI_TRANSACTION_ROLLBACK")
    client("BAPI_TRANSACTION_COMMIT", WAIT="X")
    assert "" == completed(sap, order)
    assert [] == sap.locks.listed()


def test_closed_or_expired(sap: SAP, server: SAPServer, client: Client) -> None:
    """A session that ends takes its change and its lock with it; its cookie is refused from then on."""
    order = sap.company.purchase_orders[0]
    change(client, order, **closing(NO_MORE_GR="X"))
    url = server.url_of("zstorno_po")
    assert 200 == client.session.get(url, params={"sap-sessioncmd": "close"}, timeout=5).status_code
    assert ([], 0) == (sap.locks.listed(), sap.sessions.count())

    change(client, order, **closing(NO_MORE_GR="X"))
    sap.sessions.expire()
    assert [] == sap.locks.listed()
    with pytest.raises(TransportError) as caught:
        client("BAPI_TRANSACTION_COMMIT", WAIT="X")
    assert 400 == caught.value.status_code
    assert b"Session not found" in caught.value.content
    assert "" == completed(sap, order)


def test_a_cookie_goes_with_its_path(sap: SAP, server: SAPServer, client: Client) -> None:
    """The session of one service is not known to another one."""
    change(client, sap.company.purchase_orders[0], **closing(NO_MORE_GR="X"))
    cookie = f"sap-contextid={client.session.cookies['sap-contextid']}"
    body = b"""<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>
        <n:BapiTransactionCommit xmlns:n="urn:sap-com:document:sap:soap:functions:mc-style"/>
        </e:Body></e:Envelope>"""
    path = sap.services["zstorno_po_mc"].path
    assert 400 == send(server, "POST", path, body, Cookie=cookie).status
    assert 200 == send(server, "POST", path, body).status


def test_update_fails(sap: SAP, client: Client) -> None:
    """A failed update is told to those who wait, and to nobody else; either way nothing is done."""
    order = sap.company.purchase_orders[0]
    for wait, told in (("X", "E"), ("", None)):
        sap.faults.add(Fault("update_fails", function="BAPI_TRANSACTION_COMMIT"))
        assert ["S 06 023"] == said(change(client, order, **closing(NO_MORE_GR="X")))
        answer = client("BAPI_TRANSACTION_COMMIT", WAIT=wait)
        assert told == answer.TYPE
        assert "" == completed(sap, order)
        assert [] == sap.locks.listed()
    assert 2 == len(list(sap.db.rows("VBHDR", VBUSR="STORNO", VBFUNC="BAPI_PO_CHANGE")))


def test_update_comes_later(sap: SAP, client: Client, opened: Open) -> None:
    """Without WAIT the commit answers first; until the update task has run, the old is read and the lock stays."""
    sap.update_delay = math.inf
    order = sap.company.purchase_orders[0]
    change(client, order, **closing(NO_MORE_GR="X"))
    client("BAPI_TRANSACTION_COMMIT")
    assert "" == completed(sap, order)
    assert ["E ME 006"] == said(change(opened("zstorno_po"), order, **closing(FINAL_INV="X")))
    sap.settle()
    assert "X" == completed(sap, order)
    assert [] == sap.locks.listed()

    change(client, order, **closing(NO_MORE_GR=""))
    client("BAPI_TRANSACTION_COMMIT", WAIT="X")
    assert "" == completed(sap, order)

    sap.update_delay = 0.01
    change(client, order, **closing(NO_MORE_GR="X"))
    client("BAPI_TRANSACTION_COMMIT")
    sap.settle()
    assert "X" == completed(sap, order)


def test_a_dump_ends_the_session(sap: SAP, client: Client) -> None:
    """A program that ends leaves a page with 500, no change, no lock and no session."""
    order = sap.company.purchase_orders[0]
    client("BAPI_TRANSACTION_ROLLBACK")
    sap.faults.add(Fault("dump", record=order))
    with pytest.raises(TransportError) as caught:
        change(client, order, **closing(NO_MORE_GR="X"))
    assert 500 == caught.value.status_code
    assert ([], 0) == (sap.locks.listed(), sap.sessions.count())


def test_many_at_once(sap: SAP, opened: Open) -> None:
    """Of many who want the same order at once, one gets it and the others hear who has it."""
    order = sap.company.purchase_orders[0]
    clients = [opened("zstorno_po") for _ in range(4)]
    with ThreadPoolExecutor(len(clients)) as pool:
        answers = list(
            pool.map(lambda c: said(change(c, order, **closing(FINAL_INV="X"))), clients)
        )
    assert [["E ME 006"]] * 3 + [["S 06 023"]] == sorted(answers)
    assert 4 == sap.sessions.count()


def test_timed_out(sap: SAP, client: Client) -> None:
    """A session that is not used for too long is gone, with its lock."""
    change(client, sap.company.purchase_orders[0], **closing(NO_MORE_GR="X"))
    sap.faults.add(Fault("session", function="BAPI_TRANSACTION_COMMIT"))
    with pytest.raises(TransportError) as caught:
        client("BAPI_TRANSACTION_COMMIT", WAIT="X")
    assert 400 == caught.value.status_code
    assert ([], 0) == (sap.locks.listed(), sap.sessions.count())

    sap.sessions = Sessions(sap, seconds=0.0)
    client.session.cookies.clear()
    change(client, sap.company.purchase_orders[0], **closing(NO_MORE_GR="X"))
    assert 0 == sap.sessions.count()
    assert [] == sap.locks.listed()


def test_wrapper_hears_of_a_failed_update(sap: SAP, client: Client) -> None:
    """The customer's function waits for the update and says that it failed."""
    order = sap.company.purchase_orders[0]
    sap.faults.add(Fault("update_fails", function="Z_STORNO_PO_CHANGE"))
    answer = client("Z_STORNO_PO_CHANGE", PURCHASEORDER=order, **closing(NO_MORE_GR="X"))
    assert ["S 06 023", "E S& 101"] == said(answer)
    assert "" == completed(sap, order)
