"""The demo's second act: true in both languages, left out with a word where no driver is, ended by a difference."""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from config import logging
from config.example import practice_settings
from config.secrets import forget_secrets
from core.errors import Bug
from sandbox.legacy.databases import connect
from sandbox.legacy.practice import Company, make
from service.cli.demo import DRIVER, NOWHERE, second_act
from service.cli.output import Output
from service.cli.session import Session
from service.text import Language

Act = Callable[..., str]


@pytest.fixture
def act(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Act]:
    """Tells the act in a folder of its own; returns what was printed."""
    monkeypatch.chdir(tmp_path)

    def told(company: Company, *, language: str = "en", driver: str = DRIVER) -> str:
        settings = practice_settings(
            language=language,
            url=NOWHERE,
            database="none",
            user="none",
            driver=driver,
            sap_url=NOWHERE,
            sap_copy_url=NOWHERE,
            sap_user="none",
        )
        Path("storno.yaml").write_text(settings, encoding="utf-8")
        for name in ("password", "sap-password"):
            Path(name).write_text("-", encoding="utf-8")
        session = Session(argparse.Namespace(config=None), Output(Language.of(language)))
        try:
            second_act(session, company, steps=12)
        finally:
            session.close()
        return capsys.readouterr().out

    yield told
    logging.reset()
    structlog.reset_defaults()
    forget_secrets()


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_the_act_is_true(act: Act, tmp_path: Path, language: str) -> None:
    """Proved, closed, taken back around a receipt and an invoice; the books are as if Storno had never been."""
    said = act(make(tmp_path), language=language)
    steps = re.findall(r"^(\d\d)\. ", said, re.MULTILINE)

    assert steps == ["13", "14", "15", "16", "17", "18"]
    assert said.count("  ok  ") == 4


def test_without_a_driver(act: Act, tmp_path: Path) -> None:
    """What is missing, what to install; nothing ends, and nothing was touched."""
    company = make(tmp_path)
    before = (tmp_path / "k3.sqlite").read_bytes()
    said = act(company, driver="SQLite3 of another machine")

    assert "SQLite3 of another machine" in said
    assert "  sudo apt-get install unixodbc libsqliteodbc\n" in said
    assert before == (tmp_path / "k3.sqlite").read_bytes()


def test_a_difference_ends_it(act: Act, tmp_path: Path) -> None:
    """One value that nobody can explain: the story says that it does not hold."""

    @dataclasses.dataclass(frozen=True)
    class Careless(Company):
        def invoice(self, number: str) -> None:
            super().invoice(number)
            session = connect(tmp_path / "k3.sqlite")
            session.run('update "POOrder" set "FExplanation" = \'?\' where "FInterID" = 1001')
            session.commit()
            session.close()

    company = make(tmp_path)
    with pytest.raises(Bug):
        act(Careless(company.books, company.witness))
