"""Help answers at once, has an example for each command, and is the same in the reference."""

from __future__ import annotations

import subprocess
import sys

from service.cli import reference

HEAVY = (
    "babel",
    "duckdb",
    "lxml",
    "msgspec",
    "pyarrow",
    "pydantic",
    "rich",
    "sqlalchemy",
    "structlog",
    "yaml",
)


def test_help_imports_nothing_heavy() -> None:
    """`storno --help` answers at once, because what it does not need is not loaded."""
    code = (
        "import sys\n"
        "from service.cli.main import main\n"
        "main(sys.argv[1:])\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    for words in (["--help"], ["close", "plan", "--help"], ["rollback", "--help"]):
        ended = subprocess.run(
            [sys.executable, "-c", code, *words],
            capture_output=True,
            text=True,
            check=True,
            encoding="utf-8",
        )
        assert ended.stderr.strip() == "[]"


def test_the_reference_is_not_stale() -> None:
    """docs/reference/cli.md says what the parser says; else: python -m service.cli.reference."""
    assert reference.TARGET.read_text(encoding="utf-8") == reference.reference()


def test_help_has_an_example_for_each_command() -> None:
    """Nobody has to guess how a command is typed."""
    page = reference.reference()
    pages = page.split("\n## storno ")[1:]

    assert len(pages) == 13
    for part in page.split("\n### storno ")[1:]:
        assert "\n    storno " in part
