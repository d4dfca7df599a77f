"""`make chaos`: thousands of random fault runs from one seed; prints what was met and what was broken.

`python -m tests.chaos [--seed N] [--runs N] [--only NUMBER] [--workers N]`. Run number k of a seed is always the same
run: what failed is repeated with `make chaos SEED=... ONLY=k`.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from recovery.journal import Journal
from tests.chaos.chance import Tally
from tests.chaos.kinds import Kind, Stage, begin_here, kind_of, play_here, quieten

PROGRESS_EVERY: Final = 50
RUNS: Final = 2000


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the runs; return 0 when no promise was broken, else 1."""
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--only", type=int, default=None, metavar="NUMBER")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args(arguments)
    quieten()
    numbers = range(asked.runs) if asked.only is None else [asked.only]
    say(f"chaos: {len(numbers)} runs, seed {asked.seed}, {asked.workers} at a time")
    started = time.monotonic()
    with TemporaryDirectory(prefix="storno-chaos-") as folder:
        template = make_template(Path(folder))
        tallies = list(_played(template, asked.seed, numbers, asked.workers))
    return tell(asked.seed, tallies, time.monotonic() - started, is_one=asked.only is not None)


def make_template(folder: Path) -> Path:
    """Make an empty journal to copy: a new one costs a third of a second."""
    path = folder / "template.db"
    Journal.open(f"sqlite:///{path}").close()
    return path


def _played(template: Path, seed: int, numbers: Sequence[int], workers: int) -> Iterator[Tally]:
    play = partial(play_here, seed)
    if workers <= 1 or len(numbers) == 1:
        quieten()
        with closing(Stage(template)) as stage:
            yield from _watched((stage.play(seed, number) for number in numbers), len(numbers))
        return
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=begin_here, initargs=(template,)
    ) as pool:
        yield from _watched(pool.map(play, numbers, chunksize=4), len(numbers))


def _watched(tallies: Iterator[Tally], total: int) -> Iterator[Tally]:
    broken, started = 0, time.monotonic()
    for done, tally in enumerate(tallies, 1):
        if tally.problems:
            broken += 1
            say(f"  run {tally.number} broke a promise: {tally.problems[0]}")
        if done % PROGRESS_EVERY == 0:
            say(f"  {done}/{total} runs, {broken} broken, {time.monotonic() - started:.0f} s")
        yield tally


def tell(seed: int, tallies: Sequence[Tally], seconds: float, *, is_one: bool) -> int:
    """Say what was met, what was broken, and how to repeat it; return the exit code."""
    met, kinds = Counter[str](), Counter[Kind](kind_of(tally.number) for tally in tallies)
    for tally in tallies:
        met += tally.met
    operations = sum(tally.operation_count for tally in tallies)
    change_sets = sum(tally.change_set_count for tally in tallies)
    say(f"{len(tallies)} runs in {seconds:.0f} s, seed {seed}")
    say("  " + ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))
    say(f"  {change_sets} change sets, {operations} operations")
    say("  met: " + ", ".join(f"{name} {count}" for name, count in sorted(met.items())))
    takeovers = [each for tally in tallies for each in tally.takeover_seconds]
    if takeovers:
        say(
            f"  {len(takeovers)} killed or frozen workers were taken over, at most"
            f" {max(takeovers):.1f} s after their lease ended"
        )
    broken = [tally for tally in tallies if tally.problems]
    for tally in broken:
        say(f"BROKEN in run {tally.number} ({kind_of(tally.number)}):")
        for problem in tally.problems[:10]:
            say(f"  {problem}")
        say(f"  repeat it: make chaos SEED={seed} ONLY={tally.number}")
        if is_one:
            for step in tally.story:
                say(f"    {step}")
    said = [problem for tally in tallies for problem in tally.problems]
    for promise, signs in PROMISES.items():
        say(f"  {promise}: {sum(any(sign in each for sign in signs) for each in said)}")
    say(f"  promises broken in all: {len(said)}")
    return 1 if broken else 0


PROMISES: Final = {
    "lost images": ("image", "without its intent"),
    "operations twice": ("was done by", "sent again blindly"),
    "operations without a settled state": ("ends as", "never comes to an end", "change set "),
    "false conflicts": ("is told as a conflict",),
}


def say(line: str) -> None:
    """Write one line at once: whoever waits ten minutes wants to see it move."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
