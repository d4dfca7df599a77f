"""Everything that faces people or other programs."""

__all__: list[str] = []
