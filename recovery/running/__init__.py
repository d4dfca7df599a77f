"""How a run carries out a plan: batch by batch, each settled before the next."""

__all__: list[str] = []
