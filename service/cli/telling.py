"""How a story of the demo is told: real commands, run one after the other, each held to its exit code."""

from __future__ import annotations

import io
import shlex
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

from core import encoding
from core.errors import Bug
from core.text import N_, text
from service.cli.session import Session
from service.problems import Exit


class Telling:
    """Tells in the current folder. What does not hold raises `Bug` and ends the story."""

    def __init__(self, session: Session, *, steps: int = 0) -> None:
        self._session = session
        self._output = session.output
        self.steps = steps  # headings so far: a second act counts on

    def _heading(self, title: str) -> None:
        self.steps += 1
        self._output.say()
        self._output.line(f"{self.steps}. {self._output.language.say(title)}", style="bold")

    def _hold(self, holds: bool, promise: str) -> None:
        if not holds:
            raise Bug(problem=text(N_("the story does not hold: {promise}"), promise=text(promise)))
        self._output.line(f"  ok  {self._output.language.say(promise)}", style="green")

    def _storno(self, *arguments: str, expect: int = Exit.DONE) -> None:
        """Show the command, run it as if it had been typed, and hold it to its exit code."""
        from service.cli.main import main

        self._output.say()
        self._output.line(f"$ storno {shlex.join(arguments)}", style="bold cyan")
        self._output.flush()
        code = main([*arguments, "--language", self._output.language.code])
        if code != expect:
            raise Bug(
                problem=text(
                    N_("`{command}` ended with exit code {code} instead of {expected}"),
                    command=f"storno {shlex.join(arguments)}",
                    code=code,
                    expected=int(expect),
                )
            )

    def _ask(self, *arguments: str) -> dict[str, Any]:
        """Run a command for its JSON; nothing of it is shown."""
        from service.cli.main import main

        answer, aside = io.StringIO(), io.StringIO()
        with redirect_stdout(answer), redirect_stderr(aside):
            main([*arguments, "--json"])
        return dict(encoding.loads(answer.getvalue()))

    def _newest(self) -> str:
        found = self._ask("changes", "list", "--limit", "1")
        return str(found["change_sets"][0]["id"])[:13]

    def _operations(self, change_set: str) -> list[dict[str, Any]]:
        return list(self._ask("changes", "show", change_set)["operations"])
