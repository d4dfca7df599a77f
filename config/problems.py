"""Turns what pydantic found into sentences that name the key and never repeat the value."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Any, Final, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from config.source import Key, Source
from config.systems import BUILT_IN, TAG
from core.text import N_, Text, text

_TEXTS: Final[Mapping[str, str]] = {
    "missing": N_("is missing"),
    "bool_type": N_("must be true or false"),
    "int_type": N_("must be a whole number"),
    "float_type": N_("must be a number"),
    "string_type": N_("must be text; what looks like a number or a switch must stand in quotes"),
    "is_instance_of": N_("must be the path of a file"),
    "string_too_short": N_("must not be empty"),
    "dict_type": N_("must be a section with keys of its own"),
    "model_type": N_("must be a section with keys of its own"),
    "tuple_type": N_("must be a list: one entry a line, each after a dash"),
}
_LIMITS: Final[Mapping[str, tuple[str, str]]] = {
    "greater_than": ("gt", N_("must be more than {limit}")),
    "greater_than_equal": ("ge", N_("must be at least {limit}")),
    "less_than": ("lt", N_("must be less than {limit}")),
    "less_than_equal": ("le", N_("must be at most {limit}")),
    "string_too_long": ("max_length", N_("must have at most {limit} characters")),
}


def add_problems(source: Source, error: ValidationError, model: type[BaseModel]) -> None:
    """Note every problem of `error`, except where a value was found missing already."""
    already = {problem.key for problem in source.problems}
    for each in error.errors(include_url=False, include_input=False):
        key = _key(each["loc"])
        if key in already:
            continue
        if each["type"] == "extra_forbidden":
            known = _known_keys(model, key[:-1], source)
            source.add_problem(key, unknown_key(str(key[-1]), known))
        else:
            source.add_problem(key, _problem(each["type"], each.get("ctx", {})))


def unknown_key(written: str, known: Iterable[str]) -> Text:
    """Say that there is no such key, and which one was probably meant."""
    known = sorted(known)
    close = difflib.get_close_matches(written, known, n=1, cutoff=0.6)
    if close:
        return text(N_("unknown key; did you mean {suggestion}?"), suggestion=close[0])
    return text(N_("unknown key; known here: {known}"), known=", ".join(known) or "-")


def unknown_name(written: str, known: Iterable[str]) -> Text:
    """Say that nothing has this name, and which one was probably meant."""
    known = sorted(known)
    close = difflib.get_close_matches(written, known, n=1, cutoff=0.6)
    if close:
        return text(
            N_("there is none of this name; did you mean {suggestion}?"), suggestion=close[0]
        )
    return text(N_("there is none of this name; known: {known}"), known=", ".join(known) or "-")


def _key(location: tuple[str | int, ...]) -> Key:
    """Return the path as the file has it, without what pydantic adds to tell branches apart."""
    return tuple(
        part
        for part in location
        if not (isinstance(part, str) and (part.startswith(TAG) or part == "[key]"))
    )


def _problem(kind: str, context: Mapping[str, Any]) -> Text:
    if kind == "storno" and isinstance(context.get("text"), Text):
        found: Text = context["text"]
        return found
    if kind == "literal_error":
        allowed = ", ".join(re.findall(r"'([^']*)'", str(context["expected"])))
        return text(N_("must be one of: {allowed}"), allowed=allowed)
    if kind in _LIMITS:
        name, template = _LIMITS[kind]
        limit = context[name]
        return text(template, limit=int(limit) if limit == int(limit) else limit)
    return text(_TEXTS.get(kind, N_("is not valid")))


def _known_keys(model: type[BaseModel], key: Key, source: Source) -> Iterable[str]:
    """Return the keys that the section at `key` may have."""
    section: Any = model
    value: Any = source.values
    for part in key:
        value = value[part]
        if _is_model(section):
            section = section.model_fields[str(part)].annotation
        else:
            section = get_args(section)[-1 if get_origin(section) is dict else 0]
        section = _model_of(section, value)
    return section.model_fields if _is_model(section) else ()


def _is_model(section: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(section, type) and issubclass(section, BaseModel)


def _model_of(annotation: Any, value: Any) -> Any:
    """Return the model or container that an annotation stands for, given what was written."""
    while hasattr(annotation, "__metadata__"):
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, UnionType):
        only = [each for each in get_args(annotation) if each is not type(None)]
        if len(only) == 1:
            return _model_of(only[0], value)  # a section that may be left out
        # The one union of models; a kind that is not built in allows every key.
        return BUILT_IN.get(value.get("kind"), annotation)
    return annotation
