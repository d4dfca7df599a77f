"""What stops every worker, and who is told of it."""

__all__: list[str] = []
