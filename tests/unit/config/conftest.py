"""What the tests of settings share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from config.secrets import forget_secrets

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a storno.yaml and returns its path."""

    def write_settings(content: str) -> Path:
        path = tmp_path / "storno.yaml"
        path.write_text(dedent(content), encoding="utf-8")
        return path

    return write_settings


@pytest.fixture(autouse=True)
def _no_secrets_left() -> Iterator[None]:
    forget_secrets()
    yield
    forget_secrets()
