"""The parser: ours in errors, languages and line breaks."""

from __future__ import annotations

import pytest

from core.errors import UsageError
from service.cli.commands import GROUPS, build_parser
from service.cli.main import Glance
from service.cli.parser import Builder, one_of, wrap
from service.text import Language, cell_width


def builder() -> Builder:
    return Builder(Language())


def test_wrap_keeps_to_its_columns_in_any_script() -> None:
    """Chinese breaks between any two characters, words of other scripts stay whole."""
    lines = wrap(
        "退路未落盘之前不作任何改动 before anything is changed，未读回核对之前不称为完成。", 20
    )

    assert max(cell_width(line) for line in lines) <= 22
    assert "".join(lines).replace(" ", "").startswith("退路未落盘")
    assert not any(line[0] in "，。" for line in lines)


@pytest.mark.parametrize("name", GROUPS)
def test_every_group_builds(name: str) -> None:
    """Each group's module puts its options into the parser without a clash."""
    assert name in build_parser(builder(), name).format_help()


@pytest.mark.parametrize(
    "words, said",
    [
        (["close", "pln", "x"], "plan"),
        (["close", "plan"], "CLOSING"),
        (["close", "plan", "x", "--form", "f"], "--form"),
        (["documents", "x", "y", "--csv", "a", "--xlsx", "b"], "--csv"),
        (["changes", "settle", "x", "1", "--as", "done", "--reason", "r"], "confirmed"),
    ],
)
def test_wrong_words_are_usage_errors(words: list[str], said: str) -> None:
    """Nothing leaves the process by itself, and the message names what is wrong."""
    with pytest.raises(UsageError) as caught:
        build_parser(builder(), words[0]).parse_args(words)

    assert said in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        ["--json", "systems", "check"],
        ["systems", "--json", "check"],
        ["systems", "check", "--json"],
    ],
)
def test_shared_options_stand_anywhere(words: list[str]) -> None:
    """Before the group, before the command, or after it."""
    assert build_parser(builder(), "systems").parse_args(words).json is True


@pytest.mark.parametrize(
    "words, found",
    [
        (["close", "plan", "--json"], Glance("close", None, None, is_json=True)),
        (["--language", "zh_CN", "close"], Glance("close", "zh_CN")),
        (["--config=a.yaml", "audit"], Glance("audit", None, "a.yaml")),
        (["--config"], Glance(None, None, "")),
        ([], Glance()),
    ],
)
def test_glance(words: list[str], found: Glance) -> None:
    """Group, language, settings and JSON are known before the line is parsed."""
    assert found == Glance.at(words)


def test_one_of_takes_dashes() -> None:
    """`not-sent` is `not_sent`; what is unknown names what there is."""
    convert = one_of(("not_sent",), "decision")

    assert convert("not-sent") == "not_sent"
    with pytest.raises(UsageError, match="not_sent"):
        convert("sent")


def test_help_never_shows_a_code_of_ours() -> None:
    """Every option has a sentence."""
    for name in GROUPS:
        assert "None" not in build_parser(builder(), name).format_help()
