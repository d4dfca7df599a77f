"""What the pages say is what the product does: commands, settings, links, words and generated pages."""

from __future__ import annotations

import argparse
import importlib.util
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest
from babel.messages.pofile import read_po

from config.settings import Settings, load
from connectors import registry
from connectors.columns import DOCUMENT_COLUMNS, LINE_COLUMNS
from core import errors
from core.errors import StornoError
from core.events import Event
from service.cli.commands import GROUPS, build_parser
from service.cli.parser import Builder
from service.text import LOCALE_FOLDER, Language
from service.words import WORDS

ROOT: Final = Path(__file__).resolve().parents[3]
DOCS: Final = ROOT / "docs"
PAGES: Final = sorted(
    [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "connectors").glob("*/README.md")]
)
# Shown as what is to come; the test below says when that is over.
PLANNED: Final = frozenset({"compare"})
# A page tells of what its own connector is called; nothing of that name is installed here.
THIRD_PARTY_KINDS: Final = ("acme",)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(page: Path) -> Iterator[tuple[str, int, str]]:
    """Yield the code of a page: its language (empty for indented code), the line where it begins, its text."""
    language, start, kept = None, 0, list[str]()
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        fence = re.fullmatch(r"\s*```(\w*)", line)
        if fence and language is None:
            language, start, kept = fence[1], number + 1, []
        elif fence:
            yield language or "", start, "\n".join(kept)
            language = None
        elif language is not None:
            kept.append(line)
        elif line.startswith("    "):
            yield "", number, line.strip()


def prose(page: Path) -> str:
    """Return a page without its fenced code."""
    return re.sub(r"(?ms)^\s*```.*?^\s*```$", "", page.read_text(encoding="utf-8"))


# --- commands -------------------------------------------------------------------------------------


def typed_commands() -> Iterator[tuple[str, str]]:
    """Yield every command line in the code of the pages, with its place."""
    for page in PAGES:
        for language, start, code in blocks(page):
            if language not in {"", "sh", "bash"}:
                continue
            for number, line in enumerate(code.splitlines(), start=start):
                found = re.match(r"\s*(?:\$ |[\w.\\]+\\)?(storno .+)", line)
                if found:
                    yield f"{name_of(page)}:{number}", found[1]


def named_commands() -> Iterator[tuple[str, str]]:
    """Yield every command that is named within a sentence."""
    for page in PAGES:
        for found in re.findall(r"`(storno [^`]+)`", prose(page)):
            if not re.match(r"storno [A-Z]", found):  # `storno COMMAND --help`
                yield name_of(page), found


@cache
def parser_of(group: str | None) -> argparse.ArgumentParser:
    return build_parser(Builder(Language()), group)


def words_of(line: str) -> list[str]:
    """Return what Storno itself is given: neither what follows the command nor where its output goes."""
    words = shlex.split(line, comments=True)[1:]
    end = next((place for place, word in enumerate(words) if word in {"&&", "|", ">"}), len(words))
    return words[:end]


def group_in(words: list[str]) -> str | None:
    return next((word for word in words if word in GROUPS), None)


@pytest.mark.parametrize("place, line", sorted(set(typed_commands())))
def test_a_command_line_can_be_typed(place: str, line: str) -> None:
    """Every command line in the pages is one that Storno understands."""
    words = words_of(line)

    parsed = parser_of(group_in(words)).parse_args(words)

    assert "--version" in words or "run" in parsed, place


@pytest.mark.parametrize("place, named", sorted(set(named_commands())))
def test_a_named_command_exists(place: str, named: str) -> None:
    """A command that a sentence names is there, and so are the options that it names."""
    words = shlex.split(named)[1:]
    if words[0] in PLANNED:
        assert words[0] not in GROUPS, f"{place}: {words[0]} is there now; say so"
        return
    parser = parser_of(group_in(words))
    for word in words:
        subparsers = [
            action for action in parser._actions if isinstance(action, argparse._SubParsersAction)
        ]
        if word.startswith("-"):
            assert word.partition("=")[0] in parser._option_string_actions, place
        elif subparsers and re.fullmatch(r"[a-z]+", word):
            assert word in subparsers[0].choices, place
            parser = subparsers[0].choices[word]


def test_commands_were_found() -> None:
    """The pages are full of commands; a pattern that finds none would prove nothing."""
    assert {name for name, _ in ((p.partition(":")[0], c) for p, c in typed_commands())} >= {
        "README.md",
        "README.zh-CN.md",
        "docs/tutorial.md",
        "docs/howto/windows.md",
    }
    assert len(set(named_commands())) > 20


def test_every_command_is_told_somewhere() -> None:
    """A command that no tutorial and no how-to shows is one that nobody finds."""
    told = {
        " ".join(words_of(line)[:2])
        for place, line in typed_commands()
        if not place.startswith("docs/reference/")
    }
    for group in GROUPS:
        parser = parser_of(group)._subparsers
        assert parser is not None
        choices = parser._group_actions[0].choices
        assert isinstance(choices, dict)
        below = choices[group]._subparsers
        words = (
            [f"{group} {name}" for name in below._group_actions[0].choices or ()] if below else []
        )
        missing = [word for word in words if word not in told]
        assert missing in ([], ["systems list"])
        assert words or any(told_one.split()[0] == group for told_one in told)


# --- settings -------------------------------------------------------------------------------------


def settings_blocks() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for language, start, code in blocks(page):
            keys = set(re.findall(r"^(\w+):", code, re.MULTILINE))
            if language == "yaml" and keys and keys <= Settings.model_fields.keys():
                yield f"{name_of(page)}:{start}", code


@pytest.mark.parametrize("place, code", list(settings_blocks()))
def test_settings_are_accepted(
    place: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever copies settings from a page gets settings that work."""
    for name in re.findall(r"\$\{(\w+)\}", code):
        monkeypatch.setenv(name, "a secret")
    for name in re.findall(r"\$\{file:([^}]+)\}", code):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        secret = "A" * 43 + "=" if name.endswith(".key") else "a secret"
        (tmp_path / name).write_text(secret, encoding="utf-8")
    system = "" if re.search(r"^systems:", code, re.MULTILINE) else "systems: {erp: {kind: fake}}\n"
    path = tmp_path / "storno.yaml"
    path.write_text(system + code, encoding="utf-8")

    settings = load(path, kinds=(*registry.kinds(), *THIRD_PARTY_KINDS))

    assert next(iter(settings.systems)) == "erp", place


def test_settings_were_found() -> None:
    """There are settings in the pages to be tried."""
    assert len(list(settings_blocks())) >= 5


# --- links ----------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """Return the anchors that a page's headings make, as the usual renderers make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    slugs = (re.sub(r"[^\w\- ]", "", heading.lower()).strip() for heading in headings)
    return {slug.replace(" ", "-") for slug in slugs}


def links() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
            if not re.match(r"[a-z]+://", target):
                yield name_of(page), target


@pytest.mark.parametrize("page, target", sorted(set(links())))
def test_a_link_leads_somewhere(page: str, target: str) -> None:
    """Every relative link leads to a file that is there, and to a heading that it has."""
    path, _, anchor = target.partition("#")
    found = ((ROOT / page).parent / path).resolve() if path else ROOT / page

    assert found.exists()
    assert not anchor or anchor in anchors(found)


def test_every_page_is_in_the_index() -> None:
    """Whoever begins at docs/index.md finds every page; the decisions are found by their folder."""
    index = DOCS / "index.md"
    linked = {
        (DOCS / target.partition("#")[0]).resolve()
        for page, target in links()
        if page == name_of(index)
    }
    pages = {page for page in PAGES if DOCS in page.parents and page.parent.name != "decisions"}

    assert pages - linked - {index} == set()
    assert DOCS / "decisions" in linked


# --- generated pages ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_up_to_date(generator: ModuleType) -> None:
    """What is generated says what the code says; else: python docs/generate.py."""
    stale = [
        path.name for path, page in generator.pages() if path.read_text(encoding="utf-8") != page
    ]

    assert stale == []


def reference(name: str) -> str:
    return (DOCS / "reference" / name).read_text(encoding="utf-8")


def test_every_error_has_its_line() -> None:
    """Every error, with its code, is in the reference."""
    known = {
        each.code: each.__name__
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, StornoError) and each is not StornoError
    }
    rows = dict(re.findall(r"^\| (STO-\d{4}) \| `(\w+)` \|", reference("errors.md"), re.MULTILINE))

    assert known == rows


def test_every_event_has_its_line() -> None:
    """Every event, and no other, is in the reference."""
    assert [str(event) for event in Event] == re.findall(
        r"^\| `([\w.]+)` \|", reference("events.md"), re.MULTILINE
    )


def test_every_column_has_its_line() -> None:
    """Every canonical column, of documents and of lines, is in the reference, in its order."""
    assert [name for name, _, _ in (*DOCUMENT_COLUMNS, *LINE_COLUMNS)] == re.findall(
        r"^\| `(\w+)` \|", reference("columns.md"), re.MULTILINE
    )


def test_codes_in_the_pages_exist() -> None:
    """A page names no error that there is not."""
    named = {code for page in PAGES for code in re.findall(r"STO-\d{4}", prose(page))}

    assert named <= {*re.findall(r"STO-\d{4}", reference("errors.md"))}


# --- words ----------------------------------------------------------------------------------------


def glossary() -> list[tuple[str, str, str]]:
    rows = re.findall(
        r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| [^|]+ \|$",
        (DOCS / "glossary.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    return [row for row in rows if row[0] not in {"English", "---"}]


def test_the_glossary_speaks_as_the_product_does() -> None:
    """A word of the glossary is the word that people read in the product."""
    with (LOCALE_FOLDER / "zh_CN" / "LC_MESSAGES" / "storno.po").open("rb") as source:
        catalogue = {
            message.id.lower(): message.string
            for message in read_po(source)
            if isinstance(message.id, str)
        }
    compared = {english: chinese for english, chinese, _ in glossary() if english in catalogue}

    assert compared == {english: catalogue[english] for english in compared}
    assert len(compared) > 15


def test_the_glossary_has_one_row_for_each_word() -> None:
    """One word for each idea: no word stands twice, and the words of reversibility are all there."""
    english = [row[0] for row in glossary()]

    assert sorted(set(english)) == sorted(english)
    assert {WORDS[each] for each in ("exact", "compensating", "manual", "none")} <= set(english)
