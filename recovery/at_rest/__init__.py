"""How images are kept: packed, sealed, hidden from who may not see them, and for how long."""

__all__: list[str] = []
