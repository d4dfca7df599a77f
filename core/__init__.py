"""What every room stands on: errors, time, money, ids, encoding, events, retry."""

__all__: list[str] = []
