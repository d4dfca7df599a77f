"""What somebody else changed after us, and what becomes of it."""

__all__: list[str] = []
