"""A SAP of our own for practice and for tests: it loses, locks, commits and refuses as SAP does."""

from __future__ import annotations

__all__: list[str] = []
