"""Programs of others that speak as SAP does, installed once into the cache, each exactly as its lock file says.

`PRACTICE_NPM_SOAP` (a folder with `node_modules/soap`) and `PRACTICE_MOCK_SAP` (one with `mocksap`) name other ones.
Where neither the network nor a mirror of pip or npm is there, the tests that need them are skipped and say why.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

import pytest

from sandbox.tryton.venv import default_cache, digest

HERE: Final = Path(__file__).parent / "independent"
INSTALL_SECONDS: Final = 240.0


def npm_soap() -> Path:
    """Return a folder with `node_modules/soap`, or skip the test."""
    named = os.environ.get("PRACTICE_NPM_SOAP", "")
    if named:
        return Path(named)
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("there is no node and npm here")
    files = [HERE / name for name in ("package.json", "package-lock.json")]

    def make(folder: Path) -> None:
        for file in files:
            shutil.copy(file, folder)
        _run([npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], folder)

    return _made("npm-soap", digest(*(file.read_bytes() for file in files)), make)


def mock_sap() -> Path:
    """Return a folder with the package `mocksap`, or skip the test.

    It is run as a module: pip writes the interpreter of the day into the first line of a program, and the cache
    outlives the virtual environment whose interpreter that was.
    """
    named = os.environ.get("PRACTICE_MOCK_SAP", "")
    if named:
        return Path(named)
    wanted = HERE / "requirements.txt"

    def make(folder: Path) -> None:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--no-deps"]
        _run([*pip, "--require-hashes", "--target", str(folder), "-r", str(wanted)], folder)

    return _made("mock-sap", digest(wanted.read_bytes(), sys.version), make)


def _made(name: str, key: str, make: Callable[[Path], None]) -> Path:
    """Return the folder of a lock file, made where it is not there: complete, or not under its name."""
    folder = default_cache() / "independent" / f"{name}-{key}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(mkdtemp(prefix=f"{name}-", dir=folder.parent))
        try:
            make(part)
            part.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another worker was quicker
                raise
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return folder


def _run(command: Sequence[str], folder: Path) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, timeout=INSTALL_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"{Path(command[0]).name} did not install it: {error}")
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()[-300:]
        pytest.skip(f"{Path(command[0]).name} did not install it: {said}")
