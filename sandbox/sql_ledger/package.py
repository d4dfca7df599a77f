"""SQL-Ledger's files in the cache: downloaded by apt, unpacked by dpkg, never installed into the system.

Its Perl driver for PostgreSQL comes the same way, so nothing but Perl itself has to be on the machine (Debian has it).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.tryton.lock import build_lock
from sandbox.tryton.venv import default_cache

PACKAGES: Final = ("sql-ledger", "libdbd-pg-perl", "libdbi-perl")
DOWNLOAD_TIMEOUT_SECONDS: Final = 300.0


class SQLLedgerError(Exception):
    """SQL-Ledger could not be fetched, made, started or read; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """Where the unpacked files lie."""

    root: Path

    @property
    def share(self) -> Path:
        return self.root / "usr" / "share" / "sql-ledger"

    @property
    def perl_path(self) -> str:
        """For PERL5LIB: the folders of the Perl modules that came along."""
        places = [self.root / "usr" / "share" / "perl5"]
        places += sorted((self.root / "usr" / "lib").glob("*/perl5/5.*"))
        return os.pathsep.join(str(place) for place in places)


def is_available() -> bool:
    """Whether this machine has what fetching and running needs; it says nothing of the network."""
    return all(shutil.which(name) for name in ("apt-get", "dpkg", "perl"))


def fetch(cache: Path | None = None) -> Package:
    """The unpacked package, from the cache or freshly downloaded; several processes may ask at once."""
    folder = (cache or default_cache()) / "sql-ledger"
    root = folder / "root"
    with build_lock(folder / "fetch.lock"):
        if not (root / "usr" / "share" / "sql-ledger" / "login.pl").is_file():
            if not is_available():
                raise SQLLedgerError("SQL-Ledger needs apt-get, dpkg and perl, as Debian has them")
            shutil.rmtree(root, ignore_errors=True)
            _fetch(folder, root)
    return Package(root=root)


def _fetch(folder: Path, root: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=folder) as name:
        place = Path(name)
        # Without a sandbox user of apt's own, root would be warned about a folder that user cannot enter.
        apt = ["apt-get", "-qq", "-o", "APT::Sandbox::User="]
        try:
            _run([*apt, "download", *PACKAGES], place, "its packages could not be downloaded")
        except SQLLedgerError:
            # The machine's lists are missing or old, as in many a container; lists of our own need no rights.
            apt += [part for setting in _own_lists(place) for part in ("-o", setting)]
            _run([*apt, "update"], place, "the lists of packages could not be downloaded")
            _run([*apt, "download", *PACKAGES], place, "its packages could not be downloaded")
        unpacked = place / "root"
        unpacked.mkdir()
        for archive in sorted(place.glob("*.deb")):
            _run(["dpkg", "-x", str(archive), str(unpacked)], place, f"{archive.name} is broken")
        unpacked.rename(root)


def _own_lists(folder: Path) -> tuple[str, ...]:
    """Settings that make apt keep what it knows below this folder; what is installed it reads as ever."""
    state, cache = folder / "apt-state", folder / "apt-cache"
    for made in (state / "lists" / "partial", cache / "archives" / "partial"):
        made.mkdir(parents=True)
    # What is installed the machine itself goes on telling.
    status = "Dir::State::status=/var/lib/dpkg/status"
    return f"Dir::State={state}", status, f"Dir::Cache={cache}"


def _run(command: list[str], folder: Path, complaint: str) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=DOWNLOAD_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SQLLedgerError(f"SQL-Ledger: {complaint}: {error}") from error
    if done.returncode:
        said = (done.stdout + done.stderr).decode("utf-8", "replace").strip()[-2000:]
        raise SQLLedgerError(f"SQL-Ledger: {complaint}:\n{said}")
