"""`storno audit verify --pack`: whatever was done to an evidence pack is found, even by who may sign."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from core import encoding
from recovery.auditing.signing import SigningKey
from tests.integration.cli.conftest import PUBLIC, Storno, content_of


def edit(name: str, old: str, new: str) -> Any:
    """Return what edits a file of a pack."""

    def apply(pack: Path) -> None:
        path = pack / name
        written = path.read_text(encoding="utf-8")
        assert old in written
        path.write_text(written.replace(old, new), encoding="utf-8")

    return apply


@pytest.mark.parametrize(
    "tamper, said",
    [
        pytest.param(
            edit("evidence.json", '"quotation"', '"cancelled"'),
            "evidence.json was edited",
            id="json",
        ),
        pytest.param(
            edit("evidence.html", "cancelled", "done"), "evidence.html was edited", id="page"
        ),
        pytest.param(
            edit("signature.json", "Mei Lin", "Li Na"),
            "was not signed with this key",
            id="signature",
        ),
        pytest.param(
            lambda pack: (pack / "evidence.html").unlink(), "evidence.html is missing", id="missing"
        ),
        pytest.param(
            lambda pack: (pack / "more.txt").write_text("x"),
            "is not part of what was signed",
            id="more",
        ),
    ],
)
def test_a_pack_that_was_edited_is_found(
    signer: Storno, pack: Path, tamper: Any, said: str
) -> None:
    """Whatever was edited, taken out or put in."""
    tamper(pack)
    answer = signer("audit", "verify", "--pack", "evidence", *PUBLIC)

    assert 1 == answer.code
    assert said in answer.out


def signed_anew(pack: Path, content: dict[str, Any]) -> None:
    """Write other content and sign it with the right key, as a dishonest owner of the key could."""
    key = SigningKey.read(Path("secrets/audit.pem").read_text(), "x")
    written = encoding.dumps(content) + b"\n"
    (pack / "evidence.json").write_bytes(written)
    manifest = encoding.loads((pack / "signature.json").read_bytes())
    manifest["files"]["evidence.json"] = hashlib.sha256(written).hexdigest()
    (pack / "signature.json").write_bytes(encoding.dumps(key.sign(manifest)))


def other_state(content: dict[str, Any]) -> None:
    content["operations"][1]["state"] = "confirmed"


def other_document(content: dict[str, Any]) -> None:
    content["operations"][0]["number"] = "PO99999"


def other_plan(content: dict[str, Any]) -> None:
    operation = content["operations"][0]
    operation["signed"][operation["signed"].index("PO00001")] = operation["number"] = "PO99999"


def other_approver(content: dict[str, Any]) -> None:
    content["change_set"]["approved_by"]["name"] = "Li Na"


def other_move(content: dict[str, Any]) -> None:
    line = next(line for line in content["chain"][0]["lines"] if line.get("moves"))
    line["moves"][0][6] = "Li Na"


def other_line(content: dict[str, Any]) -> None:
    content["chain"][0]["lines"][1]["written_at"] = "2020-01-01T00:00:00Z"


def line_left_out(content: dict[str, Any]) -> None:
    del content["chain"][0]["lines"][2]


def operation_left_out(content: dict[str, Any]) -> None:
    del content["operations"][1]


def other_words(content: dict[str, Any]) -> None:
    content["operations"][1]["reason"]["template"] = "the period is closed"


def other_words_told(content: dict[str, Any]) -> None:
    content["operations"][1] |= {"reason": None, "told": [None, None, None]}


def other_time(content: dict[str, Any]) -> None:
    content["operations"][1]["sent_at"] = "2020-01-01T00:00:00Z"


def other_end(content: dict[str, Any]) -> None:
    content["change_set"]["finished_at"] = "2020-01-01T00:00:00Z"


def other_note(content: dict[str, Any]) -> None:
    content["change_set"]["note"] = {"template": "all is well", "values": {}}


def other_exception(content: dict[str, Any]) -> None:
    content["exceptions"][0]["text"]["template"] = "its goods are all here"


@pytest.mark.parametrize(
    "change, said",
    [
        (other_state, "operation 2 is not what its history says of it"),
        (other_document, "operation 1 is shown otherwise than it was approved"),
        (other_plan, "the plan in it is not the one that was approved"),
        (other_approver, "it was approved otherwise than the pack says"),
        (other_move, "the moves of audit line 1 were edited"),
        (other_line, "do not lead to the line that was signed"),
        (line_left_out, "do not lead to the line that was signed"),
        (operation_left_out, "operations are missing or were added"),
        (other_words, "what it tells of operation 2 is not what its history says"),
        (other_words_told, "what it tells of operation 2 is not what its history says"),
        (other_time, "operation 2 has other times in it than in its history"),
        (other_end, "finished_at in it is not what its history says"),
        (other_note, "note in it is not what its history says"),
        (other_exception, "the exceptions in it are not those of the plan"),
    ],
)
def test_even_who_signs_must_agree_with_the_chain(
    signer: Storno, pack: Path, change: Any, said: str
) -> None:
    """What a pack shows is computed from its audit lines, and these from each other."""
    content = content_of(pack)
    change(content)
    signed_anew(pack, content)
    answer = signer("audit", "verify", "--pack", "evidence", *PUBLIC)

    assert 1 == answer.code
    assert said in answer.out


@pytest.mark.parametrize(
    "statement, said",
    [
        ("UPDATE operation SET error_code = 'STO-0301'", "what is told of operation"),
        ("UPDATE operation SET sent_at = '2020-01-01 00:00:00.000000'", "has other times"),
        ("UPDATE change_set SET finished_at = NULL", "finished_at of change set"),
        ("UPDATE plan_exception SET kind = 'sales_order'", "the exceptions of change set"),
        ("UPDATE operation SET arguments = NULL, number = '7'", "was edited after it was made"),
        ("DROP TRIGGER guard_move_update; UPDATE move SET actor = 'x'", "audit line 1 were edited"),
    ],
)
def test_what_was_tampered_with_is_not_exported(
    signer: Storno, pack: Path, statement: str, said: str
) -> None:
    """Nobody signs a change set that is not what the audit chain says of it; no file is left."""
    del pack
    with closing(sqlite3.connect("journal.db")) as connection:
        connection.executescript(statement)
    answer = signer("audit", "export", "last", "--out", "again")

    assert 4 == answer.code
    assert said in answer.err
    assert not Path("again").exists()


def test_a_pack_of_another_key_is_refused(signer: Storno, pack: Path) -> None:
    """The key in the pack is its own; the one that counts comes from elsewhere."""
    signer.done("audit", "key", "--out", "other.pem")
    answer = signer("audit", "verify", "--pack", str(pack), "--public-key", "other.pem.pub")

    assert 1 == answer.code
    assert "was not signed with this key" in answer.out


def test_a_pack_agrees_with_checkpoints_kept_elsewhere(signer: Storno, pack: Path) -> None:
    """So even the owner of the key cannot have made another chain since."""
    signer.done("audit", "checkpoint", "--begin", "--out", "cp.jsonl")
    answer = signer.done(
        "audit", "verify", "--pack", str(pack), *PUBLIC, "--checkpoint", "cp.jsonl"
    )

    assert "It agrees with 1 checkpoints" in answer.out


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"format":"storno-evidence/1"}'])
def test_what_is_no_pack_is_named(signer: Storno, content: str | None) -> None:
    """Asked wrongly, and no crash."""
    place = Path("other")
    place.mkdir()
    if content is not None:
        for name in ("evidence.json", "signature.json"):
            (place / name).write_text(content)

    assert 2 == signer("audit", "verify", "--pack", "other", *PUBLIC).code
    assert 2 == signer("audit", "verify", "--pack", "nowhere", *PUBLIC).code
