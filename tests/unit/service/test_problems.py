"""Exit codes follow from the family of an error, and from nothing else."""

from __future__ import annotations

import pytest

from core import errors
from core.errors import StornoError
from service.problems import EXIT_CODES, Exit, as_problem, exit_code


def families() -> list[type[StornoError]]:
    return StornoError.__subclasses__()


def test_every_family_has_a_code() -> None:
    """A new family must say what it means outside."""
    assert set(families()) == set(EXIT_CODES)


@pytest.mark.parametrize(
    "error, code",
    [
        (errors.NotFound(what="document", name="X"), Exit.ASKED_WRONGLY),
        (errors.Unreachable(system="erp", problem="gone"), Exit.NOT_REACHED),
        (errors.LoginFailed(system="erp", user="u", said="no"), Exit.PERSON_NEEDED),
        (errors.OutcomeUnknown(system="erp", problem="cut"), Exit.PERSON_NEEDED),
        (errors.ContractBroken(problem="x"), Exit.BUG),
        (RuntimeError("x"), Exit.BUG),
        (ImportError("x"), Exit.BUG),
        (KeyboardInterrupt(), Exit.INTERRUPTED),
    ],
)
def test_exit_codes(error: BaseException, code: Exit) -> None:
    """The family decides; what is no error of ours is a bug of ours."""
    assert code is exit_code(error)


def test_a_problem_has_code_message_and_details() -> None:
    """Programs find the same three keys in every error."""
    found = as_problem(errors.NotFound(what="document", name="X"))

    assert found == {
        "error": {
            "code": "STO-0102",
            "message": "document 'X' was not found.",
            "details": {"what": "document", "name": "X"},
        }
    }


def test_an_unforeseen_error_is_a_problem_too() -> None:
    """It has the code of a bug and names what was raised."""
    found = as_problem(RuntimeError("boom"))["error"]

    assert (found["code"], "RuntimeError: boom" in found["message"]) == ("STO-0500", True)


def test_a_missing_package_says_what_to_do() -> None:
    """The message names the package and the command that brings it."""
    found = as_problem(ModuleNotFoundError("no", name="pyarrow"))["error"]

    assert found["details"]["package"] == "pyarrow"
    assert "pip install" in found["message"]
