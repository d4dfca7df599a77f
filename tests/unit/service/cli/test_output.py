"""Tables, JSON and streams: aligned, whole, harmless, whatever the console."""

from __future__ import annotations

import io
import sys

import pytest

from service.cli.output import Column, Output, Table, _fitting, escape_json
from service.cli.progress import Progress
from service.cli.streams import prepare_streams
from service.text import Language, cell_width

TABLE = Table(
    [Column("Number", is_whole=True), Column("Partner"), Column("Amount", is_number=True)],
    [["PO1", "Müller & 王 GmbH", "1,234.50"], ["PO22", "[red]x[/red]\x1b[31m\ny", "7"]],
)


def stream(encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")


def written(to: io.TextIOWrapper) -> bytes:
    to.flush()
    buffer = to.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue()


def show(monkeypatch: pytest.MonkeyPatch, table: Table, encoding: str = "utf-8") -> list[str]:
    out = stream(encoding)
    monkeypatch.setattr(sys, "stdout", out)
    prepare_streams()
    Output(Language()).table(table)
    return written(out).decode(encoding).splitlines()


def test_columns_stand_under_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Amounts end in one column, by display width; nothing is cut in a pipe, no markup is read."""
    _, _, first, second = show(monkeypatch, TABLE)

    assert cell_width(first) == cell_width(second)
    assert first.endswith("1,234.50")
    assert "[red]x[/red]\\x1b[31m\\ny" in second


@pytest.mark.parametrize("encoding", ["gbk", "ascii", "cp1252"])
def test_a_poor_console_loses_characters_only(
    monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    """What an encoding lacks becomes question marks of the same width; the columns still stand."""
    table = Table(TABLE.columns, [["PO1", "🔩 結案 ü", "1.00"], ["PO2", "plain", "22.00"]])
    head, line, *rows = show(monkeypatch, table, encoding)

    assert len({cell_width(row) for row in rows}) == 1
    assert set(line) <= {"-", " "}
    assert head.startswith("Number")


def test_whole_columns_are_never_broken() -> None:
    """Numbers keep their width, text gives way."""
    widths = _fitting(TABLE, 30)

    assert widths == {0: 6, 1: 12, 2: 8}


def test_optional_columns_go_first() -> None:
    """What is least needed is left out where there is no room, the last one first."""
    table = Table(
        [
            Column("A", is_whole=True),
            Column("B", is_whole=True, is_optional=True),
            Column("C", is_whole=True, is_optional=True),
        ],
        [["a" * 10, "b" * 10, "c" * 10]],
    )

    assert _fitting(table, 25) == {0: 10, 1: 10}


def test_what_cannot_fit_is_shown_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than broken numbers: one fact a line."""
    out = stream("utf-8")
    monkeypatch.setattr(sys, "stdout", out)
    output = Output(Language())
    monkeypatch.setattr(output, "_columns", lambda: 10)
    output.table(TABLE)

    assert "Number   PO1" in written(out).decode()


def test_json_is_harmless_and_still_json() -> None:
    """C1 controls and marks of direction are escaped; a stream without Unicode gets ASCII."""
    assert escape_json('"\x9b\u202e结"', stream("utf-8")) == '"\\u009b\\u202e结"'
    assert escape_json('"结🔩"', stream("gbk")) == '"\\u7ed3\\ud83d\\udd29"'


def test_a_failure_half_way_leaves_no_half_document(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program reads one whole document or an error, never a torn one."""
    out = stream("utf-8")
    monkeypatch.setattr(sys, "stdout", out)

    def rows() -> object:
        yield {"a": 1}
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - any would do
        Output(Language(), is_json=True).document({"rows": rows()})
    assert written(out) == b""


def test_documents_are_streamed_in_canonical_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are sorted, and an iterator is a list."""
    out = stream("utf-8")
    monkeypatch.setattr(sys, "stdout", out)
    Output(Language(), is_json=True).document({"b": iter([{"x": 1}, {"x": 2}]), "a": "é"})

    assert written(out).decode() == '{"a":"é","b":[{"x":1},{"x":2}]}\n'


def test_with_json_nothing_else_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    """Sentences, tables and progress are for people."""
    output = Output(Language(), is_json=True)
    output.say("x")
    output.line("x")
    output.note("x")
    output.command("x")
    output.table(TABLE)
    output.facts([("a", "b")])
    with Progress(output, "x") as progress:
        progress.show(1, 2)

    assert capsys.readouterr() == ("", "")


def test_progress_without_a_terminal_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most one line every five seconds, on standard error."""
    moments = iter([0.0, 1.0, 6.0, 7.0])
    monkeypatch.setattr("core.clock.monotonic", lambda: next(moments))
    with Progress(Output(Language()), "Closing") as progress:
        for done in (1, 2, 3):
            progress.show(done, 3, "confirmed")

    assert capsys.readouterr() == ("", "Closing 2/3 confirmed\n")
