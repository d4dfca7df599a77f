"""Errors: five families, stable codes, a text for each."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator

import pytest

from core import errors
from core.encoding import dumps
from core.errors import (
    PLACES,
    STOPS_THE_RUN,
    Bug,
    ConfigError,
    LoginFailed,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RefusedError,
    Rejected,
    StornoError,
    TransientError,
    Unreachable,
    UsageError,
)
from core.text import text

FAMILIES: dict[type[StornoError], str] = {
    UsageError: "STO-01",
    TransientError: "STO-02",
    RefusedError: "STO-03",
    OutcomeUnknown: "STO-04",
    Bug: "STO-05",
}


def every_class(root: type[StornoError] = StornoError) -> Iterator[type[StornoError]]:
    yield root
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from every_class(child)


def test_codes_are_unique() -> None:
    """A code names one class for ever."""
    codes = [each.code for each in every_class()]

    assert sorted(set(codes)) == sorted(codes)


def test_code_tells_family() -> None:
    """The first digit of a code says what to do next."""
    for each in every_class():
        if each is StornoError:
            continue
        [family] = [root for root in FAMILIES if issubclass(each, root)]

        assert FAMILIES[family] == each.code[:6], each


def test_every_class_has_docstring_of_its_own() -> None:
    """Every class says what it means."""
    undocumented = [each.__name__ for each in every_class() if not each.__dict__.get("__doc__")]

    assert undocumented == []


def test_every_place_is_documented() -> None:
    """Every place of every template is explained once."""
    used = {name for each in every_class() for name in re.findall(r"\{(\w+)[^}]*\}", each.template)}

    assert set(PLACES) == used


def test_message_and_details() -> None:
    """The message is the template with the details in it, and programs get them apart."""
    error = NotFound(what="closing", name="stale")

    assert str(error) == "closing 'stale' was not found."
    assert error.as_dict() == {
        "code": "STO-0102",
        "message": "closing 'stale' was not found.",
        "details": {"what": "closing", "name": "stale"},
    }


def test_own_template_replaces_default() -> None:
    """An error may say it in its own words and keeps its code."""
    error = NotFound("There is no {name}.", name="x")

    assert str(error) == "There is no x."
    assert error.as_dict()["code"] == "STO-0102"


def test_missing_place_never_hides_the_error() -> None:
    """A message whose values are missing is shown as it is, not replaced by another error."""
    assert (
        str(Unreachable(system="erp")) == "{system} cannot be reached: {problem} {'system': 'erp'}"
    )


def test_errors_cross_processes() -> None:
    """An error that another process raised arrives whole."""
    error = pickle.loads(pickle.dumps(Rejected(system="erp", said="no")))  # noqa: S301

    assert str(error) == "erp refused: no"
    assert error.details == {"system": "erp", "said": "no"}


@pytest.mark.parametrize("given, expected", [({}, None), ({"retry_after": "3"}, 3.0)])
def test_retry_after(given: dict[str, str], expected: float | None) -> None:
    """A transient error tells how long the system asked us to wait, if it did."""
    assert expected == RateLimited(system="erp", problem="many", **given).retry_after


@pytest.mark.parametrize(
    "given, expected", [({}, ()), ({"offenders": None}, ()), ({"offenders": ["a"]}, ("a",))]
)
def test_offenders(given: dict[str, list[str]], expected: tuple[str, ...]) -> None:
    """A refusal names the operations at fault as far as the ERP does."""
    assert expected == Rejected(system="erp", said="no", **given).offenders


def test_what_stops_a_run() -> None:
    """A failed log-in stops the run, a rule of the ERP does not."""
    assert issubclass(LoginFailed, STOPS_THE_RUN)
    assert not issubclass(Rejected, STOPS_THE_RUN)


def test_config_error_tells_every_problem() -> None:
    """All wrong settings are told at once, one line each, and programs get them apart."""
    first = {"file": "a.yaml", "line": 2, "key": "run", "problem": text("is {how}", how="wrong")}
    second = {"file": "a.yaml", "line": 9, "key": "log", "problem": text("is missing")}
    error = ConfigError.of([first, second])

    assert str(error) == "a.yaml, line 2: run: is wrong\na.yaml, line 9: log: is missing"
    assert [first, second] == error.as_dict()["details"]["problems"]
    assert b"is wrong" in dumps(error.as_dict())


def test_config_error_of_one_problem() -> None:
    """One problem needs no list."""
    error = ConfigError(file="a.yaml", line=2, key="run", problem="is wrong")

    assert tuple(map(str, error.problems)) == ("a.yaml, line 2: run: is wrong",)
