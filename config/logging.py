"""The log: one JSON object a line for programs, columns for people on a terminal, secrets in neither.

Storno's own events pass through structlog, libraries through Python's logging; both end in the same
handlers and the same redaction. Libraries are heard from `warning` upwards, because below that they
log whole statements and records. `change_set`, `operation` and `system` are bound with
`structlog.contextvars.bound_contextvars`, and stand on every line within.

Importing this module costs nothing; structlog is loaded by `configure`, when a command runs.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, MutableMapping
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TextIO

from config.secrets import REDACTED, is_secret_name, redact
from config.settings import LogSettings
from core import clock
from core.encoding import encode_json, moment_text
from core.errors import UsageError
from core.text import N_

if TYPE_CHECKING:
    from structlog.typing import Processor

OURS: Final = "storno"
"""The logger above all loggers of Storno's own events."""

LONGEST_TEXT: Final = 2_000
MOST_ITEMS: Final = 50
DEEPEST_NESTING: Final = 5

# A text of the ERP must not move the cursor, ring the bell or pretend to be another line.
_CONTROL: Final = {
    code: f"\\x{code:02x}" for code in (*range(32), *range(0x7F, 0xA0)) if chr(code) != "\t"
}
_CONTROL_BUT_NEWLINE: Final = {code: text for code, text in _CONTROL.items() if chr(code) != "\n"}

_handlers: list[logging.Handler] = []


def configure(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Send the log where `settings` say; the terminal is `stream`, standard error by default.

    May be called again: what an earlier call set up is replaced. Raises `UsageError` when the file
    cannot be written.
    """
    import structlog

    stream = sys.stderr if stream is None else stream
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    is_console = settings.format == "console" or (
        settings.format == "auto" and _is_terminal(stream)
    )

    terminal: logging.Handler = logging.StreamHandler(stream)
    terminal.setFormatter(_formatter(is_console=is_console, has_colors=_is_terminal(stream)))
    handlers = [terminal]
    if settings.file is not None:
        try:
            handlers.append(logging.FileHandler(settings.file, encoding="utf-8", delay=False))
        except OSError as error:
            raise UsageError(
                N_("The log {file} cannot be written: {problem}"),
                file=str(settings.file),
                problem=error.strerror,
            ) from error
        handlers[-1].setFormatter(_formatter(is_console=False, has_colors=False))
        terminal.setLevel(max(level, logging.WARNING))

    reset()
    root = logging.getLogger()
    for handler in handlers:
        root.addHandler(handler)
        _handlers.append(handler)
    root.setLevel(max(level, logging.WARNING))
    logging.getLogger(OURS).setLevel(level)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=_logger,
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def reset() -> None:
    """Take away what `configure` set up, and close the file."""
    root = logging.getLogger()
    for handler in _handlers:
        root.removeHandler(handler)
        handler.close()
    _handlers.clear()


def _logger(*names: str) -> logging.Logger:
    return logging.getLogger(".".join((OURS, *names)))


def _is_terminal(stream: TextIO) -> bool:
    return stream.isatty()


def _formatter(*, is_console: bool, has_colors: bool) -> logging.Formatter:
    import structlog

    render: Processor
    if is_console:
        render = structlog.dev.ConsoleRenderer(
            # Windows needs another package for colors.
            colors=has_colors and sys.platform != "win32" and "NO_COLOR" not in os.environ,
            # The pretty ones print local variables, and those hold secrets.
            exception_formatter=structlog.dev.plain_traceback,
        )
    else:
        render = _as_json
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _redact_lines if is_console else _redact,
            render,
        ],
    )


def _shared() -> list[Processor]:
    import structlog

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _add_time,
        structlog.processors.StackInfoRenderer(),
    ]


def _add_time(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    event["timestamp"] = moment_text(clock.now())
    return event


def _redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """Leave nothing in the event but short plain values without secrets."""
    return {str(name): _safe(value, str(name), 0) for name, value in event.items()}


def _redact_lines(logger: Any, method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """The same for a terminal, where a control sign in a value would act."""
    return {
        name: _quiet(value, _CONTROL_BUT_NEWLINE if name in ("exception", "stack") else _CONTROL)
        for name, value in _redact(logger, method, event).items()
    }


def _as_json(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    return encode_json(event).decode("utf-8")


def _safe(value: Any, name: str, depth: int) -> Any:
    if value is not None and not isinstance(value, bool) and is_secret_name(name):
        return REDACTED
    match value:
        case None | bool():
            return value
        case Enum():
            return _safe(value.value, name, depth)
        case int():
            return int(value) if -(2**63) <= value < 2**63 else _text(value)
        case datetime() if value.utcoffset() is not None:
            return moment_text(value)
        case Decimal():
            return _text(value)
        case Mapping() if depth < DEEPEST_NESTING:
            return _safe_mapping(value, depth)
        case list() | tuple() | set() | frozenset() if depth < DEEPEST_NESTING:
            kept = [_safe(item, name, depth + 1) for item in list(value)[:MOST_ITEMS]]
            return [*kept, *_left_out(len(value))]
        case _:
            return _text(value)


def _safe_mapping(value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    kept = {
        _text(name): _safe(item, str(name), depth + 1)
        for name, item in list(value.items())[:MOST_ITEMS]
    }
    return {**kept, **dict.fromkeys(_left_out(len(value)), "")}


def _left_out(count: int) -> list[str]:
    return [f"... {count - MOST_ITEMS} more"] if count > MOST_ITEMS else []


def _text(value: Any) -> str:
    """Return a text without secrets; of a long one the beginning and the end."""
    try:
        written = value if isinstance(value, str) else str(value)
    except Exception:  # noqa: BLE001 - a value that cannot be shown must not stop the work
        written = f"<{type(value).__name__}>"
    written = redact(str.__str__(written).encode("utf-8", "backslashreplace").decode("utf-8"))
    if len(written) <= LONGEST_TEXT:
        return written
    half = LONGEST_TEXT // 2
    return f"{written[:half]} ... {len(written) - LONGEST_TEXT} characters ... {written[-half:]}"


def _quiet(value: Any, table: Mapping[int, str]) -> Any:
    match value:
        case str():
            return value.translate(table)
        case dict():
            return {name.translate(table): _quiet(item, table) for name, item in value.items()}
        case list():
            return [_quiet(item, table) for item in value]
        case _:
            return value
