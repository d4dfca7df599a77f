"""What every system that is called over the network has in its settings: how it is reached, and how politely."""

from __future__ import annotations

from config.fields import FilePath, Flag, Seconds, Section
from config.politeness import PolitenessSettings


class TimeLimits(Section):
    """How long the system may be silent."""

    read: Seconds = 60.0
    """Seconds until a question counts as not answered."""
    write: Seconds = 120.0
    """Seconds until a write without an answer is in doubt."""


class WebSection(Section):
    """The options of a system that is called over http or https, whatever its kind."""

    timeout_seconds: TimeLimits = TimeLimits()
    """How long the system may take."""
    verify_tls: Flag = True
    """Whether the certificate of an https address is checked; `false` only on a test system."""
    ca_file: FilePath | None = None
    """Certificates to trust beside those of the machine, as a PEM file."""
    allow_plain_http: Flag = False
    """Whether an http address outside this machine may be used: the password is readable on the way."""
    politeness: PolitenessSettings = PolitenessSettings()
    """How often, when, and how long at all it is called."""
