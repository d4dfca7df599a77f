"""For people: ``python -m sandbox.legacy --erp u8 --file u8.sqlite --size demo`` (or ``--server postgresql://...``)."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from sandbox.legacy.build import ERPS, build
from sandbox.legacy.data import ODD, SIZES
from sandbox.legacy.databases import LegacyError


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.legacy", description="make a practice database of a legacy ERP"
    )
    parser.add_argument("--erp", choices=list(ERPS), required=True)
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--file", type=Path, help="an SQLite file, made anew")
    place.add_argument(
        "--server", help="postgresql://... or mariadb://...; the database is made anew"
    )
    parser.add_argument("--database", help="another name than the ERP would give it")
    parser.add_argument("--size", choices=list(SIZES), default="demo")
    chosen = parser.parse_args(arguments)
    try:
        practice = build(
            chosen.erp, chosen.file or chosen.server, size=chosen.size, database=chosen.database
        )
    except LegacyError as error:
        print(error, file=sys.stderr)
        return 3
    told = [f"{len(practice.story.orders)} orders in {chosen.file or practice.database}"]
    told += [f"{odd:18} {practice.number(practice.story.odd(odd))}" for odd in ODD]
    try:
        print("\n".join(told), flush=True)
    except BrokenPipeError:
        # Who asked (`| head`) has read enough; the interpreter's last flush goes nowhere then.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    return 0


if __name__ == "__main__":
    sys.exit(main())
