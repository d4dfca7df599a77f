"""How long Storno waits for a system that it calls over the network."""

from __future__ import annotations

from config.fields import Seconds, Section


class TimeLimits(Section):
    """How long the system may be silent."""

    read: Seconds = 60.0
    """Seconds until a question counts as not answered."""
    write: Seconds = 120.0
    """Seconds until a write without an answer is in doubt."""
