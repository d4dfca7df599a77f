"""Checkpoints kept elsewhere show what the tables alone cannot: a cut tail, and a chain that was written anew."""

# ruff: noqa: S608 - tampering is written in SQL

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from core import encoding
from core.errors import BadInput, JournalBroken
from recovery import schema
from recovery.auditing import audit
from recovery.auditing.audit import PendingMove
from recovery.auditing.checkpoints import Checkpoint, compare, make_checkpoint, read_checkpoints
from recovery.auditing.signing import PublicKey, SigningKey
from recovery.journal import Journal
from recovery.model import Actor
from tests.integration.recovery.scene import CANCEL, Scene, make_scene
from tests.integration.recovery.tampering import behind, problems

KEY = SigningKey.make()
LI = Actor("li")


def signed(url: str, key: SigningKey = KEY) -> Checkpoint:
    """Sign what a journal is now."""
    with closing(Journal.open(url)) as journal:
        return make_checkpoint(journal, key, actor=LI)


def found(url: str, *checkpoints: Checkpoint, key: PublicKey = KEY.public) -> list[str]:
    """Return what does not fit between a journal and checkpoints."""
    with closing(Journal.open(url)) as journal, journal.reading() as connection:
        return [str(each) for each in compare(connection, journal.seed, checkpoints, [key])]


def work_on(url: str) -> None:
    """Do something more."""
    with closing(Journal.open(url)) as journal:
        scene = make_scene(journal)
        scene.plan(CANCEL, scene.orders())


def cut_off(url: str, last: int) -> None:
    """Cut the newest lines off with everything that they tell, so that the tables fit each other again."""
    later = f"SELECT change_set_id FROM move WHERE to_state = 'planned' AND audit_number > {last}"
    head = f"(SELECT hash FROM audit_line WHERE number = {last})"
    with behind(url) as connection:
        for statement in (
            f"DELETE FROM operation WHERE change_set_id IN ({later})",
            f"DELETE FROM change_set WHERE id IN ({later})",
            f"DELETE FROM move WHERE audit_number > {last}",
            f"DELETE FROM audit_line WHERE number > {last}",
            f"UPDATE audit_head SET number = {last}, hash = {head}",
        ):
            connection.execute(statement)


def write_anew(url: str) -> None:
    """Forge the whole chain as somebody can who holds the database: another name, every hash computed anew."""
    with behind(url) as connection:
        connection.execute("UPDATE move SET actor = 'somebody' WHERE audit_number = 2")
    with closing(Journal.open(url)) as journal, journal.aside() as connection:
        if not url.startswith("sqlite"):  # there the triggers are gone by now
            connection.exec_driver_sql("SET session_replication_role = replica")
        previous, line = audit.genesis(journal.seed), schema.audit_line
        rows = connection.execute(select(line).order_by(line.c.number)).all()
        moves = dict(audit.moves_of_lines(connection, [row.number for row in rows]))
        for row in rows:
            hashed = audit.moves_hash([audit.hashed_move(each) for each in moves[row.number]])
            previous = audit.line_hash(previous, row.number, row.written_at, hashed)
            connection.execute(
                update(line)
                .where(line.c.number == row.number)
                .values(moves_hash=hashed, hash=previous)
            )
        connection.execute(update(schema.audit_head).values(hash=previous))


def test_an_honest_journal_fits_its_checkpoints(told_url: str) -> None:
    """Also when it has gone on since, and with the public key alone."""
    first = signed(told_url)
    work_on(told_url)
    second = signed(told_url)

    assert [] == found(told_url, first, second)
    assert second.line > first.line


def test_a_tail_that_was_cut_off_is_found(told_url: str) -> None:
    """The tables alone fit each other; whoever kept a checkpoint sees it."""
    last = signed(told_url).line
    work_on(told_url)
    kept = signed(told_url)
    cut_off(told_url, last)

    assert [] == problems(told_url)
    (problem,) = found(told_url, kept)
    assert (
        f"saw line {kept.line}, but the chain ends at line {last}: its end was cut off" in problem
    )


def test_a_chain_that_was_written_anew_is_found(told_url: str) -> None:
    """Every hash fits, another name stands in it: only the checkpoint tells."""
    kept = signed(told_url)
    write_anew(told_url)

    assert not any("audit line" in problem for problem in problems(told_url))
    (problem,) = found(told_url, kept)
    assert "the chain was written anew" in problem


def test_another_journal_is_found(told_url: str, tmp_path: Path) -> None:
    """A checkpoint names its journal, so one cannot be put in the place of another."""
    other = signed(f"sqlite:///{tmp_path / 'another.db'}")
    (problem,) = found(told_url, other)

    assert "of another journal" in problem


@pytest.mark.parametrize("name", ["journal", "line", "hash", "written_at", "made_at", "made_by"])
def test_a_checkpoint_that_was_edited_is_found(told_url: str, name: str) -> None:
    """Whatever is edited in it."""
    kept = signed(told_url)
    moved = "2020-01-01T00:00:00Z"
    edited = {"line": 1, "written_at": moved, "made_at": moved}.get(name, "0" * 64)
    document = {**kept.as_dict(), name: edited}
    (problem,) = found(told_url, Checkpoint.of(document, "file"))

    assert "was not signed with this key, or was edited" in problem


def test_a_checkpoint_of_another_key_proves_nothing(told_url: str) -> None:
    """Whoever holds the database can make a key, but not this one."""
    forged = signed(told_url, SigningKey.make())
    (problem,) = found(told_url, forged)

    assert "was not signed with this key" in problem


def test_what_was_tampered_with_is_not_signed(told_url: str) -> None:
    """Neither a chain that does not fit itself, nor one that does not go on from an earlier checkpoint."""
    first = signed(told_url)
    work_on(told_url)
    second = signed(told_url)
    cut_off(told_url, first.line)
    with (
        closing(Journal.open(told_url)) as journal,
        pytest.raises(JournalBroken, match="its end was cut off"),
    ):
        make_checkpoint(journal, KEY, actor=LI, earlier=[first, second])
    with behind(told_url) as connection:
        connection.execute("UPDATE move SET actor = 'somebody' WHERE audit_number = 2")
    with (
        closing(Journal.open(told_url)) as journal,
        pytest.raises(JournalBroken, match="audit line 2"),
    ):
        make_checkpoint(journal, KEY, actor=LI)


def test_an_empty_journal_has_a_checkpoint(scene: Scene) -> None:
    """Of no line: the chain begins with the journal's own key."""
    kept = make_checkpoint(scene.journal, KEY, actor=LI)

    assert (0, None) == (kept.line, kept.written_at)
    assert [] == found(scene.journal.name, kept)


def test_checkpoints_are_lines_of_a_file(scene: Scene) -> None:
    """Blank lines do no harm; anything else is named with its place."""
    kept = make_checkpoint(scene.journal, KEY, actor=LI)
    line = encoding.dumps(kept.as_dict()).decode()

    assert [kept, kept] == read_checkpoints(f"{line}\n\n{line}\n", "file")
    others = (line.replace('"line"', '"lines"'), line.replace("checkpoint/1", "checkpoint/2"))
    for wrong in ("nonsense", "[]", '{"format":"other"}', *others):
        with pytest.raises(BadInput, match="file:2"):
            read_checkpoints(f"{line}\n{wrong}\n", "file")


def test_moves_of_the_journal_itself_stand_in_the_chain(both: Scene) -> None:
    """What belongs to no change set is hashed with the rest of its commit, in its place."""
    keys = both.orders()
    with both.journal.writing() as writer:
        writer.record(PendingMove(None, "retention", "pruned", actor="li", subject_id="2019"))
    both.do(CANCEL, keys)

    assert both.journal.verify().is_intact

    (row,) = both.sql("SELECT subject, subject_id, to_state, actor FROM journal_move")

    assert ("retention", "2019", "pruned", "li") == tuple(row)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal_move SET actor = 'anna'",
        "UPDATE journal_move SET subject_id = '2020'",
        "UPDATE journal_move SET subject = 'freeze'",
        "UPDATE journal_move SET to_state = 'kept'",
        "UPDATE journal_move SET detail = '{}'",
        "UPDATE journal_move SET position = 2",
        "DELETE FROM journal_move",
        (
            "INSERT INTO journal_move (audit_number, position, subject, subject_id, to_state)"
            " VALUES (1, 99, 'retention', '2020', 'pruned')"
        ),
    ],
)
def test_a_move_of_the_journal_that_was_edited_is_found(told_url: str, statement: str) -> None:
    """As one of a change set."""
    with closing(Journal.open(told_url)) as journal, journal.writing() as writer:
        writer.record(PendingMove(None, "retention", "pruned", actor="li", subject_id="2019"))
    with behind(told_url) as connection:
        connection.execute(statement)

    assert any("were edited" in problem for problem in problems(told_url))


def test_a_key_is_never_shown(told_url: str) -> None:
    """Not even where a program shows its values."""
    key: Any = replace(KEY)

    assert "PRIVATE" not in repr(key)
    assert KEY.public.id in repr(key)
    assert told_url
