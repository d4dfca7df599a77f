"""What a rollback is about: what was asked for, what rests on it, and what its way back would meet."""

__all__: list[str] = []
