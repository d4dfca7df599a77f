"""The virtual environment in which the practice ERP lives, apart from Storno's own.

Tryton is GPL-3.0-or-later and heavy; Storno neither imports nor ships it. It is installed from hashed requirement files
into the cache and only ever runs as another process.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
SCRIPTS: Final = HERE / "scripts"
SERIES: Final = ("8.0", "8.2")
INSTALL_TIMEOUT_SECONDS: Final = 900.0


class PracticeError(Exception):
    """The practice ERP could not be made, started or read; the message says why and what to do."""


def default_cache() -> Path:
    """Where this platform keeps what can be made again."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return Path(base or Path.home() / "AppData" / "Local") / "storno" / "cache"
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(base or Path.home() / ".cache") / "storno"


def requirements(series: str) -> Path:
    if series not in SERIES:
        message = f"there is no practice ERP of series {series!r}; there are {', '.join(SERIES)}"
        raise PracticeError(message)
    return HERE / f"requirements-{series}.txt"


def digest(*parts: bytes | str) -> str:
    """A short name for content: the same parts always give the same name."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "big") + data)
    return total.hexdigest()[:16]


def venv_key(series: str) -> str:
    return digest(requirements(series).read_bytes(), sys.version, sys.platform)


def python_in(venv: Path) -> Path:
    return venv / "Scripts" / "python.exe" if sys.platform == "win32" else venv / "bin" / "python"


def create(venv: Path, series: str) -> None:
    """Make the environment and install exactly what the requirement file says."""
    run(
        [sys.executable, "-m", "venv", str(venv)],
        "the practice ERP's environment could not be made",
    )
    command = [
        str(python_in(venv)),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
    ]
    command += [
        "--no-compile",
        "--only-binary",
        ":all:",
        "--require-hashes",
        "-r",
        str(requirements(series)),
    ]
    run(
        command,
        "the practice ERP (Tryton) could not be installed; it needs a package index, or PIP_FIND_LINKS with its wheels",
    )


def run(command: list[str], complaint: str, *, env: dict[str, str] | None = None) -> str:
    """Run to the end and give the output; a failure tells the last lines of what it said."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=INSTALL_TIMEOUT_SECONDS,
            check=False,
            env=clean_environment(env),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"{complaint}: {error}"
        raise PracticeError(message) from error
    if done.returncode:
        tail = (done.stdout + done.stderr).decode("utf-8", "replace").strip()[-3000:]
        message = f"{complaint} (exit {done.returncode}):\n{tail}"
        raise PracticeError(message)
    return done.stdout.decode("utf-8", "replace")


def clean_environment(more: dict[str, str] | None = None) -> dict[str, str]:
    """Our environment without what would make another Python, or another Tryton, behave differently."""
    dropped = (
        "PYTHONPATH",
        "PYTHONHOME",
        "PYTHONSTARTUP",
        "PYTHONWARNINGS",
        "PYTHONDEVMODE",
        "VIRTUAL_ENV",
    )
    kept = {
        k: v
        for k, v in os.environ.items()
        if k not in dropped and not k.startswith(("TRYTOND_", "COV_"))
    }
    return {**kept, "PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8", **(more or {})}
