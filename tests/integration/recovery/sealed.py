"""Keys that images are sealed with, a field that is hidden, and a value that nobody may read."""

from __future__ import annotations

from connectors.fake.schema import ORDER
from recovery.at_rest.redaction import Redaction, Rule

OLD, NEW = ("2025", b"o" * 32), ("2026", b"n" * 32)
HIDDEN = Redaction([Rule(ORDER, frozenset({"note"}))])
OPEN = Redaction()
SECRET = "salary of the boss: 123456"
