"""Commit, rollback, and the customer's functions that change and commit in one call."""

from __future__ import annotations

from typing import Final

from sandbox.sap.call import Call, DumpError, Handler


def commit(call: Call) -> None:
    """BAPI_TRANSACTION_COMMIT: silent, unless the caller waits and the update fails."""
    if call.work.projects is not None and call.work.projects.has_failed:
        # The project system's own rule: after a check that failed, a commit ends the program.
        raise DumpError
    call.work.projects = None
    # Any value waits, not only X.
    is_waiting = call.text("WAIT") != ""
    if not call.work.commit(is_waiting=is_waiting):
        call.say("E", "S&", "101")


def roll_back(call: Call) -> None:
    """BAPI_TRANSACTION_ROLLBACK: silent, and only for what this session did."""
    call.work.roll_back()


def wrapped(inner: Handler) -> Handler:
    """Return the customer's function around a BAPI: its errors roll back, else it commits and waits."""

    def run(call: Call) -> None:
        inner(call)
        is_test = "X" in {call.given.get("TESTRUN"), call.given.get("SIMULATION")}
        if is_test or call.has_errors or any(said.is_error for _, said in call.details):
            call.work.roll_back()
        elif not call.work.commit(is_waiting=True):
            call.say("E", "S&", "101")

    return run


FUNCTIONS: Final[dict[str, Handler]] = {
    "BAPI_TRANSACTION_COMMIT": commit,
    "BAPI_TRANSACTION_ROLLBACK": roll_back,
}
