"""Guards that somebody took away, or left there by name only, are told of, and put back."""

from __future__ import annotations

from contextlib import closing

import pytest

from recovery.journal import Journal
from recovery.sql.guards import missing_guards
from recovery.sql.health import check, compact
from tests.integration.recovery.postgres_journal import WorkDatabase
from tests.integration.recovery.scene import Scene

_PUT_ON = (
    "DROP TRIGGER guard_move_update ON move;"
    " CREATE TRIGGER guard_move_update {} EXECUTE FUNCTION guard_move_update()"
)
"""Put a guard back by its name, another way."""


def test_missing_guards_are_told(told_url: str) -> None:
    """A repair or an import may have lost them: opening does not need them, the check names them."""
    with closing(Journal.open(told_url)) as journal:
        assert () == check(journal).problems
        is_sqlite = journal.database.dialect == "sqlite"
        with journal.database.writing() as connection:
            name = "guard_move_update"
            connection.exec_driver_sql(
                f"DROP TRIGGER {name}" if is_sqlite else f"ALTER TABLE move DISABLE TRIGGER {name}"
            )
        try:
            found = [str(problem) for problem in check(journal).problems]
        finally:
            if not is_sqlite:
                with journal.database.writing() as connection:
                    connection.exec_driver_sql(f"ALTER TABLE move ENABLE TRIGGER {name}")

    (problem,) = found
    assert f"the guard {name} is missing" in problem


def test_a_guard_that_guards_nothing_is_told(both: Scene) -> None:
    """Its name alone keeps nobody out; neither does one that is asked under a condition."""
    if both.journal.database.dialect == "sqlite":
        edits = {
            "guard_move_update": "BEFORE UPDATE ON move BEGIN SELECT 1; END",
            "guard_audit_line_insert": (
                "BEFORE INSERT ON audit_line WHEN 0 BEGIN SELECT RAISE(ABORT, 'never'); END"
            ),
        }
        for name, rest in edits.items():
            both.sql(f"DROP TRIGGER {name}")
            both.sql(f"CREATE TRIGGER {name} {rest}")
        dropped = "guard_change_set_rekey"
        both.sql(f"DROP TRIGGER {dropped}")
    else:
        edits = {
            "guard_move_update": "BEFORE UPDATE ON move FOR EACH STATEMENT WHEN (false)",
            "guard_audit_line_delete": "AFTER DELETE ON audit_line FOR EACH ROW",
        }
        for name, rest in edits.items():
            both.sql(f"DROP TRIGGER {name} ON {name.split('_', 1)[1].rsplit('_', 1)[0]}")
            both.sql(f"CREATE TRIGGER {name} {rest} EXECUTE FUNCTION {name}()")
        dropped = "guard_operation_truncate"
        both.sql(f"DROP TRIGGER {dropped} ON operation")
    with both.journal.reading() as connection:
        found = missing_guards(connection)
    compact(both.journal)

    assert sorted([*edits, dropped]) == found
    assert () == check(both.journal).problems


@pytest.mark.parametrize(
    "edited",
    [
        "DROP TRIGGER guard_move_update ON move",
        "ALTER TABLE move DISABLE TRIGGER guard_move_update",
        "ALTER TABLE move ENABLE REPLICA TRIGGER guard_move_update",
        (
            "CREATE OR REPLACE FUNCTION guard_move_update() RETURNS trigger LANGUAGE plpgsql"
            " AS $$ BEGIN RETURN NULL; END $$"
        ),
        _PUT_ON.format("BEFORE UPDATE ON reversal FOR EACH STATEMENT"),
        _PUT_ON.format("BEFORE UPDATE ON elsewhere.move FOR EACH STATEMENT"),
        _PUT_ON.format("BEFORE UPDATE OF detail ON move FOR EACH STATEMENT"),
        _PUT_ON.format("BEFORE UPDATE ON move FOR EACH ROW"),
        _PUT_ON.format("BEFORE INSERT ON move FOR EACH STATEMENT"),
    ],
)
@pytest.mark.postgres
@pytest.mark.xdist_group("postgres")
def test_whatever_is_done_to_a_guard_of_a_server_is_told(
    work_database: WorkDatabase, edited: str
) -> None:
    """Where it stands, when it is asked and what it does."""
    with (
        closing(Journal.open(work_database.begin())) as journal,
        journal.database.writing() as connection,
    ):
        connection.exec_driver_sql("CREATE SCHEMA elsewhere CREATE TABLE move (LIKE public.move)")
        connection.exec_driver_sql("ALTER TABLE move ENABLE ALWAYS TRIGGER guard_move_update")
        before = missing_guards(connection)
        connection.exec_driver_sql(edited)
        after = missing_guards(connection)
        connection.rollback()

    assert ([], ["guard_move_update"]) == (before, after)


def test_compacting_puts_guards_back(told_url: str) -> None:
    """On the way it makes sure that the past cannot be changed."""
    with closing(Journal.open(told_url)) as journal:
        with journal.database.writing() as connection:
            place = "" if journal.database.dialect == "sqlite" else " ON move"
            connection.exec_driver_sql(f"DROP TRIGGER guard_move_update{place}")
        compact(journal)

        assert () == check(journal).problems
