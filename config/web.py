"""What every system that is called over http has in its settings: where it is, and how it is reached."""

from __future__ import annotations

from config.fields import FilePath, Flag, Seconds, Section, WebAddress
from config.politeness import PoliteSection


class TimeLimits(Section):
    """How long the system may be silent."""

    read: Seconds = 60.0
    """Seconds until a question counts as not answered."""
    write: Seconds = 120.0
    """Seconds until a write without an answer is in doubt."""


class WebSection(PoliteSection):
    """The options of a system that is called over http or https, whatever its kind."""

    url: WebAddress
    """Address of the server."""
    timeout_seconds: TimeLimits = TimeLimits()
    """How long the system may take."""
    verify_tls: Flag = True
    """Whether the certificate of an https address is checked; `false` only on a test system."""
    ca_file: FilePath | None = None
    """Certificates to trust beside those of the machine, as a PEM file."""
    allow_plain_http: Flag = False
    """Whether an http address outside this machine may be used: the password is readable on the way."""
