"""Each code of a driver is exactly one error of Storno; the words of a database decide nothing."""

from __future__ import annotations

import pytest

from connectors.odbc.errors import Moment, Said, driver_missing, from_driver, said
from core.errors import (
    AccessDenied,
    BadAnswer,
    Busy,
    LoginFailed,
    NotFound,
    OutcomeUnknown,
    Rejected,
    StornoError,
    Timeout,
    Unreachable,
)


def error(state: str, words: str) -> Exception:
    """As pyodbc raises it."""
    return Exception(state, words)


def of(dialect: str, state: str, words: str, moment: Moment) -> StornoError:
    return from_driver("erp", "storno", dialect, error(state, words), moment, seconds=60)


@pytest.mark.parametrize(
    "dialect, state, words, moment, expected",
    [
        ("postgresql", "23505", "duplicate key (1) (SQLExecDirectW)", Moment.WRITE, Rejected),
        ("postgresql", "40P01", "deadlock detected (1) (SQLExecDirectW)", Moment.WRITE, Busy),
        ("postgresql", "55P03", "lock timeout (1) (SQLExecDirectW)", Moment.WRITE, Busy),
        ("postgresql", "57014", "statement timeout (1) (SQLExecDirectW)", Moment.READ, Timeout),
        ("postgresql", "57014", "statement timeout (1) (SQLExecDirectW)", Moment.WRITE, Busy),
        ("postgresql", "57P01", "terminating connection (1) (SQLExecDirectW)", Moment.WRITE, Unreachable),
        ("postgresql", "57P01", "terminating connection (1) (SQLEndTran)", Moment.COMMIT, OutcomeUnknown),
        ("postgresql", "23503", "deferred foreign key (1) (SQLEndTran)", Moment.COMMIT, Rejected),
        ("postgresql", "40003", "completion unknown (1) (SQLEndTran)", Moment.COMMIT, OutcomeUnknown),
        ("postgresql", "25006", "read-only transaction (1) (SQLExecDirectW)", Moment.READ, AccessDenied),
        ("postgresql", "42P01", "relation does not exist (1) (SQLExecDirectW)", Moment.READ, NotFound),
        ("postgresql", "42P01", "relation does not exist (1) (SQLExecDirectW)", Moment.WRITE, Rejected),
        ("postgresql", "53100", "disk full (1) (SQLExecDirectW)", Moment.WRITE, Busy),
        ("postgresql", "08001", 'FATAL:  用户 "storno" Password 认证失败 (101) (SQLDriverConnect)', Moment.CONNECT, LoginFailed),
        ("postgresql", "08001", 'FATAL:  使用者 "storno" 的密碼驗證失敗 (101) (SQLDriverConnect)', Moment.CONNECT, LoginFailed),
        ("postgresql", "08001", "password authentication failed for user (101) (SQLDriverConnect)", Moment.CONNECT, LoginFailed),
        ("postgresql", "08001", "Connection refused (101) (SQLDriverConnect)", Moment.CONNECT, Unreachable),
        ("mariadb", "HY000", "Lock wait timeout exceeded (1205) (SQLExecDirectW)", Moment.WRITE, Busy),
        ("mariadb", "40001", "Deadlock found (1213) (SQLExecDirectW)", Moment.WRITE, Busy),
        ("mariadb", "HY000", "Can't connect (2002) (SQLDriverConnect)", Moment.CONNECT, Unreachable),
        ("mariadb", "28000", "Access denied (1045) (SQLDriverConnect)", Moment.CONNECT, LoginFailed),
        ("mariadb", "42000", "Unknown database (1049) (SQLDriverConnect)", Moment.CONNECT, NotFound),
        ("mariadb", "HY018", "max_statement_time exceeded (1969) (SQLExecDirectW)", Moment.READ, Timeout),
        ("mariadb", "HY000", "Write error: Broken pipe (5014) (SQLExecDirectW)", Moment.WRITE, Unreachable),
        ("mariadb", "HY000", "The table is full (1114) (SQLExecDirectW)", Moment.WRITE, Busy),
        ("mariadb", "22007", "Incorrect string value (1366) (SQLExecDirectW)", Moment.WRITE, Rejected),
        ("sqlite", "HY000", "[SQLite]database is locked (5) (5) (SQLExecDirectW)", Moment.WRITE, Busy),
        ("sqlite", "HY000", "[SQLite]UNIQUE constraint failed (19) (SQLExecDirectW)", Moment.WRITE, Rejected),
        ("sqlite", "HY000", "[SQLite]readonly (8) (SQLExecDirectW)", Moment.READ, AccessDenied),
        ("sqlite", "HY000", "[SQLite]database or disk is full (13) (SQLExecDirectW)", Moment.WRITE, Busy),
        ("sqlserver", "40001", "deadlock victim (1205) (SQLExecDirectW)", Moment.WRITE, Busy),
        ("sqlserver", "42000", "Lock request time out (1222) (SQLExecDirectW)", Moment.WRITE, Busy),
        ("sqlserver", "28000", "Login failed for user (18456) (SQLDriverConnect)", Moment.CONNECT, LoginFailed),
        ("sqlserver", "HYT00", "Login timeout expired (0) (SQLDriverConnect)", Moment.CONNECT, Unreachable),
        ("oracle", "HY000", "ORA-30006: resource busy (30006) (SQLExecDirectW)", Moment.WRITE, Busy),
        ("db2", "08001", "communication error (-30081) (SQLDriverConnect)", Moment.CONNECT, Unreachable),
        ("postgresql", "XX000", "internal error (1) (SQLExecDirectW)", Moment.READ, BadAnswer),
        ("postgresql", "XX000", "internal error (1) (SQLEndTran)", Moment.COMMIT, OutcomeUnknown),
        ("postgresql", "01000", "[unixODBC][Driver Manager]Can't open lib 'x' (0) (SQLDriverConnect)", Moment.CONNECT, NotFound),
    ],
)  # fmt: skip
def test_one_error_each(
    dialect: str, state: str, words: str, moment: Moment, expected: type[StornoError]
) -> None:
    """What to do next follows from the code and from the moment."""
    assert expected is type(of(dialect, state, words, moment))


def test_arguments_the_other_way_round() -> None:
    """Pyodbc itself raises (message, state) now and then."""
    assert Said("HY000", None, "1 parameter missing") == said(error("1 parameter missing", "HY000"))


def test_the_databases_own_words_are_kept() -> None:
    """Without what the driver and its manager put around them."""
    found = of("mariadb", "23000", "[ma-3.1.15][10.11-MariaDB]Duplicate entry 'x' (1062) (SQLExecDirectW)", Moment.WRITE)  # fmt: skip

    assert "Duplicate entry 'x'" == found.details["said"]


def test_out_of_memory_is_no_full_disk() -> None:
    """Both may pass later; whoever reads it looks in the right place."""
    memory = of("postgresql", "53200", "out of memory (1) (SQLExecDirectW)", Moment.WRITE)
    disk = of("postgresql", "53100", "disk full (1) (SQLExecDirectW)", Moment.WRITE)

    assert (Busy, Busy) == (type(memory), type(disk))
    assert ("disk" in str(memory), "disk" in str(disk)) == (False, True)


def test_a_value_that_python_cannot_send_is_shown_as_it_is() -> None:
    """The words of the error, not the name of a codec."""
    with pytest.raises(UnicodeEncodeError) as caught:
        "\udcff".encode("utf-16-le")
    shown = from_driver("erp", "storno", "mariadb", caught.value, Moment.WRITE)

    assert isinstance(shown, Rejected)
    assert "surrogates not allowed" in str(shown)


def test_a_driver_that_lacks_a_library_says_which() -> None:
    """The driver is there, and what is not is named."""
    words = "Can't open lib '/opt/psqlodbcw.so' : libpq.so.5: cannot open shared object file"
    shown = driver_missing(words, "PostgreSQL Unicode", "SQLite3")

    assert "libpq.so.5" in str(shown)
    assert "PostgreSQL Unicode" in str(shown)
    assert shown.details["name"] == "PostgreSQL Unicode"


@pytest.mark.parametrize(
    "dialect, function, text, expected",
    [
        ("postgresql", "SQLDriverConnect", "State: 08001, Native error: 101, Message: refused\n\t?\n", Unreachable),
        ("mariadb", "SQLDriverConnect", "State: HY000, Native error: 2002, Message: [ma-3.1.15]Can't (115)", Unreachable),
        ("postgresql", "SQLFetch", "State: 57014, Native error: 1, Message: statement timeout", Timeout),
        ("postgresql", "SQLFetch", "A value is too large", BadAnswer),
    ],
)  # fmt: skip
def test_what_arrow_odbc_says_is_the_same(
    dialect: str, function: str, text: str, expected: type[StornoError]
) -> None:
    """It writes state and code into one text; a bulk read ends in the same errors as any other."""
    raised = Exception(f"ODBC emitted an error calling '{function}':\n{text}")
    assert expected is type(from_driver("erp", "storno", dialect, raised, Moment.READ, seconds=60))
