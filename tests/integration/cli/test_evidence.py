"""`storno audit`: keys, checkpoints, and evidence that somebody outside can check without the journal."""

from __future__ import annotations

import re
import shutil
import sys
import zipfile
from base64 import b64encode
from html.parser import HTMLParser
from pathlib import Path

import pytest

from connectors.fake.engine import FakeERP
from connectors.fake.schema import ORDER
from recovery.auditing.signing import PublicKey, SigningKey
from tests.integration.cli.conftest import PUBLIC, SETTINGS, Storno, content_of
from tests.integration.cli.test_story import applied, planned

# --- keys -------------------------------------------------------------------------------------------


def test_a_key_is_made_once(storno: Storno) -> None:
    """The private half is for its owner alone; neither half is ever overwritten."""
    made = storno.done("audit", "key", "--out", "secrets/audit.pem", "--json").json
    private, public = Path("secrets/audit.pem"), Path("secrets/audit.pem.pub")
    before = private.read_bytes()

    assert made["key"] == SigningKey.read(private.read_text(), "x").public.id
    assert made["key"] == PublicKey.read(public.read_text(), "x").id
    if sys.platform != "win32":
        assert 0o600 == private.stat().st_mode & 0o777
    assert 2 == storno("audit", "key", "--out", "secrets/audit.pem").code
    assert before == private.read_bytes()


def test_without_a_key_nothing_is_signed(storno: Storno) -> None:
    """And the answer says how to make one."""
    plan = applied(storno, "stale", "PO00001")
    for words in (["checkpoint"], ["export", plan, "--out", "evidence"]):
        answer = storno("audit", *words)

        assert 2 == answer.code
        assert "storno audit key --out" in answer.err
    assert not Path("evidence").exists()


@pytest.mark.parametrize("content", ["nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_a_key_that_is_none_is_not_shown(signer: Storno, content: str) -> None:
    """The message names the setting and nothing of what stands there."""
    Path("secrets/audit.pem").write_text(content)
    answer = signer("audit", "checkpoint")

    assert 2 == answer.code
    assert "audit.signing_key: is no private key" in answer.err
    assert content.strip()[-4:] not in answer.err  # nor a piece of it


# --- checkpoints ------------------------------------------------------------------------------------


def test_checkpoints_are_kept_elsewhere(signer: Storno) -> None:
    """One line each, added to a file; verified with the public key alone."""
    applied(signer, "stale", "PO00001")
    signer.done("audit", "checkpoint", "--begin", "--out", "elsewhere/checkpoints.jsonl")
    applied(signer, "stale", "PO00002")
    signer.done("audit", "checkpoint", "--out", "elsewhere/checkpoints.jsonl")
    Path("storno.yaml").write_text(SETTINGS, encoding="utf-8")
    asked = ["audit", "verify", "--checkpoint", "elsewhere/checkpoints.jsonl"]
    found = signer.done(*asked, *PUBLIC, "--json").json

    assert (True, 2) == (found["is_intact"], found["checkpoints"])
    assert found["lines"] == found["newest_checkpoint"]
    assert "proves nothing without the public key" in signer(*asked).err


def test_what_is_not_seen_without_a_checkpoint_is_said(signer: Storno) -> None:
    """Plainly; and of what is younger than the newest one."""
    applied(signer, "stale", "PO00001")

    assert "whether newest lines were cut off" in signer.done("audit", "verify").out

    signer.done("audit", "checkpoint", "--begin", "--out", "cp.jsonl")
    applied(signer, "stale", "PO00002")
    answer = signer.done("audit", "verify", "--checkpoint", "cp.jsonl")

    assert "are younger than any checkpoint" in answer.out
    assert "whether newest lines were cut off" not in answer.out


def test_an_older_journal_put_back_is_found(signer: Storno) -> None:
    """Somebody puts yesterday's file in the place of today's: every table fits, the checkpoint does not."""
    applied(signer, "stale", "PO00001")
    shutil.copyfile("journal.db", "yesterday.db")
    applied(signer, "stale", "PO00002")
    signer.done("audit", "checkpoint", "--begin", "--out", "cp.jsonl")
    for beside in ("journal.db-wal", "journal.db-shm"):
        Path(beside).unlink(missing_ok=True)
    shutil.copyfile("yesterday.db", "journal.db")

    assert 0 == signer("audit", "verify").code

    answer = signer("audit", "verify", "--checkpoint", "cp.jsonl")

    assert 1 == answer.code
    assert "its end was cut off" in answer.out
    assert 4 == signer("audit", "checkpoint", "--out", "cp.jsonl").code


def configured(*lines: str) -> None:
    """Write these lines into the audit section."""
    written = "".join(f"  {line}\n" for line in ("checkpoints: elsewhere/cp.jsonl", *lines))
    Path("storno.yaml").write_text(f"{SETTINGS}audit:\n{written}", encoding="utf-8")


def test_checkpoints_that_are_gone_are_missed(signer: Storno) -> None:
    """Whoever takes the file away is found, and no timer begins a new one as if nothing had been."""
    configured("signing_key: ${file:secrets/audit.pem}")
    applied(signer, "stale", "PO00001")

    assert 2 == signer("audit", "checkpoint").code
    assert 1 == signer("audit", "verify").code

    signer.done("audit", "checkpoint", "--begin")
    signer.done("audit", "checkpoint")

    assert 2 == signer.done("audit", "verify", "--json").json["checkpoints"]
    assert "is there already" in signer("audit", "checkpoint", "--begin").err

    Path("elsewhere/cp.jsonl").unlink()
    answer = signer("audit", "verify", "--json")

    assert 1 == answer.code
    assert not answer.json["is_intact"]
    assert "are not there" in answer.json["problems"][0]["text"]
    assert "find out who took it away" in signer("audit", "checkpoint").err
    assert not Path("elsewhere/cp.jsonl").exists()


def test_a_new_key_goes_on_in_the_same_file(signer: Storno) -> None:
    """Who knows the older public key verifies and adds; who does not is told, and that the journal is not to blame."""
    configured("signing_key: ${file:secrets/audit.pem}")
    applied(signer, "stale", "PO00001")
    signer.done("audit", "checkpoint", "--begin")
    signer.done("audit", "key", "--out", "secrets/new.pem")
    configured("signing_key: ${file:secrets/new.pem}")
    answer = signer("audit", "checkpoint")

    assert 2 == answer.code
    assert "was signed with another key" in answer.err

    configured(
        "signing_key: ${file:secrets/new.pem}",
        "public_key: [secrets/new.pem.pub, secrets/audit.pem.pub]",
    )
    signer.done("audit", "checkpoint")

    assert 2 == signer.done("audit", "verify", "--json").json["checkpoints"]

    configured("public_key: secrets/new.pem.pub")

    assert "was not signed with this key" in signer("audit", "verify").out


# --- evidence ---------------------------------------------------------------------------------------


def test_a_pack_is_checked_without_the_journal(
    signer: Storno, pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an empty folder, with nothing but the pack and the public key."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copytree(pack, elsewhere / "evidence")
    shutil.copyfile("secrets/audit.pem.pub", elsewhere / "key.pub")
    monkeypatch.chdir(elsewhere)
    checked = signer.done(
        "audit", "verify", "--pack", "evidence", "--public-key", "key.pub", "--json"
    )

    assert checked.json["is_intact"]
    assert checked.json["is_trusted"]
    assert checked.json["plan_is_checked"]
    assert [] == checked.json["problems"]
    assert "The key came with the pack" in signer.done("audit", "verify", "--pack", "evidence").out


def test_a_pack_tells_everything(pack: Path) -> None:
    """Who, when, plan, approval, before and after of every field, moves, audit lines."""
    content = content_of(pack)
    change_set = content["change_set"]
    done, refused = content["operations"]
    changes = {each["field"]: (each["before"], each["after"]) for each in done["changes"]}
    states = [
        move[3]
        for run in content["chain"]
        for line in run["lines"]
        for move in line.get("moves") or ()
        if move[2] == "change_set"
    ]

    assert "Mei Lin" == change_set["actor"]["name"] == change_set["approved_by"]["name"]
    assert change_set["plan_hash"]
    assert ("confirmed", "refused") == (done["state"], refused["state"])
    assert ("quotation", "cancelled") == changes["state"]
    assert done["before"]
    assert done["after"]
    assert ["planned", "awaiting_approval", "approved", "running", "partly_applied"] == states
    assert ["PO00021"] == [each["number"] for each in content["exceptions"]]


class Tags(HTMLParser):
    """Collects what a page has and what it asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.tags = set[str]()
        self.attributes = set[str]()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_asks_nothing_from_anywhere(pack: Path) -> None:
    """One file: no script, no address, no picture; texts of the ERP are shown as they are, and do nothing."""
    page = (pack / "evidence.html").read_text(encoding="utf-8")
    found = Tags()
    found.feed(page)

    assert not {"script", "img", "link", "iframe", "form", "a"} & found.tags
    assert not {"src", "href", "onerror", "style"} & found.attributes
    assert not re.search(r"https?:|url\(|@import", page)
    assert "default-src 'none'" in page
    for said in ("PO00001", "PO00002", "quotation", "cancelled", "<script>alert(1)</script>"):
        assert said in found.text


@pytest.mark.usefixtures("chinese")
def test_the_page_speaks_the_readers_language(signer: Storno) -> None:
    """And so do its dates, in the reader's zone."""
    plan = applied(signer, "stale", "PO00001")
    signer.done("audit", "export", plan, "--out", "evidence", "--language", "zh_CN")
    page = Path("evidence/evidence.html").read_text(encoding="utf-8")

    assert '<html lang="zh-CN">' in page
    assert "结案" in page
    assert "Asia/Shanghai" in page


def test_one_zip_is_the_same(signer: Storno, pack: Path) -> None:
    """The same three files in one."""
    plan = content_of(pack)["change_set"]["id"]
    signer.done("audit", "export", plan, "--out", "evidence.zip")
    with zipfile.ZipFile("evidence.zip") as packed:
        names = packed.namelist()

    assert sorted(each.name for each in pack.iterdir()) == sorted(names)
    assert 0 == signer("audit", "verify", "--pack", "evidence.zip", *PUBLIC).code


def test_evidence_is_never_overwritten(signer: Storno, pack: Path) -> None:
    """Nor left half: what goes wrong leaves nothing."""
    Path("kept.zip").write_bytes(b"an older one")
    before = sorted(each.name for each in Path().iterdir())
    plan = content_of(pack)["change_set"]["id"]

    assert 2 == signer("audit", "export", plan, "--out", str(pack)).code
    assert 2 == signer("audit", "export", plan, "--out", "kept.zip").code
    assert 2 == signer("audit", "export", "0199ffff", "--out", "new").code
    assert before == sorted(each.name for each in Path().iterdir())
    assert b"an older one" == Path("kept.zip").read_bytes()


def test_a_change_set_that_never_ran_can_be_exported(signer: Storno) -> None:
    """A plan that was rejected is evidence too."""
    plan = planned(signer, "stale", "PO00001")
    signer.done("close", "reject", plan, "--reason", "no")
    signer.done("audit", "export", plan, "--out", "evidence")

    assert 0 == signer("audit", "verify", "--pack", "evidence", *PUBLIC).code


@pytest.mark.parametrize("is_late", [False, True], ids=["from the start", "a rule that came later"])
def test_what_nobody_shall_see_is_masked(signer: Storno, erp: FakeERP, is_late: bool) -> None:
    """In every file of the pack, and the pack can be checked all the same."""
    order = next(key for key, row in erp.dump()[ORDER].items() if row["number"] == "PO00001")
    erp.edit(ORDER, order, {"note": "wages of the boss"}, user="anna")
    Path("secrets/journal.key").write_text(b64encode(bytes(range(32))).decode())
    key = '{name: k1, key: "${file:secrets/journal.key}"}'
    settings = Path("storno.yaml").read_text() + f"journal:\n  keys: [{key}]\n"
    rule = f"redaction:\n  - {{model: {ORDER}, fields: [note, closed_by]}}\n"
    Path("storno.yaml").write_text(settings if is_late else settings + rule)
    plan = applied(signer, "stale", "PO00001")
    Path("storno.yaml").write_text(settings + rule)
    signer.done("audit", "export", plan, "--out", "evidence")
    content = content_of(Path("evidence"))
    (operation,) = content["operations"]
    changes = {each["field"]: (each["before"], each["after"]) for each in operation["changes"]}

    assert content["is_masked"]
    assert ("***", "***") == changes["closed_by"]
    assert ("quotation", "cancelled") == changes["state"]
    assert "***" == operation["before"][0]["fields"]["note"]
    for name in ("evidence.json", "evidence.html"):
        assert "wages" not in Path("evidence", name).read_text(encoding="utf-8")
    assert 0 == signer("audit", "verify", "--pack", "evidence", *PUBLIC).code
