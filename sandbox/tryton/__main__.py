"""For people: ``python -m sandbox.tryton prepare | serve --dir DIR | stop --dir DIR | dump --dir DIR --to FILE``."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from sandbox.tryton import practice


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.tryton", description="the practice ERP (Tryton)"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, told in (
        ("prepare", "make the practice company and keep it"),
        ("serve", "start it in a folder until Ctrl-C or stop"),
        ("stop", "end the server of a folder"),
        ("dump", "write down its whole database"),
    ):
        command = commands.add_parser(name, help=told)
        if name != "prepare":
            command.add_argument("--dir", type=Path, required=True, help="the folder of the server")
        if name in {"prepare", "serve"}:
            command.add_argument("--cache", type=Path, help="where the practice company is kept")
            command.add_argument("--series", choices=["8.0", "8.2"], default="8.0")
            command.add_argument("--size", choices=["demo", "test", "bench"], default="demo")
        if name == "serve":
            command.add_argument("--port", type=int, default=0, help="0 takes a free one")
            command.add_argument(
                "--again", action="store_true", help="go on with the company in the folder"
            )
        if name == "dump":
            command.add_argument("--to", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    try:
        return _act(chosen)
    except practice.PracticeError as error:
        print(error, file=sys.stderr)
        return 3


def _act(chosen: argparse.Namespace) -> int:
    if chosen.command == "stop":
        stopped = practice.stop(chosen.dir)
        print("stopped" if stopped else "there is no server in this folder")
        return 0
    if chosen.command == "dump":
        practice.dump(chosen.dir.resolve() / "practice.sqlite", chosen.to)
        return 0
    ready = practice.prepare(
        chosen.cache, series=chosen.series, size=chosen.size, on_progress=_show
    )
    if chosen.command == "prepare":
        print(ready.folder)
        return 0
    with practice.start(ready, chosen.dir, port=chosen.port, fresh=not chosen.again) as erp:
        print(f"url {erp.url}  database {erp.database}")
        for user, password in practice.PASSWORDS.items():
            print(f"user {user}  password {password}")
        try:
            while (erp.folder / "server.json").exists():
                time.sleep(0.5)
        except KeyboardInterrupt:
            print()
    return 0


def _show(what: str, done: int, total: int) -> None:
    print(f"{what}: {done} of {total}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
