"""What the operator sets: settings, systems, secrets, logging."""

__all__: list[str] = []
