"""Several workers, one journal: who carries what out, and how politely systems are treated."""

__all__: list[str] = []
