"""Reads one YAML file into values and the lines on which they stand.

The reading is stricter than YAML, because a wrong guess here closes the wrong documents:

* `true` and `false` are booleans, `12` is a whole number, `1.50` is a decimal number, `null`, `~` and
  nothing at all are nothing. Every other plain word is text: `no`, `on`, `1_000`, `010`, `1:30`, `1e3`
  and `2026-01-31` mean what they look like. What stands in quotes is always text.
* A key that occurs twice, an anchor, an alias, a merge key, a tag, a second YAML document and a file
  of more than a megabyte are refused. Nothing is expanded, so there is nothing that could explode.

No message repeats a value: it may be a secret that slipped into the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import yaml

from core.text import N_, Text, text

LARGEST_FILE_BYTES: Final = 1_000_000
DEEPEST_NESTING: Final = 20
LONGEST_NUMBER: Final = 18

Key = tuple[str | int, ...]
"""Path of a setting: names of keys and positions in lists, from the top of the file."""

_WHOLE: Final = re.compile(r"-?(?:0|[1-9][0-9]*)")
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")
_WORDS: Final[dict[str, bool | None]] = {
    "true": True,
    "false": False,
    "null": None,
    "~": None,
    "": None,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One wrong setting: where it stands and what is wrong, never what was written there."""

    line: int
    key: Key
    problem: Text


@dataclass(slots=True)
class Source:
    """What one file says: `values` as plain Python values (lists are tuples), `lines` by key."""

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[Key, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line_of(self, key: Key) -> int:
        """Return the line of a key, or of the nearest one above it that the file has."""
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key, 1)

    def add_problem(self, key: Key, problem: Text) -> None:
        """Note that the setting `key` is wrong."""
        self.problems.append(Problem(self.line_of(key), key, problem))


def dotted(key: Key) -> str:
    """Return `systems.erp.url`, `closings.stale.routes[1].when`, as people write it."""
    path = ""
    for part in key:
        if isinstance(part, int):
            path += f"[{part + 1}]"
        else:
            path += f".{part}" if path else part
    return path


def read_source(path: Path) -> Source:
    """Read the file. What is wrong with it as YAML stands in `problems`. Raises `OSError`."""
    source = Source()
    with path.open("rb") as stream:
        content = stream.read(LARGEST_FILE_BYTES + 1)
    if len(content) > LARGEST_FILE_BYTES:
        source.add_problem((), text(N_("the file is larger than a megabyte")))
        return source
    try:
        written = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = text(N_("this is not UTF-8; save the file with the encoding UTF-8"))
        source.problems.append(Problem(line, (), problem))
        return source
    _Reader(source).read(written)
    return source


class _Reader:
    """Turns the events of PyYAML's parser into a `Source`."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.key: Key = ()
        self.line = 1

    def read(self, written: str) -> None:
        try:
            self.read_file(self.events(written))
        except yaml.reader.ReaderError as error:
            self.line = written.count("\n", 0, error.position) + 1
            self.note(text(N_("a control character stands here")))
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            if mark is not None:
                self.line = mark.line + 1
            self.note(
                text(
                    N_(
                        "this is not valid YAML ({what});"
                        " text that begins with a special sign must stand in quotes"
                    ),
                    what=_without_quotations(error),
                )
            )

    def events(self, written: str) -> Iterator[yaml.Event]:
        for event in yaml.parse(written, Loader=yaml.SafeLoader):
            self.line = getattr(event.start_mark, "line", 0) + 1
            yield event

    def note(self, problem: Text) -> None:
        self.source.problems.append(Problem(self.line, self.key, problem))

    def read_file(self, events: Iterator[yaml.Event]) -> None:
        document_count = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                document_count += 1
                if document_count > 1:
                    self.note(text(N_("a second YAML document begins here; one is allowed")))
                    return
            elif isinstance(event, yaml.NodeEvent):
                if not isinstance(event, yaml.MappingStartEvent):
                    self.note(text(N_("the file must consist of keys and values")))
                    return
                self.source.values = self.mapping(events)

    def value(self, event: yaml.Event, events: Iterator[yaml.Event]) -> Any:
        """Return the value that begins with `event`."""
        if isinstance(event, yaml.AliasEvent):
            self.note(text(N_("anchors and aliases are not allowed; write the value out")))
            return None
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            self.note(text(N_("anchors and aliases are not allowed; write the value out")))
        if (
            isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent)
            and event.tag is not None
        ):
            self.note(text(N_("tags (!...) are not allowed")))
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event)
        if len(self.key) >= DEEPEST_NESTING:
            # The parser recurses no deeper than we follow it, so a hostile file ends here.
            raise yaml.MarkedYAMLError(problem="nested too deeply")
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(events)
        return self.sequence(events)

    def scalar(self, event: yaml.ScalarEvent) -> Any:
        written: str = event.value
        if event.style is not None:
            return written
        if written in _WORDS:
            return _WORDS[written]
        if _WHOLE.fullmatch(written) or _DECIMAL.fullmatch(written):
            if len(written) > LONGEST_NUMBER:
                self.note(text(N_("this number is too long; as text it must stand in quotes")))
                return None
            return Decimal(written) if "." in written else int(written)
        return written

    def mapping(self, events: Iterator[yaml.Event]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        above = self.key
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            name = self.name(event, events)
            self.key = (*above, name or "?")
            if name == "<<":
                self.note(text(N_("merge keys (<<) are not allowed; write the keys out")))
            first_line = self.source.lines.get(self.key)
            if name is None:
                self.skip(next(events), events)
            elif first_line is not None:
                self.note(
                    text(N_("this key stands here twice, first in line {first}"), first=first_line)
                )
                self.skip(next(events), events)
            else:
                self.source.lines[self.key] = self.line
                values[name] = self.value(next(events), events)
            self.key = above
        return values

    def skip(self, event: yaml.Event, events: Iterator[yaml.Event]) -> None:
        """Read over a value that has no place: what is wrong within it is not worth a line."""
        kept, self.source = self.source, Source()
        self.value(event, events)
        self.source = kept

    def name(self, event: yaml.Event, events: Iterator[yaml.Event]) -> str | None:
        """Return the name of a key, None (noted) for what cannot be one."""
        if isinstance(event, yaml.ScalarEvent) and event.value:
            self.value(event, events)
            return str(event.value)
        line = self.line
        self.skip(event, events)
        self.line = line
        self.note(text(N_("a key must be a plain name")))
        return None

    def sequence(self, events: Iterator[yaml.Event]) -> tuple[Any, ...]:
        values: list[Any] = []
        above = self.key
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            self.key = (*above, len(values))
            self.source.lines[self.key] = self.line
            values.append(self.value(event, events))
            self.key = above
        return tuple(values)


def _without_quotations(error: yaml.MarkedYAMLError) -> str:
    """Return what PyYAML says up to the first quotation, which could be a piece of a secret."""
    said = error.problem or error.context or ""
    return re.split(r"['\"]", said)[0].strip() or "syntax"
