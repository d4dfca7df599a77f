"""A throw-away PostgreSQL server on loopback, for tests of the journal and of the practice ERP.

It uses the programs that the system brings (Debian: ``apt-get install postgresql``), keeps everything in one folder and
gives up durability for speed, so it is for tests alone. PostgreSQL refuses to run as root; then the server runs as the
user ``postgres``.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

USER: Final = "storno"
START_TIMEOUT_SECONDS: Final = 60.0
STOP_TIMEOUT_SECONDS: Final = 20.0
_SETTINGS: Final = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
    "logging_collector": "off",
    "timezone": "UTC",
}


_DURABLE: Final = {"synchronous_commit": "on", "full_page_writes": "on"}
"""What a server needs that is to be killed: what it committed is in its log, which survives it (not a power cut)."""


class PostgreSQLError(Exception):
    """The throw-away server could not be made or started; the message says why and what to do."""


@dataclass(kw_only=True)
class Cluster:
    """A running throw-away server; leave the ``with`` block, or call ``stop``, to end it and delete it."""

    folder: Path
    port: int
    dsn: str  # of the database "postgres"; the user may create databases
    log_file: Path
    is_durable: bool = False
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def dsn_of(self, database: str) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def stop(self) -> None:
        """End the server and delete its folder; twice does no harm."""
        self.crash()
        atexit.unregister(self.stop)
        shutil.rmtree(self.folder, ignore_errors=True)

    def crash(self) -> None:
        """End the server as `pg_ctl stop -m immediate` does: nobody is told, nothing is tidied up."""
        process, self._process = self._process, None
        if process is None:
            return
        _run(
            [program("pg_ctl"), "-D", str(self.folder / "data"), "-m", "immediate", "stop"],
            check=False,
        )
        try:
            process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def start(self) -> None:
        """Start the server on its port, the first time or after a crash; return when it takes connections."""
        settings = {**_SETTINGS, **(_DURABLE if self.is_durable else {})}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [
            *(program("postgres"), "-D", str(self.folder / "data"), "-p", str(self.port)),
            *options,
        ]
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                _as_user(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=_environment(),
                start_new_session=True,
            )
        _wait(self, self._process)


def control(cluster: Cluster, *words: str) -> None:
    """Run `pg_ctl` for a cluster: to stop it, or to start it anew in another way."""
    _run([program("pg_ctl"), "-D", str(cluster.folder / "data"), *words], check=True)


def is_available() -> bool:
    return _find("initdb") is not None


def start_cluster(parent: Path | None = None, *, is_durable: bool = False) -> Cluster:
    """Make and start a server in a new folder of its own below this one (default: the system's folder for such).

    `is_durable`: what was committed outlives a crash of the server.
    """
    folder = Path(tempfile.mkdtemp(prefix="storno-postgres-", dir=parent))
    try:
        if _is_root():
            shutil.chown(folder, "postgres", "postgres")
            _require_reachable(folder)
        data = folder / "data"
        _run(
            [
                program("initdb"),
                "-D",
                str(data),
                "-U",
                USER,
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "-N",
            ]
        )
        port = _free_port()
        cluster = Cluster(
            folder=folder,
            port=port,
            dsn=f"postgresql://{USER}@127.0.0.1:{port}/postgres",
            log_file=folder / "server.log",
            is_durable=is_durable,
        )
        atexit.register(cluster.stop)
        cluster.start()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return cluster


def _wait(cluster: Cluster, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    ask = [
        program("pg_isready"),
        "-q",
        "-h",
        "127.0.0.1",
        "-p",
        str(cluster.port),
        "-U",
        USER,
        "-d",
        "postgres",
    ]
    while _run(ask, check=False) != 0:
        if process.poll() is not None or time.monotonic() > deadline:
            tail = cluster.log_file.read_bytes()[-3000:].decode("utf-8", "replace")
            cluster.stop()
            message = f"PostgreSQL did not start:\n{tail}"
            raise PostgreSQLError(message)
        time.sleep(0.05)


def _find(name: str) -> str | None:
    """The program in PATH, else the newest that Debian keeps beside it."""
    if found := shutil.which(name):
        return found
    places = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    newest = max(
        places, key=lambda p: [int(n) for n in re.findall(r"\d+", p.parts[-3])], default=None
    )
    return str(newest) if newest else None


def program(name: str) -> str:
    """The path of one of PostgreSQL's own programs, or an error that says what to install."""
    found = _find(name)
    if found is None:
        message = (
            f"there is no PostgreSQL server here ({name}); install it: apt-get install postgresql"
        )
        raise PostgreSQLError(message)
    return found


def _is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def _as_user(command: list[str]) -> list[str]:
    return ["runuser", "-u", "postgres", "--", *command] if _is_root() else command


def _environment() -> dict[str, str]:
    dropped = {k for k in os.environ if k.startswith("PG")}
    return {**{k: v for k, v in os.environ.items() if k not in dropped}, "LC_ALL": "C"}


def _run(command: list[str], *, check: bool = True) -> int:
    done = subprocess.run(
        _as_user(command),
        capture_output=True,
        stdin=subprocess.DEVNULL,
        cwd="/" if _is_root() else None,
        env=_environment(),
        timeout=START_TIMEOUT_SECONDS,
        check=False,
    )
    if check and done.returncode:
        said = (done.stdout + done.stderr).decode("utf-8", "replace")[-3000:]
        message = f"{command[0]} failed (exit {done.returncode}):\n{said}"
        raise PostgreSQLError(message)
    return done.returncode


def _require_reachable(folder: Path) -> None:
    """The user postgres must be able to walk to the folder (a home of root is closed to it)."""
    if _run(["test", "-w", str(folder)], check=False):
        message = f"the user postgres cannot write to {folder}; choose a folder below {tempfile.gettempdir()}"
        raise PostgreSQLError(message)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
