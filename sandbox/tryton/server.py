"""Start the practice ERP from a copy, on loopback, and stop it again; also from another process, by its folder."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from sandbox.tryton import oracle
from sandbox.tryton import venv as environment
from sandbox.tryton.build import (
    DATABASE,
    PASSWORDS,
    SERVICE_USER,
    SQLITE_URI,
    Ready,
    address,
    administer,
    checkpoint,
    write_config,
)
from sandbox.tryton.venv import PracticeError

START_TIMEOUT_SECONDS: Final = 120.0
STOP_TIMEOUT_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.02
_TAIL_BYTES: Final = 4000


@dataclass(kw_only=True)
class Running:
    """A practice ERP that answers. Leave the ``with`` block, or call ``stop``, to end it."""

    url: str
    database: str
    user: str
    password: str
    pid: int
    folder: Path
    log_file: Path
    ready: Ready
    database_file: Path | None  # None on PostgreSQL
    dsn: str | None  # of this database, on PostgreSQL
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

    @property
    def manifest(self) -> dict[str, Any]:
        """What the practice company had when it was made: documents with number, state and role."""
        listing: dict[str, Any] = json.loads(
            (self.folder / "practice.json").read_text(encoding="utf-8")
        )
        return listing

    def documents(
        self, *, model: str | None = None, role: str | None = None
    ) -> list[dict[str, Any]]:
        """The documents of this model and role, as they were when the company was made."""
        return [
            one
            for one in self.manifest["documents"]
            if model in {None, one["model"]} and role in {None, one["role"]}
        ]

    def dump(self, target: Path) -> Path:
        """Let the independent witness write down the whole database."""
        source: Path | str = self.database_file or str(self.dsn)
        return oracle.dump(source, target, python=self.ready.python if self.dsn else None)

    def stop(self) -> None:
        """End the server; twice does no harm. A PostgreSQL copy is dropped, an SQLite file stays where it is."""
        process, self._process = self._process, None
        if process is None:
            return
        atexit.unregister(self.stop)
        _end(process, self.folder)
        if self.database_file is not None:
            checkpoint(self.database_file)
        elif self.ready.dsn is not None:
            administer(self.ready.python, self.ready.dsn, "drop", self.database)


def start(
    ready: Ready, folder: Path, *, port: int = 0, fresh: bool = True, keep: bool = False
) -> Running:
    """Copy the practice company into this folder and serve it; the answer comes when the ERP answers.

    ``fresh=False`` goes on with the company that lies in the folder from an earlier start. ``keep=True`` lets the
    server outlive this process (then somebody has to call ``stop(folder)``); otherwise it ends with it, even when it
    is killed.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    stop(folder)
    for name in ("stop", "server.json"):
        (folder / name).unlink(missing_ok=True)
    database, file, dsn = _place(ready, folder, fresh=fresh)
    uri = SQLITE_URI if dsn is None else str(ready.dsn)
    config = write_config(folder, uri)
    log_file = folder / "server.log"
    script = str(environment.SCRIPTS / "serve.py")
    command = [str(ready.python), "-I", script, str(config), database, str(folder), str(port)]
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            command if keep else [*command, "--follow"],
            stdin=subprocess.DEVNULL if keep else subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment.clean_environment(),
            cwd=folder,
            start_new_session=True,  # Ctrl-C is for us: we stop it in our order (no effect on Windows)
        )
    try:
        listing = _wait(process, folder, log_file)
    except BaseException:
        _end(process, folder)
        raise
    running = Running(
        url=str(listing["url"]),
        database=database,
        user=SERVICE_USER,
        password=PASSWORDS[SERVICE_USER],
        pid=process.pid,
        folder=folder,
        log_file=log_file,
        ready=ready,
        database_file=file,
        dsn=dsn,
        _process=process,
    )
    if not keep:
        atexit.register(running.stop)
    return running


def stop(folder: Path) -> bool:
    """End the server of this folder, whoever started it; False when there was none."""
    listing = _read_listing(folder)
    if listing is None:
        return False
    if not _answers(str(listing["url"])):
        (folder / "server.json").unlink(missing_ok=True)
        return False
    (folder / "stop").touch()
    deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
    while _read_listing(folder) is not None:
        if time.monotonic() > deadline:
            os.kill(int(listing["pid"]), signal.SIGTERM)
            break
        time.sleep(_POLL_SECONDS)
    (folder / "stop").unlink(missing_ok=True)
    return True


def _place(ready: Ready, folder: Path, *, fresh: bool) -> tuple[str, Path | None, str | None]:
    if fresh or not (folder / "practice.json").is_file():
        shutil.copyfile(ready.manifest_file, folder / "practice.json")
    if ready.dsn is None:
        file = folder / f"{DATABASE}.sqlite"
        if fresh or not file.is_file():
            for suffix in ("", "-wal", "-shm"):
                Path(f"{file}{suffix}").unlink(missing_ok=True)
            shutil.copyfile(ready.database_file, file)
        return DATABASE, file, None
    database = f"practice_{uuid.uuid4().hex[:12]}"
    administer(ready.python, ready.dsn, "create", database, str(ready.template))
    return database, None, address(ready.dsn, database)


def _wait(process: subprocess.Popen[bytes], folder: Path, log_file: Path) -> dict[str, Any]:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            message = f"the practice ERP ended while it started (exit {process.returncode}); {log_file} ends with:\n"
            raise PracticeError(message + _tail(log_file))
        listing = _read_listing(folder)
        if listing is not None and _answers(str(listing["url"])):
            return listing
        time.sleep(_POLL_SECONDS)
    message = f"the practice ERP did not answer within {START_TIMEOUT_SECONDS:.0f} s; {log_file} ends with:\n"
    raise PracticeError(message + _tail(log_file))


def _end(process: subprocess.Popen[bytes], folder: Path) -> None:
    (folder / "stop").touch()
    if process.stdin is not None:
        _close(process.stdin)
    for force in (process.terminate, process.kill):
        try:
            process.wait(STOP_TIMEOUT_SECONDS)
            break
        except subprocess.TimeoutExpired:
            force()
    process.wait()
    for name in ("stop", "server.json"):
        (folder / name).unlink(missing_ok=True)


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except OSError:  # the other end is gone, which is what we want
        return


def _read_listing(folder: Path) -> dict[str, Any] | None:
    try:
        listing: dict[str, Any] = json.loads((folder / "server.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return listing


def _answers(url: str) -> bool:
    """Ask for the server's version; a proxy in the environment has no say about loopback."""
    body = json.dumps({"id": 1, "method": "common.server.version", "params": []}).encode()
    headers = {"Content-Type": "application/json", "Accept-Encoding": "gzip"}
    request = urllib.request.Request(f"{url}/rpc/", body, headers)  # noqa: S310  # our own loopback address
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            request, timeout=10
        ) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _tail(log_file: Path) -> str:
    try:
        return log_file.read_bytes()[-_TAIL_BYTES:].decode("utf-8", "replace")
    except OSError:
        return "(no log)"
