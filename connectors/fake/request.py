"""What a request to the fake ERP and its answer are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.fake.errors import ERPError
from connectors.fake.table import Row


@dataclass(frozen=True, slots=True)
class ERPSettings:
    """How this ERP behaves."""

    user: str = "storno"
    password: str = "storno"  # noqa: S105 - a practice ERP on loopback
    is_atomic_batch: bool = True
    has_compare_and_set: bool = True
    latency_seconds: float = 0.0
    sees_everything: bool = True


@dataclass(frozen=True, slots=True)
class Query:
    """Records of `model` that belong to a footprint: those whose `field` holds the document's key,
    or, with `is_parent`, the one that the document's own `field` names.
    """

    model: str
    field: str
    is_parent: bool = False


@dataclass(frozen=True, slots=True)
class ApplyCall:
    """One call as the ERP gets it; `expected` are the versions that the caller relies on."""

    operation_id: str
    model: str
    key: str
    arguments: Mapping[str, Any]
    expected: Sequence[tuple[str, str, int | None]] = ()


Refusals = list[ERPError | None]
Captured = list[list[tuple[str, str, Row | None]]]
