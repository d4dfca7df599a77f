"""What pyproject.toml promises, the locks hold, and nothing in them names a machine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKS: Final = sorted((ROOT / "requirements").glob("*.txt"))


def requirements(path: Path) -> set[str]:
    """The lines of an `.in` file that name a package, with one kind of quote and no odd space."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return {line.replace('"', "'") for line in lines if line and not line.startswith(("#", "-"))}


def pinned(path: Path) -> set[str]:
    return set(re.findall(r"^([A-Za-z0-9._-]+)==", path.read_text(encoding="utf-8"), re.MULTILINE))


def test_runtime_requirements_are_told_once() -> None:
    """What the wheel asks for is what base.in has compiled."""
    assert set(PROJECT["dependencies"]) == requirements(ROOT / "requirements/base.in")


def test_the_postgres_extra_is_told_once() -> None:
    """What the extra asks for is what postgres.in has compiled."""
    asked = set(PROJECT["optional-dependencies"]["postgres"])

    assert asked == requirements(ROOT / "requirements/postgres.in")


@pytest.mark.parametrize("name", ["base", "postgres", "dev"])
def test_every_requirement_is_locked(name: str) -> None:
    """A package that was added to an `.in` file stands in the compiled one, or in one it builds on."""
    names = {
        re.split(r"[\[<>=; ]", line)[0].lower().replace(".", "-")
        for line in requirements(ROOT / f"requirements/{name}.in")
    }
    locked = pinned(ROOT / "requirements/base.txt") | pinned(ROOT / f"requirements/{name}.txt")

    assert names <= locked


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_no_lock_names_a_place(path: Path) -> None:
    """A lock says what is installed, never from which host or folder."""
    text = path.read_text(encoding="utf-8")

    assert re.findall(r"://|file:|index-url|find-links", text) == []
