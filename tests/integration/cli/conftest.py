"""Types commands in one folder, against one small ERP that outlives every command."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from config import logging
from config.secrets import forget_secrets
from config.settings import Settings
from connectors.contract import System
from connectors.fake.connector import FakeSystem, system_in_memory
from connectors.fake.engine import FakeERP
from connectors.fake.faults import Fault, FaultKind
from connectors.fake.sample import add_company
from connectors.fake.schema import ORDER
from core import encoding
from service import app, text
from service.catalogue import compile_all
from service.cli.main import main

SETTINGS = """\
systems:
  practice:
    kind: fake
closings:
  stale:
    title: Quotations that nobody answered
    system: practice
    kind: purchase_order
    scope: not is_closed and number <= 'PO00023'
    routes:
      - name: cancel
        when: state = 'quotation'
        action: purchase_order.cancel
    otherwise: It is no quotation.
  remainders:
    system: practice
    kind: purchase_order
    scope: state = 'processing' and number <= 'PO00025'
    routes:
      - name: give up
        when: "true"
        action: purchase_order.close
  approvals:
    system: practice
    kind: purchase_order
    scope: state = 'quotation' and number <= 'PO00002'
    routes:
      - name: by hand
        when: "true"
        action: purchase_order.approve_by_hand
        executor: by_person
actor: Mei Lin
time_zone: Asia/Shanghai
language: en
run:
  retry_deadline_seconds: 0.05
"""


PUBLIC = ["--public-key", "secrets/audit.pem.pub"]


@dataclass(frozen=True)
class Answer:
    """What one command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON document that it must be."""
        return encoding.loads(self.out)


class Storno:
    """Runs commands in this process; every command opens and closes everything anew but the ERP."""

    def __init__(self, erp: FakeERP, capture: pytest.CaptureFixture[str]) -> None:
        self.erp = erp
        self._capture = capture
        self.opened: Callable[[FakeSystem], System] = lambda system: system

    def __call__(self, *words: str) -> Answer:
        """Type `storno WORDS`."""
        self._capture.readouterr()
        code = main(list(words), build=self._build)
        captured = self._capture.readouterr()
        return Answer(code, captured.out, captured.err)

    def done(self, *words: str) -> Answer:
        """Type a command that must end with 0."""
        answer = self(*words)

        assert answer.code == 0, answer.err
        return answer

    def _build(self, settings: Settings) -> app.Services:
        def open_system(name: str, kind: str, options: Any) -> System:
            del kind, options
            return self.opened(
                system_in_memory(self.erp, name=name, settles_after=timedelta(seconds=0))
            )

        return app.build(settings, open_system=open_system)


@pytest.fixture
def erp() -> FakeERP:
    """One of everything."""
    erp = FakeERP()
    add_company(erp)
    return erp


@pytest.fixture
def storno(
    erp: FakeERP,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Storno]:
    """A folder with settings, and the command line in it."""
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG", "NO_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "storno.yaml").write_text(SETTINGS, encoding="utf-8")
    yield Storno(erp, capsys)
    logging.reset()
    structlog.reset_defaults()
    forget_secrets()


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogues as a wheel has them."""
    folder = tmp_path_factory.mktemp("locale")
    compile_all(folder)
    return folder


@pytest.fixture
def chinese(compiled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let gettext find the compiled catalogues, whether or not this tree was installed."""
    monkeypatch.setattr(text, "LOCALE_FOLDER", compiled)


@pytest.fixture
def signer(storno: Storno, tmp_path: Path) -> Storno:
    """A Storno that has a key to sign with."""
    storno.done("audit", "key", "--out", "secrets/audit.pem")
    settings = SETTINGS + "audit:\n  signing_key: ${file:secrets/audit.pem}\n"
    (tmp_path / "storno.yaml").write_text(settings, encoding="utf-8")
    return storno


@pytest.fixture(scope="session")
def folder_with_pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the folder of `pack` is kept, once a first test made it."""
    return tmp_path_factory.mktemp("evidence") / "folder"


@pytest.fixture
def pack(signer: Storno, erp: FakeERP, tmp_path: Path, folder_with_pack: Path) -> Path:
    """Evidence of a closing with a refusal, exceptions, and texts that mean mischief. Made once, then copied."""
    if folder_with_pack.exists():
        shutil.copytree(folder_with_pack, tmp_path, dirs_exist_ok=True)
        return Path("evidence")
    key = next(key for key, row in erp.dump()[ORDER].items() if row["number"] == "PO00002")
    said = "<script>alert(1)</script> & <img src=x onerror=alert(2)>"
    erp.faults.add(Fault(FaultKind.BAD_DOCUMENT, key=key, times=9, said=said))
    planned = signer("close", "plan", "stale", "PO00001", "PO00002", "PO00021", "--json").json
    plan = str(planned["change_set"]["id"])
    signer.done("close", "approve", plan)
    signer("close", "run", plan, "--yes")
    signer.done("audit", "export", plan, "--out", "evidence")
    shutil.copytree(tmp_path, folder_with_pack)
    return Path("evidence")


def content_of(pack: Path) -> dict[str, Any]:
    """Return what its JSON file says."""
    return dict(encoding.loads((pack / "evidence.json").read_bytes()))
