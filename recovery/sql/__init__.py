"""What the journal stands on: its tables, its connections, its clock, its copies."""

__all__: list[str] = []
