"""One remote call: which method is meant, with which arguments, and what comes back."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sandbox.odoo import base
from sandbox.odoo.environment import Env
from sandbox.odoo.errors import AccessError, UserError
from sandbox.odoo.importing import LoadFailed
from sandbox.odoo.table import Table


class UnknownModelError(UserError):
    """RPC says it in a `UserError`, JSON-2 with 404."""


class UnknownMethodError(AttributeError):
    """RPC answers with a traceback, JSON-2 with 404."""


@dataclass(frozen=True, slots=True)
class Target:
    """A method that was found, ready to be called with what follows the ids."""

    model: str
    name: str
    function: Callable[..., Any]
    is_model: bool

    @property
    def signature(self) -> inspect.Signature:
        """Return the parameters as a caller sees them."""
        found = inspect.signature(self.function)
        names = list(found.parameters.values())
        return found.replace(parameters=names[0 if self.is_model else 1 :])


def table_of(env: Env, model: str) -> Table:
    """Return the table, or raise what Odoo says about a model that does not exist."""
    if model not in env:
        raise UnknownModelError(f"Object {model} doesn't exist")
    return env[model]


def find(env: Env, model: str, name: str) -> Target:
    """Return the method, or raise what Odoo says about it."""
    table = table_of(env, model)
    if name.startswith("_"):
        shown = f"'{model}.{name}'" if env.version >= 19 else name
        raise AccessError(f"Private methods (such as {shown}) cannot be called remotely.")
    method = env.business.methods.get((model, name))
    if method is not None:
        return Target(model, name, partial(method.function, env), method.is_model)
    built_in = base.find(table, name)
    if built_in is not None:
        return Target(model, name, partial(built_in.function, table), built_in.is_model)
    if env.version >= 19:
        raise UnknownMethodError(f"The method '{model}.{name}' does not exist")
    raise UnknownMethodError(f"The method '{name}' does not exist on the model '{model}'")


def execute(env: Env, model: str, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Run a call of XML-RPC or JSON-RPC: the ids are the first argument, the context is among the named."""
    named = dict(kwargs)
    context = named.pop("context", None)
    env = env.with_context(context or {})
    target = find(env, model, name)
    given = list(args)
    if not target.is_model:
        ids = base.as_ids(given.pop(0) if given else [])
        _require_arguments(target, given, named)
        return _plain(_run(target, [ids, *given], named))
    _require_arguments(target, given, named)
    return _plain(_run(target, given, named))


def _run(target: Target, args: list[Any], kwargs: dict[str, Any]) -> Any:
    return target.function(*args, **kwargs)


def _require_arguments(target: Target, args: list[Any], kwargs: dict[str, Any]) -> None:
    """Raise Python's own words where the arguments do not fit, with Odoo's class in front."""
    signature = target.signature
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        words = str(error)
    else:
        return
    owner = "".join(part.capitalize() for part in target.model.split("."))
    missing = [
        name
        for number, (name, parameter) in enumerate(signature.parameters.items())
        if parameter.default is parameter.empty
        and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        and number >= len(args)
        and name not in kwargs
    ]
    if missing:
        listed = " and ".join(f"'{name}'" for name in missing)
        plural = "s" if len(missing) > 1 else ""
        words = f"missing {len(missing)} required positional argument{plural}: {listed}"
    elif "too many positional" in words:
        most = len(signature.parameters) + 1
        words = f"takes {most} positional arguments but {len(args) + 2} were given"
    raise TypeError(f"{owner}.{target.name}() {words}")


def _plain(value: Any) -> Any:
    """Return a value of lists and dicts only."""
    if isinstance(value, (tuple, set, frozenset)):
        return [_plain(each) for each in value]
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value


def plain(value: Any) -> Any:
    """Return a value as it can travel."""
    return _plain(value)


__all__ = [
    "LoadFailed",
    "Target",
    "UnknownMethodError",
    "UnknownModelError",
    "execute",
    "find",
    "plain",
]
