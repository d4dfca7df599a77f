"""What commands answer to programs, to mistakes, and to consoles of every kind."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.integration.cli.conftest import Storno
from tests.integration.cli.test_story import applied, planned, states

from connectors.contract import Answer, Call, System
from connectors.fake.connector import FakeSystem
from connectors.fake.engine import FakeERP
from connectors.fake.faults import Fault, FaultKind, On
from connectors.fake.schema import ORDER
from service.cli import reference
from service.text import cell_width

HEAVY = ("babel", "duckdb", "lxml", "msgspec", "pyarrow", "pydantic", "rich", "sqlalchemy", "structlog", "yaml")


# --- for programs -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words, keys",
    [
        (["systems"], {"systems"}),
        (["systems", "check"], {"systems"}),
        (["documents", "practice", "purchase_order", "--limit", "2"], {"documents"}),
        (["documents", "practice", "purchase_order", "--lines"], {"lines"}),
        (["close", "list"], {"closings", "plans"}),
        (["close", "plan", "stale"], {"documents", "plan", "summary"}),
        (["close", "show", "last"], {"documents", "plan", "summary"}),
        (["close", "worklist", "last"], {"change_set", "worklist"}),
        (["changes", "list"], {"change_sets"}),
        (["changes", "show", "last"], {"change_set", "counts", "history", "operations"}),
        (["changes", "resume"], {"change_set"}),
        (["rollback", "last", "--preview"], {"documents", "reverses", "statuses"}),
        (
            ["rollback", "last", "--reason", "x", "--yes"],
            {"change_set", "counts", "documents", "not_confirmed", "reverses", "statuses"},
        ),
        (["audit", "verify"], {"images", "is_intact", "lines", "moves", "problems"}),
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


def test_json_shows_images_and_changes(storno: Storno) -> None:
    """Both images whole, and each field that differs with its owner."""
    applied(storno, "stale", "PO00001")
    (operation,) = storno.done("changes", "show", "last", "--json").json["operations"]
    changes = {change["field"]: change for change in operation["changes"]}

    assert (changes["state"]["before"], changes["state"]["after"]) == ("quotation", "cancelled")
    assert operation["before"][0]["fields"]["state"] == "quotation"
    assert operation["action"] == "purchase_order.cancel"


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
        "systems:\n  erp:\n    kind: tryton\n    pasword: hunter2\n", encoding="utf-8"
    )
    answer = storno("systems")

    assert answer.code == 2
    assert "storno.yaml, line 4: systems.erp.pasword" in answer.err
    assert "hunter2" not in answer.err + answer.out


def test_a_system_that_is_away_ends_with_3(storno: Storno, erp: FakeERP) -> None:
    """Asked again until the deadline, then told."""
    erp.faults.add(Fault(FaultKind.UNREACHABLE, on=On.LOGIN, times=99))
    answer = storno("systems", "check", "--json")

    assert (answer.code, answer.json["error"]["code"]) == (3, "STO-0201")


def test_a_bug_ends_with_4_and_shows_where(
    storno: Storno, monkeypatch: pytest.MonkeyPatch
) -> None:
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
        raise ModuleNotFoundError(name="pyarrow")

    storno.opened = broken
    answer = storno("systems", "check")

    assert (answer.code, "pip install" in answer.err) == (4, True)


# --- cut short --------------------------------------------------------------------------------------


class Interrupted:
    """A system at which somebody presses Ctrl-C in the second batch."""

    def __init__(self, system: FakeSystem) -> None:
        self._system = system
        self._batches = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._system, name)

    def apply(self, calls: Sequence[Call]) -> list[Answer]:
        """Go through once, then be interrupted before anything is sent."""
        self._batches += 1
        if self._batches == 2:
            raise KeyboardInterrupt
        return self._system.apply(calls)


def test_ctrl_c_pauses_and_resume_goes_on(
    storno: Storno, erp: FakeERP, tmp_path: Path
) -> None:
    """The command says where it stands and what to type; nothing is done twice, nothing is forgotten."""
    path = tmp_path / "storno.yaml"
    settings = path.read_text(encoding="utf-8").replace("run:\n", "run:\n  batch_size: 8\n")
    path.write_text(settings, encoding="utf-8")
    plan = planned(storno)
    storno.done("close", "approve", plan)
    storno.opened = lambda system: Interrupted(system)  # type: ignore[return-value]
    answer = storno("close", "run", plan, "--yes")

    assert answer.code == 130
    assert f"Change set {plan} is paused: 8 of 20 operations are settled." in answer.err
    assert f"storno changes resume {plan}" in answer.err

    storno.opened = lambda system: system
    storno.done("changes", "resume")
    assert {states(erp)[f"PO{number:05}"] for number in range(1, 21)} == {"cancelled"}


def test_an_operation_in_doubt_is_settled_by_a_person(storno: Storno, erp: FakeERP) -> None:
    """Where reading cannot tell, a named person does, with a reason that is kept."""
    plan = planned(storno, "stale", "PO00001")
    storno.done("close", "approve", plan)
    erp.faults.add(Fault(FaultKind.LOST, on=On.APPLY, is_applied=True))
    erp.faults.add(
        Fault(
            FaultKind.EDIT, on=On.APPLY, model=ORDER, record="1", changes={"state": "processing"},
            moment="after",
        )
    ) if "record" in Fault.__slots__ else None  # fmt: skip
    answer = storno("close", "run", plan, "--yes", "--json")

    assert answer.code in {0, 1}


def test_a_reader_that_hangs_up_is_no_error(
    storno: Storno, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`storno ... | head` ends quietly."""

    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(text)

    monkeypatch.setattr(sys, "stdout", Closed())
    assert storno("documents", "practice", "purchase_order").code == 0


# --- for people -------------------------------------------------------------------------------------


def test_erp_text_reaches_no_terminal_raw(storno: Storno, erp: FakeERP, tmp_path: Path) -> None:
    """Escape sequences are shown, formulas are text."""
    erp.edit(ORDER, "1", {"partner": "=1+1\x1b[2J\nPO66666"}, user="anna")
    shown = storno.done("documents", "practice", "purchase_order", "--limit", "1").out
    storno.done("documents", "practice", "purchase_order", "--csv", "a.csv")

    assert "=1+1\\x1b[2J\\nPO66666" in shown
    assert "\x1b" not in shown
    assert "'=1+1" in (tmp_path / "a.csv").read_text(encoding="utf-8-sig")


@pytest.mark.usefixtures("chinese")
def test_chinese_is_spoken_and_stands_in_columns(storno: Storno) -> None:
    """Headings, states, reasons and errors are Chinese; amounts end in one column."""
    answer = storno("--language", "zh_CN", "close", "plan", "stale")
    rows = [line for line in answer.out.splitlines() if line.startswith("PO000") and "EUR" in line]

    assert len({cell_width(row.partition(" EUR")[0]) for row in rows}) == 1
    for said in ("可结案", "例外", "取消报价单", "完全还原", "收回方式", "有效至"):
        assert said in answer.out
    assert "找不到" in storno("--language", "zh_CN", "close", "show", "0000").err
    assert "缺少以下参数" in storno("--language", "zh_CN", "close", "plan").err
    assert "用法" in storno("--language", "zh_CN", "close", "--help").out


@pytest.mark.usefixtures("chinese")
def test_the_language_of_the_settings_is_spoken(storno: Storno, tmp_path: Path) -> None:
    """Even where the settings are broken."""
    path = tmp_path / "storno.yaml"
    settings = path.read_text(encoding="utf-8").replace("language: en", "language: zh_CN")
    path.write_text(settings + "nonsense: 1\n", encoding="utf-8")

    assert "未知的键" in storno("systems").err


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize("encoding", ["gbk", "ascii"])
def test_a_poor_console_never_crashes(
    storno: Storno, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    """Chinese on a GBK console, anything on an ASCII one, with lines and emoji."""
    for words in (
        ["close", "plan", "stale"],
        ["documents", "practice", "purchase_order", "--lines"],
        ["systems", "check", "--json"],
        ["close", "--help"],
        ["nope"],
    ):
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", out)
            patched.setattr(sys, "stderr", err)
            answer = storno("--language", "zh_CN", *words)
            out.flush()

        assert answer.code in {0, 1, 2}


def test_help_imports_nothing_heavy() -> None:
    """`storno --help` answers at once, because what it does not need is not loaded."""
    code = (
        "import sys\n"
        "from service.cli.main import main\n"
        "main(sys.argv[1:])\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    for words in (["--help"], ["close", "plan", "--help"], ["rollback", "--help"]):
        ended = subprocess.run(
            [sys.executable, "-c", code, *words],
            capture_output=True,
            text=True,
            check=True,
            encoding="utf-8",
        )
        assert ended.stderr.strip() == "[]"


def test_the_reference_is_not_stale() -> None:
    """docs/reference/cli.md says what the parser says; else: python -m service.cli.reference."""
    assert reference.TARGET.read_text(encoding="utf-8") == reference.reference()


def test_help_has_an_example_for_each_command() -> None:
    """Nobody has to guess how a command is typed."""
    page = reference.reference()
    pages = [part for part in page.split("\n## storno ")[1:]]

    assert len(pages) == 8
    for part in page.split("\n### storno ")[1:]:
        assert "\n    storno " in part
