"""Services are opened when asked for, once, and all are closed."""

from __future__ import annotations

from typing import Any, cast

import pytest

from config.settings import Settings
from connectors.contract import System
from core.errors import NotFound
from service.app import build


class Closing:
    """A system that notes when it is closed, and may fail at it."""

    def __init__(self, name: str, closed: list[str]) -> None:
        self._name = name
        self._closed = closed

    def close(self) -> None:
        """Note it; `bad` fails."""
        self._closed.append(self._name)
        if self._name == "bad":
            raise OSError(self._name)


def settings() -> Settings:
    return Settings.model_validate({"systems": {"bad": {"kind": "fake"}, "good": {"kind": "fake"}}})


def test_a_system_is_opened_once() -> None:
    """Two questions, one log-in."""
    opened: list[str] = []

    def open_system(name: str, kind: str, options: Any) -> System:
        del options
        opened.append(f"{name} {kind}")
        return cast("System", Closing(name, []))

    services = build(settings(), open_system=open_system)

    assert services.system("good") is services.system("good")
    assert opened == ["good fake"]


def test_an_unknown_system_names_the_known_ones() -> None:
    """The message has what could have been meant."""
    with pytest.raises(NotFound, match="bad, good"):
        build(settings()).system("nope")


def test_every_system_is_closed_and_the_first_failure_told() -> None:
    """One that cannot log out keeps no other from it."""
    closed: list[str] = []
    services = build(
        settings(), open_system=lambda name, _kind, _options: cast("System", Closing(name, closed))
    )
    services.system("bad")
    services.system("good")

    with pytest.raises(OSError, match="bad"):
        services.close()
    assert closed == ["bad", "good"]
    services.close()


def test_what_went_wrong_first_is_what_is_told() -> None:
    """A failure at closing does not hide the one before it."""
    services = build(
        settings(), open_system=lambda name, _kind, _options: cast("System", Closing(name, []))
    )

    services.system("bad")

    with pytest.raises(ZeroDivisionError), services:
        raise ZeroDivisionError
