"""`storno`: reads the command line, runs one command, and turns whatever happens into one exit code."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.errors import ConfigError, StornoError, UsageError
from core.text import N_, Text, text
from service.cli.commands import GROUPS, build_parser
from service.cli.output import Output
from service.cli.parser import OPTIONS_WITH_VALUE, Builder, Parser, speak, suggest
from service.cli.session import BuildServices, Session
from service.cli.streams import hang_up, prepare_streams
from service.problems import Exit, as_problem, exit_code, uncaught
from service.text import Language, choose_language

_LANGUAGE_LINE: Final = re.compile(r"^language:[ \t]*[\"']?([A-Za-z_]+)", re.MULTILINE)


def main(argv: Sequence[str] | None = None, *, build: BuildServices | None = None) -> int:
    """Run one command and return its exit code; nothing that it meets gets past here."""
    prepare_streams()
    arguments = list(sys.argv[1:] if argv is None else argv)
    glance = Glance.at(arguments)
    language = Language.of(choose_language(glance.language, glance.configured_language()))
    output = Output(language, is_json=glance.is_json)
    session: Session | None = None
    try:
        speak(language)
        builder = Builder(language)
        parser = build_parser(builder, glance.group)
        if glance.group is not None and glance.group not in GROUPS:
            suggest(glance.group, GROUPS, "storno")
        parsed = parser.parse_args(arguments)
        if getattr(parsed, "version", False):
            return _show_version(output)
        if getattr(parsed, "run", None) is None:
            return _show_help(parsed.parser, output)
        session = Session(parsed, output, build)
        code = int(parsed.run(session))
        session.close()
        sys.stdout.flush()
    except SystemExit as leaving:
        # argparse leaves after --help.
        return leaving.code if isinstance(leaving.code, int) else Exit.DONE
    except BrokenPipeError:
        hang_up()
        return Exit.DONE
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the outermost handler
        return _end(error, session, output)
    else:
        return code
    finally:
        _close(session)


@dataclass(frozen=True, slots=True)
class Glance:
    """What must be known before the command line can be parsed: in which language to complain, and where."""

    group: str | None = None
    language: str | None = None
    config: str | None = None
    is_json: bool = False

    @classmethod
    def at(cls, arguments: Sequence[str]) -> Glance:
        """Look at the arguments without judging them."""
        found: dict[str, str] = {}
        group: str | None = None
        is_json = False
        left = iter(arguments)
        for argument in left:
            name, equals, value = argument.partition("=")
            if argument == "--":
                break
            if argument == "--json":
                is_json = True
            elif name in OPTIONS_WITH_VALUE:
                found[name] = value if equals else next(left, "")
            elif not argument.startswith("-") and group is None:
                group = argument
        return cls(group, found.get("--language"), found.get("--config"), is_json)

    def configured_language(self) -> str | None:
        """Return the language in the settings, found without reading them: they may be broken."""
        path = Path(self.config or os.environ.get("STORNO_CONFIG") or "storno.yaml")
        try:
            with path.open(encoding="utf-8", errors="replace") as lines:
                found = _LANGUAGE_LINE.search(lines.read(1_000_000))
        except (OSError, ValueError):
            return None
        return found[1] if found else None


def _show_version(output: Output) -> int:
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version("storno")
    except PackageNotFoundError:
        found = "0"
    output.line(f"storno {found}")
    output.document({"version": found})
    return Exit.DONE


def _show_help(parser: Parser, output: Output) -> int:
    """A command was left out: its help tells which there are."""
    if output.is_json:
        raise UsageError(
            N_("{problem}. Help: {command}"),
            problem=text(N_("a command is missing")),
            command=f"{parser.prog} --help",
        )
    parser.print_help(sys.stderr)
    return Exit.ASKED_WRONGLY


def _end(error: BaseException, session: Session | None, output: Output) -> int:
    """Tell what happened: to a person on standard error, to a program as JSON too."""
    code = exit_code(error)
    problem = as_problem(error)
    sentences = _sentences(error)
    if session is not None:
        session.log_failure(error, int(code))
    standing = session.standing() if session is not None else None
    if standing is not None:
        said, details = standing
        sentences.append(said)
        problem["error"]["change_set"] = details
    try:
        if code is Exit.BUG:
            _show_evidence(error)
        output.flush()
        for sentence in sentences:
            sys.stderr.write(f"storno: {_redacted(output.language.say(sentence))}\n")
        sys.stderr.flush()
        output.document(_redacted_problem(problem))
        sys.stdout.flush()
    except BrokenPipeError:
        hang_up()
    return code


def _sentences(error: BaseException) -> list[Text]:
    if isinstance(error, KeyboardInterrupt):
        return [text(N_("Stopped from the keyboard."))]
    if isinstance(error, ConfigError):
        return list(error.problems)
    found = [error.text] if isinstance(error, StornoError) else [uncaught(error).text]
    if exit_code(error) is Exit.BUG and not isinstance(error, ImportError):
        found.append(
            text(N_("This is a mistake in Storno. Please report it with the lines above."))
        )
    return found


def _show_evidence(error: BaseException) -> None:
    """A bug may not come twice: its trace is shown at once, secrets taken out."""
    import traceback

    from service.text import clean

    for lines in traceback.format_exception(error):
        for line in _redacted(lines).splitlines():
            sys.stderr.write(clean(line) + "\n")


def _redacted(written: str) -> str:
    """Take out every secret that this process knows; without settings it knows none."""
    known = sys.modules.get("config.secrets")
    return written if known is None else str(known.redact(written))


def _redacted_problem(problem: dict[str, dict[str, object]]) -> dict[str, object]:
    from core import encoding

    try:
        return dict(encoding.loads(_redacted(encoding.dumps(problem).decode())))
    except StornoError:
        # Details may hold what JSON has no exact form for; the message alone is enough then.
        kept = {name: problem["error"][name] for name in ("code", "message")}
        return {"error": {**kept, "details": {}}}


def _close(session: Session | None) -> None:
    if session is None:
        return
    # Whatever closing brings up now, what went wrong before it is what was told.
    with suppress(Exception):
        session.close()


if __name__ == "__main__":
    sys.exit(main())
