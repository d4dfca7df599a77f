"""The catalogues of people's text, kept with Babel: `python -m service.text extract|update|check|compile`.

`extract` counts the marked texts, `update` brings every `.po` up to date with the source, `check` names what is
missing, fuzzy, left over or filled wrongly, `compile` writes the `.mo` files that gettext reads.
"""

from __future__ import annotations

import re
import string
import sys
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

from service.text import DOMAIN, LANGUAGES, LOCALE_FOLDER, SOURCE_LANGUAGE

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog, Message

ROOT: Final = Path(__file__).parents[1]
PACKAGES: Final = ("closing", "config", "connectors", "core", "recovery", "service")
KEYWORDS: Final = {"N_": None, "ngettext": (1, 2)}
_PERCENT: Final = re.compile(r"%(?:\(\w+\))?[a-z]")


def path_of(language: str) -> Path:
    """Return the catalogue that translators write."""
    return LOCALE_FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def extract() -> Catalog:
    """Return every marked text of the product, and what its recipes say, with the files where it stands."""
    from babel.messages.catalog import Catalog
    from babel.messages.extract import extract_from_file

    from config.recipe_files import load_recipe, recipe_names

    catalogue = Catalog(domain=DOMAIN, project="Storno", charset="utf-8", fuzzy=False)
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            place = path.relative_to(ROOT).as_posix()
            for _, message, comments, _ in extract_from_file(
                "python", str(path), keywords=KEYWORDS, options={"encoding": "utf-8"}
            ):
                # Files without line numbers: the catalogue changes only when a text does.
                catalogue.add(message, None, [(place, 0)], user_comments=comments)
    for recipe in map(load_recipe, recipe_names()):
        for said in recipe.texts():
            catalogue.add(said, None, [(f"config/profiles/{recipe.name}.yaml", 0)])
    return catalogue


def read(language: str) -> Catalog:
    """Return the catalogue of a language."""
    from babel.messages.pofile import read_po

    with path_of(language).open("rb") as lines:
        return read_po(lines, locale=language, abort_invalid=True)


def update(language: str) -> None:
    """Bring the catalogue of a language up to date: new texts are empty, old ones are gone, nothing is guessed."""
    from babel.messages.catalog import Catalog
    from babel.messages.pofile import write_po

    known = read(language) if path_of(language).exists() else Catalog(locale=language)
    fresh = Catalog(locale=language, domain=DOMAIN, project="Storno", charset="utf-8", fuzzy=False)
    for message in extract():
        if message.id:
            before = known.get(message.id)
            translated = before.string if before is not None and not before.fuzzy else ""
            fresh.add(message.id, translated, message.locations)
    written = BytesIO()
    write_po(written, fresh, width=100, omit_header=True, include_lineno=False, sort_output=True)
    header = (
        'msgid ""\nmsgstr ""\n'
        f'"Language: {language}\\n"\n'
        '"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n'
        '"Content-Transfer-Encoding: 8bit\\n"\n'
        f'"Plural-Forms: {fresh.plural_forms}\\n"\n\n'
    )
    path = path_of(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(header + written.getvalue().decode("utf-8"), encoding="utf-8", newline="\n")


def problems(language: str) -> Iterator[str]:
    """Yield what is wrong with the catalogue of a language, one line each."""
    source, translated = extract(), read(language)
    for message in source:
        if not message.id:
            continue
        found = translated.get(message.id)
        name = message.id if isinstance(message.id, str) else message.id[0]
        if found is None:
            yield f"missing: {name!r}"
        elif found.fuzzy:
            yield f"fuzzy: {name!r}"
        else:
            yield from _wrong(found, name)
    known = {message.id for message in source}
    for message in translated:
        if message.id and message.id not in known:
            yield f"left over: {message.id!r}"
    for obsolete in translated.obsolete.values():
        yield f"obsolete: {obsolete.id!r}"


def _wrong(message: Message, name: str) -> Iterator[str]:
    """Yield what a translation lacks, or has too much: a place that no value fills would show itself."""
    strings = [message.string] if isinstance(message.string, str) else list(message.string or ())
    for translated in strings or [""]:
        if not translated.strip():
            yield f"not translated: {name!r}"
        elif places(translated) != places(name):
            yield f"other places: {name!r}: {translated!r}"


def places(template: str) -> list[str]:
    """Return the places of a template, `{name!r}` and `%(name)s` alike, sorted."""
    percent = _PERCENT.findall(template)
    try:
        named = [
            f"{name}{f'!{conversion}' if conversion else ''}"
            for _, name, _, conversion in string.Formatter().parse(template)
            # A text that is never filled may speak of `${ and }`.
            if name is not None and name.isidentifier()
        ]
    except ValueError:  # a text that is never filled: SQL, ${...}
        named = []
    return sorted([*percent, *named])


def compile_all(folder: Path = LOCALE_FOLDER) -> None:
    """Write the `.mo` files: beside every `.po`, as building a wheel does, or below another folder."""
    from babel.messages.mofile import write_mo

    for language in LANGUAGES:
        if language == SOURCE_LANGUAGE:
            continue
        target = folder / language / "LC_MESSAGES" / f"{DOMAIN}.mo"
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_suffix(".mo.part")
        with draft.open("wb") as compiled:
            write_mo(compiled, read(language), use_fuzzy=False)
        draft.replace(target)


def main(arguments: Sequence[str]) -> int:
    """Run one of the commands; 1 when `check` found something."""
    translated = [language for language in LANGUAGES if language != SOURCE_LANGUAGE]
    match list(arguments):
        case ["extract"]:
            _tell(f"{len(extract())} texts")
        case ["update"]:
            for language in translated:
                update(language)
                _tell(f"{path_of(language).relative_to(ROOT)}: {len(read(language))} texts")
        case ["check"]:
            found = [f"{code}: {line}" for code in translated for line in problems(code)]
            for line in found:
                _tell(line)
            return 1 if found else 0
        case ["compile"]:
            compile_all()
        case _:
            _tell("python -m service.text extract|update|check|compile")
            return 2
    return 0


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
