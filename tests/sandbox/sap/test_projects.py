"""Projects of the practice SAP: statuses that go back, in a unit of work that must be opened and checked."""

from __future__ import annotations

from typing import Any

import pytest
from zeep.exceptions import TransportError

from sandbox.sap.instance import SAP
from tests.sandbox.sap.caller import Client, rows
from tests.sandbox.sap.conftest import Open


@pytest.fixture
def sap() -> SAP:
    return SAP(stateful=True)


@pytest.fixture
def client(opened: Open) -> Client:
    return opened("zstorno_ps")


def stored(sap: SAP, thing: str) -> list[str]:
    return [row["STAT"] for row in sap.db.rows("JEST", OBJNR=thing, INACT="")]


def set_project(client: Client, project: str, **status: str) -> tuple[str, str, str]:
    answer = client("BAPI_BUS2001_SET_STATUS", PROJECT_DEFINITION=project, E_RESULT=[], **status)
    return answer.RETURN.TYPE, answer.RETURN.ID, answer.RETURN.NUMBER


def test_completed_and_undone(sap: SAP, client: Client) -> None:
    """The wrapper completes and undoes in one call each; released is not undone."""
    project = sap.company.projects[0]

    def wrapped(**status: str) -> Any:
        given: dict[str, Any] = {"PROJECT_DEFINITION": project, "E_RESULT": [], **status}
        return client("Z_STORNO_BUS2001_SET_STATUS", **given).RETURN

    assert "S" == wrapped(SET_SYSTEM_STATUS="TECO").TYPE
    assert ["I0045"] == stored(sap, f"PD{project}")
    refused = wrapped(SET_SYSTEM_STATUS="TECO")
    assert ("E", "005") == (refused.TYPE, refused.NUMBER)
    assert "S" == wrapped(UNDO_SYSTEM_STATUS="TECO").TYPE
    assert ["I0002"] == stored(sap, f"PD{project}")
    assert "E" == wrapped(UNDO_SYSTEM_STATUS="REL").TYPE
    assert [] == sap.locks.listed()


def test_the_rules_of_the_unit_of_work(sap: SAP, client: Client) -> None:
    """Not opened: refused; not checked: nothing is saved; checked: saved; another project: refused."""
    first, second = sap.company.projects
    assert ("E", "CNIF_PI", "032") == set_project(client, first, SET_SYSTEM_STATUS="TECO")

    client("BAPI_PS_INITIALIZATION")
    assert "S" == set_project(client, first, SET_SYSTEM_STATUS="TECO")[0]
    client("BAPI_TRANSACTION_COMMIT", WAIT="X")
    assert ["I0002"] == stored(sap, f"PD{first}")

    client("BAPI_PS_INITIALIZATION")
    assert "S" == set_project(client, first, SET_SYSTEM_STATUS="TECO")[0]
    assert not client("BAPI_PS_PRECOMMIT", RETURN=[])
    client("BAPI_TRANSACTION_COMMIT", WAIT="X")
    assert ["I0045"] == stored(sap, f"PD{first}")

    client("BAPI_PS_INITIALIZATION")
    assert "S" == set_project(client, first, UNDO_SYSTEM_STATUS="TECO")[0]
    assert ("E", "CNIF_PI", "015") == set_project(client, second, SET_SYSTEM_STATUS="TECO")


def test_commit_after_a_failed_check_ends_the_program(sap: SAP, client: Client) -> None:
    """Who commits although the check failed gets a page, and loses session and locks."""
    project = sap.company.projects[0]
    client("BAPI_PS_INITIALIZATION")
    assert "E" == set_project(client, project, SET_SYSTEM_STATUS="REL")[0]
    (said,) = client("BAPI_PS_PRECOMMIT", RETURN=[])
    assert ("E", "CNIF_PI", "056") == (said.TYPE, said.ID, said.NUMBER)
    with pytest.raises(TransportError) as caught:
        client("BAPI_TRANSACTION_COMMIT", WAIT="X")
    assert 500 == caught.value.status_code
    assert ([], 0) == (sap.locks.listed(), sap.sessions.count())


def test_elements_and_networks(sap: SAP, client: Client) -> None:
    """Elements are told of one by one, the wrapper does all or none; networks have a status, too."""
    project, network = sap.company.projects[0], sap.company.networks[0]
    wanted = [
        {"WBS_ELEMENT": f"{project}-1", "SET_SYSTEM_STATUS": "TECO"},
        {"WBS_ELEMENT": f"{project}-9", "SET_SYSTEM_STATUS": "TECO"},
    ]
    name = "Z_STORNO_BUS2054_SET_STATUS"
    answer = client(name, I_WBS_SYSTEM_STATUS=wanted, E_RESULT=[])
    assert ["S", "E"] == [row.MESSAGE_TYPE for row in rows(answer.E_RESULT)]
    assert ["I0002"] == stored(sap, f"PR{project}-1")
    client(name, I_WBS_SYSTEM_STATUS=wanted[:1])
    assert ["I0045"] == stored(sap, f"PR{project}-1")
    client("Z_STORNO_BUS2002_SET_STATUS", NUMBER=network, SET_SYSTEM_STATUS="CLSD")
    read = client("BAPI_BUS2002_GET_STATUS", NUMBER=network, E_SYSTEM_STATUS=[])
    assert ["CLSD"] == [row.SYSTEM_STATUS for row in rows(read.E_SYSTEM_STATUS)]
