"""How long work goes on: a bar on a terminal, a line every few seconds elsewhere, nothing with `--json`."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from core import clock
from core.text import Text
from service.cli.output import Output
from service.cli.streams import is_terminal, speaks_unicode

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

SECONDS_BETWEEN_LINES: Final = 5.0


class Progress:
    """Use as a context manager; `show` may be called as often as one likes."""

    def __init__(self, output: Output, title: Text | str) -> None:
        self._output = output
        self.language = output.language
        self._title = output.language.say(title)
        self._bar: Bar | None = None
        self._task: Any = None
        self._last_line = 0.0

    def __enter__(self) -> Self:
        if self._output.is_json:
            return self
        self._output.flush()
        if is_terminal(sys.stderr) and speaks_unicode(sys.stderr):
            self._start_bar()
        self._last_line = clock.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, done: int, total: int | None = None, detail: str = "") -> None:
        """Tell how far it is; `detail` is in the reader's language."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total, detail=detail)
        elif not self._output.is_json:
            now = clock.monotonic()
            if now - self._last_line >= SECONDS_BETWEEN_LINES:
                self._last_line = now
                of = "" if total is None else f"/{total}"
                sys.stderr.write(f"{self._title} {done}{of} {detail}".rstrip() + "\n")
                sys.stderr.flush()

    def _start_bar(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        console = Console(file=sys.stderr, no_color=bool(os.environ.get("NO_COLOR")))
        self._bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[detail]}", markup=False),
            console=console,
            transient=True,
        )
        self._bar.start()
        self._task = self._bar.add_task(self._title, total=None, detail="")
