"""What the business files add to the engine: methods, hooks, computed fields, tracked fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

if TYPE_CHECKING:
    from sandbox.odoo.engine import Env

F = TypeVar("F", bound=Callable[..., Any])
FIRST, LAST = 16, 19

Vals = dict[str, Any]
BeforeCreate = Callable[["Env", Vals], None]
AfterCreate = Callable[["Env", list[int]], None]
BeforeWrite = Callable[["Env", list[int], Vals], None]
AfterWrite = Callable[["Env", list[int], Vals, Mapping[int, Vals]], None]
Unlink = Callable[["Env", list[int]], None]
Compute = Callable[["Env", int], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Method:
    """A public method of a model."""

    function: Callable[..., Any]
    is_model: bool  # Odoo's @api.model: no ids go in


@dataclass(frozen=True, slots=True, eq=False)
class Computed:
    """Fields that one function computes, and what they depend on."""

    model: str
    fields: tuple[str, ...]
    depends: tuple[str, ...]
    function: Compute
    when: Literal["changed", "written"]


@dataclass(slots=True, eq=False)
class Business:
    """All that holds in one version."""

    methods: dict[tuple[str, str], Method] = field(default_factory=dict)
    before_create: dict[str, list[BeforeCreate]] = field(default_factory=dict)
    after_create: dict[str, list[AfterCreate]] = field(default_factory=dict)
    before_write: dict[str, list[BeforeWrite]] = field(default_factory=dict)
    after_write: dict[str, list[AfterWrite]] = field(default_factory=dict)
    before_unlink: dict[str, list[Unlink]] = field(default_factory=dict)
    computed: list[Computed] = field(default_factory=list)
    tracked: dict[str, list[str]] = field(default_factory=dict)
    labels: dict[tuple[str, str], str] = field(default_factory=dict)


_ENTRIES: Final[list[tuple[int, int, Callable[[Business], None]]]] = []


def _add(since: int, until: int, put: Callable[[Business], None]) -> None:
    _ENTRIES.append((since, until, put))
    business_of.cache_clear()


@cache
def business_of(version: int) -> Business:
    """Return what holds in a version; a later registration of the same method wins."""
    business = Business()
    for since, until, put in _ENTRIES:
        if since <= version <= until:
            put(business)
    return business


def method(
    model: str, name: str, since: int = FIRST, until: int = LAST, *, is_model: bool = False
) -> Callable[[F], F]:
    """Register `def f(env, ids, *args, **kwargs)` (for `is_model`: `def f(env, *args, **kwargs)`)."""

    def register(function: F) -> F:
        def put(to: Business) -> None:
            to.methods[model, name] = Method(function, is_model)

        _add(since, until, put)
        return function

    return register


def _hook(kind: str, model: str, since: int, until: int) -> Callable[[F], F]:
    def register(function: F) -> F:
        def put(to: Business) -> None:
            getattr(to, kind).setdefault(model, []).append(function)

        _add(since, until, put)
        return function

    return register


def on_create(model: str, since: int = FIRST, until: int = LAST) -> Callable[[F], F]:
    """Register `def f(env, vals)`: before a record is made; may fill in defaults and numbers, may refuse."""
    return _hook("before_create", model, since, until)


def after_create(model: str, since: int = FIRST, until: int = LAST) -> Callable[[F], F]:
    """Register `def f(env, ids)`: the records exist, with their lines and computed fields."""
    return _hook("after_create", model, since, until)


def on_write(model: str, since: int = FIRST, until: int = LAST) -> Callable[[F], F]:
    """Register `def f(env, ids, vals)`: before anything is stored; may change `vals`, may refuse."""
    return _hook("before_write", model, since, until)


def after_write(model: str, since: int = FIRST, until: int = LAST) -> Callable[[F], F]:
    """Register `def f(env, ids, vals, old)`: stored and recomputed; `old[id]` has the values of the
    written fields before.
    """
    return _hook("after_write", model, since, until)


def on_unlink(model: str, since: int = FIRST, until: int = LAST) -> Callable[[F], F]:
    """Register `def f(env, ids)`: before records are deleted; may refuse."""
    return _hook("before_unlink", model, since, until)


def compute(
    model: str,
    *fields: str,
    depends: tuple[str, ...] = (),
    since: int = FIRST,
    until: int = LAST,
    when: Literal["changed", "written"] = "changed",
) -> Callable[[F], F]:
    """Register `def f(env, record_id) -> {field: value} | None`: the values of `fields`.

    Stored fields are computed when a record is made (those not given) and whenever a field in `depends`
    (dotted paths from `model`, as in Odoo) changes, or with `when="written"` is written at all, even to
    the same value. A field that is itself given in the write that triggers is left alone. Fields that are
    not stored are computed when they are read. A field may be left out of the answer: it keeps its value.
    """

    def register(function: F) -> F:
        made = Computed(model, fields, depends, function, when)
        _add(since, until, lambda to: to.computed.append(made))
        return function

    return register


def track(model: str, *fields: str, since: int = FIRST, until: int = LAST) -> None:
    """Say which fields leave a message with old and new value when a write changes them."""
    _add(since, until, lambda to: to.tracked.setdefault(model, []).extend(fields))


def labels(model: str, texts: Mapping[str, str], *, since: int = FIRST, until: int = LAST) -> None:
    """Say what the screens call fields (fields_get `string`, and refusals) where the name does not tell."""
    entries = {(model, name): text for name, text in texts.items()}
    _add(since, until, lambda to: to.labels.update(entries))
