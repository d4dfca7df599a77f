"""Talk to one outside system; know nothing of journals or closings."""

__all__: list[str] = []
