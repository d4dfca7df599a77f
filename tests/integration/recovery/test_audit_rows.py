"""`storno audit verify` finds rows that are no longer what the audit chain tells of them."""

# ruff: noqa: S608 - tampering is written in SQL

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from connectors.contract import Answer, Call, Fence, Kind, no_fence
from core import clock
from core.text import Text
from recovery.at_rest.retention import hold, prune, release
from recovery.auditing import verification
from recovery.journal import Journal
from recovery.model import PlanException
from recovery.sql.rows import text_json
from recovery.states import ChangeSetState, OperationState
from tests.integration.recovery.scene import CANCEL, MEI, Scene
from tests.integration.recovery.tampering import (
    FIRST,
    OTHER_HASH,
    SECOND,
    behind,
    problems,
    tamper,
)

ANOTHER = "(SELECT hash FROM image WHERE hash <> {} ORDER BY hash LIMIT 1)"


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
            f"UPDATE change_set SET plan_hash = NULL WHERE id = {FIRST}",
            "the plan of change set .* was edited",
            id="plan's hash forgotten",
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


def test_a_note_stays_until_another_move_writes_one(both: Scene) -> None:
    """Also in what the chain tells of it."""
    change_set = both.approve(both.plan(CANCEL, both.orders()))
    said = text_json(Text("the server is busy"))
    moves = list[tuple[ChangeSetState, dict[str, Any]]](
        [
            (ChangeSetState.RUNNING, {}),
            (ChangeSetState.PAUSED, {"note": said}),
            (ChangeSetState.RUNNING, {}),
        ]
    )
    for state, written in moves:
        with both.journal.writing() as writer:
            writer.move_change_set(change_set.id, state, **written)

    assert "the server is busy" == str(both.again(change_set).note)
    assert both.journal.verify().is_intact


def test_not_everything_that_is_missing_is_named(
    told_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever lost a whole table reads a few lines of it, and not a million."""
    monkeypatch.setattr(verification, "NAMED_AT_MOST", 2)
    found = tamper(told_url, "DELETE FROM image", "DELETE FROM change_set")

    assert [2, 2, 2] == [
        sum(words in problem for problem in found)
        for words in ("the before image", "the after image", "is gone, but its history is there")
    ]


class _KilledError(BaseException):
    """Stands for the end of the process: nothing of ours catches it."""


def test_what_was_told_stands_while_it_is_sent_again(
    both: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch was refused for another document; the process died while it was sent without that one."""
    keys = both.orders(2)
    both.fail("bad_document", key=keys[1], times=9)
    apply, calls = both.system.apply, [0]

    def stop_at_second(called: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        calls[0] += 1
        if calls[0] > 1:
            raise _KilledError
        return apply(called, fence)

    monkeypatch.setattr(both.system, "apply", stop_at_second)
    approved = both.approve(both.plan(CANCEL, keys))
    with pytest.raises(_KilledError):
        both.run(approved)

    sent = both.operations(approved)[0]
    assert OperationState.SENT is sent.state
    assert "it is sent again" in str(sent.reason)
    assert both.journal.verify().is_intact


def test_the_order_of_rows_does_not_count(told_url: str) -> None:
    """A database may write a table anew, and return it in another order."""
    place = "?" if told_url.startswith("sqlite") else "%s"
    with behind(told_url) as connection:
        for table in ("operation_record", "created_document", "reversal"):
            rows = connection.execute(f"SELECT * FROM {table}").fetchall()
            connection.execute(f"DELETE FROM {table}")
            for row in reversed(rows):
                values = ", ".join([place] * len(row))
                connection.execute(f"INSERT INTO {table} VALUES ({values})", row)

    assert [] == problems(told_url)


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
