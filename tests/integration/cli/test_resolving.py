"""A person resolves a conflict on the command line, field by field, and reads afterwards who did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors.fake.engine import FakeERP
from connectors.fake.schema import ORDER
from tests.integration.cli.conftest import SETTINGS, Storno

POLICY = """\
rollback:
  conflicts:
    purchase_order:
      closed_how: keep_theirs
"""


@pytest.fixture
def document(storno: Storno, erp: FakeERP) -> dict[str, str]:
    """One closed quotation that somebody changed since: its key, its number and the change set."""
    closed = storno("close", "plan", "stale", "--json").json
    plan = closed["change_set"]["id"]
    storno.done("close", "approve", plan)
    storno.done("close", "run", plan, "--yes")
    found = next(row for row in closed["documents"] if row["is_ready"])
    key = next(k for k, row in erp.dump()[ORDER].items() if row["number"] == found["number"])
    erp.edit(ORDER, key, {"closed_how": "by_itself"})
    return {"key": key, "number": found["number"], "id": plan}


def conflicts(answer: Any) -> list[dict[str, Any]]:
    """Return the conflicts of a preview."""
    return [each for found in answer.json["documents"] for each in found["conflicts"]]


def look(storno: Storno, document: dict[str, str], *words: str) -> Any:
    """Preview the rollback of the one document."""
    only = ("--only", document["number"], "--preview")
    return storno("rollback", document["id"], *only, *words)


def test_the_three_values_and_who(storno: Storno, document: dict[str, str]) -> None:
    """Before, ours and now, by whom and when, and what can be done about it: as a table and for programs."""
    shown = look(storno, document)
    (found,) = conflicts(look(storno, document, "--json"))

    assert 1 == shown.code
    assert "by_hand" in shown.out
    assert "by_itself" in shown.out
    assert "somebody" in shown.out
    assert "--resolve closed_how=keep_theirs" in shown.out + shown.err
    assert (None, "by_hand", "by_itself", "somebody") == tuple(
        found[name] for name in ("before", "ours", "now", "changed_by")
    )
    assert found["changed_at"].endswith("Z")
    assert ["ask", "keep_theirs"] == found["ways"]
    assert found["resolution"] is None


def test_a_field_is_kept(storno: Storno, document: dict[str, str], erp: FakeERP) -> None:
    """It is shown before, done, and told afterwards with author and reason."""
    rule = f"{document['number']}:closed_how=keep_theirs"
    seen = look(storno, document, "--resolve", rule)
    words = ("--only", document["number"], "--resolve", rule, "--reason", "it closed itself")
    done = storno.done("rollback", document["id"], *words, "--yes", "--json").json
    shown = storno.done("changes", "show", done["change_set"]["id"])
    row = erp.dump()[ORDER][document["key"]]

    assert 0 == seen.code
    assert "keep theirs" in seen.out
    assert f"--resolve {rule}" in seen.out + seen.err
    assert ("quotation", "by_itself") == (row["state"], row["closed_how"])
    assert "keep theirs (Mei Lin: it closed itself)" in " ".join(shown.out.split())
    assert "Exactly as it was before" not in shown.out


def test_a_policy_is_named_as_one(storno: Storno, document: dict[str, str], tmp_path: Path) -> None:
    """Nobody has to say what storno.yaml says, and everybody sees that it did."""
    (tmp_path / "storno.yaml").write_text(SETTINGS + POLICY, encoding="utf-8")
    (found,) = conflicts(look(storno, document, "--json"))

    assert "keep theirs (by policy)" in " ".join(look(storno, document).out.split())
    assert ("keep_theirs", "policy", "by_itself") == tuple(
        found["resolution"][name] for name in ("way", "origin", "target")
    )
    assert 1 == look(storno, document, "--resolve", "closed_how=ask").code


@pytest.mark.parametrize(
    "policy, problem",
    [
        ("colour: keep_theirs", "called colour"),
        ("closed_how: add_difference", "no quantity and no amount"),
    ],
)
def test_a_policy_that_does_not_fit_is_an_error_of_the_file(
    storno: Storno, document: dict[str, str], tmp_path: Path, policy: str, problem: str
) -> None:
    """With its line and key, and nothing is taken back."""
    written = SETTINGS + POLICY.replace("closed_how: keep_theirs", policy)
    (tmp_path / "storno.yaml").write_text(written, encoding="utf-8")
    line = written[: written.index(policy)].count("\n") + 1
    answer = look(storno, document)

    assert 2 == answer.code
    assert (
        f"line {line}: rollback.conflicts.purchase_order.{policy.partition(':')[0]}" in answer.err
    )
    assert problem in answer.err


@pytest.mark.parametrize(
    "rules, code",
    [
        (["closed_how"], "STO-0107"),
        (["closed_how=keep"], "STO-0107"),
        (["closed_how=ask", "closed_how=keep_theirs"], "STO-0107"),
        (["colour=keep_theirs"], "STO-0107"),
        (["PO99999:closed_how=keep_theirs"], "STO-0107"),
    ],
)
def test_slips_are_told(
    storno: Storno, document: dict[str, str], rules: list[str], code: str
) -> None:
    """Before anything is changed."""
    words = [word for rule in rules for word in ("--resolve", rule)]
    answer = look(storno, document, *words, "--json")

    assert (2, True) == (answer.code, code in answer.out + answer.err)


def test_putting_back_is_forcing(storno: Storno, document: dict[str, str], erp: FakeERP) -> None:
    """It can be looked at, and is refused: one claimed name writes over nobody's work."""
    words = ("--only", document["number"], "--resolve", "closed_how=put_back")
    seen = storno("rollback", document["id"], *words, "--preview")
    refused = storno("rollback", document["id"], *words, "--reason", "x", "--yes", "--json")

    assert (1, 2) == (seen.code, refused.code)
    assert "second person" in seen.out
    assert "STO-0104" in refused.out + refused.err
    assert "cancelled" == erp.dump()[ORDER][document["key"]]["state"]
