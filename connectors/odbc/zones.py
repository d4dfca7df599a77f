"""In which zone a session stands: everything is read in UTC, and written in the zone that the server gave the session.

The ERP's own triggers and default values tell the time of the session that writes, so what Storno writes must not
make them tell UTC. A moment of a column with a zone is one moment in either.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from connectors.odbc.values import Cell

if TYPE_CHECKING:
    from collections.abc import Callable


class Zones(NamedTuple):
    """What is said to a server to change the zone of a session."""

    read: str
    write: str
    write_exactly: str  # as `write`; a moment with a zone passes through local time unharmed
    ends_with_transaction: (
        bool  # whatever was said; then what waits for COMMIT has to be told again
    )


POSTGRESQL: Final = Zones(
    "set local timezone = 'UTC'",
    "set local timezone to default",
    "set local timezone to default",  # A moment travels with its offset.
    ends_with_transaction=True,
)

KEEP_ZONE: Final = "set @storno_zone = @@session.time_zone"
"""Said by MariaDB's sessions before anything else of zones."""

MARIADB: Final = Zones(
    "set session time_zone = '+00:00'",
    "set session time_zone = @storno_zone",
    # The server's zone as the mere offset that it has at this moment: what is written to a TIMESTAMP passes through
    # local time, and in a zone with summer time one hour of a year comes twice. For a trigger, now is the same. No
    # server knows other offsets than these.
    "set session time_zone = (select if(m between -779 and 780,"
    " concat(if(m < 0, '-', '+'), lpad(abs(m) div 60, 2, '0'), ':', lpad(abs(m) % 60, 2, '0')), @storno_zone)"
    " from (select timestampdiff(minute, utc_timestamp(),"
    " convert_tz(utc_timestamp(), '+00:00', @storno_zone)) as m) as q)",
    ends_with_transaction=False,
)


class Zone:
    """The zone of one session, said to the server only where it changes."""

    def __init__(self, zones: Zones | None, say: Callable[[str], Any]) -> None:
        self._zones = zones
        self._say = say
        self._said: str | None = None  # nothing: UTC

    def read(self) -> None:
        """Be in UTC."""
        if self._zones is not None and self._said is not None:
            self._be_in(self._zones.read)

    def write(self, *, has_zone: bool) -> None:
        """Be where the server put the session; `has_zone`: a column whose moments have a zone is written to."""
        if self._zones is not None:
            self._be_in(self._zones.write_exactly if has_zone else self._zones.write)

    def commit(self) -> None:
        """Be where triggers that wait for COMMIT tell the right time."""
        if self._zones is not None and self._zones.ends_with_transaction:
            self._be_in(self._zones.write)

    def end(self) -> None:
        """Forget what ended with the transaction."""
        if self._zones is not None and self._zones.ends_with_transaction:
            self._said = None

    def _be_in(self, zone: str) -> None:
        if zone != self._said:
            self._say(zone)
            self._said = zone


# --- MariaDB's TIMESTAMP --------------------------------------------------------------------------


def stamp_cell(text: str) -> Cell:
    """Type a TIMESTAMP as it is read, in UTC; the moment 0 stays text."""
    try:
        return Cell(datetime.fromisoformat(text).replace(tzinfo=UTC))
    except ValueError:
        return Cell(text, text)


def stamp_text(text: str) -> str | None:
    """Return the text of a moment in UTC without an offset, None for the moment 0 and for what is no moment."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat(sep=" ")
