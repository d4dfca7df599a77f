"""A real ERP that nobody here wrote, Tryton, with a practice company in it."""

from __future__ import annotations

__all__: list[str] = []
