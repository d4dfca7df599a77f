"""A throw-away MariaDB server on loopback, for tests of databases behind ODBC.

It uses the programs that the system brings (Debian: ``mariadb-server-core``, which starts no service of its own), keeps
everything in one folder and gives up durability for speed, so it is for tests alone. Started by root, the server runs as
the user ``mysql``, or ``nobody`` where there is none.
"""

from __future__ import annotations

import atexit
import os
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
PASSWORD: Final = "practice"  # noqa: S105 - of a server that listens on loopback and is deleted
START_TIMEOUT_SECONDS: Final = 60.0
STOP_TIMEOUT_SECONDS: Final = 20.0
_SETTINGS: Final = {
    "bind-address": "127.0.0.1",
    "character-set-server": "utf8mb4",
    "innodb-buffer-pool-size": "64M",
    "innodb-doublewrite": "0",
    "innodb-flush-log-at-trx-commit": "0",
    "innodb-flush-method": "nosync",
    "innodb-log-file-size": "48M",
    "max-allowed-packet": "64M",
    "max-connections": "60",
    "performance-schema": "OFF",
    "skip-log-bin": "",
    "skip-name-resolve": "",
    "skip-slave-start": "",
    "plugin-maturity": "unknown",
}


class MariaDBError(Exception):
    """The throw-away server could not be made or started; the message says why and what to do."""


@dataclass(kw_only=True)
class Server:
    """A running throw-away server; leave the ``with`` block, or call ``stop``, to end it and delete it."""

    folder: Path
    port: int
    log_file: Path
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

    def run(self, sql: str, *, database: str | None = None) -> str:
        """Run SQL as the server's own administrator and return what it prints."""
        socket_file = f"--socket={self.folder / 'server.sock'}"
        command = [program("mariadb"), "--no-defaults", socket_file, "-N", "-B"]
        if not _is_root():
            command.append("--user=root")
        done = subprocess.run(
            [*command, *([database] if database else [])],
            input=sql.encode(),
            capture_output=True,
            timeout=START_TIMEOUT_SECONDS,
            check=False,
        )
        if done.returncode:
            raise MariaDBError(done.stderr.decode("utf-8", "replace")[-3000:])
        return done.stdout.decode("utf-8", "replace")

    def stop(self) -> None:
        """End the server and delete its folder; twice does no harm."""
        process, self._process = self._process, None
        if process is not None:
            atexit.unregister(self.stop)
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def is_available() -> bool:
    return _find("mariadbd") is not None


def galera() -> Path | None:
    """Return the library that makes servers nodes of one cluster, None where it is not installed."""
    server = _find("mariadbd")
    if server is None:
        return None
    # Beside the server, as packages have it: sbin/mariadbd and lib/galera.
    folder = Path(server).resolve().parents[1]
    places = (folder / name / "libgalera_smm.so" for name in ("lib/galera", "lib64/galera-4"))
    return next((path for path in places if path.is_file()), None)


def start_server(parent: Path | None = None, *, cluster: str | None = None) -> Server:
    """Make and start a server in a new folder of its own below this one (default: the system's folder for such).

    The user USER with PASSWORD may do everything on it, over TCP from this machine. With `cluster` (`gcomm://`) it is
    the first node of one.
    """
    folder = Path(tempfile.mkdtemp(prefix="storno-mariadb-", dir=parent))
    try:
        data, log_file = folder / "data", folder / "server.log"
        user = _handed_over(folder)
        _install(data, user)
        port = _free_port()
        wanted = {**_SETTINGS, **({} if cluster is None else _node(cluster))}
        settings = [f"--{name}={value}" if value else f"--{name}" for name, value in wanted.items()]
        with log_file.open("wb") as log:
            process = subprocess.Popen(
                [
                    program("mariadbd"),
                    "--no-defaults",
                    f"--datadir={data}",
                    # Servers that share one folder for this delete each other's tables.
                    f"--tmpdir={folder}",
                    f"--port={port}",
                    f"--socket={folder / 'server.sock'}",
                    f"--pid-file={folder / 'server.pid'}",
                    *settings,
                    *([f"--user={user}"] if user is not None else []),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                start_new_session=True,
            )
        server = Server(folder=folder, port=port, log_file=log_file, _process=process)
        atexit.register(server.stop)
        _wait(server, process)
        server.run(
            f"create user '{USER}'@'127.0.0.1' identified by '{PASSWORD}';"
            f"grant all on *.* to '{USER}'@'127.0.0.1' with grant option;"
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return server


def _node(cluster: str) -> dict[str, str]:
    library = galera()
    if library is None:
        message = "Galera's library is not installed (Debian: galera-4)"
        raise MariaDBError(message)
    return {
        "wsrep-on": "1",
        "wsrep-provider": str(library),
        "wsrep-cluster-address": cluster,
        "wsrep-node-address": "127.0.0.1",
        "wsrep-provider-options": f"base_port={_free_port()};gmcast.listen_addr=tcp://127.0.0.1:{_free_port()}",
        "binlog-format": "ROW",
        "innodb-autoinc-lock-mode": "2",
    }


def _handed_over(folder: Path) -> str | None:
    """Whom the server runs as and now owns the folder, where we are root, which it refuses to run as."""
    if not _is_root():
        return None
    try:
        shutil.chown(folder, "mysql")
    except LookupError:  # MariaDB's core package alone makes no user
        shutil.chown(folder, "nobody")
        return "nobody"
    return "mysql"


def _install(data: Path, user: str | None) -> None:
    """Make the system's tables, with a folder of its own for temporary ones, as for the server."""
    # Not its own --user: that would hand a folder of the system's installation to this user.
    as_user = ["runuser", "-u", user, "--"] if user is not None else []
    installed = subprocess.run(
        [
            *as_user,
            program("mariadb-install-db"),
            "--no-defaults",
            f"--datadir={data}",
            f"--tmpdir={data.parent}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ],
        cwd=data.parent,
        capture_output=True,
        timeout=START_TIMEOUT_SECONDS,
        check=False,
    )
    if installed.returncode:
        said = (installed.stdout + installed.stderr).decode("utf-8", "replace")[-3000:]
        message = f"mariadb-install-db failed (exit {installed.returncode}):\n{said}"
        raise MariaDBError(message)


def _wait(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while True:
        try:
            server.run("select 1")
        except (MariaDBError, subprocess.TimeoutExpired):
            if process.poll() is not None or time.monotonic() > deadline:
                tail = server.log_file.read_bytes()[-3000:].decode("utf-8", "replace")
                server.stop()
                message = f"MariaDB did not start:\n{tail}"
                raise MariaDBError(message) from None
            time.sleep(0.05)
        else:
            return


def _find(name: str) -> str | None:
    """The program in PATH, else in the `sbin` beside each folder of it, where Debian keeps what an administrator runs."""
    beside = (str(Path(folder).with_name("sbin")) for folder in os.get_exec_path())
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(beside))


def program(name: str) -> str:
    """The path of one of MariaDB's own programs, or an error that says what to install."""
    found = _find(name)
    if found is None:
        message = (
            f"there is no MariaDB server here ({name}); install it:"
            " apt-get install mariadb-server-core mariadb-client-core"
        )
        raise MariaDBError(message)
    return found


def _is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
