"""`storno journal`: what is in it, is it whole, backups, retention, keys; and what is hidden stays hidden."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from connectors.fake.engine import FakeERP
from connectors.fake.schema import ORDER
from recovery.at_rest.redaction import MASK
from tests.integration.cli.conftest import Storno
from tests.integration.cli.test_story import applied

SECRET = "salary of the boss 123456"


@pytest.fixture
def sealed(storno: Storno, tmp_path: Path) -> Storno:
    """The command line with a key for the journal, and with a field that nobody shall see."""
    storno.done("journal", "new-key", "journal.key")
    with (tmp_path / "storno.yaml").open("a", encoding="utf-8") as settings:
        settings.write(
            "journal:\n  keys:\n    - name: journal\n      key: ${file:journal.key}\n"
            f"redaction:\n  - model: {ORDER}\n    fields: [owner, note, state]\n"
        )
    return storno


def test_what_is_in_the_journal(storno: Storno) -> None:
    """Where it is, how large, how many of what, and that anybody can read it."""
    applied(storno)
    shown = storno.done("journal", "show")
    found = storno.done("journal", "show", "--json").json

    assert "Change sets  1\n" in shown.out
    assert "Whoever has the file can read them." in shown.out
    assert (1, "sqlite") == (found["counts"]["change_set"], found["dialect"])
    assert found["size_bytes"] > found["image_bytes"] > 0
    assert [{"name": None, "is_active": True, "is_configured": True}] == [
        {name: each[name] for name in ("name", "is_active", "is_configured")}
        for each in found["keys"]
    ]


def test_a_whole_journal_is_called_whole(storno: Storno) -> None:
    """With how much was read."""
    applied(storno)

    assert "The journal is whole.\n" in storno.done("journal", "check").out
    found = storno.done("journal", "check", "--json").json
    assert (True, []) == (found["is_whole"], found["problems"])


def test_a_journal_that_is_not_whole_needs_a_person(storno: Storno, tmp_path: Path) -> None:
    """Each problem is named; the exit code says that somebody must look."""
    import sqlite3
    from contextlib import closing

    applied(storno)
    with closing(sqlite3.connect(tmp_path / "journal.db")) as connection:
        connection.execute("UPDATE operation SET key = '999'")
        connection.commit()
    answer = storno("journal", "check")

    assert 1 == answer.code
    assert "was edited" in answer.out
    assert storno("journal", "check", "--json").json["problems"]


def test_a_backup_is_written_and_restored(storno: Storno, tmp_path: Path) -> None:
    """Into a journal that is new; one with something in it is left alone."""
    done = applied(storno)
    told = storno.done("journal", "backup", "copies/one.db").out
    assert "was written and verified" in told
    assert 2 == storno("journal", "backup", "copies/one.db").code
    storno.done("journal", "backup", "copies/one.db", "--replace")
    assert 2 == storno("journal", "restore", "copies/one.db").code
    (tmp_path / "journal.db").rename(tmp_path / "broken.db")
    restored = storno.done("journal", "restore", "copies/one.db", "--json").json

    assert [] == restored["problems"]
    assert done in storno.done("changes", "list").out
    storno.done("rollback", done, "--reason", "mistake", "--yes")


def test_old_images_are_pruned(storno: Storno, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shown first, asked once; then `changes show` and `rollback` say that they are gone."""
    from datetime import timedelta

    from service.cli import journal_keeping

    done = applied(storno)
    monkeypatch.setattr(journal_keeping, "read_age", lambda _: timedelta(days=-1))
    preview = storno.done("journal", "prune", "--older-than", "400d", "--preview")
    assert "Nothing was changed." in preview.out
    planned = storno.done("journal", "prune", "--older-than", "400d", "--preview", "--json").json
    assert 1 == len(planned["change_set_ids"])
    assert 2 == storno("journal", "prune", "--older-than", "400d").code  # nobody can be asked
    gone = storno.done("journal", "prune", "--older-than", "400d", "--yes", "--json").json

    assert (1, planned["operations"]) == (gone["pruned"]["change_sets"], gone["operations"])
    shown = storno.done("changes", "show", done)
    assert "Its images were pruned on" in shown.out
    document = storno.done("changes", "show", done, "--json").json
    assert "Mei Lin" == document["pruned"]["by"]
    assert {None} == {each["before"] for each in document["operations"]}
    answer = storno("rollback", done, "--preview")
    assert 2 == answer.code
    assert "cannot be taken back any more: its images were pruned" in answer.err
    assert "The journal is whole." in storno.done("journal", "check").out


def test_what_is_held_is_told(storno: Storno, monkeypatch: pytest.MonkeyPatch) -> None:
    """With who and why, until it is released."""
    from datetime import timedelta

    from service.cli import journal_keeping

    done = applied(storno)
    monkeypatch.setattr(journal_keeping, "read_age", lambda _: timedelta(days=-1))
    storno.done("journal", "hold", done, "--reason", "tax audit")
    assert "tax audit" in storno.done("journal", "holds").out
    assert "tax audit" in storno.done("changes", "show", done).out
    assert "tax audit" == storno.done("changes", "show", done, "--json").json["held"]["reason"]
    found = storno.done("journal", "prune", "--older-than", "1d", "--preview", "--json").json
    assert ([], 1) == (found["change_set_ids"], found["held"])
    storno.done("journal", "release", done, "--reason", "over")
    assert "Nothing is held." in storno.done("journal", "holds").out
    assert 2 == storno("journal", "hold", done, "--reason", " ").code


@pytest.mark.parametrize("age", ["400", "d", "0d", "-1d", "400m", "next year"])
def test_an_age_is_days_weeks_or_years(storno: Storno, age: str) -> None:
    """Anything else is asked wrongly; nothing is taken away by mistake."""
    answer = storno("journal", "prune", f"--older-than={age}", "--yes")

    assert 2 == answer.code
    assert "400d, 60w or 7y" in answer.err


def test_a_key_is_written_once(storno: Storno, tmp_path: Path) -> None:
    """For nobody else's eyes, and never over another one; what to put into the settings is told."""
    told = storno.done("journal", "new-key", "secrets/journal-2026.key")
    path = tmp_path / "secrets" / "journal-2026.key"

    assert "key: ${file:secrets/journal-2026.key}" in told.out
    assert path.read_text().strip() not in told.out
    if os.name != "nt":
        assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    before = path.read_bytes()
    assert 2 == storno("journal", "new-key", "secrets/journal-2026.key").code
    assert before == path.read_bytes()


def test_keys_are_rotated(sealed: Storno, tmp_path: Path) -> None:
    """New one first, rotate, old one out: everything can still be read and taken back."""
    done = applied(sealed)
    sealed.done("journal", "new-key", "new.key")
    settings = tmp_path / "storno.yaml"
    written = settings.read_text(encoding="utf-8")
    old = "    - name: journal\n      key: ${file:journal.key}\n"
    new = "    - name: new\n      key: ${file:new.key}\n"
    settings.write_text(written.replace(old, new + old), encoding="utf-8")
    assert "an older one" in sealed.done("journal", "show").out
    rotated = sealed.done("journal", "rotate", "--yes", "--json").json
    settings.write_text(written.replace(old, new), encoding="utf-8")

    assert ("new", True) == (rotated["key"], rotated["images"] > 0)
    assert "not in storno.yaml: 0 images" in sealed.done("journal", "show").out
    sealed.done("journal", "compact", "--yes")
    sealed.done("rollback", done, "--reason", "mistake", "--yes")
    assert "The journal is whole." in sealed.done("journal", "check").out


def test_without_its_key_a_journal_says_which(sealed: Storno, tmp_path: Path) -> None:
    """What does not need it goes on working."""
    done = applied(sealed)
    settings = tmp_path / "storno.yaml"
    settings.write_text(
        settings.read_text(encoding="utf-8").partition("journal:\n")[0], encoding="utf-8"
    )

    assert done in sealed.done("changes", "list").out
    answer = sealed("changes", "show", done)
    assert 2 == answer.code
    assert "sealed with the key 'journal'" in answer.err


def test_hidden_fields_are_masked_everywhere(sealed: Storno, erp: FakeERP, tmp_path: Path) -> None:
    """In tables, in JSON, in previews, in conflicts; the way back is exact all the same."""
    keys = [key for key, row in erp.dump()[ORDER].items() if row["state"] == "quotation"]
    for key in keys:
        erp.edit(ORDER, key, {"owner": SECRET, "note": SECRET})
    done = applied(sealed)
    erp.edit(ORDER, keys[0], {"state": "archived"})
    answers = [
        sealed.done("changes", "show", done),
        sealed.done("changes", "show", done, "--trace"),
        sealed.done("changes", "show", done, "--json"),
        sealed("rollback", done, "--preview"),
        sealed("rollback", done, "--preview", "--json"),
        sealed("rollback", done, "--reason", "mistake", "--yes", "--json"),
        sealed.done("changes", "show", "last", "--json"),
    ]

    for answer in answers:
        assert SECRET not in answer.out + answer.err
        assert MASK in answer.out
        assert "archived" not in answer.out
    (operation, *_) = answers[2].json["operations"]
    fields = operation["before"][0]["fields"]
    assert (MASK, MASK) == (fields["owner"], fields["state"])
    assert fields["number"] != MASK
    rows = erp.dump()[ORDER]
    assert {SECRET} == {rows[key]["owner"] for key in keys}
    assert {"archived", "quotation"} == {rows[key]["state"] for key in keys}
    assert SECRET.encode() not in (tmp_path / "journal.db").read_bytes()
