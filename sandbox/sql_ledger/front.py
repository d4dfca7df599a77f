"""The web server in front of SQL-Ledger: it runs its Perl programs as CGI, on loopback, one at a time for each request."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sandbox.sql_ledger.package import Package

PAGE_TIMEOUT_SECONDS: Final = 60.0


class Front:
    """Serves the instance's folder until ``stop``."""

    def __init__(self, folder: Path, package: Package, *, port: int = 0) -> None:
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "PERL5LIB": package.perl_path,
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
        }
        perl = str(shutil.which("perl"))
        values = {"folder": folder, "environment": environment, "perl": perl}
        handler = type("Handler", (_Handler,), values)
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    folder: Path
    environment: dict[str, str]
    perl: str

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _answer(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        name = parts.path.lstrip("/") or "login.pl"
        if "/" in name or not name.endswith(".pl") or not (self.folder / name).is_file():
            self.send_error(404)
            return
        done = subprocess.run(
            [self.perl, str(self.folder / name)],
            input=body,
            capture_output=True,
            cwd=self.folder,
            env=self._cgi(name, parts.query, len(body)),
            timeout=PAGE_TIMEOUT_SECONDS,
            check=False,
        )
        head, gap, content = done.stdout.partition(b"\n\n")
        if not gap:
            self.send_error(500, "no page", done.stderr.decode("utf-8", "replace")[-2000:])
            return
        status, headers = 200, []
        for line in head.decode("utf-8", "replace").splitlines():
            key, _, value = line.partition(":")
            if key.lower() == "status":
                status = int(value.split()[0])
            elif key.lower() == "location":
                status = 302
                headers.append((key, value.strip()))
            elif value:
                headers.append((key.strip(), value.strip()))
        self.send_response(status)
        for key, value in headers:
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _cgi(self, name: str, query: str, length: int) -> dict[str, str]:
        return {
            **self.environment,
            "GATEWAY_INTERFACE": "CGI/1.1",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": f"/{name}",
            "QUERY_STRING": query,
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_LENGTH": str(length) if length else "",
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_USER_AGENT": self.headers.get("User-Agent", "Mozilla/5.0"),
            "HTTP_COOKIE": self.headers.get("Cookie", ""),
        }

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """A practice server does not write into the tests' output."""
