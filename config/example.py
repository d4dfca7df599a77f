"""What `storno init` writes: settings that work as they stand, every key explained in a comment."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Final

from config.settings import FILE_NAME
from core.errors import UsageError
from core.text import N_

_EXAMPLES: Final = {"en": "storno.yaml", "zh_CN": "storno.zh_CN.yaml"}


def write_example(folder: Path, *, language: str = "en") -> list[Path]:
    """Write a commented storno.yaml and a .gitignore into `folder`, and return what was written.

    Nothing is overwritten: with a storno.yaml there already, nothing is written at all; an existing
    .gitignore keeps its lines and gets those that it lacks. Raises `UsageError`.
    """
    settings = folder / FILE_NAME
    ignored = folder / ".gitignore"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        content = _example(_EXAMPLES.get(language, _EXAMPLES["en"]))
        with settings.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(content)
        return [settings, *([ignored] if _ignore(ignored) else [])]
    except FileExistsError as error:
        raise UsageError(
            N_("{file} exists already, and Storno overwrites nothing. Choose another folder."),
            file=str(settings if settings.exists() else folder),
        ) from error
    except OSError as error:
        raise UsageError(
            N_("{file} cannot be written: {problem}"), file=str(folder), problem=error.strerror
        ) from error


def _ignore(path: Path) -> bool:
    """Add the lines that are missing; False when there are none."""
    kept = path.read_text(encoding="utf-8", errors="surrogateescape") if path.exists() else ""
    known = kept.splitlines()
    missing = [line for line in _example("gitignore").splitlines() if line not in known]
    if not missing:
        return False
    gap = "" if not kept or kept.endswith("\n") else "\n"
    with path.open("a", encoding="utf-8", newline="\n") as stream:
        stream.write(gap + "\n".join(missing) + "\n")
    return True


def _example(name: str) -> str:
    return files("config").joinpath("examples", name).read_text(encoding="utf-8")


def practice_settings(*, language: str, **places: str) -> str:
    """Return the settings of the demo's practice folder; passwords stand in files beside them.

    `places` are `url`, `database` and `user` of the first ERP, `driver` for the tables of the second, `sap_url`,
    `sap_copy_url` and `sap_user` of the third and its copy.
    """
    name = "practice.zh_CN.yaml" if language == "zh_CN" else "practice.yaml"
    written = _example(name)
    for place, value in {"language": language, **places}.items():
        written = written.replace(f"@{place.upper()}@", value)
    return written
