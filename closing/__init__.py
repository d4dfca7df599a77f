"""Rules find what can be closed; a plan says what will happen to each document, and why not to the others."""

__all__: list[str] = []
