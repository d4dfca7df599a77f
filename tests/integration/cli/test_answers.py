"""What commands answer to programs and to mistakes, and where a person has to decide."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.contract import Answer, Call, Fence, System, no_fence
from connectors.fake.connector import FakeSystem
from connectors.fake.engine import FakeERP
from connectors.fake.faults import Fault, FaultKind, On
from connectors.fake.request import ERPSettings
from tests.integration.cli.conftest import Storno
from tests.integration.cli.test_story import applied, planned, states

# --- for programs -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words, keys",
    [
        (["systems"], {"systems"}),
        (["systems", "check"], {"systems"}),
        (["documents", "practice", "purchase_order", "--limit", "2"], {"documents"}),
        (["documents", "practice", "purchase_order", "--lines"], {"lines"}),
        (["close", "list"], {"change_sets", "closings"}),
        (["close", "plan", "stale"], {"change_set", "documents", "file", "summary"}),
        (["close", "show", "last"], {"change_set", "documents", "file", "summary"}),
        (["close", "worklist", "last"], {"change_set", "worklist"}),
        (["changes", "list"], {"change_sets"}),
        (
            ["changes", "show", "last"],
            {"change_set", "counts", "held", "history", "operations", "pruned", "takes_back"},
        ),
        (["changes", "resume"], {"change_set"}),
        (
            ["rollback", "last", "--preview"],
            {"circles", "documents", "notes", "offered", "reverses", "statuses", "totals"},
        ),
        (
            ["rollback", "last", "--reason", "x", "--yes"],
            {
                "change_set", "circles", "counts", "documents", "not_confirmed", "notes", "offered",
                "residue", "reverses", "statuses", "systems", "totals",
            },
        ),
        (
            ["audit", "verify"],
            {
                "checkpoints", "images", "is_intact", "lines", "moves", "newest_checkpoint",
                "problems",
            },
        ),
        (["journal", "hold", "last", "--reason", "x"], {"change_set", "is_held"}),
        (["worker", "list"], {"claims", "waiting"}),
        (["freeze", "all", "--no-look", "--reason", "x"],
         {"changed", "freeze", "in_flight", "stopped"}),
        (["documents", "practice", "purchase_order", "--csv", "orders.csv"], {"file", "rows"}),
        (["init", "elsewhere"], {"files"}),
        (["audit", "key", "--out", "audit.pem"], {"key", "private_key", "public_key"}),
        (["freeze"], {"freezes"}),
        (["freeze", "all", "--preview"], {"in_flight", "stopped"}),
        (["freeze", "all", "--reason", "x"], {"changed", "freeze", "in_flight", "stopped"}),
        (["notify"], {"messages", "people", "unaddressed"}),
        (["--version"], {"version"}),
        (["close", "reopen", "practice", "purchase_order", "PO00001", "--reason", "x", "--preview"],
         {"documents", "summary"}),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, list) else "",
)  # fmt: skip
def test_json_is_one_document(storno: Storno, words: list[str], keys: set[str]) -> None:
    """Every command answers a program with one object of known keys, and nothing else."""
    applied(storno, "stale", "PO00001")
    answer = storno(*words, "--json")

    assert keys == set(answer.json)
    assert answer.code in {0, 1}
    assert [] == list(otherwise_named(answer.json))


def otherwise_named(document: Any) -> Iterator[Any]:
    """Yield what is called a change set, or the id of one, and is none."""
    if isinstance(document, list):
        for each in document:
            yield from otherwise_named(each)
    elif isinstance(document, dict):
        named = document.get("change_set")
        if named is not None and not (isinstance(named, dict) and "id" in named):
            yield document
        if not isinstance(document.get("change_set_id"), str | None):
            yield document
        if {"plan", "plans", "written"} & document.keys():
            yield document
        for each in document.values():
            yield from otherwise_named(each)


def test_json_shows_images_and_changes(storno: Storno) -> None:
    """Both images whole, and each field that differs with its owner."""
    applied(storno, "stale", "PO00001")
    (operation,) = storno.done("changes", "show", "last", "--json").json["operations"]
    changes = {change["field"]: change for change in operation["changes"]}

    assert (changes["state"]["before"], changes["state"]["after"]) == ("quotation", "cancelled")
    assert operation["before"][0]["fields"]["state"] == "quotation"
    assert operation["action"] == "purchase_order.cancel"


def test_moments_are_the_readers_own(storno: Storno) -> None:
    """The list of change sets tells the hour of the zone in storno.yaml, not that of the journal."""
    applied(storno, "stale", "PO00001")
    (made,) = storno.done("changes", "list", "--json").json["change_sets"]
    at = datetime.fromisoformat(made["created_at"]).astimezone(ZoneInfo("Asia/Shanghai"))

    assert f"{at:%Y-%m-%d %H:%M}" in storno.done("changes", "list").out


@pytest.mark.parametrize(
    "words, code, error",
    [
        (["frobnicate"], 2, "STO-0100"),
        (["close"], 2, "STO-0100"),
        (["close", "plan", "nope"], 2, "STO-0102"),
        (["close", "plan", "stale", "--from", "none.txt"], 2, "STO-0107"),
        (["close", "show", "0000"], 2, "STO-0102"),
        (["systems", "check", "nope"], 2, "STO-0102"),
        (["documents", "practice", "nope"], 2, "STO-0102"),
        (["documents", "practice", "purchase_order", "--where", "nope = 1"], 2, "STO-0107"),
        (["documents", "practice", "purchase_order", "--limit", "-1"], 2, "STO-0107"),
        (["changes", "list", "--since", "soon"], 2, "STO-0107"),
        (["changes", "show"], 2, "STO-0100"),
        (["changes", "show", "--document", "nope"], 2, "STO-0102"),
        (["changes", "settle", "last", "1", "--as", "confirmed", "--reason", "x"], 2, "STO-0103"),
        (["rollback", "last"], 2, "STO-0100"),
        (["rollback"], 2, "STO-0100"),
        (["rollback", "--documents", "nope", "--preview"], 2, "STO-0102"),
        (["rollback", "last", "--on-conflict", "force", "--reason", "x"], 2, "STO-0104"),
        (["freeze", "all"], 2, "STO-0100"),
        (["freeze", "everything", "--reason", "x"], 2, "STO-0107"),
        (["freeze", "system:nope", "--reason", "x"], 2, "STO-0102"),
        (["thaw", "ffffffff", "--reason", "x"], 2, "STO-0102"),
        (["notify", "test"], 2, "STO-0100"),
        (["audit", "checkpoint"], 2, "STO-0100"),
        (["audit", "export", "last", "--out", "evidence"], 2, "STO-0100"),
        (["audit", "verify", "--pack", "nowhere"], 2, "STO-0107"),
        (["--config", "none.yaml", "systems"], 2, "STO-0110"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_have_a_code(storno: Storno, words: list[str], code: int, error: str) -> None:
    """One error object with a stable code; nothing was changed."""
    applied(storno, "stale", "PO00001")
    before = storno.erp.dump()
    answer = storno(*words, "--json")

    assert (answer.code, answer.json["error"]["code"]) == (code, error)
    assert answer.json["error"]["message"] in answer.err
    assert storno.erp.dump() == before


def test_unknown_numbers_are_exceptions(storno: Storno) -> None:
    """A number that names nothing stops nobody: it is listed with its reason."""
    answer = storno("close", "plan", "stale", "PO00001", "NOPE")

    assert answer.code == 1
    assert "there is no document with this number" in answer.out


def test_broken_settings_name_file_line_and_key(storno: Storno, tmp_path: Path) -> None:
    """All problems at once, and no value of any of them."""
    (tmp_path / "storno.yaml").write_text(
        "systems:\n  erp:\n    kind: tryton\n    secretword: hunter2\n", encoding="utf-8"
    )
    answer = storno("systems")

    assert answer.code == 2
    assert "storno.yaml, line 4: systems.erp.secretword" in answer.err
    assert "hunter2" not in answer.err + answer.out


def test_a_system_that_is_away_ends_with_3(storno: Storno, erp: FakeERP) -> None:
    """Asked again until the deadline, then told."""
    erp.faults.add(Fault(FaultKind.UNREACHABLE, on=On.LOGIN, times=99))
    answer = storno("systems", "check", "--json")

    assert (answer.code, answer.json["error"]["code"]) == (3, "STO-0201")


def test_a_bug_ends_with_4_and_shows_where(storno: Storno) -> None:
    """The evidence is on standard error, the problem in JSON."""

    def broken(system: FakeSystem) -> System:
        raise ZeroDivisionError(system.name)

    storno.opened = broken
    answer = storno("systems", "check", "--json")

    assert (answer.code, answer.json["error"]["code"]) == (4, "STO-0500")
    assert "ZeroDivisionError: practice" in answer.err
    assert "report it" in answer.err


def test_a_missing_package_ends_with_4(storno: Storno) -> None:
    """A Python that lacks a package is named with what to type."""

    def broken(system: FakeSystem) -> System:
        raise ModuleNotFoundError(system.name, name="pyarrow")

    storno.opened = broken
    answer = storno("systems", "check")

    assert (answer.code, "pip install" in answer.err) == (4, True)


def test_partial_sight_is_never_called_clean(storno: Storno) -> None:
    """A user who does not see everything is told so, and the exit code says it too."""
    storno.erp = FakeERP(ERPSettings(sees_everything=False))
    answer = storno("systems", "check")

    assert (answer.code, "storno sees only one company" in answer.out) == (1, True)


# --- questions --------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    """A stream at which a person sits."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.mark.parametrize(
    "typed, code, state",
    [("y\n", 0, "cancelled"), ("\n", 1, "quotation"), ("是\n", 0, "cancelled")],
)
def test_a_person_is_asked(
    storno: Storno, monkeypatch: pytest.MonkeyPatch, typed: str, code: int, state: str
) -> None:
    """Yes carries the plan out; everything else changes nothing."""
    plan = planned(storno, "stale", "PO00001")
    storno.done("close", "approve", plan)
    asked = Terminal()
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    monkeypatch.setattr(sys, "stderr", asked)
    answer = storno("close", "run", plan)

    assert code == answer.code
    assert "Carry out 1 operation in practice as storno? [y/N]" in asked.getvalue()
    assert state == states(storno.erp)["PO00001"]


# --- cut short --------------------------------------------------------------------------------------


class Interrupted:
    """A system at which somebody presses Ctrl-C in the second batch."""

    parallel_calls = 1

    def __init__(self, system: FakeSystem) -> None:
        self._system = system
        self._batches = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._system, name)

    def apply(self, calls: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        """Go through once, then be interrupted before anything is sent."""
        self._batches += 1
        if self._batches == 2:
            raise KeyboardInterrupt
        return self._system.apply(calls, fence)


def test_ctrl_c_pauses_and_resume_goes_on(storno: Storno, erp: FakeERP, tmp_path: Path) -> None:
    """The command says where it stands and what to type; nothing is done twice, nothing is forgotten."""
    path = tmp_path / "storno.yaml"
    settings = path.read_text(encoding="utf-8").replace("run:\n", "run:\n  batch_size: 8\n")
    path.write_text(settings, encoding="utf-8")
    plan = planned(storno)
    storno.done("close", "approve", plan)
    storno.opened = Interrupted
    answer = storno("close", "run", plan, "--yes", "--json")
    told = answer.json["error"]["change_set"]

    assert answer.code == 130
    assert (plan, "paused", 8, 20) == (
        told["id"][: len(plan)],
        told["state"],
        told["settled"],
        told["operations"],
    )
    assert f"Change set {plan} is paused: 8 of 20 operations are settled." in answer.err
    assert f"storno changes resume {plan}" in answer.err

    storno.opened = lambda system: system
    storno.done("changes", "resume")
    assert {states(erp)[f"PO{number:05}"] for number in range(1, 21)} == {"cancelled"}


def test_what_reading_cannot_settle_a_person_does(storno: Storno, erp: FakeERP) -> None:
    """The answer was lost and somebody else wrote meanwhile: a named person decides, with a reason."""
    plan = planned(storno, "stale", "PO00001")
    storno.done("close", "approve", plan)
    erp.faults.add(
        Fault(FaultKind.EDIT, record="1", changes={"state": "processing"}, user="anna"),
        Fault(FaultKind.LOST, is_applied=False),
    )
    answer = storno("close", "run", plan, "--yes")
    assert answer.code == 1
    assert "a person must look" in answer.out

    settled = storno.done(
        "changes", "settle", plan, "1", "--as", "refused", "--reason", "anna opened it"
    )
    assert "Operation 1 is refused." in settled.out
    assert storno("changes", "resume", plan).code == 1
    assert "anna opened it" in storno.done("changes", "show", plan).out
