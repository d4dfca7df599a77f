"""Reading YAML: stricter than YAML, because a wrong guess closes the wrong documents."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.source import LARGEST_FILE_BYTES, Source, dotted, read_source

Write = Callable[[str], Path]


def problems(source: Source) -> list[tuple[int, str, str]]:
    return [(each.line, dotted(each.key), str(each.problem)) for each in source.problems]


@pytest.mark.parametrize(
    "written, value",
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-3", -3),
        ("0", 0),
        ("1.50", Decimal("1.50")),
        ("-0.5", Decimal("-0.5")),
        # Text, whatever YAML 1.1 makes of it.
        *(
            (word, word)
            for word in [
                "no",
                "yes",
                "on",
                "off",
                "y",
                "True",
                "NULL",
                "1_000",
                "010",
                "0x10",
                "1:30",
                "1e3",
                ".5",
                "+5",
                ".inf",
                "2026-01-31",
                "=",
            ]
        ),
        ("'12'", "12"),
        ('"true"', "true"),
        ("''", ""),
        ('"a\\u0042"', "aB"),
        ("|\n    two\n    lines", "two\nlines"),
        (">\n    one\n    line", "one line"),
        ("state = 'draft' and x > 1", "state = 'draft' and x > 1"),
        ("結案", "結案"),
        ("[1, a]", (1, "a")),
        ("{b: 2.0}", {"b": Decimal("2.0")}),
        ("[]", ()),
        ("{}", {}),
    ],
)
def test_value_is_what_it_looks_like(write: Write, written: str, value: Any) -> None:
    """A word is a switch or a number only when it can be nothing else."""
    source = read_source(write(f"key: {written}"))

    assert source.values == {"key": value}
    assert type(source.values["key"]) is type(value)
    assert source.problems == []


def test_lines_of_keys(write: Write) -> None:
    """Every key and every entry of a list knows its line; what is not there has the line above it."""
    source = read_source(write("a:\n  b:\n    - x\n    - c: 1\n"))

    assert source.lines == {
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "b", 0): 3,
        ("a", "b", 1): 4,
        ("a", "b", 1, "c"): 4,
    }
    assert source.line_of(("a", "b", 1, "missing", "deeper")) == 4
    assert source.line_of(("nothing",)) == 1


def test_dotted_path() -> None:
    """A key is named as people write it, entries counted from 1."""
    assert dotted(("closings", "stale", "routes", 0, "when")) == "closings.stale.routes[1].when"


@pytest.mark.parametrize(
    "written, expected",
    [
        ("a: 1\nb: 2\na: 3", (3, "a", "this key stands here twice, first in line 1")),
        ("s:\n  a: 1\n  a: {x: *y}", (3, "s.a", "this key stands here twice, first in line 2")),
        ("a: &x 1", (1, "a", "anchors and aliases are not allowed; write the value out")),
        ("a: &hunter2 [1]", (1, "a", "anchors and aliases are not allowed; write the value out")),
        ("a: 1\nb: *hunter2", (2, "b", "anchors and aliases are not allowed; write the value out")),
        ("a: !!python/object:os.system x", (1, "a", "tags (!...) are not allowed")),
        ("a: !!str 1", (1, "a", "tags (!...) are not allowed")),
        ("a: !x {b: 1}", (1, "a", "tags (!...) are not allowed")),
        ("a:\n  <<: {b: 1}", (2, "a.<<", "merge keys (<<) are not allowed; write the keys out")),
        ("[1]: 2", (1, "", "a key must be a plain name")),
        ("? {a: 1}\n: 2\nb: 3", (1, "", "a key must be a plain name")),
        ("'': 2", (1, "", "a key must be a plain name")),
        ("- a\n- b", (1, "", "the file must consist of keys and values")),
        ("hunter2", (1, "", "the file must consist of keys and values")),
        ("*x", (1, "", "the file must consist of keys and values")),
        ("a: 1\n---\nb: 2", (2, "", "a second YAML document begins here; one is allowed")),
        (
            "a: 1234567890123456789",
            (1, "a", "this number is too long; as text it must stand in quotes"),
        ),
    ],
)
def test_what_yaml_allows_and_we_do_not(
    write: Write, written: str, expected: tuple[int, str, str]
) -> None:
    """Whatever hides or multiplies values is refused, with its line and key and without its text."""
    assert problems(read_source(write(written))) == [expected]


def test_first_of_two_equal_keys_is_kept(write: Write) -> None:
    """Reading goes on after a key that stands there twice, so that all problems are told at once."""
    source = read_source(write("a: 1\na: 2\nb: &x 3\n"))

    assert source.values == {"a": 1, "b": 3}
    assert len(source.problems) == 2


@pytest.mark.parametrize(
    "written, line, key",
    [
        ("a: 1\nb: [1, 2\nc: 3", 3, "b"),
        ("a:\n  b: 'open\n", 3, "a.b"),
        ("a:\n\tb: 1", 2, "a"),
        ("p: %hunter2", 1, "p"),
        ("p: @hunter2", 1, "p"),
        ('p: "\\hunter2"', 1, "p"),
        ("p: x: hunter2", 1, ""),
        ("p: !hunter2!x y", 1, "p"),
        ("a: " + "[" * 30 + "]" * 30, 1, "a" + "[1]" * 19),
    ],
)
def test_broken_yaml_is_named_and_not_quoted(
    write: Write, written: str, line: int, key: str
) -> None:
    """Broken YAML names line and key, and no piece of what stands there."""
    [(found_line, found_key, text)] = problems(read_source(write(written)))

    assert (found_line, found_key) == (line, key)
    assert text.startswith("this is not valid YAML (")
    assert "hunter2" not in text
    assert "'" not in text


def test_control_character(write: Write) -> None:
    """A file with a control character is refused with its line."""
    assert problems(read_source(write("a: 1\nb: x\x07y"))) == [
        (2, "", "a control character stands here")
    ]


def test_other_encoding_is_named(tmp_path: Path) -> None:
    """A file that an old editor saved as GBK is refused with its line."""
    path = tmp_path / "storno.yaml"
    path.write_bytes("a: 1\nb: 结案".encode("gbk"))

    assert problems(read_source(path)) == [
        (2, "", "this is not UTF-8; save the file with the encoding UTF-8")
    ]


def test_byte_order_mark_of_windows(tmp_path: Path) -> None:
    """A file that Notepad saved is read as it is meant, its line ends too."""
    path = tmp_path / "storno.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: x\r\n")

    assert read_source(path).values == {"a": 1, "b": "x"}


def test_huge_file_is_refused(tmp_path: Path) -> None:
    """A file that cannot be settings is not read."""
    path = tmp_path / "storno.yaml"
    path.write_bytes(b"#" * (LARGEST_FILE_BYTES + 1))

    assert problems(read_source(path)) == [(1, "", "the file is larger than a megabyte")]


def test_empty_file_has_no_values(write: Write) -> None:
    """A file of comments says nothing, which is no mistake of YAML."""
    source = read_source(write("# only a comment\n"))

    assert (source.values, source.problems) == ({}, [])


@given(st.text(alphabet="ab:- \n\t'\"{}[]&*!|>%@,#?~1.<", max_size=60))
def test_no_text_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, written: str) -> None:
    """Whatever stands in the file, it is read or it is refused; nothing else happens."""
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(written, encoding="utf-8")

    source = read_source(path)

    assert isinstance(source.values, dict)
    assert all(1 <= each.line <= written.count("\n") + 1 for each in source.problems)
