"""Every fault that was recorded on a real Odoo becomes exactly one error, in Odoo's own words."""

from __future__ import annotations

import pytest

from connectors.answers import LONGEST_SAID
from connectors.http import HttpAnswer
from connectors.odoo.errors import (
    IS_ANSWERED,
    Fault,
    cut,
    fault_of_xmlrpc,
    from_fault,
    from_status,
)
from core.errors import (
    AccessDenied,
    BadAnswer,
    BadInput,
    Busy,
    ContractBroken,
    LoginFailed,
    NotFound,
    OutcomeUnknown,
    PeriodLocked,
    RateLimited,
    RecordMissing,
    Rejected,
    StaleRecord,
    StateRefused,
    StornoError,
)
from tests.unit.connectors.odoo.recordings import Recording, recordings

NAMES: dict[type[StornoError], str] = {
    AccessDenied: (
        "ep1_access fault_access_button fault_access_field fault_access_model_read"
        " fault_access_model_write fault_access_res_users_write json2_access_error"
        " json2_access_error_write"
    ),
    ContractBroken: (
        "fault_malformed_xml jsonrpc_malformed json2_bare_path json2_get_verb json2_malformed_json"
        " json2_wrong_content_type"
    ),
    LoginFailed: (
        "ep1_wrong_password fault_empty_password fault_unknown_uid fault_wrong_password"
        " jsonrpc_wrong_pw json2_bad_key json2_basic_auth json2_no_auth json2_password_as_key"
    ),
    NotFound: "fault_auth_unknown_db fault_unknown_db json2_db_header_wrong",
    PeriodLocked: "fault_draft_in_locked_period fault_hard_lock_lower",
    RecordMissing: (
        "fault_batch_lock_missing_id fault_batch_write_missing_id fault_missing_method"
        " fault_missing_write jsonrpc_missing missing_unlink json2_missing_write"
    ),
    Rejected: (
        "fault_arg_count fault_bad_datetime fault_bad_m2o fault_bad_selection fault_bad_state"
        " fault_bad_type fault_fk_unlink fault_required_false fault_required_missing fault_unique"
        " fault_unknown_service fault_unknown_service_method fault_validationerror"
        " mo_button_mark_done return_wizard_create_returns so_action_cancel_multi"
        " fault_lock_with_drafts fault_hard_lock_with_drafts json2_bad_kwarg json2_bad_selection"
        " json2_fk_unlink json2_ids_on_model_method json2_missing_kwarg json2_required_missing"
        " json2_validationerror"
    ),
    StaleRecord: "cas_server_action_conflict",
    StateRefused: (
        "batch_so_confirm_one_done ep1_usererror fault_batch_cancel_one_billed"
        " fault_batch_cancel_one_received fault_batch_post_one_posted fault_inv_post_twice"
        " fault_inv_unlink_posted fault_picking_cancel_done fault_po_line_unlink_confirmed"
        " fault_po_unlink_confirmed fault_usererror jsonrpc_usererror so_line_write_locked"
        " batch_so_cancel_one_locked fault_batch_draft_one_draft so_cancel_locked"
        " fault_mo_cancel_done json2_usererror po_cancel_locked"
    ),
}
SAME = {name: error for error, names in NAMES.items() for name in names.split()}
"""What a fault is, of a question as of a write."""

UNKNOWN = frozenset(
    {
        "ep1_unknown_field",
        "fault_private_method",
        "fault_unknown_field_domain",
        "fault_unknown_field_read",
        "fault_unknown_field_write",
        "fault_unknown_method",
        "fault_unknown_model",
        "jsonrpc_private",
        "jsonrpc_unknown_field",
        "json2_private_method",
        "json2_unknown_field",
        "json2_unknown_method",
        "json2_unknown_model",
    }
)
"""What a question names and the server has not; to a write it is a refusal."""

LOST_RACE = frozenset({"fault_serialization", "json2_serialization"})
"""What may pass if it is tried again; of a write only reading tells."""


def expected(recording: Recording, *, is_write: bool) -> type[StornoError] | None:
    """Return the one error of a recording, None where Odoo said yes."""
    if recording.name in UNKNOWN:
        return Rejected if is_write else NotFound
    if recording.name in LOST_RACE:
        return OutcomeUnknown if is_write else Busy
    if recording.name == "fault_bad_m2o" and recording.version >= 18:
        return RecordMissing  # up to 17 the database refused it
    found = SAME.get(recording.name)
    return found if _is_refusal(recording) else None


def error_of(recording: Recording, *, is_write: bool) -> StornoError | None:
    """Return what the connector makes of a recorded answer."""
    answer, dialect = recording.answer, recording.dialect
    if not dialect.explains(answer):
        error = from_status("erp", "storno", "db", answer, is_write=is_write)
        if error is not None:
            return error
    try:
        dialect.decode(answer, system="erp")
    except Fault as fault:
        return from_fault("erp", "storno", fault, is_write=is_write)
    return None


def _is_refusal(recording: Recording) -> bool:
    """Judge by the bytes alone whether Odoo said no; that a method returned nothing is no refusal."""
    if "cannot marshal None" in recording.response:
        return False
    return recording.status != 200 or any(
        sign in recording.response for sign in ("<fault>", '"error":')
    )


@pytest.mark.parametrize("is_write", [False, True], ids=["read", "write"])
def test_every_recorded_fault_is_one_error(is_write: bool) -> None:
    """The table names an error for every recorded refusal and for nothing else; the connector agrees."""
    wanted = {str(each): expected(each, is_write=is_write) for each in recordings()}
    found = {str(each): error_of(each, is_write=is_write) for each in recordings()}

    assert 583 == len(wanted)
    assert 280 == sum(error is not None for error in wanted.values())
    assert wanted == {name: None if error is None else type(error) for name, error in found.items()}


def test_errors_keep_odoos_words() -> None:
    """Whatever Odoo said in words stands in the error."""
    for each in recordings():
        error = error_of(each, is_write=True)
        if error is None or isinstance(error, OutcomeUnknown) or "HTTP" in str(error):
            continue
        said = str(error.details.get("said") or error.details.get("problem"))
        assert said, str(each)
        assert len(said) <= LONGEST_SAID + 60
        assert "Traceback" not in said


def test_button_warning_names_records() -> None:
    """Over XML-RPC a warning with a button is the text of a Python tuple: its words and its records stay."""
    said = (
        "('There are drafts.', {'view_mode': 'list', 'res_model': 'account.move', "
        "'domain': [('id', 'in', [42, 43])]}, 'Show')"
    )
    assert cut(said) == "There are drafts. (account.move 42, 43)"


def test_code_of_a_server_action_is_cut() -> None:
    """Odoo's sandbox repeats the whole code behind its error."""
    assert cut("KeyError('x') while evaluating\n'code = 1'") == "KeyError('x')"


@pytest.mark.parametrize("line_break", ["\n", "\\n"])
@pytest.mark.parametrize(
    "tail", ["CONTEXT:  PL/pgSQL function no_lock() line 1 at RAISE", "LINE 1: UPDATE x\n   ^"]
)
def test_what_the_database_adds_is_cut(line_break: str, tail: str) -> None:
    """A trigger of a custom module speaks to people; where in the database it stands is nothing to them."""
    said = f"Orders of Ada may not be locked.{line_break}{tail}\n"
    error = from_fault("erp", "ada", Fault("psycopg2.errors.RaiseException", said), is_write=True)
    assert isinstance(error, Rejected)
    assert error.details["said"] == "Orders of Ada may not be locked."


def test_words_of_several_lines_are_one_line() -> None:
    """A reason stands in one cell of a table; a detail that names the record stays."""
    said = "Already there:\n- one\n\nDETAIL:  Key (name)=(C:\\new) exists."
    assert cut(said) == "Already there: - one DETAIL:  Key (name)=(C:\\new) exists."


def test_long_words_are_cut() -> None:
    """Nobody reads a list of all groups to its end."""
    assert len(cut("x" * 10_000)) == LONGEST_SAID


@pytest.mark.parametrize(
    "said, kind, words",
    [
        ('Traceback:\n  File "a.py", line 1, in f\nValueError: a\nb\n', "ValueError", "a\nb"),
        ('Traceback:\n  File "a.py", line 1\n    ...\npsycopg2.errors.X: y\n\n', "X", "y"),
        ('Traceback:\n  File "a.py", line 1, in f\nKeyError\n', "KeyError", ""),
        ("no traceback at all", "", "no traceback at all"),
    ],
)
def test_exception_of_a_traceback(said: str, kind: str, words: str) -> None:
    """The class and the words of a traceback are those of its last exception."""
    fault = fault_of_xmlrpc(1, said)

    assert (kind, words) == (fault.kind, fault.said)


@pytest.mark.parametrize(
    "said",
    [
        "cannot marshal <class 'odoo.api.purchase.order'> objects",
        "int exceeds XML-RPC limits",
        "Object of type purchase.order is not JSON serializable",
    ],
)
def test_what_breaks_after_the_commit_is_read_back(said: str) -> None:
    """An answer that Odoo could not write says nothing against the call, and Odoo works on it no longer."""
    error = from_fault("erp", "storno", Fault("builtins.TypeError", said), is_write=True)

    assert isinstance(error, OutcomeUnknown)
    assert error.details[IS_ANSWERED] is True
    assert isinstance(
        from_fault("erp", "storno", Fault("TypeError", said), is_write=False), BadAnswer
    )


@pytest.mark.parametrize("kind", ["PoolError", "OperationalError", "LockNotAvailable"])
def test_what_the_database_says_is_read_back(kind: str) -> None:
    """The same words may come from a step after the commit: a write is not sent again before it was read back."""
    fault = Fault(f"psycopg2.errors.{kind}", "no")

    assert isinstance(from_fault("erp", "storno", fault, is_write=True), OutcomeUnknown)
    assert isinstance(from_fault("erp", "storno", fault, is_write=False), Busy)


@pytest.mark.parametrize(
    "status, of_read, of_write",
    [
        (200, None, None),
        (303, BadInput, BadInput),
        (400, ContractBroken, ContractBroken),
        (401, LoginFailed, LoginFailed),
        (403, AccessDenied, AccessDenied),
        (404, NotFound, NotFound),
        (408, BadAnswer, OutcomeUnknown),
        (413, Rejected, Rejected),
        (429, RateLimited, RateLimited),
        (500, BadAnswer, OutcomeUnknown),
        (502, Busy, OutcomeUnknown),
        (503, Busy, OutcomeUnknown),
        (504, Busy, OutcomeUnknown),
    ],
)
def test_status_without_words(
    status: int, of_read: type[StornoError] | None, of_write: type[StornoError] | None
) -> None:
    """Below 500 nothing was called; from 500 on nobody knows."""
    answer = HttpAnswer(status, {"retry-after": "7"}, b"<html>")
    found = [
        from_status("erp", "storno", "db", answer, is_write=is_write) for is_write in (False, True)
    ]
    assert [of_read, of_write] == [None if error is None else type(error) for error in found]
    if status == 429:
        assert isinstance(found[0], RateLimited)
        assert found[0].retry_after == 7
