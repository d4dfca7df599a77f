"""What nobody shall see can be read nowhere: marks are planted wherever a connector may give a value, and looked for."""

from __future__ import annotations

import zipfile
from base64 import b64encode
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
import structlog

from connectors.contract import Instruction
from connectors.fake.engine import FakeERP
from connectors.fake.faults import Fault, FaultKind
from connectors.fake.purchase import ApproveByHand
from connectors.fake.schema import LINE, ORDER
from core.text import Text
from tests.integration.cli.conftest import SETTINGS, Answer, Storno
from tests.integration.cli.test_notify import Mailbox, mailbox  # noqa: F401 - a fixture
from tests.integration.cli.test_story import planned

WORD: Final = "Zq7xk9-salary-of-the-boss"
THEIRS: Final = "Zq7xk9-what-somebody-else-wrote"
FIGURE: Final = Decimal("918273645.65")
# Long enough that no sealed byte, hash or signature holds one by chance.
MARKS: Final = ("zq7xk9", "918273645", "918,273,645", "734618916")
HIDDEN: Final = "partner, owner, note, reference, closed_by, closed_how, amount, remaining_amount"


@pytest.fixture
def marked(storno: Storno, erp: FakeERP, mailbox: Mailbox, tmp_path: Path) -> Iterator[Storno]:  # noqa: F811
    """Orders whose hidden fields hold a mark, and a journal that is sealed."""
    for key, row in erp.dump()[ORDER].items():
        if row["number"] <= "PO00023":
            texts = dict.fromkeys(("partner", "owner", "note", "reference"), WORD)
            erp.edit(ORDER, key, texts)
            lines = [k for k, line in erp.dump()[LINE].items() if line["order"] == key]
            for number, line in enumerate(lines):
                price = {"unit_price": Decimal(0) if number else FIGURE, "description": WORD}
                erp.edit(LINE, line, {**price, "quantity": Decimal(1)})
    (tmp_path / "journal.key").write_text(b64encode(bytes(range(32))).decode())
    (tmp_path / "storno.yaml").write_text(
        SETTINGS
        + "journal:\n  keys:\n    - {name: k, key: '${file:journal.key}'}\n"
        + f"redaction:\n  - model: {ORDER}\n    fields: [{HIDDEN}]\n    columns: []\n"
        + f"  - model: {LINE}\n    fields: [unit_price, amount, description]\n"
        + "allow_plain_secrets: true\n"
        + f"notify:\n  mei:\n    addresses: ['{mailbox.address}']\n",
        encoding="utf-8",
    )
    storno.done("audit", "key", "--out", "audit.pem")
    with (tmp_path / "storno.yaml").open("a", encoding="utf-8") as settings:
        settings.write("audit:\n  signing_key: ${file:audit.pem}\n")
    yield storno
    structlog.reset_defaults()


def marks_in(said: str | bytes) -> list[str]:
    written = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return [mark for mark in MARKS if mark in written.lower()]


def leaks(folder: Path) -> dict[str, list[str]]:
    """Return which files of the folder hold a mark, also within packed sheets."""
    found = {}
    for path in folder.rglob("*"):
        if not path.is_file() or path.name == "storno.yaml":
            continue
        held = marks_in(path.read_bytes())
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as packed:
                for name in packed.namelist():
                    held += marks_in(packed.read(name))
        if held:
            found[path.name] = held
    return found


class Listener:
    """Types commands and keeps whatever any of them said."""

    def __init__(self, storno: Storno) -> None:
        self._storno = storno
        self.said: dict[str, list[str]] = {}

    def __call__(self, *words: str) -> Answer:
        answer = self._storno(*words, "-v")
        held = marks_in(answer.out) + marks_in(answer.err)
        if held:
            self.said[" ".join(words)] = [answer.out[:4000], answer.err[:4000]]
        return answer


def test_lists_and_files(marked: Storno, tmp_path: Path) -> None:
    """Documents and lines: on the screen, for programs, and in every kind of file."""
    hear = Listener(marked)
    for more in ((), ("--lines",)):
        hear("documents", "practice", "purchase_order", *more)
        hear("documents", "practice", "purchase_order", *more, "--json")
        for kind in ("csv", "xlsx", "parquet"):
            file = f"orders{len(more)}.{kind}"
            hear("documents", "practice", "purchase_order", *more, f"--{kind}", file)
            assert Path(file).exists()
    from pyarrow import parquet

    rows = parquet.read_table("orders0.parquet").to_pylist()

    assert {} == hear.said
    assert not any(marks_in(str(row)) for row in rows)
    assert {"***"} == {row["partner"] for row in rows if row["partner"]}
    assert {} == leaks(tmp_path)


def test_a_closing_from_plan_to_evidence(
    marked: Storno,
    erp: FakeERP,
    tmp_path: Path,
    mailbox: Mailbox,  # noqa: F811
) -> None:
    """Plan, sheet, run, refusal in the ERP's own words, show, conflict, rollback, alarms, pack, journal, backup."""
    hear = Listener(marked)
    said = f"Not for {WORD}: {FIGURE} is too much"
    numbers = {row["number"]: key for key, row in erp.dump()[ORDER].items()}
    plan = planned(marked, "stale")
    hear("close", "show", plan)
    hear("close", "show", plan, "--json")
    hear("close", "show", plan, "--xlsx", "plan.xlsx")
    hear("close", "approve", plan)
    erp.faults.add(Fault(FaultKind.BAD_DOCUMENT, key=numbers["PO00002"], said=said, times=99))
    hear("close", "run", plan, "--yes")
    erp.edit(ORDER, numbers["PO00001"], {"closed_by": THEIRS, "note": THEIRS})
    for words in (
        ("changes", "show", plan),
        ("changes", "show", plan, "--full"),
        ("changes", "list"),
        ("rollback", plan, "--preview"),
        ("rollback", plan, "--only", "PO00001", "--resolve", "closed_by=keep_theirs", "--preview"),
        ("rollback", plan, "--resolve", "closed_by=keep_theirs", "--reason", "wrong", "--yes"),
        ("changes", "list"),
    ):
        hear(*words)
        hear(*words, "--json")
    newest = marked.done("changes", "list", "--json").json["change_sets"][0]["id"]
    hear("changes", "show", newest)
    hear("changes", "show", newest, "--json")
    hear("freeze", "all", "--reason", "looking")
    hear("notify", "send")
    hear("notify", "list", "--json")
    hear("audit", "export", plan, "--out", "evidence")
    hear("audit", "export", newest, "--out", "evidence.zip")
    hear("audit", "verify", "--json")
    hear("journal", "backup", "copy.db")

    assert {} == hear.said
    assert Path("evidence", "evidence.html").exists()
    assert Path("plan.xlsx").exists()
    assert mailbox.bodies()
    assert [] == marks_in(str(mailbox.bodies()))
    assert {} == leaks(tmp_path)
    assert erp.dump()[ORDER][numbers["PO00001"]]["closed_by"] == THEIRS
    assert {WORD} == {
        erp.dump()[ORDER][key]["partner"] for n, key in numbers.items() if n < "PO00006"
    }


def test_a_worklist(marked: Storno, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a person is told to press holds a mark where a connector puts one in."""
    said = Text("Order of {partner}", {"partner": WORD})
    press = Text(f"Approve {FIGURE}")

    def instruction(*_: Any) -> Instruction:
        return Instruction(said, press, Text("see {owner}", {"owner": WORD}))

    monkeypatch.setattr(ApproveByHand, "instruction", instruction)
    hear = Listener(marked)
    plan = planned(marked, "approvals")
    hear("close", "approve", plan)
    hear("close", "run", plan, "--yes")
    hear("close", "worklist", plan)
    shown = hear("close", "worklist", plan, "--json")
    hear("close", "worklist", plan, "--xlsx", "worklist.xlsx")

    assert {} == hear.said
    assert ["Order of ***", "Approve ***", "see ***"] == [
        shown.json["worklist"][0][name]["text"] for name in ("screen", "press", "reason")
    ]
    assert {} == leaks(tmp_path)
