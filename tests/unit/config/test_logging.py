"""The log: one object a line, columns for people, secrets in neither."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import structlog

from config.logging import configure, reset
from config.secrets import register_secret
from config.settings import LogSettings
from core import clock
from core.encoding import loads
from core.errors import Rejected, UsageError
from core.events import Event

ROOT = Path(__file__).parents[3]
MOMENT = datetime(2026, 1, 31, 8, 30, tzinfo=UTC)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Broken:
    """A value that cannot be shown."""

    def __str__(self) -> str:
        raise ValueError


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    root = logging.getLogger()
    level = root.level
    yield
    reset()
    root.setLevel(level)
    logging.getLogger("storno").setLevel(logging.NOTSET)
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


@pytest.fixture
def stream() -> io.StringIO:
    """Return where the log goes, one JSON object a line."""
    stream = io.StringIO()
    configure(LogSettings(level="info", format="json"), stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [loads(line) for line in stream.getvalue().splitlines()]


def values(stream: io.StringIO) -> dict[str, Any]:
    """Return what was logged beside event, level, logger and time."""
    [line] = lines(stream)
    return {
        name: value
        for name, value in line.items()
        if name not in ("event", "level", "logger", "timestamp")
    }


def fail(said: str) -> None:
    raise Rejected(system="erp", said=said)


log = structlog.get_logger("recovery.apply")


def test_one_object_a_line(stream: io.StringIO) -> None:
    """An event is one line with its name, its time, its level and what is bound."""
    with (
        clock.fixed(MOMENT),
        structlog.contextvars.bound_contextvars(change_set="c1", system="erp"),
    ):
        log.info(Event.BATCH_SENT, count=2, text="two\nlines")

    assert stream.getvalue().count("\n") == 1
    assert lines(stream) == [
        {
            "event": "batch.sent",
            "level": "info",
            "logger": "storno.recovery.apply",
            "timestamp": "2026-01-31T08:30:00Z",
            "change_set": "c1",
            "system": "erp",
            "count": 2,
            "text": "two\nlines",
        }
    ]


def test_level(stream: io.StringIO) -> None:
    """What is less important than asked for is not written."""
    log.debug(Event.BATCH_SENT)

    assert stream.getvalue() == ""


def test_libraries_go_the_same_way(stream: io.StringIO) -> None:
    """Libraries are heard from warnings upwards, in the same form and with the same redaction."""
    register_secret("hunter2")
    logging.getLogger("httpx2").info("HTTP Request: %s", "POST")
    logging.getLogger("sqlalchemy.engine").warning("lost %s", "hunter2")

    assert [(line["event"], line["level"], line["logger"]) for line in lines(stream)] == [
        ("lost ***", "warning", "sqlalchemy.engine")
    ]


def test_secrets_never_get_out(stream: io.StringIO) -> None:
    """Neither by name nor by value, neither nested nor in a text, does a secret reach the log."""
    register_secret("hunter2")
    log.info(
        Event.SESSION_RENEWED,
        password="x1x",
        token=7,
        Authorization=["x1x"],
        no_password=None,
        is_token=True,
        url="http://mei:x1x@127.0.0.1",
        nested={"api_key": "x1x", "list": [{"deep": "is hunter2"}], "hunter2": 1},
        said="hunter2!",
        pair=("hunter2", 1),
    )

    assert "hunter2" not in stream.getvalue()
    assert "x1x" not in stream.getvalue()
    assert values(stream) == {
        "password": "***",
        "token": "***",
        "Authorization": "***",
        "no_password": None,
        "is_token": True,
        "url": "http://mei:***@127.0.0.1",
        "nested": {"api_key": "***", "list": [{"deep": "is ***"}], "***": 1},
        "said": "***!",
        "pair": ["***", 1],
    }


def test_exceptions_are_redacted(stream: io.StringIO) -> None:
    """A traceback is written as text, its message too, without secrets and without variables."""
    register_secret("hunter2")
    local = "a variable"
    try:
        fail("hunter2 is wrong")
    except Rejected:
        log.exception(Event.COMMAND_FAILED)
        logging.getLogger("library").exception("failed")

    ours, theirs = (line["exception"] for line in lines(stream))
    assert ours.endswith("core.errors.Rejected: erp refused: *** is wrong")
    assert theirs.endswith("core.errors.Rejected: erp refused: *** is wrong")
    assert local not in ours


def test_never_a_whole_record(stream: io.StringIO) -> None:
    """Long texts lose their middle, long lists and mappings their end, deep ones their depth."""
    log.info(
        Event.BATCH_SENT,
        text="a" * 5_000 + "b" * 5_000,
        items=range(60),
        list=list(range(60)),
        mapping={str(number): number for number in range(60)},
        deep={"1": {"2": {"3": {"4": {"5": {"6": "x"}}}}}},
    )
    logged = values(stream)

    assert logged["text"] == "a" * 1_000 + " ... 8000 characters ... " + "b" * 1_000
    assert [*range(50), "... 10 more"] == logged["list"]
    assert len(logged["mapping"]) == 51
    assert logged["items"] == "range(0, 60)"
    assert logged["deep"]["1"]["2"]["3"]["4"]["5"] == "{'6': 'x'}"


def test_secret_is_not_cut_in_half(stream: io.StringIO) -> None:
    """A secret at the place of the cut leaves no half."""
    register_secret("hunter2")
    log.info(Event.BATCH_SENT, text="a" * 997 + "hunter2" + "b" * 5_000)

    assert "hun" not in values(stream)["text"]


def test_every_value_can_be_logged(stream: io.StringIO) -> None:
    """The log never fails because of a value."""
    log.info(
        Event.BATCH_SENT,
        amount=Decimal("1.50"),
        day=date(2026, 1, 31),
        moment=MOMENT,
        naive=MOMENT.replace(tzinfo=None),
        number=2**70,
        small=True,
        nan=float("nan"),
        half="\ud800",
        event_name=Event.BATCH_SENT,
        broken=Broken(),
        raw=b"x",
        keys={1: "a", (1, 2): "b"},
    )

    assert values(stream) == {
        "amount": "1.50",
        "day": "2026-01-31",
        "moment": "2026-01-31T08:30:00Z",
        "naive": "2026-01-31 08:30:00",
        "number": "1180591620717411303424",
        "small": True,
        "nan": "nan",
        "half": "\\ud800",
        "event_name": "batch.sent",
        "broken": "<Broken>",
        "raw": "b'x'",
        "keys": {"1": "a", "(1, 2)": "b"},
    }


def test_columns_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """People get columns, and no text of an ERP moves their cursor."""
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal()
    configure(LogSettings(level="info"), terminal)
    log.info(Event.BATCH_SENT, said="\x1b[2Jgone\nnext", nested={"\x07": ["\x9b"]}, count=2)

    assert "\x1b" not in terminal.getvalue()
    assert terminal.getvalue().count("\n") == 1
    assert "batch.sent" in terminal.getvalue()
    assert "\\x1b[2Jgone\\x0anext" in terminal.getvalue()


def test_traceback_on_a_terminal_keeps_its_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback for people has lines, and nothing of it acts on the terminal."""
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal()
    configure(LogSettings(), terminal)
    try:
        fail("\x1b[2J")
    except Rejected:
        log.exception(Event.COMMAND_FAILED)

    assert terminal.getvalue().count("\n") > 3
    assert "\x1b" not in terminal.getvalue()
    assert "\\x1b[2J" in terminal.getvalue()


@pytest.mark.skipif(sys.platform == "win32", reason="colors need another package there")
def test_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets colors."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal = Terminal()
    configure(LogSettings(), terminal)
    log.warning(Event.BATCH_SENT)

    assert "\x1b[" in terminal.getvalue()


def test_no_terminal_gets_json() -> None:
    """A pipe or a file gets JSON without being asked; columns only when asked for."""
    pipe = io.StringIO()
    configure(LogSettings(), pipe)
    log.warning(Event.BATCH_SENT)
    configure(LogSettings(format="console"), pipe)
    log.warning(Event.BATCH_SENT)

    first, second = pipe.getvalue().splitlines()
    assert loads(first)["event"] == "batch.sent"
    assert not second.startswith("{")


def test_file_gets_everything_and_the_terminal_warnings(tmp_path: Path) -> None:
    """With a file, every line is there as JSON, and the terminal is left alone but for warnings."""
    path = tmp_path / "storno.log"
    terminal = io.StringIO()
    configure(LogSettings(level="info", file=path), terminal)
    log.info(Event.BATCH_SENT, text="結案")
    log.warning(Event.CALL_RETRIED)

    assert [loads(line)["event"] for line in path.read_text(encoding="utf-8").splitlines()] == [
        "batch.sent",
        "call.retried",
    ]
    assert [line["event"] for line in lines(terminal)] == ["call.retried"]


def test_file_that_cannot_be_written(tmp_path: Path) -> None:
    """A log that cannot be written is named before anything is done."""
    with pytest.raises(UsageError, match="cannot be written"):
        configure(LogSettings(file=tmp_path / "missing" / "storno.log"))


def test_standard_error_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    """The log goes to standard error, never to standard output, which belongs to results."""
    configure(LogSettings(format="json"))
    log.warning(Event.BATCH_SENT)

    assert capsys.readouterr().out == ""
    configure(LogSettings(format="json"))
    log.warning(Event.BATCH_SENT)
    assert "batch.sent" in capsys.readouterr().err


def test_library_is_loaded_late() -> None:
    """`storno --help` does not wait for structlog: only `configure` loads it."""
    program = "import config.logging, sys; sys.exit('structlog' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
