"""Finds, reads and checks recipe files: those that Storno ships and those of the site.

A site's file replaces the shipped one of its name, or says `extends: u8` and gives only what differs; under
`without` it names what the site does not have. Every problem names the file, the line and the key.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from config.problems import add_problems
from config.recipes import Recipe
from config.source import Key, Source, dotted, read_source
from core.errors import ConfigError, NotFound
from core.text import N_, Text, text

SHIPPED: Final = Path(__file__).parent / "profiles"
SUFFIX: Final = ".yaml"
EXTENDS: Final = "extends"
WITHOUT: Final = "without"


def recipe_names(folder: Path | None = None) -> tuple[str, ...]:
    """Return the names of every recipe: the shipped ones and those of the site's folder, sorted."""
    return tuple(
        sorted(
            {
                path.stem
                for each in _folders(folder)
                if each.is_dir()
                for path in each.glob(f"*{SUFFIX}")
            }
        )
    )


def load_recipe(name: str, folder: Path | None = None) -> Recipe:
    """Read a recipe by name; a file in `folder` goes before a shipped one.

    Raises `NotFound`, and `ConfigError` with every problem of the file at once.
    """
    path = _find(name, folder)
    if path is None:
        raise NotFound(
            N_("There is no recipe {name!r}; known: {known}."),
            what="recipe",
            name=name,
            known=", ".join(recipe_names(folder)),
        )
    return read_recipe(path)


def read_recipe(path: Path) -> Recipe:
    """Read and check one file. Raises `ConfigError` with every problem at once."""
    source = _read(path)
    recipe: Recipe | None = None
    try:
        recipe = Recipe.model_validate(_without_sections_of_nothing(source.values))
    except ValidationError as error:
        add_problems(source, error, Recipe)
    if recipe is not None and recipe.name != path.stem:
        source.add_problem(
            ("name",), text(N_("must be {name}, as the file is called"), name=path.stem)
        )
    if source.problems or recipe is None:
        raise _error(path, source)
    return recipe


def _folders(folder: Path | None) -> tuple[Path, ...]:
    return (SHIPPED,) if folder is None else (folder, SHIPPED)


def _find(name: str, folder: Path | None) -> Path | None:
    # A name is no path: nothing outside the two folders is ever read.
    known = recipe_names(folder)
    if name not in known:
        return None
    return next(
        (path for each in _folders(folder) if (path := each / f"{name}{SUFFIX}").is_file()), None
    )


def _read(path: Path) -> Source:
    """Read a file and, below it, the shipped recipe that it extends."""
    try:
        source = read_source(path)
    except OSError as error:
        raise NotFound(what="file", name=str(path)) from error
    base = source.values.pop(EXTENDS, None)
    if base is None:
        return source
    shipped = SHIPPED / f"{base}{SUFFIX}"
    if not isinstance(base, str) or base not in recipe_names() or path == shipped:
        known = ", ".join(recipe_names())
        source.add_problem((EXTENDS,), text(N_("must be a shipped recipe: {known}"), known=known))
        return source
    below = read_source(shipped)
    below.values["name"] = path.stem
    for place, fact in enumerate(_listed(source.values.pop(WITHOUT, ()))):
        path_of_fact = str(fact).split(".")
        _forget_to_check(below.values, path_of_fact)
        if not _take_away(below.values, path_of_fact):
            said = text(N_("there is no {fact} in the recipe {name}"), fact=str(fact), name=base)
            source.add_problem((WITHOUT, place), said)
    source.values = _merged(below.values, source.values)
    return source


def _listed(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _take_away(values: dict[str, Any], path: list[str]) -> bool:
    """Take a fact out of what was shipped; False where there is none of this name.

    What has a code (a problem, later business) goes by it: `kinds.purchase_order.problems.changing`.
    """
    *above, last = path
    section: Any = values
    for place, name in enumerate(above):
        found = section.get(name) if isinstance(section, dict) else None
        if isinstance(found, tuple) and place == len(above) - 1:
            kept = tuple(each for each in found if not _is_called(each, last))
            section[name] = kept
            return len(kept) < len(found)
        section = found
    if not isinstance(section, dict) or last not in section:
        return False
    del section[last]
    return True


def _forget_to_check(values: dict[str, Any], path: list[str]) -> None:
    """What is not there needs no look."""
    kind = values.get("kinds", {}).get(path[1]) if path[:1] == ["kinds"] and len(path) > 2 else None
    to_check = kind.get("to_check") if isinstance(kind, dict) else None
    if isinstance(kind, dict) and isinstance(to_check, dict):
        fact = ".".join(path[2:])
        kind["to_check"] = {
            name: look
            for name, look in to_check.items()
            if name != fact and not name.startswith(f"{fact}.")
        }


def _is_called(value: Any, name: str) -> bool:
    return value == name or (isinstance(value, dict) and value.get("code") == name)


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Put sections over sections; anything else that the site says replaces what was shipped."""
    found = dict(below)
    for name, value in above.items():
        under = found.get(name)
        both = isinstance(value, dict) and isinstance(under, dict)
        found[name] = _merged(under, value) if both else value  # type: ignore[arg-type]
    return found


_ASSIGNED: Final = frozenset({"lines", "document", "advances"})
_WRITES: Final = frozenset({"close", "reopen", "recomputed"})


def _without_sections_of_nothing(value: Any, key: Key = ()) -> Any:
    """Leave out keys without a value. What a write sets to nothing stays: there, null is a value."""
    if isinstance(value, tuple):
        return tuple(
            _without_sections_of_nothing(each, (*key, place)) for place, each in enumerate(value)
        )
    if not isinstance(value, dict):
        return value
    is_assigned = len(key) >= 2 and key[-1] in _ASSIGNED and key[-2] in _WRITES
    return {
        name: _without_sections_of_nothing(each, (*key, name))
        for name, each in value.items()
        if each is not None or is_assigned
    }


def _error(path: Path, source: Source) -> ConfigError:
    found: dict[tuple[int, str, str], Text] = {}
    for each in source.problems:
        found.setdefault(
            (each.line, dotted(each.key) or path.name, str(each.problem)), each.problem
        )
    return ConfigError.of(
        {"file": str(path), "line": line, "key": key, "problem": problem}
        for (line, key, _), problem in sorted(found.items(), key=lambda item: item[0])
    )
