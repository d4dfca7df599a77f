"""`storno audit verify --pack`: whatever was done to an evidence pack is found."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.conftest import PUBLIC, Storno


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
