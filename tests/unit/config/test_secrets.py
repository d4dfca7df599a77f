"""Where a secret comes from, and that it never gets out again."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from config.secrets import (
    FromOutside,
    is_secret_name,
    put_in,
    redact,
    register_secret,
)
from config.source import Source

ENVIRONMENT = {"PW": "hunter2", "EMPTY": ""}


def filled(value: Any, folder: Path) -> tuple[Any, list[str]]:
    source = Source(values={"key": value})
    put_in(source, folder, ENVIRONMENT)
    return source.values["key"], [str(each.problem) for each in source.problems]


@pytest.mark.parametrize(
    "written, value",
    [
        ("${PW}", "hunter2"),
        ("a-${PW}-${PW}", "a-hunter2-hunter2"),
        ("${EMPTY}", ""),
        ("$${PW}", "${PW}"),
        ("$$${PW}", "$${PW}"),
        ("$PW {PW} $", "$PW {PW} $"),
        (("x", {"y": "${PW}"}), ("x", {"y": "hunter2"})),
        (7, 7),
        (None, None),
    ],
)
def test_references_are_replaced(tmp_path: Path, written: Any, value: Any) -> None:
    """A reference stands for its variable wherever text stands, and can be escaped."""
    assert filled(written, tmp_path) == (value, [])


@pytest.mark.parametrize(
    "content, secret",
    [
        (b"hunter2", "hunter2"),
        (b"hunter2\n", "hunter2"),
        (b"hunter2\r\n", "hunter2"),
        (b"hunter2\n\n", "hunter2\n"),
        (b"hunter2\r", "hunter2\r"),
        (b" hunter2 ", " hunter2 "),
        (b"\xef\xbb\xbfhunter2", "hunter2"),
        ("密码".encode(), "密码"),
        (b"", ""),
    ],
)
def test_file_loses_one_newline(tmp_path: Path, content: bytes, secret: str) -> None:
    """A secret from a file is the file, without the one newline that editors add."""
    (tmp_path / "pw").write_bytes(content)

    assert filled("${file:pw}", tmp_path) == (secret, [])


def test_absolute_file(tmp_path: Path) -> None:
    """An absolute path is taken as it is."""
    (tmp_path / "pw").write_bytes(b"hunter2")

    assert filled(f"${{file:{tmp_path / 'pw'}}}", Path("elsewhere")) == ("hunter2", [])


def test_what_came_from_outside_is_marked(tmp_path: Path) -> None:
    """Settings can tell what stood in the file from what came from outside."""
    put, _ = filled("${PW}", tmp_path)
    escaped, _ = filled("$${PW}", tmp_path)

    assert isinstance(put, FromOutside)
    assert not isinstance(escaped, FromOutside)


@pytest.mark.parametrize(
    "written, problem",
    [
        ("${NOPE}", "the environment variable NOPE is not set"),
        ("${file:nope}", "the file nope does not exist"),
        ("${file:.}", "the file . cannot be read"),
        ("${file:gbk}", "the file gbk is not UTF-8"),
        ("${file:big}", "the file big is too large for a secret"),
        ("${file:}", "after file: stands the path of a file"),
        ("${hunter2", "a reference begins with ${ and does not end; write $${ for the signs"),
        (
            "${hunter2!}",
            "between ${ and } stands the name of an environment variable, or file:path",
        ),
        ("${}", "between ${ and } stands the name of an environment variable, or file:path"),
    ],
)
def test_what_cannot_be_found_is_named(tmp_path: Path, written: str, problem: str) -> None:
    """A missing secret is named by its variable, never by its value; the rest of the text is not."""
    (tmp_path / "gbk").write_bytes("结案".encode("gbk"))
    (tmp_path / "big").write_bytes(b"x" * 70_000)

    _, found = filled(f"a {written}", tmp_path)

    assert found == [problem]


def test_environment_of_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without another one given, the environment is the process's own."""
    monkeypatch.setenv("SOME_NAME", "found")
    source = Source(values={"key": "${SOME_NAME}"})
    put_in(source, tmp_path)

    assert source.values == {"key": "found"}


# --- redaction ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        "hunter2 \"x\\y'/ü",
        "before hunter2 \"x\\y'/ü after",
        repr("hunter2 \"x\\y'/ü"),
        'json: "hunter2 \\"x\\\\y\'/ü"',
        "in an address: " + quote("hunter2 \"x\\y'/ü", safe=""),
        "basic " + base64.b64encode("hunter2 \"x\\y'/ü".encode()).decode(),
    ],
)
def test_registered_secret_never_gets_out(written: str) -> None:
    """A secret is taken out of every text, in each of the forms in which it travels."""
    register_secret("hunter2 \"x\\y'/ü")

    assert "***" in redact(written)
    assert "hunter2" not in redact(written)


def test_secret_of_a_file_is_registered(tmp_path: Path) -> None:
    """What came from a file of secrets is known at once."""
    (tmp_path / "pw").write_bytes(b"hunter2\n")
    filled("${file:pw}", tmp_path)

    assert redact("it is hunter2.") == "it is ***."


def test_longest_secret_wins() -> None:
    """A secret that contains another one leaves no rest."""
    register_secret("hunter2")
    register_secret("hunter2-and-more")

    assert redact("hunter2-and-more hunter2") == "*** ***"


def test_short_secret_only_alone() -> None:
    """A secret of three letters does not shred every word, and does not stand there alone either."""
    register_secret("abc")

    assert redact("abc") == "***"
    assert redact("abcd") == "abcd"


def test_nothing_is_no_secret() -> None:
    """An empty secret does not eat every text."""
    register_secret("")

    assert redact("text") == "text"


@pytest.mark.parametrize(
    "written, expected",
    [
        ("password=hunter2&x=1", "password=***&x=1"),
        ('{"api_key": "hun ter2", "x": 1}', '{"api_key": ***, "x": 1}'),
        ("erp_token: hunter2", "erp_token: ***"),
        ("Authorization: Session aHVudGVyMg==", "Authorization: ***"),
        ("set-cookie: a=b; c=d\nnext: 1", "set-cookie: ***\nnext: 1"),
        ("http://mei:hunter2@127.0.0.1/x", "http://mei:***@127.0.0.1/x"),
        ("the password was wrong", "the password was wrong"),
        # MariaDB says so of every refused login; what was sent it never says.
        ("denied for 'mei' (using password: YES)", "denied for 'mei' (using password: YES)"),
        ("denied (using password: NO)", "denied (using password: NO)"),
        ("(using password: YES1)", "(using password: ***)"),
        ("(using password: yes)", "(using password: ***)"),
        ("password: YES)", "password: ***)"),
        ("http://127.0.0.1:8000/a@b", "http://127.0.0.1:8000/a@b"),
    ],
)
def test_what_is_named_like_a_secret_is_taken_out(written: str, expected: str) -> None:
    """Secrets that nobody registered are found by the name before them."""
    assert redact(written) == expected


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "db_password",
        "PASSWD",
        "pwd",
        "token",
        "api_key",
        "apikey",
        "Authorization",
        "cookie",
        "session",
    ],
)
def test_secret_names(name: str) -> None:
    """These names hold secrets."""
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["key", "number", "user", "token_url", "password_file", "session_renewed"]
)
def test_innocent_names(name: str) -> None:
    """These do not, though some of them look like it."""
    assert not is_secret_name(name)
