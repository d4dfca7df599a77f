"""`storno audit verify` finds whatever somebody did to the journal behind Storno's back."""

# ruff: noqa: S608 - tampering is written in SQL

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from connectors.contract import Kind
from core import clock
from core.errors import JournalBroken
from core.text import Text
from recovery.at_rest.retention import hold, prune, release
from recovery.journal import Journal
from recovery.model import PlanException
from recovery.states import ChangeSetState
from tests.integration.recovery.scene import CANCEL, CLOSE, MEI, Scene, make_scene

FIRST = "(SELECT id FROM change_set ORDER BY id LIMIT 1)"
SECOND = "(SELECT id FROM change_set ORDER BY id LIMIT 1 OFFSET 1)"
LAST = "(SELECT max(number) FROM audit_line)"
OTHER_HASH = "(SELECT hash FROM image ORDER BY hash LIMIT 1)"

ANOTHER = "(SELECT hash FROM image WHERE hash <> {} ORDER BY hash LIMIT 1)"


@contextmanager
def behind(url: str) -> Iterator[Any]:
    """Open the database as somebody who can do everything: no guards, no foreign keys."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for (name,) in names.fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            yield connection
            connection.commit()
    else:
        address = url.replace("postgresql+psycopg://", "postgresql://")
        with closing(psycopg.connect(address)) as connection:
            connection.execute("SET session_replication_role = replica")
            yield connection
            connection.commit()


def problems(url: str) -> list[str]:
    """Return what is found."""
    with closing(Journal.open(url)) as journal:
        return [str(problem) for problem in journal.verify().problems]


def tamper(url: str, *statements: str) -> list[str]:
    """Run statements behind Storno's back and return what is found."""
    with behind(url) as connection:
        for statement in statements:
            connection.execute(statement)
    return problems(url)


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
    "statement, words",
    [
        pytest.param(
            f"UPDATE operation SET state = 'confirmed' WHERE state = 'refused' AND change_set_id = {FIRST}",
            "is confirmed, but its history ends in refused",
            id="operation's state",
        ),
        pytest.param(
            f"UPDATE change_set SET state = 'applied' WHERE id = {FIRST}",
            "is applied, but its history ends in partly_rolled_back",
            id="change set's state",
        ),
        pytest.param(
            f"UPDATE operation SET before_hash = {ANOTHER.format('before_hash')} WHERE position = 3 AND change_set_id = {FIRST}",
            "operation 3 of .* refers to other images",
            id="before image swapped",
        ),
        pytest.param(
            f"UPDATE operation SET after_hash = before_hash WHERE position = 3 AND change_set_id = {FIRST}",
            "operation 3 of .* refers to other images",
            id="after image swapped",
        ),
        pytest.param(
            f"UPDATE operation SET after_hash = NULL WHERE position = 3 AND change_set_id = {FIRST}",
            "operation 3 of .* refers to other images",
            id="after image forgotten",
        ),
        pytest.param(
            f"UPDATE operation SET key = '999' WHERE position = 1 AND change_set_id = {SECOND}",
            "the plan of change set .* was edited",
            id="plan",
        ),
        pytest.param(
            f"DELETE FROM operation WHERE position = 4 AND change_set_id = {FIRST}",
            "the plan of change set .* was edited",
            id="operation removed",
        ),
        pytest.param(
            f"UPDATE operation SET approved_hash = {ANOTHER.format('approved_hash')} WHERE position = 1 AND change_set_id = {FIRST}",
            "the plan of change set .* was edited",
            id="evidence swapped",
        ),
        pytest.param(
            f"UPDATE change_set SET approved_by = 'the boss' WHERE id = {FIRST}",
            "approved otherwise than its row says: actor",
            id="approver",
        ),
        pytest.param(
            f"UPDATE change_set SET policy = 'none' WHERE id = {FIRST}",
            "approved otherwise than its row says: policy",
            id="policy",
        ),
        pytest.param(
            f"UPDATE change_set SET actor = 'somebody else' WHERE id = {FIRST}",
            "planned otherwise than its row says: actor",
            id="planner",
        ),
        pytest.param(
            f"DELETE FROM change_set WHERE id = {FIRST}",
            "is gone, but its history is there",
            id="change set removed",
        ),
        pytest.param(
            "UPDATE image SET content = (SELECT content FROM image ORDER BY hash DESC LIMIT 1)"
            f" WHERE hash = {OTHER_HASH}",
            "image .* was altered",
            id="image replaced by another one",
        ),
        pytest.param(
            "UPDATE image SET content = hash", "image .* was altered", id="images overwritten"
        ),
        pytest.param(
            "DELETE FROM image WHERE hash IN (SELECT substr(before_hash, 1, 12) FROM operation)",
            "the before image of operation 1 of .* is missing",
            id="before images removed",
        ),
        pytest.param(
            "DELETE FROM image WHERE hash IN (SELECT substr(after_hash, 1, 12) FROM operation)",
            "the after image of operation 1 of .* is missing",
            id="after images removed",
        ),
    ],
)
def test_rows_no_longer_fit_their_history(told_url: str, statement: str, words: str) -> None:
    """The chain is whole, but what it says is not what the tables say."""
    found = tamper(told_url, statement)

    assert any(re.search(words, problem) for problem in found), found
    assert not any("audit line" in problem for problem in found)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE move SET positions = 'everything' WHERE subject = 'operation'",
        "UPDATE move SET detail = '{broken' WHERE audit_number = 1",
        "UPDATE move SET hashes = NULL WHERE subject = 'operation'",
        "UPDATE image SET content = NULL",
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


@pytest.mark.parametrize(
    "statement, words",
    [
        (
            "UPDATE change_set SET reason = 'other' WHERE purpose = 'rollback'",
            "was planned otherwise",
        ),
        (f"UPDATE change_set SET title = 'other' WHERE id = {FIRST}", "was planned otherwise"),
        (
            f"UPDATE change_set SET details = '{{\"x\":1}}' WHERE id = {FIRST}",
            "was planned otherwise",
        ),
        (
            "UPDATE change_set SET purpose = 'closing' WHERE purpose = 'rollback'",
            "planned otherwise",
        ),
        ("UPDATE operation SET reason = NULL WHERE state = 'refused'", "what is told of operation"),
        ("UPDATE operation SET error_code = 'STO-0301'", "what is told of operation"),
        ("UPDATE operation SET result = '{\"is_exact\":true}'", "what is told of operation"),
    ],
)
def test_what_is_told_cannot_be_edited(told_url: str, statement: str, words: str) -> None:
    """Why a change set was made, why an operation was refused, what a rollback left behind."""
    assert any(words in problem for problem in tamper(told_url, statement))


LONG_AGO = "'2020-01-01 00:00:00.000000'"
FORGED = '{"template":"forged","text":"forged","values":{}}'


@pytest.mark.parametrize(
    "statement, words",
    [
        (
            f"UPDATE change_set SET approved_at = {LONG_AGO} WHERE id = {FIRST}",
            "approved_at of change set .* is not what its history says",
        ),
        (f"UPDATE change_set SET started_at = NULL WHERE id = {FIRST}", "started_at of change set"),
        (
            f"UPDATE change_set SET finished_at = {LONG_AGO} WHERE id = {FIRST}",
            "finished_at of change set",
        ),
        (
            "UPDATE change_set SET finished_at = created_at WHERE state = 'rejected'",
            "finished_at of change set",
        ),
        ("UPDATE change_set SET note = NULL WHERE state = 'rejected'", "note of change set"),
        (f"UPDATE change_set SET note = '{FORGED}' WHERE id = {FIRST}", "note of change set"),
        (
            f"UPDATE operation SET sent_at = {LONG_AGO} WHERE position = 1 AND change_set_id = {FIRST}",
            "operation 1 of .* has other times than its history",
        ),
        (
            f"UPDATE operation SET settled_at = NULL WHERE position = 2 AND change_set_id = {FIRST}",
            "operation 2 of .* has other times than its history",
        ),
        ("DELETE FROM operation_record", "the records that change set .* touches were edited"),
        (
            "INSERT INTO operation_record SELECT id, 'other', '1' FROM operation",
            "the records that change set .* touches were edited",
        ),
        ("DELETE FROM reversal", "what change set .* takes back was edited"),
        (
            "INSERT INTO created_document SELECT id, model, key, system, number FROM operation",
            "the documents that operation 1 of .* created were edited",
        ),
    ],
)
def test_nothing_else_that_is_told_can_be_edited(told_url: str, statement: str, words: str) -> None:
    """When it was approved, sent and settled, why it waits, which records it touches, what it takes back and made."""
    found = tamper(told_url, statement)

    assert any(re.search(words, problem) for problem in found), found
    assert not any("audit line" in problem for problem in found)


@pytest.mark.parametrize(
    "edited",
    ["text = replace(text, 'to come', 'here')", "system = 'other'", "kind = 'sales_order'"],
)
def test_why_a_document_was_left_out_cannot_be_edited(
    both: Scene, journal_url: str, edited: str
) -> None:
    """An exception is told as it stood when the plan was made."""
    left_out = PlanException(
        "fake", Kind.PURCHASE_ORDER, "PO9", None, "open", Text("its goods are still to come")
    )
    both.store(both.chains(CANCEL, both.orders(1)), exceptions=[left_out])

    assert both.journal.verify().is_intact

    found = tamper(journal_url, f"UPDATE plan_exception SET {edited}")

    assert any("the exceptions of change set" in problem for problem in found), found


@pytest.mark.parametrize(
    "statement, words",
    [
        ("DELETE FROM legal_hold", "the hold on change set .* is gone, but nobody released it"),
        ("UPDATE legal_hold SET reason = 'x'", "is held otherwise than its history says"),
        ("UPDATE legal_hold SET held_by = 'x'", "is held otherwise than its history says"),
    ],
)
def test_a_hold_that_was_edited_is_found(
    both: Scene, journal_url: str, statement: str, words: str
) -> None:
    """Who held the images of a change set, and why; a hold whose row is gone keeps them all the same."""
    done = both.do(CANCEL, both.orders(1))
    hold(both.journal, done.id, actor=MEI, reason="tax audit")

    assert both.journal.verify().is_intact

    found = tamper(journal_url, statement)

    assert any(re.search(words, problem) for problem in found), found
    assert 0 == prune(both.journal, clock.now() + timedelta(days=1), actor=MEI).change_set_count

    release(both.journal, done.id, actor=MEI, reason="over")

    assert 1 == prune(both.journal, clock.now() + timedelta(days=1), actor=MEI).change_set_count


def test_a_plan_that_was_edited_with_its_hash_is_found(told_url: str) -> None:
    """Whoever edits a plan can compute its hash anew, but not the line that says what was approved."""
    with closing(Journal.open(told_url)) as journal:
        edited = journal.change_sets()[-1]
        with behind(told_url) as connection:
            connection.execute(f"UPDATE operation SET key = '999' WHERE change_set_id = {FIRST}")
        hashed = journal.plan_hash(edited.id)
    blob = f"x'{hashed}'" if told_url.startswith("sqlite") else f"'\\x{hashed}'::bytea"
    found = tamper(told_url, f"UPDATE change_set SET plan_hash = {blob} WHERE id = {FIRST}")

    assert [
        f"change set {edited.id} was planned otherwise than its row says: plan_hash",
        f"change set {edited.id} was approved otherwise than its row says: plan_hash",
    ] == found


def test_a_journal_of_another_key_is_found(told_url: str) -> None:
    """The chain begins with the journal's own key, so it cannot be moved into another journal."""
    other = "00" * 32
    found = tamper(
        told_url, f"UPDATE journal_setting SET value = '{other}' WHERE name = 'image_key'"
    )

    assert "audit line 1 was edited, or the line before it was" == found[0]


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
