"""The main job from the first command to the last, as a person types it."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.fake.engine import FakeERP
from connectors.fake.schema import ORDER
from tests.integration.cli.conftest import Storno


def planned(storno: Storno, closing: str = "stale", *numbers: str) -> str:
    """Plan and return the id."""
    return str(storno("close", "plan", closing, *numbers, "--json").json["change_set"]["id"])[:13]


def applied(storno: Storno, closing: str = "stale", *numbers: str) -> str:
    """Plan, approve and run; return the id."""
    plan = planned(storno, closing, *numbers)
    storno.done("close", "approve", plan)
    storno.done("close", "run", plan, "--yes")
    return plan


def states(erp: FakeERP) -> dict[str, str]:
    return {row["number"]: row["state"] for row in erp.dump()[ORDER].values()}


def test_the_first_three_commands_work_as_init_says(
    storno: Storno, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `storno init` writes is valid, and the commands that it names run."""
    answer = storno.done("init", "closing")
    monkeypatch.chdir(tmp_path / "closing")
    typed = [line.split()[1:] for line in answer.out.splitlines() if line.startswith("  storno ")]

    assert len(typed) == 3
    for words in typed:
        assert storno(*words).code in {0, 1}


def test_init_overwrites_nothing(storno: Storno, tmp_path: Path) -> None:
    """Settings that exist are kept, and the command says so."""
    before = (tmp_path / "storno.yaml").read_bytes()
    answer = storno("init")

    assert (answer.code, "storno.yaml" in answer.err) == (2, True)
    assert (tmp_path / "storno.yaml").read_bytes() == before


def test_a_plan_shows_what_an_approver_signs(storno: Storno) -> None:
    """Ready and excepted documents, the remainder given up, whose name, until when, and what to type next."""
    answer = storno("close", "plan", "stale")

    assert answer.code == 1
    for said in (
        "PO00001",
        "Müller & 王 GmbH",
        "Cancel the quotation",
        "234.00 EUR",
        "exact",
        "It is no quotation.",
        "23 looked at, 20 ready, 3 exceptions",
        "20 exact",
        "storno on the day of the run (practice: Fake ERP 1.0)",
        "Good until",
        "the ERP refuses the write when somebody changed the document",
        "storno close approve ",
    ):
        assert said in answer.out


def test_a_chain_is_one_line_of_the_plan(storno: Storno) -> None:
    """Three calls close an order; a person reads one document with what it gives up."""
    answer = storno.done("close", "plan", "remainders")
    (line,) = [line for line in answer.out.splitlines() if line.startswith("PO00021")]

    assert "15.5       8.5         0         7       136.50 EUR" in line


def test_nothing_runs_before_it_was_approved(storno: Storno, erp: FakeERP) -> None:
    """The refusal says how to approve; the ERP was not touched."""
    before = erp.dump()
    plan = planned(storno)
    answer = storno("close", "run", plan, "--yes")

    assert answer.code == 2
    assert f"storno close approve {plan}" in answer.err
    assert erp.dump() == before


def test_without_a_terminal_yes_must_be_said(storno: Storno, erp: FakeERP) -> None:
    """Nobody is there to be asked, so nothing is assumed."""
    before = erp.dump()
    plan = planned(storno)
    storno.done("close", "approve", plan)
    answer = storno("close", "run", plan)

    assert (answer.code, "--yes" in answer.err) == (2, True)
    assert erp.dump() == before


def test_the_whole_story(storno: Storno, erp: FakeERP) -> None:
    """Close, show, let somebody interfere, preview, roll back, prove it."""
    before = states(erp)
    change_set = applied(storno)
    assert states(erp)["PO00001"] == "cancelled"

    shown = storno.done("changes", "show", change_set, "--document", "PO00001").out
    assert "quotation" in shown
    assert "cancelled" in shown

    erp.edit(ORDER, "2", {"state": "processing"}, user="anna")
    preview = storno("rollback", change_set, "--preview")
    assert preview.code == 1
    (conflict,) = [
        line
        for line in preview.out.splitlines()
        if line.startswith("purchase.order,2") and " state " in line
    ]
    assert conflict.split()[2:5] == ["quotation", "cancelled", "processing"]
    assert states(erp)["PO00001"] == "cancelled"

    answer = storno("rollback", change_set, "--reason", "wrong week", "--yes")
    assert answer.code == 1
    assert states(erp) == {**before, "PO00002": "processing"}

    (rollback, closing) = storno.done("changes", "list", "--json").json["change_sets"]
    assert rollback["reason"] == "wrong week"
    assert closing["state"] == "partly_rolled_back"
    assert "The audit chain is intact." in storno.done("audit", "verify").out


def test_a_rollback_by_documents_and_its_own_rollback(storno: Storno, erp: FakeERP) -> None:
    """What Storno did last to a document is found by its number; a rollback can be taken back too."""
    applied(storno)
    storno.done("rollback", "--documents", "PO00003", "--reason", "closed by mistake", "--yes")
    assert states(erp)["PO00003"] == "quotation"

    storno.done("rollback", "last", "--reason", "no mistake after all", "--yes")
    assert states(erp)["PO00003"] == "cancelled"


def test_a_list_of_documents_comes_from_a_file(
    storno: Storno, erp: FakeERP, tmp_path: Path
) -> None:
    """One number a line, for a plan and for a rollback."""
    (tmp_path / "numbers.txt").write_text("PO00004\nPO00005\n", encoding="utf-8")
    plan = storno.done("close", "plan", "stale", "--from", "numbers.txt", "--json").json
    assert plan["summary"]["ready"] == 2

    storno.done("close", "approve", plan["change_set"]["id"])
    storno.done("close", "run", plan["change_set"]["id"], "--yes")
    storno.done("rollback", "--from", "numbers.txt", "--reason", "x", "--yes")
    assert states(erp)["PO00004"] == "quotation"


def test_a_rejected_plan_never_runs(storno: Storno, erp: FakeERP) -> None:
    """Its reason is kept, and no approval brings it back."""
    before = erp.dump()
    plan = planned(storno)
    storno.done("close", "reject", plan, "--reason", "wrong week")

    assert "rejected: wrong week" in storno.done("changes", "show", plan).out
    assert storno("close", "approve", plan).code == 2
    assert storno("close", "run", plan, "--yes").code == 2
    assert erp.dump() == before


def test_a_plan_for_people_becomes_a_worklist(storno: Storno, erp: FakeERP) -> None:
    """Handed out, done on the screen, read back: confirmed, or still waiting."""
    plan = planned(storno, "approvals")
    storno.done("close", "approve", plan)
    answer = storno("close", "run", plan, "--yes")
    assert answer.code == 1
    assert f"storno close worklist {plan}" in answer.out

    listed = storno.done("close", "worklist", plan, "--xlsx", "list.xlsx").out
    assert "list.xlsx (2 rows)" in listed
    assert "Purchase > Orders > PO00001" in storno.done("close", "worklist", plan).out

    erp.do_by_hand("purchase_order.approve_by_hand", "1")
    assert storno("changes", "resume").code == 1
    erp.do_by_hand("purchase_order.approve_by_hand", "2")
    assert storno.done("changes", "resume").out.startswith(f"Change set {plan} is applied.")


def test_closed_documents_are_opened_again(storno: Storno, erp: FakeERP) -> None:
    """What somebody else closed, too; a preview changes nothing; what Storno closed is said so."""
    erp.edit(ORDER, "7", {"state": "cancelled"}, user="anna")
    applied(storno, "stale", "PO00008")
    words = ("close", "reopen", "practice", "purchase-order", "PO00007", "PO00008")
    preview = storno.done(*words, "--reason", "too early", "--preview").out
    assert "closed by Storno: storno rollback" in preview
    assert states(erp)["PO00007"] == "cancelled"

    storno.done(*words, "--reason", "too early", "--yes")
    assert (states(erp)["PO00007"], states(erp)["PO00008"]) == ("quotation", "quotation")


def test_policy_none_runs_exact_plans_under_the_limit(
    storno: Storno, erp: FakeERP, tmp_path: Path
) -> None:
    """Explicit in the settings, recorded in the journal, and no further than the limit."""
    path = tmp_path / "storno.yaml"
    settings = path.read_text(encoding="utf-8")
    path.write_text(f"{settings}approval:\n  policy: none\n  limit: 2\n", encoding="utf-8")
    small = planned(storno, "stale", "PO00001")
    large = planned(storno, "stale", "PO00003", "PO00004", "PO00005")

    storno.done("close", "run", small, "--yes")
    assert storno("close", "run", large, "--yes").code == 2
    assert storno.done("close", "show", small, "--json").json["change_set"]["policy"] == "none"
    assert states(erp)["PO00003"] == "quotation"


def test_lists_find_change_sets(storno: Storno) -> None:
    """By document, by time, by person and by system."""
    first = applied(storno, "stale", "PO00001")
    applied(storno, "stale", "PO00002")

    def found(*words: str) -> list[str]:
        listed = storno.done("changes", "list", *words, "--json").json["change_sets"]
        return [each["id"][:13] for each in listed]

    assert found("--document", "PO00001") == [first]
    assert len(found("--since", "1h", "--by", "Mei Lin", "--system", "practice")) == 2
    assert found("--by", "nobody") == []
    assert first in storno.done("changes", "show", "--document", "PO00001").out
    assert first not in storno.done("changes", "list", "--since", "2999-01-01").out
