"""A small ERP of our own: in memory or served on loopback, with every failure to order."""

__all__: list[str] = []
