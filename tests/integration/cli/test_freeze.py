"""`storno freeze` and `storno thaw`, as somebody types them on a bad night."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import Answer, Call, Fence, System, no_fence
from connectors.fake.connector import FakeSystem
from connectors.fake.engine import FakeERP
from connectors.fake.faults import Fault, FaultKind, On
from connectors.fake.schema import ORDER
from recovery.freezes import Scope, freeze
from recovery.journal import Journal
from recovery.model import Actor
from tests.integration.cli.conftest import Storno
from tests.integration.cli.test_story import applied, planned, states

WHY = ["--reason", "the warehouse counts"]


def approved(storno: Storno, *numbers: str) -> str:
    """Plan and approve; return the id."""
    plan = planned(storno, "stale", *numbers)
    storno.done("close", "approve", plan)
    return plan


def frozen(storno: Storno, *scope: str) -> str:
    """Freeze without looking; return the id."""
    return str(storno.done("freeze", *scope, *WHY, "--no-look", "--json").json["freeze"]["id"])


def test_a_freeze_says_what_it_is(storno: Storno) -> None:
    """What is stopped, what is not, what waits, what is in flight, and how to lift it."""
    plan = approved(storno, "PO00001", "PO00002")
    answer = storno.done("freeze", "system:practice", "kind:purchase-order", *WHY)
    (found,) = storno.done("freeze", "--json").json["freezes"]

    for said in (
        "Frozen: system:practice kind:purchase_order",
        "People and other programs are not stopped.",
        "Nothing is in flight.",
        f"storno thaw {found['id'][:13]} --reason TEXT",
    ):
        assert said in answer.out
    (line,) = [line for line in answer.out.splitlines() if line.startswith(plan)]
    assert "2" in line
    assert "the warehouse counts" in storno.done("freeze", "list").out


def test_what_is_frozen_is_said_before_it_starts(storno: Storno, erp: FakeERP) -> None:
    """A plan, a closing, a reopening and a rollback name the freeze before anybody is asked anything."""
    done = applied(storno, "stale", "PO00001")
    plan = approved(storno, "PO00002")
    frozen(storno, "all")
    before = erp.dump()

    assert "Frozen by Mei Lin (all): the warehouse counts." in storno("close", "show", plan).out
    assert "Frozen by Mei Lin (all)" in storno("close", "plan", "stale", "PO00003").out
    assert "Frozen by Mei Lin (all)" in storno("rollback", done, "--preview").out
    for words in (
        ["close", "run", plan],
        ["changes", "resume", plan],
        ["rollback", done, "--reason", "x"],
        ["close", "reopen", "practice", "purchase_order", "PO00001", "--reason", "x"],
    ):
        answer = storno(*words, "--json")

        assert (2, "STO-0120") == (answer.code, answer.json["error"]["code"]), words
        assert "storno thaw" in answer.err
    assert before == erp.dump()


def test_after_a_thaw_it_goes_on(storno: Storno, erp: FakeERP) -> None:
    """The freeze is lifted with a reason, and what waited for it is named."""
    plan = approved(storno, "PO00001", "PO00002")
    ids: list[str] = []
    storno.opened = lambda system: frozen_before_fence(system, ids)
    stopped = storno("close", "run", plan, "--yes")
    storno.opened = lambda system: system

    assert stopped.code == 2
    assert {"quotation"} == {states(erp)[number] for number in ("PO00001", "PO00002")}
    assert "Mei Lin froze all" in storno("changes", "show", plan).out

    answer = storno.done("thaw", ids[0][:13], "--reason", "counted")

    assert f"storno changes resume {plan}" in answer.out

    storno.done("changes", "resume", plan)

    assert {"cancelled"} == {states(erp)[number] for number in ("PO00001", "PO00002")}


def frozen_before_fence(system: FakeSystem, ids: list[str]) -> System:
    """Freeze everything, as another process would, right before the fence of the first call."""
    apply = system.apply

    def applied_late(given: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        def late() -> None:
            if not ids:
                with closing(Journal.open(f"sqlite:///{Path.cwd() / 'journal.db'}")) as journal:
                    made = freeze(journal, Scope(), actor=Actor("Mei Lin"), reason="x")
                ids.append(made.id)
            fence()

        return apply(given, late)

    system.apply = applied_late  # type: ignore[method-assign,assignment]
    return system


def test_a_preview_freezes_nothing(storno: Storno) -> None:
    """It shows what would be stopped."""
    plan = approved(storno, "PO00001")
    answer = storno.done("freeze", "kind:purchase_order", "--preview")

    assert plan in answer.out
    assert [] == storno.done("freeze", "--json").json["freezes"]


def test_who_else_writes_is_told(storno: Storno, erp: FakeERP) -> None:
    """Storno alone is stopped: the ERP says who changed these documents in the last minutes."""
    applied(storno, "stale", "PO00001")
    key = next(key for key, row in erp.dump()[ORDER].items() if row["number"] == "PO00001")
    erp.edit(ORDER, key, {"note": "wait"}, user="anna")
    answer = storno.done("freeze", "document:PO00001", "system:practice", *WHY, "--json")
    (change,) = answer.json["changed"]

    assert ("PO00001", "anna") == (change["number"], change["changed_by"])
    assert change["changed_at"] is not None
    assert "anna" in storno.done("freeze", "all", *WHY).out


def test_an_erp_that_is_away_does_not_matter(storno: Storno, erp: FakeERP) -> None:
    """The freeze is in force before anybody asks the ERP."""
    applied(storno, "stale", "PO00001")
    erp.faults.add(Fault(FaultKind.UNREACHABLE, on=On.CAPTURE, times=10**6))
    erp.faults.add(Fault(FaultKind.UNREACHABLE, on=On.DOCUMENTS, times=10**6))
    answer = storno.done("freeze", "all", *WHY)

    assert "practice could not be asked" in answer.out
    assert 1 == len(storno.done("freeze", "--json").json["freezes"])


def test_what_is_in_flight_is_listed(storno: Storno, erp: FakeERP) -> None:
    """An operation whose answer was lost cannot be called back."""
    plan = approved(storno, "PO00001")
    erp.faults.add(Fault(FaultKind.UNREACHABLE, on=On.CAPTURE, nth=2, times=10**6))

    assert 3 == storno("close", "run", plan, "--yes").code

    answer = storno.done("freeze", "all", *WHY, "--no-look")

    assert "In flight: 1." in answer.out
    assert "PO00001" in answer.out


@pytest.mark.parametrize(
    "words, said",
    [
        (["all"], "--reason"),
        (["all", "--reason", " "], "--reason"),
        (["everything", *WHY], "a scope is"),
        (["system:", *WHY], "a scope is"),
        (["all", "system:practice", *WHY], "a scope is"),
        (["system:practise", *WHY], "practice"),
        (["kind:purchase", *WHY], "purchase_order"),
        (["change-set:0199", *WHY], "0199"),
        (["system:practice", "system:practice", *WHY], "one of a sort"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_scope_that_was_mistyped_is_refused(storno: Storno, words: list[str], said: str) -> None:
    """It would stop nothing, and everybody would believe that it does."""
    answer = storno("freeze", *words)

    assert answer.code == 2
    assert said in answer.err
    assert [] == storno.done("freeze", "--json").json["freezes"]


def test_a_name_that_never_acted_is_pointed_out(storno: Storno) -> None:
    """The freeze stands, because a name may act for the first time."""
    answer = storno.done("freeze", "user:Mai Lin", *WHY)

    assert "Nobody called 'Mai Lin' has acted here so far." in answer.out


def test_a_thaw_needs_a_reason(storno: Storno) -> None:
    """And a freeze that is there."""
    name = frozen(storno, "all")

    assert storno("thaw", name).code == 2
    assert storno("thaw", "ffffffff", "--reason", "x").code == 2
    assert 1 == len(storno.done("freeze", "--json").json["freezes"])

    found: Any = storno.done("thaw", name, "--reason", "counted", "--json").json

    assert ("counted", []) == (found["thawed"]["thawed_reason"], found["freezes"])
    assert "counted" in storno.done("freeze", "list", "--all").out
    assert "Nothing is frozen." in storno.done("freeze").out
