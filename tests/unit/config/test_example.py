"""What `storno init` writes works as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.closings import ClosingSettings
from config.example import write_example
from config.settings import Settings, load
from config.source import read_source
from core.errors import UsageError

LANGUAGES = ["en", "zh_CN"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_example_validates(tmp_path: Path, language: str) -> None:
    """The written file is valid, and has a system and closings to try at once."""
    [path, ignored] = write_example(tmp_path / "new", language=language)
    settings = load(path, kinds=("fake", "tryton"), environment={})

    assert list(settings.systems) == ["practice"]
    assert {"stale-quotations", "open-remainders"} == set(settings.closings)
    assert "/secrets/\n" in ignored.read_text(encoding="utf-8")
    assert "/journal.db\n" in ignored.read_text(encoding="utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_commented_lines_validate_too(tmp_path: Path, language: str) -> None:
    """Whoever takes the comment signs away gets valid settings, and every setting is among them."""
    [path, _] = write_example(tmp_path, language=language)
    # Comments with a key after one or more signs are examples; those with words are prose.
    content = re.sub(
        r"^( *)# (?=(?: *# )?(?: {0,4}[a-z_]+:(?: |$)))",
        r"\1",
        path.read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    content = re.sub(r"^( *)# (?=(?!path)[a-z_]+: )", r"\1", content, flags=re.MULTILINE)
    content = content.replace("  path: journal.db\n", "")
    path.write_text(content, encoding="utf-8")
    (tmp_path / "secrets").mkdir()
    for name in ("erp", "mei-mail", "audit.pem"):
        (tmp_path / "secrets" / name).write_text("hunter2\n")

    (tmp_path / "secrets" / "journal.key").write_text("A" * 43 + "=\n")

    settings = load(path, environment={"JOURNAL_PASSWORD": "hunter3"})

    assert list(settings.systems) == ["practice", "erp", "legacy"]
    written = {key[-1] for key in read_source(path).lines}
    known = {*Settings.model_fields, *ClosingSettings.model_fields}
    assert known - {"allow_plain_secrets"} <= written


def test_both_languages_say_the_same(tmp_path: Path) -> None:
    """The two files differ in words for people, not in settings."""
    [english, _] = write_example(tmp_path / "en")
    [chinese, _] = write_example(tmp_path / "zh", language="zh_CN")

    assert read_source(english).lines.keys() == read_source(chinese).lines.keys()


def test_other_language_gets_english(tmp_path: Path) -> None:
    """A language without an example of its own gets the English one."""
    [path, _] = write_example(tmp_path, language="fr")

    assert path.read_text(encoding="utf-8").startswith("# Settings of Storno.")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """Settings that are there already stay as they are, and nothing else is written."""
    (tmp_path / "storno.yaml").write_text("mine")

    with pytest.raises(UsageError, match="overwrites nothing"):
        write_example(tmp_path)
    assert (tmp_path / "storno.yaml").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["storno.yaml"]


def test_existing_gitignore_keeps_its_lines(tmp_path: Path) -> None:
    """A .gitignore that is there already gets what it lacks, once."""
    ignored = tmp_path / ".gitignore"
    ignored.write_bytes(b"*.pyc\n/journal.db")
    write_example(tmp_path)
    lines = ignored.read_text(encoding="utf-8").splitlines()
    (tmp_path / "storno.yaml").unlink()

    assert lines[:2] == ["*.pyc", "/journal.db"]
    assert lines.count("/journal.db") == 1
    assert "/secrets/" in lines
    assert [tmp_path / "storno.yaml"] == write_example(tmp_path)


def test_folder_that_is_a_file(tmp_path: Path) -> None:
    """A folder that cannot be made is named."""
    (tmp_path / "file").write_text("x")

    with pytest.raises(UsageError, match="file"):
        write_example(tmp_path / "file")
    with pytest.raises(UsageError, match="cannot be written"):
        write_example(tmp_path / "file" / "inner")
