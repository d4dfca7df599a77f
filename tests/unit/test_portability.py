"""Legacy ERPs live on Windows, so the product may use nothing that only POSIX has.

ruff's banned names catch `os.kill` and its like. This test reads the product's syntax trees for what
a list of names cannot see: a name that is looked up by text, an argument, a method, a path.
"""

from __future__ import annotations

import ast
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PYPROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PRODUCT: Final = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
BANNED: Final = frozenset(
    PYPROJECT["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"],
)

POSIX_ARGUMENTS: Final = frozenset(
    {"extra_groups", "group", "pass_fds", "preexec_fn", "process_group", "umask", "user"},
)
"""Arguments of `subprocess` that raise on Windows, or that it ignores."""

POSIX_METHODS: Final = frozenset({"add_signal_handler", "lchmod", "remove_signal_handler"})
POSIX_PATHS: Final = ("/bin/", "/dev/", "/etc/", "/proc/", "/run/", "/tmp/", "/usr/", "/var/")  # noqa: S108
LOOK_UPS: Final = frozenset({"getattr", "hasattr"})


def product_files() -> list[Path]:
    """The practice ERPs' scripts run in an environment of their own, on the developer's machine.

    So does the throw-away PostgreSQL, which only the tests start, from Debian's package.
    """
    return sorted(
        path
        for package in PRODUCT
        for path in (ROOT / package).rglob("*.py")
        if "scripts" not in path.parts and path != ROOT / "sandbox" / "postgres.py"
    )


def is_under_platform_check(node: ast.AST) -> bool:
    """A branch that asks for the platform first is the twin that the house rule wants."""
    return isinstance(node, ast.If) and any(
        isinstance(part, ast.Attribute) and ast.unparse(part) in {"sys.platform", "os.name"}
        for part in ast.walk(node.test)
    )


def portable_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Every node that runs on all platforms; docstrings are prose and do not run."""
    for child in ast.iter_child_nodes(node):
        if is_under_platform_check(child):
            continue
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue
        yield child
        yield from portable_nodes(child)


def called_name(call: ast.Call) -> str:
    return ast.unparse(call.func)


def posix_only(tree: ast.AST) -> Iterator[str]:
    """What would fail on Windows, as `line: what`."""
    for node in portable_nodes(tree):
        match node:
            case ast.Call() if called_name(node).startswith("subprocess."):
                for keyword in node.keywords:
                    if keyword.arg in POSIX_ARGUMENTS:
                        yield f"{node.lineno}: {called_name(node)}({keyword.arg}=...)"
            case ast.Call(
                func=ast.Name(id=look_up),
                args=[ast.Name(id=module), ast.Constant(value=str(name)), *_],
            ) if look_up in LOOK_UPS and f"{module}.{name}" in BANNED:
                yield f"{node.lineno}: {look_up}({module}, {name!r})"
            case ast.Attribute(attr=name) if name in POSIX_METHODS:
                yield f"{node.lineno}: .{name}"
            case ast.Constant(value=str(text)) if text.startswith(POSIX_PATHS):
                yield f"{node.lineno}: {text!r}"
            case _:
                pass


def test_the_product_is_found() -> None:
    """A rule that looks at no file would always hold."""
    assert len(product_files()) > len(PRODUCT)


def test_no_posix_only_call_in_the_product() -> None:
    """Everything outside a platform check runs on Windows too."""
    found = [
        f"{path.relative_to(ROOT).as_posix()}:{what}"
        for path in product_files()
        for what in posix_only(ast.parse(path.read_text(encoding="utf-8")))
    ]

    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "subprocess.Popen(command, preexec_fn=os.setsid)",
        "subprocess.run(command, user='storno')",
        "getattr(os, 'geteuid')()",
        "hasattr(signal, 'SIGKILL')",
        "loop.add_signal_handler(15, stop)",
        "lock = '/var/lock/storno'",
        "def f(path='/tmp/x'): ...",
    ],
)
def test_the_rule_sees(source: str) -> None:
    """Each of these runs on Linux and fails on Windows."""
    assert len(list(posix_only(ast.parse(source)))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "subprocess.Popen(command, env=env)",
        "if sys.platform != 'win32':\n    os.chmod(getattr(os, 'geteuid')(), '/etc/x')",
        "def f():\n    '''/tmp/ is spoken of here only.'''",
        "url = '/api/v1/changes'",
    ],
)
def test_the_rule_lets_pass(source: str) -> None:
    """These run everywhere, or ask for the platform first."""
    assert list(posix_only(ast.parse(source))) == []


def test_every_name_of_posix_alone_is_banned() -> None:
    """What this Python's `os` has only on POSIX, and a product might reach for, is in ruff's list."""
    tempting = {
        "chown",
        "fork",
        "getegid",
        "geteuid",
        "getgid",
        "getuid",
        "kill",
        "killpg",
        "uname",
    }

    assert {f"os.{name}" for name in tempting if hasattr(os, name)} <= BANNED
