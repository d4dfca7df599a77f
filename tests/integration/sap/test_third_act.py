"""The demo's third act is true in both languages, and ends where SAP keeps what it should forget."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.example import practice_settings
from core.errors import Bug
from sandbox.sap.practice import Company, start
from service.cli.demo import DRIVER, NOWHERE, third_act
from service.cli.output import Output
from service.cli.session import Session
from service.text import Language
from tests.integration.odbc.desk import forget_everything


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    """Start both practice SAPs, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    with start() as made:
        yield made
    forget_everything()


def told(company: Company, capsys: pytest.CaptureFixture[str], language: str) -> str:
    settings = practice_settings(
        language=language,
        url=NOWHERE,
        database="none",
        user="none",
        driver=DRIVER,
        sap_url=company.url,
        sap_copy_url=company.copy_url,
        sap_user=company.user,
    )
    Path("storno.yaml").write_text(settings, encoding="utf-8")
    Path("sap-password").write_text(company.user.lower(), encoding="utf-8")
    Path("password").write_text("-", encoding="utf-8")
    session = Session(argparse.Namespace(config=None), Output(Language.of(language)))
    try:
        third_act(session, company, steps=18)
    finally:
        session.close()
    return capsys.readouterr().out


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_the_act_is_true(
    company: Company, capsys: pytest.CaptureFixture[str], language: str
) -> None:
    """A change is lost, then one is proved, made, taken back; nothing is left but SAP's trail."""
    said = told(company, capsys, language)

    assert ["19", "20", "21", "22", "23"] == re.findall(r"^(\d\d)\. ", said, re.MULTILINE)
    assert "MUELLER" in said
    assert "Traceback" not in said


def test_what_is_left_ends_the_act(
    company: Company, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that nobody explains is a mistake of Storno, and is told as one."""
    leave = Company.leave_it

    def leave_and_edit(self: Company) -> None:
        leave(self)
        values = {"TXZ01": "somebody's"}
        self._ask("edit", table="EKPO", key=[self.orders()[0], "00010"], values=values)

    monkeypatch.setattr(Company, "leave_it", leave_and_edit)

    with pytest.raises(Bug):
        told(company, capsys, "en")
