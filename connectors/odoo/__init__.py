"""Odoo, versions 14 to 19 and on, over its own RPC."""

__all__: list[str] = []
