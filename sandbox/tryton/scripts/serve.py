"""Serve one Tryton database on loopback until somebody says stop.

Runs inside the practice venv only: ``python serve.py CONFIG DATABASE FOLDER PORT``. Port 0 takes a free one. When the
database is loaded and the socket listens, ``server.json`` appears in the folder (url, port, pid). The server ends when
a file ``stop`` appears in the folder, and, with ``--follow``, when its standard input is closed: the system closes it
even for a parent that was killed.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from pathlib import Path

POLL_SECONDS = 0.2
HOST = "127.0.0.1"


def main(config: str, database: str, folder: Path, port: int, *, follow: bool) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    os.environ["TRYTOND_CONFIG"] = config

    import trytond.config

    trytond.config.update_etc([config])

    from trytond.pool import Pool
    from trytond.wsgi import app
    from werkzeug.serving import make_server

    Pool.start()
    Pool(database).init()
    server = make_server(HOST, port, app, threaded=True)
    threading.Thread(target=_watch, args=(folder, server), daemon=True).start()
    if follow:
        threading.Thread(target=_follow, args=(server,), daemon=True).start()
    listing = {
        "url": f"http://{HOST}:{server.port}",
        "port": server.port,
        "pid": os.getpid(),
        "database": database,
    }
    made = folder / "server.json.new"
    made.write_text(json.dumps(listing), encoding="utf-8")
    made.replace(folder / "server.json")
    try:
        server.serve_forever()
    finally:
        server.server_close()
        logging.shutdown()
        (folder / "server.json").unlink(missing_ok=True)
        os._exit(
            0
        )  # at once: threads that wait for clients or for standard input must not keep the process


def _watch(folder: Path, server: object) -> None:
    while not (folder / "stop").exists():
        time.sleep(POLL_SECONDS)
    server.shutdown()


def _follow(server: object) -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    server.shutdown()


if __name__ == "__main__":
    main(
        sys.argv[1],
        sys.argv[2],
        Path(sys.argv[3]),
        int(sys.argv[4]),
        follow="--follow" in sys.argv[5:],
    )
