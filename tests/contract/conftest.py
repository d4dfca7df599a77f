"""Gives the suite its kinds and actions: those of the subject that the test class names."""

from __future__ import annotations

import pytest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    subject = getattr(metafunc.cls, "SUBJECT", None)
    if subject is None:
        return
    if "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", subject.KINDS, ids=str)
    if "action" in metafunc.fixturenames:
        metafunc.parametrize("action", subject.ACTIONS)
