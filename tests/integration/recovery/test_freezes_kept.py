"""Each freeze is a row and audit lines of the journal: seen by all, lifted by name, never edited or deleted."""

from __future__ import annotations

from contextlib import closing

import pytest
from sqlalchemy import event

from core.errors import BadInput, Frozen, IllegalMove, JournalBroken, NotFound
from recovery.freezes import Scope, freeze, thaw
from recovery.journal import Journal
from recovery.stopping import frozen
from tests.integration.recovery.freezing import ANNA, LI, WHY, approved, ice
from tests.integration.recovery.scene import Scene


def test_freeze_and_thaw_are_audit_lines(both: Scene) -> None:
    """Who, what, why: and a row that says otherwise is found."""
    found = ice(both, "system:fake", "document:PO0001")
    thaw(both.journal, found.id, actor=ANNA, reason="counted")
    rows = both.sql("SELECT subject, subject_id, to_state, actor, detail FROM journal_move")

    assert [
        ("freeze", found.id, "frozen", "li"),
        ("freeze", found.id, "thawed", "anna"),
    ] == [tuple(row)[:4] for row in rows]
    assert '"number":"PO0001"' in rows[0].detail
    assert WHY in rows[0].detail
    assert "counted" in rows[1].detail
    assert both.journal.verify().is_intact


@pytest.mark.parametrize(
    "statement, words",
    [
        ('UPDATE "freeze" SET thawed_at = NULL, thawed_by = NULL', "was lifted"),
        ("UPDATE \"freeze\" SET thawed_reason = 'other'", "was lifted"),
        ("UPDATE \"freeze\" SET number = 'PO0002'", "was made"),
        ("UPDATE \"freeze\" SET frozen_by = 'anna'", "was made"),
        ('UPDATE "freeze" SET spares_rollback = 1', "was made"),
    ],
)
def test_a_freeze_that_was_edited_is_found(both: Scene, statement: str, words: str) -> None:
    """A freeze cannot be lifted, narrowed or put into another's mouth behind Storno's back."""
    found = ice(both, "system:fake", "document:PO0001")
    thaw(both.journal, found.id, actor=ANNA, reason="counted")
    both.sql(statement)
    (problem,) = both.journal.verify().problems

    assert found.id in str(problem)
    assert words in str(problem)


def test_a_freeze_is_never_deleted(both: Scene) -> None:
    """It is lifted."""
    ice(both, "all")
    with pytest.raises(JournalBroken, match="never deleted"):
        both.sql('DELETE FROM "freeze"')


def test_a_freeze_is_lifted_once(both: Scene) -> None:
    """And named well enough."""
    found = ice(both, "all")
    thaw(both.journal, found.short_id, actor=ANNA, reason="x")
    with pytest.raises(IllegalMove):
        thaw(both.journal, found.id, actor=ANNA, reason="x")
    with pytest.raises(NotFound):
        thaw(both.journal, "last", actor=ANNA, reason="x")
    with pytest.raises(NotFound):
        thaw(both.journal, "ffffffff", actor=ANNA, reason="x")


def test_of_two_that_fit_the_active_one_is_lifted(both: Scene) -> None:
    """One that was lifted long ago is not meant; two active ones must be told apart."""
    first = ice(both, "all")
    thaw(both.journal, first.id, actor=ANNA, reason="x")
    second = ice(both, "all")

    assert second.id == thaw(both.journal, second.id[:6], actor=ANNA, reason="y").id

    ice(both, "all"), ice(both, "all")
    with pytest.raises(BadInput, match="fits several freezes"):
        thaw(both.journal, second.id[:6], actor=ANNA, reason="y")


def test_every_process_sees_a_freeze(both: Scene, journal_url: str) -> None:
    """It stands in the journal that all share."""
    change_set = approved(both)
    with closing(Journal.open(journal_url)) as other:
        freeze(other, Scope(), actor=LI, reason=WHY)
    with pytest.raises(Frozen):
        both.run(change_set)


def test_looking_for_freezes_costs_one_small_query(scene: Scene) -> None:
    """While nothing is frozen a call pays for one look at an index."""
    change_set = approved(scene, 2)
    engine, statements = scene.journal._database._engine, list[str]()
    event.listen(
        engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_: statements.append(statement),
    )
    frozen.require_thawed(scene.journal, change_set.id, scene.operations(change_set))
    looks = [each for each in statements if "freeze" in each]
    plan = scene.sql("EXPLAIN QUERY PLAN " + looks[0])

    assert 1 == len(looks)
    assert "ix_freeze_active" in str(plan)
