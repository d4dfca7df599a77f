"""The heart: what was changed, and how to roll it back."""

__all__: list[str] = []
