"""Where a secret comes from, and how it never gets out again.

`${NAME}` in a value of `storno.yaml` is replaced by the environment variable, `${file:path}` by the
content of a file (relative to the yaml; one newline at its end is dropped). `$${` stands for `${`.
What was put in is text, whatever it looks like. Missing ones are named, their values never are.

Every secret that a run knows is registered here, and `redact` takes it out of any text.
"""

from __future__ import annotations

import base64
import os
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, quote_plus

from config.source import Key, Source
from core.text import N_, Text, text

REDACTED: Final = "***"
LARGEST_SECRET_BYTES: Final = 65_536
# A shorter one occurs in innocent words; it is taken out only where it stands alone.
SHORTEST_WITHIN_TEXT: Final = 4

_REFERENCE: Final = re.compile(r"\$(\$\{)|\$\{([^}]*)(\}?)")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_SECRET_KEY: Final = re.compile(
    r"pass(?:word|wd|phrase)|(?:^|[_-])pwd|secret|token|api[_-]?key|private[_-]?key|authori[sz]ation"
    r"|cookie|credential|(?:^|[_-])session(?:$|[_-]?(?:id|key))",
    re.IGNORECASE,
)
_ABOUT_ONE: Final = re.compile(r"[_-](?:url|uri|file|path|type|name|count|seconds)$", re.IGNORECASE)
# In free text: `password=...`, `"token": "..."`, `Authorization: Session ...`, `//user:...@host`.
_SECRET_IN_TEXT: Final = (
    (re.compile(r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie)(['\"]?\s*[:=]\s*)[^\r\n]+"), 2),
    (
        re.compile(
            r"(?i)([\w-]{0,40}(?:password|passwd|passphrase|secret|token|api[_-]?key))"
            r"(['\"]?\s*=\s*|['\"]\s*:\s*)(?:\"[^\"]*\"|'[^']*'|[^\s,;&'\"})]+)"
        ),
        2,
    ),
    (
        # `password: hunter2` in a sentence; after a dot it is the name of a setting, and what follows explains it.
        # MariaDB tells with `(using password: YES)` that one was sent, never which.
        re.compile(
            r"(?i)(?<![\w.-])(?!(?-i:(?<=\(using )password: (?:YES|NO)\)))([\w-]{0,40}(?:password|passwd|passphrase|secret|token|api[_-]?key))"
            r"(:\s*)(?:\"[^\"]*\"|'[^']*'|[^\s,;&'\"})]+)"
        ),
        2,
    ),
    (re.compile(r"(://[^/\s:@]*)(:)[^/\s@]+(?=@)"), 2),
)


class FromOutside(str):
    """Text that did not stand in the file but came from the environment or from another file."""

    __slots__ = ()


class _Known:
    """The secrets of this process. They live as long as it does, as the log does."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.values: set[str] = set()
        self.pattern: re.Pattern[str] | None = None

    def add(self, value: str) -> None:
        with self.lock:
            self.values.add(value)
            forms = sorted(
                {form for each in self.values for form in _forms(each)}, key=len, reverse=True
            )
            found = "|".join(re.escape(form) for form in forms)
            self.pattern = re.compile(found) if found else None

    def forget(self) -> None:
        with self.lock:
            self.values.clear()
            self.pattern = None


_known = _Known()


def _forms(value: str) -> set[str]:
    """Return the ways in which a secret can stand in a text: as it is, escaped, in an address."""
    if len(value) < SHORTEST_WITHIN_TEXT:
        return set()
    encoded = value.encode("utf-8", "surrogatepass")
    return {
        value,
        repr(value)[1:-1],
        value.replace("\\", "\\\\").replace('"', '\\"'),
        quote(encoded, safe=""),
        quote_plus(encoded),
        base64.b64encode(encoded).decode("ascii"),
    }


def register_secret(value: str) -> None:
    """Take `value` out of everything that `redact` sees from now on. Connectors add session tokens."""
    if value and value not in _known.values:
        _known.add(value)


def forget_secrets() -> None:
    """Forget every registered secret; for tests."""
    _known.forget()


def is_secret_name(name: str) -> bool:
    """Whether a key with this name looks as if it held a secret (`token` does, `token_url` not)."""
    return _SECRET_KEY.search(name) is not None and _ABOUT_ONE.search(name) is None


def redact(written: str) -> str:
    """Return the text with `***` for every registered secret and for what is named like one."""
    if written in _known.values:
        return REDACTED
    pattern = _known.pattern
    if pattern is not None:
        written = pattern.sub(REDACTED, written)
    for found, kept in _SECRET_IN_TEXT:
        written = found.sub(
            "".join(rf"\{group}" for group in range(1, kept + 1)) + REDACTED, written
        )
    return written


def put_in(source: Source, folder: Path, environment: Mapping[str, str] | None = None) -> None:
    """Replace the references in all values of `source`; what cannot be found becomes a problem.

    What was put in is marked as `FromOutside`.
    """
    known = os.environ if environment is None else environment

    def replaced(value: Any, key: Key) -> Any:
        match value:
            case dict():
                return {name: replaced(item, (*key, name)) for name, item in value.items()}
            case tuple():
                return tuple(replaced(item, (*key, place)) for place, item in enumerate(value))
            case str() if "${" in value:
                return _replace(value, key)
            case _:
                return value

    def _replace(value: str, key: Key) -> str:
        came_in = False

        def put(match: re.Match[str]) -> str:
            nonlocal came_in
            if match[1]:
                return match[1]
            came_in = True
            found = _look_up(match, known, folder)
            if isinstance(found, Text):
                source.add_problem(key, found)
                return ""
            if match[2].startswith("file:"):
                register_secret(found)
            return found

        result = _REFERENCE.sub(put, value)
        return FromOutside(result) if came_in else result

    source.values = replaced(source.values, ())


def _look_up(match: re.Match[str], environment: Mapping[str, str], folder: Path) -> str | Text:
    """Return what a reference stands for, or why it cannot be told."""
    name = match[2]
    if not match[3]:
        return text(N_("a reference begins with ${ and does not end; write $${ for the signs"))
    if name.startswith("file:"):
        return _read_secret(folder, name.removeprefix("file:").strip())
    if not _NAME.fullmatch(name):
        return text(N_("between ${ and } stands the name of an environment variable, or file:path"))
    if name not in environment:
        return text(N_("the environment variable {name} is not set"), name=name)
    return environment[name]


def _read_secret(folder: Path, written: str) -> str | Text:
    if not written:
        return text(N_("after file: stands the path of a file"))
    path = folder / Path(written).expanduser()
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_SECRET_BYTES + 1)
        if len(content) > LARGEST_SECRET_BYTES:
            return text(N_("the file {name} is too large for a secret"), name=written)
        secret = content.decode("utf-8-sig")
    except FileNotFoundError:
        return text(N_("the file {name} does not exist"), name=written)
    except UnicodeDecodeError:
        return text(N_("the file {name} is not UTF-8"), name=written)
    except (OSError, ValueError, RuntimeError):  # a folder, no right, an impossible path
        return text(N_("the file {name} cannot be read"), name=written)
    return secret.removesuffix("\n").removesuffix("\r") if secret.endswith("\n") else secret
