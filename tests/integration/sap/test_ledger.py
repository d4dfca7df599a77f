"""Documents of the ledger: SAP's own check is asked first, and what nobody can reverse here is told before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Final

import pytest

from connectors.contract import Criteria, Kind, Ref, Step
from connectors.sap.connector import SapSystem
from core.encoding import Value
from core.errors import OutcomeUnknown, PeriodLocked, Rejected
from sandbox.sap.faults import Fault, FaultKind
from tests.contract.sap_fixtures import subject_fixture, system
from tests.contract.sap_subject import SapSubject, StatefulSapSubject
from tests.factories import answer_to, image_of

ACTION = "journal_entry.reverse"
WRAPPER = "Z_STORNO_ACC_DOCUMENT_REV_POST"
CHECK = "BAPI_ACC_DOCUMENT_REV_CHECK"


__all__: Final = ["system"]  # a fixture

subject = subject_fixture(wrapped=SapSubject, stateful=StatefulSapSubject)


def entry(subject: SapSubject, **arguments: Value) -> Step:
    return Step(ACTION, subject.make(ACTION).ref, arguments)


def head(subject: SapSubject, step: Step) -> Mapping[str, object]:
    return subject.sap.db.tables["BKPF"][tuple(step.ref.key.split("/"))]


def codes(system: SapSystem, step: Step) -> list[str]:
    return [p.code for p in system.actions()[ACTION].problems(step, image_of(system, step))]


def test_it_is_reversed_on_its_own_day(subject: SapSubject, system: SapSystem) -> None:
    """Without other words SAP's reason of storno.yaml is given, and the day on which it was posted."""
    step = entry(subject)
    assert answer_to(system, step, image_of(system, step)).refused is None

    found = head(subject, step)
    other = subject.sap.db.tables["BKPF"]["1000", found["STBLG"], found["STJAH"]]
    assert ("2026-11-02", "01") == (other["BUDAT"], other["STGRD"])
    assert step.ref.key.split("/")[1] == other["STBLG"]


def test_day_and_reason_can_be_given(subject: SapSubject, system: SapSystem) -> None:
    """A closed period is reversed in an open one, for the reason that the site has for it."""
    step = entry(subject, date="2026-12-01", reason="02")
    assert answer_to(system, step, image_of(system, step)).refused is None

    found = head(subject, step)
    other = subject.sap.db.tables["BKPF"]["1000", found["STBLG"], found["STJAH"]]
    assert ("2026-12-01", "02") == (other["BUDAT"], other["STGRD"])


def test_a_closed_period_is_told_as_such(subject: SapSubject, system: SapSystem) -> None:
    """SAP's check says so before anything is sent that could change something."""
    step = entry(subject)
    before = image_of(system, step)
    subject.sap.edit("T001B", "1000", TOPE1="010")
    try:
        then = dict(subject.sap.ledger.counts())
        assert isinstance(answer_to(system, step, before).refused, PeriodLocked)
        now = subject.sap.ledger.counts()
    finally:
        subject.sap.edit("T001B", "1000", TOPE1="012")

    assert {CHECK: 1} == {
        name: count - then.get(name, 0)
        for name, count in now.items()
        if count != then.get(name, 0) and "TRANSACTION" not in name
    }
    assert "" == head(subject, step)["STBLG"]


@pytest.mark.parametrize(
    "row, values, code",
    [
        ("BKPF", {"AWTYP": "RMRP"}, "origin"),
        ("BKPF", {"AWTYP": "BKPF"}, "origin"),
        ("BKPF", {"STBLG": "1900000009", "STJAH": "2026"}, "reversed"),
        ("BSEG", {"AUGBL": "0002000001"}, "cleared"),
    ],
)
def test_what_stands_in_the_way_is_told_before(
    subject: SapSubject, system: SapSystem, row: str, values: Mapping[str, str], code: str
) -> None:
    """Another application's document, one that is reversed or cleared: a person's, with the reason."""
    step = entry(subject)
    key = tuple(step.ref.key.split("/"))
    subject.sap.edit(row, *key, *(("002",) if row == "BSEG" else ()), **values)

    assert [code] == codes(system, step)


def test_a_day_that_is_none_is_told_before(subject: SapSubject, system: SapSystem) -> None:
    """It would be posted on another day than somebody thought."""
    assert ["date"] == codes(system, entry(subject, date="30.11.2026"))


def test_somebody_reversed_it_meanwhile(subject: SapSubject, system: SapSystem) -> None:
    """SAP refuses to reverse twice, and no second document stands."""
    step = entry(subject)
    before = image_of(system, step)
    assert answer_to(system, step, before).refused is None
    count = len(subject.sap.db.tables["BKPF"])

    assert isinstance(answer_to(system, step, before).refused, Rejected)
    assert count == len(subject.sap.db.tables["BKPF"])


def test_somebody_has_it_open(subject: SapSubject, system: SapSystem) -> None:
    """SAP's lock is a refusal, and nothing stands."""
    step = entry(subject)
    before = image_of(system, step)
    function = WRAPPER if subject.MODE == "wrapped" else "BAPI_ACC_DOCUMENT_REV_POST"
    subject.sap.faults.add(Fault(FaultKind.LOCKED, function, user="MUELLER"))
    refused = answer_to(system, step, before).refused

    assert refused is not None
    assert "MUELLER" in str(refused)
    assert "" == head(subject, step)["STBLG"]


def test_an_answer_lost_after_the_commit_is_settled_by_reading(
    subject: SapSubject, system: SapSystem
) -> None:
    """The counter-document stands once, and the document itself names it."""
    step = entry(subject)
    before = image_of(system, step)
    function = WRAPPER if subject.MODE == "wrapped" else "BAPI_TRANSACTION_COMMIT"
    subject.sap.faults.add(Fault(FaultKind.LOST, function, is_applied=True))
    with pytest.raises(OutcomeUnknown):
        answer_to(system, step, before)
    after = image_of(system, step, before)

    assert system.actions()[ACTION].is_done(step, before, after)
    number = step.ref.key.split("/")[1]
    assert 1 == len(list(subject.sap.db.rows("BKPF", STBLG=number)))


def test_an_update_that_fails_leaves_no_document(subject: SapSubject, system: SapSystem) -> None:
    """COMMIT with WAIT tells that the posting was terminated."""
    step = entry(subject)
    before = image_of(system, step)
    function = WRAPPER if subject.MODE == "wrapped" else "BAPI_ACC_DOCUMENT_REV_POST"
    subject.sap.faults.add(Fault(FaultKind.UPDATE_FAILS, function))
    refused = answer_to(system, step, before).refused

    assert refused is not None
    assert "S& 101" == refused.details["message"]
    assert before == image_of(system, step, before)


def test_what_the_database_has_is_shown_as_people_write_it(
    subject: SapSubject, system: SapSystem
) -> None:
    """Texts with a delimiter in them, signs, days, and a currency without places."""
    step = entry(subject)
    key = tuple(step.ref.key.split("/"))
    subject.sap.edit("BKPF", *key, BKTXT="a|b 'c' 螺丝", WAERS="JPY")
    subject.sap.edit("BSEG", *key, "001", WRBTR=Decimal("-10.00"), SGTXT="  x|y")
    (record,) = system.read([step.ref], ["BKTXT", "BUDAT", "STJAH", "AWKEY"])
    (line,) = system.read([Ref("BSEG", f"{step.ref.key}/001")], ["WRBTR", "SGTXT", "AUGDT"])

    assert {
        "BKTXT": "a|b 'c' 螺丝",
        "BUDAT": date(2026, 11, 2),
        "STJAH": "0000",
        "AWKEY": f"{key[1]}10002026",
    } == record.fields
    assert {"WRBTR": Decimal("-10.00"), "SGTXT": "  x|y", "AUGDT": None} == line.fields
    found = [
        row
        for batch in system.lines(Kind.JOURNAL_ENTRY, Criteria(numbers=(step.ref.key,)))
        for row in batch.to_pylist()
    ]
    assert [Decimal(-1000), Decimal(-119000)] == [row["amount"] for row in found]


def test_a_number_with_a_quote_is_nobodys(subject: SapSubject, system: SapSystem) -> None:
    """It would end the text of SAP's condition, and what stands behind would be asked as well."""
    asked = len(subject.sap.ledger.lines())
    number = "1000/1' OR A/2026"
    assert {number: ()} == system.find(Kind.JOURNAL_ENTRY, [number])
    assert asked == len(subject.sap.ledger.lines())
