"""Tryton, series 8.0 and later, over its own RPC."""

__all__: list[str] = []
