"""Writes docs/reference/settings.md from the models: `python -m config.reference`.

Types, defaults and limits are asked of the models; the sentences are the docstrings below the fields.
A test compares the file with what this module would write.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from config import closings, notify, sap, settings, systems
from config.fields import Section

TARGET: Final = Path(__file__).parents[1] / "docs" / "reference" / "settings.md"

_HEAD: Final = """\
# Settings

<!-- Written by `python -m config.reference` from the models in config/; do not edit. -->

One file, `storno.yaml`, holds every setting.
Storno reads the file that `--config` names, else the one in the environment variable `STORNO_CONFIG`, else `./storno.yaml`.
`storno init` writes one that works as it stands.

## How the file is read

* An unknown key, a missing one and a value of the wrong type are errors that name file, line and key.
  All of them are told at once.
  No message repeats a value.
* `true` and `false` are switches, `12` and `1.50` are numbers, `null` and `~` are nothing.
  Every other plain word is text: `no`, `on`, `1_000`, `010`, `1:30` and `2026-01-31` mean what they look like.
  What stands in quotes is always text.
* A key without a value counts as not written.
* A key that stands there twice is an error, and so are anchors, aliases, merge keys and tags.
* A relative path begins at the folder of the file.
* The file is UTF-8, at most a megabyte.

## Secrets

* `${NAME}` in a value stands for the environment variable `NAME`.
* `${file:path}` stands for the content of a file, without one newline at its end.
* `$${` stands for the signs `${`.
* What was put in is text; where a number or a switch is expected, it is read as one.
* A secret that stands in the file itself is an error, unless `allow_plain_secrets` is `true`.
* In logs, every secret that Storno knows is replaced by `***`, and so is what has a name like `password` or `token`.
"""

_SECTIONS: Final[tuple[tuple[str, type[Section]], ...]] = (
    ("", settings.Settings),
    ("systems.NAME", systems.FakeOptions),
    ("systems.NAME", systems.OdbcOptions),
    ("systems.NAME", systems.OdooOptions),
    ("systems.NAME", sap.SapOptions),
    ("systems.NAME.services.NAME", sap.SapService),
    ("systems.NAME.odata.NAME", sap.SapODataService),
    ("systems.NAME", systems.TrytonOptions),
    ("systems.NAME", systems.GenericOptions),
    ("closings.NAME", closings.ClosingSettings),
    ("notify.NAME", notify.PersonSettings),
)
_KINDS: Final[Mapping[type[Section], str]] = {
    systems.FakeOptions: "kind `fake`",
    systems.OdbcOptions: "kind `odbc`",
    systems.OdooOptions: "kind `odoo`",
    sap.SapOptions: "kind `sap`",
    systems.TrytonOptions: "kind `tryton`",
    systems.GenericOptions: "other kinds",
}
_TYPES: Final[Mapping[Any, str]] = {
    str: "text",
    int: "whole number",
    float: "seconds",
    bool: "`true` or `false`",
    Path: "path",
    SecretStr: "secret",
}


def reference() -> str:
    """Return the whole page."""
    parts = [_HEAD]
    for path, model in _SECTIONS:
        parts.extend(part for part in _pages(path, model) if part not in parts)
    return "\n".join(parts)


def _pages(path: str, model: type[Section]) -> Iterator[str]:
    """Yield the part about one section, and the parts about the sections within it."""
    title = f"`{path}`" if path else "At the top of the file"
    if model in _KINDS:
        title += f", {_KINDS[model]}"
    lines = [f"## {title}", "", *_sentences(model.__doc__ or ""), ""]
    within: list[tuple[str, type[Section]]] = []
    texts = _docstrings(model)
    for name in _names(model):
        field = model.model_fields[name]
        key = f"{path}.{name}" if path else name
        lines += [f"* `{key}`: {_kind(field)}.", *(f"  {line}" for line in _sentences(texts[name]))]
        inner = _section(field.annotation)
        if inner is not None:
            is_list = get_origin(field.annotation) is tuple
            within.append((f"{key}[]" if is_list else key, inner))
    yield "\n".join([*lines, ""])
    for inner_path, inner in within:
        yield from _pages(inner_path, inner)


def _kind(field: FieldInfo) -> str:
    words = [_type(field.annotation)]
    limits = {
        name: value
        for each in field.metadata
        for name in ("gt", "ge", "le")
        if (value := getattr(each, name, None)) is not None
    }
    if "ge" in limits:
        words.append(f"from {limits['ge']}")
    if "gt" in limits:
        words.append(f"more than {limits['gt']}")
    if "le" in limits:
        words.append(f"up to {limits['le']}")
    if field.is_required() or _chooses_model(field):
        return f"{' '.join(words)}, required"
    default = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if default in (None, "", (), {}) or isinstance(default, BaseModel):
        return " ".join(words)
    shown = str(default).lower() if isinstance(default, bool) else f"{default}"
    shown = shown.removesuffix(".0") if isinstance(default, float) else shown
    return f"{' '.join(words)}, default `{shown}`"


def _chooses_model(field: FieldInfo) -> bool:
    """Whether this is the key that chooses the model: it has a default for programs alone."""
    return get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1


def _type(annotation: Any) -> str:
    if annotation in _TYPES:
        return _TYPES[annotation]
    origin = get_origin(annotation)
    if origin is Literal:
        allowed = [f"`{value}`" for value in get_args(annotation)]
        return " or ".join(filter(None, [", ".join(allowed[:-1]), allowed[-1]]))
    if origin in (Union, UnionType):
        return _type(next(each for each in get_args(annotation) if each is not type(None)))
    if origin is dict:
        return "keys of your choice"
    if origin is tuple:
        return "list"
    return _type(get_args(annotation)[0]) if hasattr(annotation, "__metadata__") else "section"


def _section(annotation: Any) -> type[Section] | None:
    """Return the model of a section or of a list of sections; those by name have parts of their own."""
    if get_origin(annotation) is tuple:
        annotation = get_args(annotation)[0]
    is_section = isinstance(annotation, type) and issubclass(annotation, Section)
    return annotation if is_section else None


def _names(model: type[Section]) -> list[str]:
    """Return the fields; what a section shares with others comes last, for people look for what is its own."""
    shared = [
        name for base in model.__bases__ if issubclass(base, Section) for name in _names(base)
    ]
    own = [name for name in vars(model).get("__annotations__", ()) if name in model.model_fields]
    return list(dict.fromkeys([*own, *shared]))


def _docstrings(model: type[Section]) -> dict[str, str]:
    """Return the text below each field of the class, and of those that it is made from."""
    found: dict[str, str] = {}
    for base in model.__bases__:
        if issubclass(base, Section):
            found |= _docstrings(base)
    tree = ast.parse(dedent(inspect.getsource(model))).body[0]
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    for field, text in pairwise(body):
        match field, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(written))),
            ):
                found[name] = written
            case _:
                pass
    return found


def _sentences(written: str) -> list[str]:
    """Return one sentence a line."""
    return re.split(r"(?<=[.?!]) (?=[A-Z`])", " ".join(written.split()))


def main() -> None:
    """Write the page."""
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(reference(), encoding="utf-8", newline="\n")
    sys.stdout.write(f"{TARGET}\n")


if __name__ == "__main__":  # pragma: no cover - tests call main()
    main()
