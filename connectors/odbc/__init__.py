"""Databases of legacy ERPs, over ODBC: exact images, safe writes, recipes as data."""

__all__: list[str] = []
