"""A journal is made, migrated or refused with a reason; what is not ours is left as it is."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text

from core.errors import (
    BadInput,
    JournalBroken,
    JournalBusy,
    JournalFull,
    JournalNewer,
    PackageMissing,
    TransientError,
)
from recovery import schema
from recovery.journal import Journal
from recovery.migrations.upgrade import known_revisions
from recovery.sql import database
from recovery.sql.columns import metadata
from recovery.sql.database import Database
from recovery.sql.tables import all_tables
from tests.integration.recovery.revisions import revisions
from tests.integration.recovery.scene import CANCEL, Scene, make_scene


def test_migrations_lead_to_the_schema(empty_url: str) -> None:
    """What Alembic made is what the code believes in."""
    Journal.open(empty_url).close()
    engine = create_engine(empty_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})

        all_tables()

        assert [] == compare_metadata(context, metadata)
    engine.dispose()


def test_head_is_the_newest_revision() -> None:
    """The constant that spares every start from importing Alembic is true."""
    assert schema.HEAD == revisions()[-1]
    assert set(revisions()) == known_revisions()


def test_opening_again_changes_nothing(both: Scene, journal_url: str) -> None:
    """Neither the chain nor the key that images are hashed with."""
    both.do(CANCEL, both.orders())
    with closing(Journal.open(journal_url)) as again:
        assert both.journal.verify() == again.verify()
        assert both.journal.image_hash(b"x") == again.image_hash(b"x")


def test_every_journal_has_a_key_of_its_own(tmp_path: Path) -> None:
    """Equal images have other hashes elsewhere."""
    hashes = set()
    for name in ("a", "b"):
        with closing(Journal.open(f"sqlite:///{tmp_path / name}.db")) as journal:
            hashes.add(journal.image_hash(b"x"))

    assert 2 == len(hashes)


def test_folders_are_made(tmp_path: Path) -> None:
    """A journal may be asked for in a folder that does not exist yet."""
    path = tmp_path / "a" / "b" / "journal.db"
    Journal.open(f"sqlite:///{path}").close()

    assert path.is_file()


def test_a_newer_journal_is_refused(both: Scene, journal_url: str) -> None:
    """It names the revision and says what to do."""
    both.sql("UPDATE alembic_version SET version_num = '9999'")
    both.journal.close()

    with pytest.raises(JournalNewer, match=r"9999.*Update Storno") as caught:
        Journal.open(journal_url)

    assert "storno:" not in str(caught.value)


def test_a_newer_journal_is_not_touched(scene: Scene, tmp_path: Path) -> None:
    """Not a byte of the file changes, and nothing is left beside it."""
    scene.sql("UPDATE alembic_version SET version_num = '9999'")
    scene.journal.close()
    path = tmp_path / "journal.db"
    before = path.read_bytes()
    with pytest.raises(JournalNewer):
        Journal.open(f"sqlite:///{path}")

    assert before == path.read_bytes()
    assert ["journal.db"] == [each.name for each in tmp_path.iterdir()]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE customers (id INTEGER)",
        "CREATE TABLE alembic_version (version_num VARCHAR(32))",
        # Another program that uses Alembic, and numbers its revisions as we do.
        (
            "CREATE TABLE alembic_version (version_num VARCHAR(32));"
            " INSERT INTO alembic_version VALUES ('0001')"
        ),
    ],
)
def test_a_database_of_somebody_else_is_refused(empty_url: str, statement: str) -> None:
    """It has tables, but they are not a journal's; nothing is added."""
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        for each in statement.split(";"):
            connection.execute(text(each))
    with pytest.raises(JournalBroken, match="not a journal"):
        Journal.open(empty_url)
    with engine.connect() as connection:
        names = MigrationContext.configure(connection).dialect.get_table_names(connection)
    engine.dispose()

    assert 1 == len(names)


def test_a_file_of_somebody_else_is_not_touched(tmp_path: Path) -> None:
    """Not even its journal mode."""
    path = tmp_path / "erp.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE customers (id INTEGER)")
    before = path.read_bytes()
    with pytest.raises(JournalBroken):
        Journal.open(f"sqlite:///{path}")

    assert before == path.read_bytes()
    assert ["erp.db"] == [each.name for each in tmp_path.iterdir()]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """And stays as it is."""
    path = tmp_path / "notes.db"
    path.write_bytes(b"Dear journal, today I closed forty orders. " * 100)
    before = path.read_bytes()
    with pytest.raises(JournalBroken, match="not a database"):
        Journal.open(f"sqlite:///{path}")

    assert before == path.read_bytes()


def test_a_damaged_file_is_refused(scene: Scene, tmp_path: Path) -> None:
    """Pages that were overwritten are found when they are read; the error says to keep the file."""
    scene.do(CANCEL, scene.orders(50))
    scene.journal.close()
    path = tmp_path / "journal.db"
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)

    with (
        pytest.raises(JournalBroken, match="Keep the file"),
        closing(Journal.open(f"sqlite:///{path}")) as journal,
    ):
        journal.verify()


def test_a_file_that_is_damaged_in_the_middle_is_found(scene: Scene, tmp_path: Path) -> None:
    """It opens, but not all of it can be read any more."""
    scene.do(CANCEL, scene.orders(200))
    page = scene.sql("SELECT rootpage FROM sqlite_master WHERE name = 'image'")[0][0]
    scene.journal.close()
    path = tmp_path / "journal.db"
    content = bytearray(path.read_bytes())
    content[4096 * (page - 1) : 4096 * page] = b"\xff" * 4096
    path.write_bytes(content)

    with (
        closing(Journal.open(f"sqlite:///{path}")) as journal,
        pytest.raises(JournalBroken, match="malformed"),
    ):
        journal.verify()


def test_a_journal_that_lost_its_key_is_refused(both: Scene, journal_url: str) -> None:
    """A new key would make every image unreadable, and begin a second chain."""
    both.do(CANCEL, both.orders())
    both.sql("DELETE FROM journal_setting")

    with pytest.raises(JournalBroken):
        Journal.open(journal_url)


def test_two_processes_may_open_a_new_journal(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes second uses the key of who came first."""
    Database.open(empty_url).close()  # tables, but no key yet
    write, faster = Database.writing, list[str]()

    def overtaken(database: Database) -> AbstractContextManager[Connection]:
        monkeypatch.setattr(Database, "writing", write)
        with closing(Journal.open(empty_url)) as other:
            faster.append(other.image_hash(b"x"))
        return write(database)

    monkeypatch.setattr(Database, "writing", overtaken)
    with closing(Journal.open(empty_url)) as journal:
        assert faster == [journal.image_hash(b"x")]
        assert journal.verify().is_intact


def test_a_path_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """A file stands where a folder should be."""
    (tmp_path / "a").write_text("")

    with pytest.raises(JournalFull):
        Journal.open(f"sqlite:///{tmp_path / 'a' / 'b' / 'journal.db'}")


def test_a_folder_is_no_journal(tmp_path: Path) -> None:
    """SQLite cannot open it."""
    with pytest.raises(JournalFull, match="unable to open"):
        Journal.open(f"sqlite:///{tmp_path}")


def test_a_journal_may_live_in_memory() -> None:
    """For tests of what stands above it: everything works, and nothing is left."""
    with closing(Journal.open("sqlite://")) as journal:
        scene = make_scene(journal)
        done = scene.do(CANCEL, scene.orders())
        scene.roll_back(done)

        assert ["quotation"] == scene.states(["1"])
        assert journal.verify().is_intact


@pytest.mark.parametrize("url", ["journal.db", "nonsense://x", ""])
def test_what_is_no_address_is_refused(url: str) -> None:
    """It names the setting."""
    with pytest.raises(BadInput, match=r"journal\.url"):
        Database.open(url)


def test_a_password_behind_the_question_mark_is_refused() -> None:
    """It would stand in every message."""
    with pytest.raises(BadInput, match="before the @") as caught:
        Database.open("postgresql+psycopg://storno@127.0.0.1/x?password=secret")

    assert "secret" not in str(caught.value)


def test_a_journal_that_another_process_is_writing_is_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is no damage and no full disk: it may be tried again, and nothing was written."""
    url = f"sqlite:///{tmp_path / 'journal.db'}"
    with closing(Database.open(url)) as first:
        monkeypatch.setattr(database, "BUSY_TIMEOUT_MILLISECONDS", 10)
        with (
            closing(Database.open(url)) as second,
            first.writing(),
            pytest.raises(JournalBusy, match="another process") as caught,
            second.writing(),
        ):
            pytest.fail("two writers at once")

    assert isinstance(caught.value, TransientError)


def test_a_driver_that_is_missing_is_named() -> None:
    """With the command that installs it."""
    with pytest.raises(PackageMissing, match=r"pip install 'storno\[postgres\]'"):
        Database.open("postgresql+pg8000://127.0.0.1/x")


@pytest.mark.postgres
@pytest.mark.xdist_group("postgres")
def test_a_server_that_is_away_is_an_error_of_the_journal(postgres_url: str) -> None:
    """No password in the message."""
    url = postgres_url.replace("storno@", "storno:secret@").replace("/postgres", "/missing")
    with pytest.raises(JournalFull) as caught:
        Database.open(url)

    assert "secret" not in str(caught.value)
    assert "storno:***@" in caught.value.details["journal"]


def test_a_reader_sees_one_moment(both: Scene, journal_url: str) -> None:
    """What another process commits meanwhile is not seen before the block ends."""
    count = text("SELECT count(*) FROM change_set")
    with closing(Journal.open(journal_url)) as other:
        elsewhere = make_scene(other)
        with both.journal._database.reading() as connection:
            before = connection.execute(count).scalar()
            elsewhere.plan(CANCEL, elsewhere.orders())

            assert before == connection.execute(count).scalar()

    assert before is not None
    assert [(before + 1,)] == [tuple(row) for row in both.sql(str(count))]
