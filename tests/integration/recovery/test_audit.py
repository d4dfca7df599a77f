"""`storno audit verify` finds whatever somebody did to the chain behind Storno's back."""

# ruff: noqa: S608 - tampering is written in SQL

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import psycopg
import pytest

from core.errors import JournalBroken, JournalKeyMissing
from recovery.at_rest.sealing import Keys
from recovery.auditing import audit
from recovery.journal import Journal
from recovery.states import ChangeSetState
from tests.integration.recovery.scene import CANCEL, CLOSE, Scene, make_scene
from tests.integration.recovery.sealed import NEW
from tests.integration.recovery.tampering import FIRST, OTHER_HASH, SECOND, behind, tamper

LAST = "(SELECT max(number) FROM audit_line)"


def test_an_honest_journal_is_intact(told_url: str) -> None:
    """Every line, move and image was looked at."""
    with closing(Journal.open(told_url)) as journal:
        report = journal.verify()
    with behind(told_url) as connection:
        counts = [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("audit_line", "move", "image")
        ]

    assert () == report.problems
    assert report.is_intact
    assert counts == [report.line_count, report.move_count, report.image_count]
    assert report.line_count > 20


@pytest.mark.parametrize(
    "statements, words",
    [
        pytest.param(
            ["UPDATE audit_line SET written_at = '2020-01-01 00:00:00' WHERE number = 3"],
            "audit line 3 was edited",
            id="line edited",
        ),
        pytest.param(
            [f"UPDATE audit_line SET hash = {OTHER_HASH} WHERE number = 3"],
            "audit line 3 was edited",
            id="line's hash edited",
        ),
        pytest.param(
            [f"UPDATE audit_line SET moves_hash = {OTHER_HASH} WHERE number = 3"],
            "audit line 3 was edited",
            id="hash of a line's moves edited",
        ),
        pytest.param(
            ["DELETE FROM move WHERE audit_number = 3", "DELETE FROM audit_line WHERE number = 3"],
            "audit lines 3 to 3 are missing",
            id="line removed",
        ),
        pytest.param(
            ["DELETE FROM audit_line WHERE number = 3"],
            "moves without an audit line: 3",
            id="line removed, its moves left",
        ),
        pytest.param(
            [
                "UPDATE audit_line SET number = number + 1000 WHERE number >= 3",
                "UPDATE move SET audit_number = audit_number + 1000 WHERE audit_number >= 3",
                "UPDATE audit_line SET number = number - 999 WHERE number >= 1003",
                "UPDATE move SET audit_number = audit_number - 999 WHERE audit_number >= 1003",
                (
                    "INSERT INTO audit_line SELECT 3, written_at, moves_hash, hash FROM audit_line"
                    " WHERE number = 2"
                ),
            ],
            "audit line 3 was edited",
            id="line inserted in the middle",
        ),
        pytest.param(
            [
                (
                    f"INSERT INTO audit_line SELECT {LAST} + 1, written_at, moves_hash, hash"
                    f" FROM audit_line WHERE number = {LAST}"
                )
            ],
            "lines were cut off or added",
            id="line added at the end",
        ),
        pytest.param(
            [
                "UPDATE audit_line SET number = 1003 WHERE number = 3",
                "UPDATE audit_line SET number = 3 WHERE number = 4",
                "UPDATE audit_line SET number = 4 WHERE number = 1003",
                "UPDATE move SET audit_number = 1003 WHERE audit_number = 3",
                "UPDATE move SET audit_number = 3 WHERE audit_number = 4",
                "UPDATE move SET audit_number = 4 WHERE audit_number = 1003",
            ],
            "audit line 3 was edited",
            id="lines reordered",
        ),
        pytest.param(
            [
                f"DELETE FROM move WHERE audit_number = {LAST}",
                f"DELETE FROM audit_line WHERE number = {LAST}",
            ],
            "lines were cut off or added",
            id="tail cut off",
        ),
        pytest.param(
            [
                f"DELETE FROM move WHERE audit_number = {LAST}",
                f"DELETE FROM audit_line WHERE number = {LAST}",
                (
                    f"UPDATE audit_head SET number = {LAST},"
                    f" hash = (SELECT hash FROM audit_line WHERE number = {LAST})"
                ),
            ],
            "but its history ends in",
            id="tail cut off, head moved back",
        ),
        pytest.param(
            [f"UPDATE audit_head SET hash = {OTHER_HASH}"],
            "its head says",
            id="hash of the head edited",
        ),
        pytest.param(["DELETE FROM audit_head"], "its head says None", id="head removed"),
        pytest.param(
            ["UPDATE move SET actor = 'somebody else' WHERE audit_number = 1"],
            "the moves of audit line 1 were edited",
            id="move's actor edited",
        ),
        pytest.param(
            ["UPDATE move SET to_state = 'refused' WHERE to_state = 'confirmed'"],
            "were edited",
            id="move's state edited",
        ),
        pytest.param(
            ["UPDATE move SET detail = '{}' WHERE audit_number = 2"],
            "the moves of audit line 2 were edited",
            id="move's detail edited",
        ),
        pytest.param(
            ["DELETE FROM move WHERE audit_number = 3 AND position = 1"],
            "the moves of audit line 3 were edited",
            id="move removed",
        ),
        pytest.param(
            [
                (
                    "INSERT INTO move (audit_number, position, change_set_id, subject, to_state)"
                    f" SELECT 3, 99, {FIRST}, 'change_set', 'applied'"
                )
            ],
            "the moves of audit line 3 were edited",
            id="move inserted",
        ),
        pytest.param(
            [
                (
                    "INSERT INTO move (audit_number, position, change_set_id, subject, to_state)"
                    f" SELECT {LAST} + 1, 1, {FIRST}, 'change_set', 'applied'"
                )
            ],
            "moves without an audit line",
            id="move added at the end",
        ),
    ],
)
def test_the_chain_is_broken(told_url: str, statements: list[str], words: str) -> None:
    """A line or a move that was edited, removed, inserted or reordered is found and named."""
    assert any(words in problem for problem in tamper(told_url, *statements))


@pytest.mark.parametrize(
    "edited",
    [
        "position = position + 100",
        f"change_set_id = {SECOND}",
        "subject = 'other'",
        "to_state = 'refused'",
        "positions = '1-99'",
        f"hashes = {OTHER_HASH}",
        "actor = 'somebody else'",
        "detail = '{}'",
    ],
)
def test_no_column_of_a_move_can_be_edited(told_url: str, edited: str) -> None:
    """Also one of which no row of another table tells anything."""
    captured = "(SELECT min(audit_number) FROM move WHERE hashes IS NOT NULL)"
    found = tamper(told_url, f"UPDATE move SET {edited} WHERE audit_number = {captured}")

    assert 1 == sum(problem.startswith("the moves of audit line") for problem in found)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE move SET positions = 'everything' WHERE subject = 'operation'",
        "UPDATE move SET detail = '{broken' WHERE audit_number = 1",
        "UPDATE move SET hashes = NULL WHERE subject = 'operation'",
        "UPDATE image SET content = 'picture'",
        f"INSERT INTO pruned_change_set VALUES ({FIRST}, 'yesterday', 'x', NULL)",
        f"INSERT INTO legal_hold VALUES ({FIRST}, 'yesterday', 'x', 'x')",
        (
            'INSERT INTO "freeze" (id, spares_rollback, reason, frozen_by, frozen_how, frozen_at)'
            f" VALUES ({FIRST}, 0, 'x', 'x', 'claimed', 'yesterday')"
        ),
        "UPDATE audit_line SET written_at = 'yesterday'",
        "UPDATE change_set SET plan_hash = NULL",
    ],
)
def test_nonsense_is_found_and_not_a_crash(told_url: str, statement: str) -> None:
    """Whatever was written into the tables, the answer is a list of what is wrong."""
    try:
        found = tamper(told_url, statement)
    except (psycopg.DataError, psycopg.IntegrityError, sqlite3.IntegrityError):
        return  # this database does not even let it in

    assert found


def test_a_journal_of_another_key_is_found(told_url: str) -> None:
    """The chain begins with the journal's own key, so it cannot be moved into another journal."""
    other = "00" * 32
    found = tamper(
        told_url, f"UPDATE journal_setting SET value = '{other}' WHERE name = 'image_key'"
    )

    assert "audit line 1 was edited, or the line before it was" == found[0]


def test_a_plan_without_any_image_is_intact(both: Scene) -> None:
    """Nothing was sent yet, so no way back is missing."""
    both.store(
        [
            replace(
                chain, operations=tuple(replace(each, approved=None) for each in chain.operations)
            )
            for chain in both.chains(CANCEL, both.orders())
        ]
    )
    report = both.journal.verify()

    assert (0, ()) == (report.image_count, report.problems)


def test_keys_are_asked_for_first(journal_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody reads a large journal for an hour to learn that a key is missing."""
    with closing(Journal.open(journal_url, keys=Keys([NEW]))) as journal:
        scene = make_scene(journal)
        scene.do(CANCEL, scene.orders())
    monkeypatch.setattr(audit, "verify_chain", lambda *_: pytest.fail("read"))

    with closing(Journal.open(journal_url)) as journal, pytest.raises(JournalKeyMissing):
        journal.verify()


def test_what_the_database_cannot_read_is_an_error(scene: Scene) -> None:
    """And no problem among others of a journal that was read to its end."""
    scene.sql("DROP TABLE legal_hold")

    with pytest.raises(JournalBroken, match="no such table: legal_hold"):
        scene.journal.verify()


def test_a_key_that_came_meanwhile_is_no_damage(journal_url: str) -> None:
    """Who opened the journal before does not know it, and is told so."""
    with closing(Journal.open(journal_url)) as before:
        with closing(Journal.open(journal_url, keys=Keys([NEW]))) as journal:
            scene = make_scene(journal)
            scene.do(CANCEL, scene.orders())

        with pytest.raises(JournalKeyMissing):
            before.verify()


def test_a_verified_journal_can_be_worked_with(told_url: str) -> None:
    """Looking changes nothing, and the chain goes on where it was."""
    with closing(Journal.open(told_url)) as journal:
        scene = make_scene(journal)
        before = journal.verify()
        done = scene.do(CANCEL, scene.orders())
        after = journal.verify()

    assert ChangeSetState.APPLIED is done.state
    assert after.is_intact
    assert after.line_count > before.line_count


def test_the_history_tells_who_did_what(both: Scene) -> None:
    """Every move of a change set and its operations, in order, with name, reason and image."""
    keys = both.orders(2)
    both.fail("bad_document", key=keys[1], times=9, said="Not in this month.")
    done = both.do(CANCEL, keys)
    moves = list(both.journal.history(done.id))

    assert ["planned", "awaiting_approval", "approved", "locked", "running"] == [
        move.to_state for move in moves[:5]
    ]
    assert ["mei", "anna", "anna", None, "mei"] == [move.actor for move in moves[:5]]
    assert ("operation", "refused", "2") == next(
        (move.subject, move.to_state, move.positions)
        for move in moves
        if move.to_state == "refused"
    )
    refusal = next(move.detail["reasons"]["2"] for move in moves if move.to_state == "refused")
    assert "Not in this month." in refusal
    assert sorted(move.audit_number for move in moves) == [move.audit_number for move in moves]
    assert ("change_set", "partly_applied") == (moves[-1].subject, moves[-1].to_state)


def test_a_chain_whose_head_moves_during_a_commit_takes_nothing_in(scene: Scene) -> None:
    """Whatever moved it, the commit is given up."""
    scene.sql(
        "CREATE TRIGGER meddle AFTER INSERT ON audit_line"
        " BEGIN UPDATE audit_head SET number = number + 5; END"
    )
    with pytest.raises(JournalBroken, match="its head moved"):
        scene.plan(CANCEL, scene.orders())

    assert [] == scene.journal.change_sets()


def test_two_journals_write_one_chain(both: Scene, journal_url: str) -> None:
    """Lines of two processes are numbered and chained one after the other."""
    with closing(Journal.open(journal_url)) as journal:
        other = make_scene(journal)
        other.system.name = "other"
        both.do(CANCEL, both.orders(2))
        other.do(CLOSE, other.orders(2, state="processing"))
        both.do(CANCEL, both.orders(2))

    assert both.journal.verify().is_intact
