"""Practice ERPs and throw-away databases, for the demo and the tests; always other processes."""

from __future__ import annotations

__all__: list[str] = []
