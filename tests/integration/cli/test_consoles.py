"""What is shown can be read: in the language that was asked for, on consoles of every kind."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from connectors.fake.engine import FakeERP
from connectors.fake.schema import ORDER
from service.text import cell_width
from tests.integration.cli.conftest import Storno


def test_a_reader_that_hangs_up_is_no_error(
    storno: Storno, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`storno ... | head` ends quietly."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", encoding="utf-8") as pipe:  # noqa: PTH123 - a pipe has no path
        monkeypatch.setattr(sys, "stdout", pipe)
        answer = storno("documents", "practice", "purchase_order")

    assert (answer.code, answer.err) == (0, "")


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
