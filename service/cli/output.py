"""What a command shows: sentences, tables and one JSON document. ERP text arrives here cleaned, or is cleaned here."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TextIO

from core.text import Text
from service.cli.streams import is_terminal, speaks_unicode
from service.text import Language, cell_width, clean

if TYPE_CHECKING:
    from rich.console import Console

    from recovery.at_rest.redaction import Redaction

# Enough for any table: in a pipe nothing is cut or folded, the reader decides.
PIPE_WIDTH: Final = 100_000
NARROW: Final = 120
NARROWEST: Final = 12
GAP: Final = 2
SPOOL_BYTES: Final = 8_000_000
# Valid JSON may hold these, but a terminal would obey some of them.
_NOT_FOR_TERMINALS: Final = re.compile(
    "[\x7f-\x9f\u2028\u2029\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)
_NOT_ASCII: Final = re.compile("[^\x00-\x7e]")


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading (translated already), and how its cells stand."""

    title: str
    is_number: bool = False
    is_whole: bool = False  # never broken: numbers of documents, ids, amounts
    is_optional: bool = False  # left out, the last one first, where a terminal has no room


@dataclass(frozen=True, slots=True)
class Table:
    """Cells are text; what comes from an ERP may stand in them as it is."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    styles: Mapping[int, str] = field(default_factory=dict)  # by row


class Output:
    """Standard output of one command. With `--json`, only the document is written there."""

    def __init__(self, language: Language, *, is_json: bool = False) -> None:
        self.language = language
        self.is_json = is_json
        self.redaction: Redaction | None = None  # known when the settings were read
        self._console: Console | None = None

    # --- for people -----------------------------------------------------------------------------

    @property
    def is_terminal(self) -> bool:
        """Whether a person looks at standard output."""
        return is_terminal(sys.stdout)

    @property
    def is_narrow(self) -> bool:
        """Whether a table of many columns would not fit: then two facts share a column."""
        return is_terminal(sys.stdout) and self._columns() < NARROW

    def say(self, text: Text | str = "", *, style: str = "") -> None:
        """Show one sentence on standard output; nothing with `--json`."""
        if not self.is_json:
            self._write(self.language.say(text), style)

    def line(self, written: str = "", *, style: str = "") -> None:
        """Show a line that is in the reader's language already; nothing with `--json`."""
        if not self.is_json:
            self._write(clean(written), style)

    def note(self, text: Text | str) -> None:
        """Show a hint on standard error, so that it is in no pipe."""
        if not self.is_json:
            self.flush()
            sys.stderr.write(self.language.say(text) + "\n")

    def command(self, written: str, *, why: Text | str = "") -> None:
        """Show what to type next."""
        if not self.is_json:
            hint = f"  # {self.language.say(why)}" if why else ""
            self._write(f"  {clean(written)}{hint}", "bold" if not why else "")

    def title(self, text: Text | str) -> None:
        """Show a heading."""
        self.say(text, style="bold")

    def table(self, table: Table) -> None:
        """Show a table: aligned by display width, folded on a terminal, as wide as it is in a pipe."""
        if self.is_json:
            return
        chosen = _fitting(table, self._columns())
        if chosen is None:
            self._blocks(table)
            return
        if not self.is_terminal:
            self._plainly(table, chosen)
            return
        from rich import box
        from rich.table import Table as RichTable
        from rich.text import Text as RichText

        # A GBK console draws lines two cells wide, so only Unicode gets them.
        lines = box.SIMPLE_HEAD if speaks_unicode(sys.stdout) else _PLAIN_HEAD()
        shown = RichTable(
            box=lines,
            show_edge=False,
            pad_edge=False,
            padding=(0, GAP - 1, 0, 0),
            header_style="bold",
        )
        for place, width in chosen.items():
            column = table.columns[place]
            shown.add_column(
                RichText(clean(column.title)),
                justify="right" if column.is_number else "left",
                overflow="fold",
                width=width,
            )
        for number, row in enumerate(table.rows):
            # RichText, not str: square brackets in ERP text are no markup.
            cells = [RichText(clean(row[place])) for place in chosen]
            shown.add_row(*cells, style=table.styles.get(number))
        console = self._rich()
        with console.capture() as captured:
            console.print(shown)
        for line in captured.get().splitlines():
            sys.stdout.write(line.rstrip() + "\n")

    def _plainly(self, table: Table, widths: Mapping[int, int]) -> None:
        """Write a table into a pipe, where nothing is folded or coloured: a thousand of them in no time."""
        last = max(widths, default=0)

        def line(cells: Sequence[str]) -> str:
            parts = []
            for place, width in widths.items():
                cell = clean(cells[place])
                blanks = " " * (width - cell_width(cell))
                is_number = table.columns[place].is_number
                parts.append(blanks + cell if is_number else cell + blanks * (place != last))
            return (" " * GAP).join(parts).rstrip() + "\n"

        sign = "─" if speaks_unicode(sys.stdout) else "-"
        rule = sign * (sum(widths.values()) + GAP * (len(widths) - 1)) + "\n"
        heading = line([column.title for column in table.columns])
        sys.stdout.write(heading + rule + "".join(map(line, table.rows)))

    def _blocks(self, table: Table) -> None:
        """Show a table that does not fit whatever is left out: every row as facts under each other."""
        for row in table.rows:
            self.facts(
                (column.title, cell) for column, cell in zip(table.columns, row, strict=True)
            )
            self.line()

    def facts(self, pairs: Iterable[tuple[Text | str, str]]) -> None:
        """Show facts, one a line, the values under each other."""
        listed = [(self.language.say(name), clean(value)) for name, value in pairs if value]
        widest = max((cell_width(name) for name, _ in listed), default=0)
        for name, value in listed:
            if not self.is_json:
                self._write(f"{name}{' ' * (widest - cell_width(name))}  {value}", "")

    def flush(self) -> None:
        """Write out what waits, so that both streams keep their order."""
        sys.stdout.flush()

    def _write(self, written: str, style: str) -> None:
        if style and self.has_colours:
            from rich.text import Text as RichText

            console = self._rich()
            with console.capture() as captured:
                console.print(RichText(written, style=style), soft_wrap=True)
            written = captured.get().rstrip("\n")
        sys.stdout.write(written + "\n")

    @property
    def has_colours(self) -> bool:
        """Only on a terminal, and not where NO_COLOR stands."""
        return is_terminal(sys.stdout) and not os.environ.get("NO_COLOR")

    def _columns(self) -> int:
        if not is_terminal(sys.stdout):
            return PIPE_WIDTH
        return max(shutil.get_terminal_size().columns, 40)

    def _rich(self) -> Console:
        if self._console is None:
            from rich.console import Console

            self._console = Console(
                file=sys.stdout,
                width=self._columns(),
                no_color=not self.has_colours,
                color_system="auto" if self.has_colours else None,
                highlight=False,
                markup=False,
                emoji=False,
            )
        return self._console

    def shown(self, model: str, field: str, value: Any) -> Any:
        """Return the value of an ERP's field, or the mask where the settings hide it."""
        return self.redaction.shown(None, model, field, value) if self.redaction else value

    # --- for programs ---------------------------------------------------------------------------

    def document(self, content: Mapping[str, Any]) -> None:
        """Write the one JSON document of a command; an iterator in it is written as a list, memory flat.

        Nothing is written before everything was read: a failure half-way leaves no half document.
        """
        if not self.is_json:
            return
        if self.redaction:
            content = self.redaction.masked(content)
        with tempfile.SpooledTemporaryFile(
            SPOOL_BYTES, "w+", encoding="utf-8", newline=""
        ) as spool:
            for piece in _pieces(content):
                spool.write(piece)
            spool.seek(0)
            pretty = is_terminal(sys.stdout)
            if pretty:
                from core import encoding

                sys.stdout.write(escape_json(encoding.dumps_pretty(encoding.loads(spool.read()))))
            else:
                while chunk := spool.read(65_536):
                    sys.stdout.write(escape_json(chunk))
        sys.stdout.write("\n")


def _fitting(table: Table, available: int) -> dict[int, int] | None:
    """Return the columns that are shown (by place) and their widths; None where even the needed ones do not fit.

    What is whole keeps its width; other columns share the rest, and none is narrower than a word or two.
    """
    natural = [
        max(
            [
                cell_width(clean(column.title)),
                *(cell_width(clean(row[place])) for row in table.rows),
            ]
        )
        for place, column in enumerate(table.columns)
    ]
    least = [
        width if column.is_whole or column.is_number else min(width, NARROWEST)
        for width, column in zip(natural, table.columns, strict=True)
    ]
    chosen = list(range(len(table.columns)))
    while sum(least[place] + GAP for place in chosen) - GAP > available:
        optional = [place for place in chosen if table.columns[place].is_optional]
        if not optional:
            return None
        chosen.remove(optional[-1])
    widths = {place: least[place] for place in chosen}
    left = available - sum(width + GAP for width in widths.values()) + GAP
    for place in sorted(chosen, key=lambda place: natural[place]):
        wanting = sum(1 for other in chosen if natural[other] > widths[other])
        more = min(natural[place] - widths[place], left // max(wanting, 1))
        widths[place] += more
        left -= more
    return widths


def escape_json(written: str, stream: TextIO | None = None) -> str:
    """Return the same JSON without what a terminal obeys; in ASCII where the stream has no Unicode."""
    stream = sys.stdout if stream is None else stream
    pattern = _NOT_FOR_TERMINALS if speaks_unicode(stream) else _NOT_ASCII

    def escaped(found: re.Match[str]) -> str:
        units = found.group().encode("utf-16-be")
        return "".join(
            f"\\u{int.from_bytes(units[i : i + 2], 'big'):04x}" for i in range(0, len(units), 2)
        )

    return pattern.sub(escaped, written)


def _pieces(content: Mapping[str, Any]) -> Iterator[str]:
    """Encode a mapping piece by piece: keys sorted, lists one by one."""
    from core import encoding

    yield "{"
    for number, name in enumerate(sorted(content)):
        yield ("," if number else "") + encoding.dumps(name).decode() + ":"
        value = content[name]
        if isinstance(value, Iterator):
            yield "["
            for place, item in enumerate(value):
                yield ("," if place else "") + encoding.dumps(item).decode()
            yield "]"
        else:
            yield encoding.dumps(value).decode()
    yield "}"


def _PLAIN_HEAD() -> Any:  # noqa: N802 - stands beside rich's constants
    """Return a box of ASCII with one line below the heading."""
    from rich.box import Box

    return Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
