"""The journal's own clock: seconds by which leases end and systems are paced. No worker's time of day decides.

On PostgreSQL it is the database's clock, the same for workers on every machine. On SQLite all processes are on one
machine, so it is that machine's steady clock: it begins anew when the machine does, but then every holder is dead.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, Float, cast, func, literal, select

from core import clock


def tick(dialect: str) -> ColumnElement[float]:
    """Return this very moment, for use in a statement."""
    if dialect == "sqlite":
        return literal(clock.steady(), Float)
    # Not now(): that is when the transaction began.
    return cast(func.extract("epoch", func.clock_timestamp()), Float(53))


def read_tick(connection: Connection) -> float:
    """Return this very moment."""
    if connection.dialect.name == "sqlite":
        return clock.steady()
    return float(connection.execute(select(tick("postgresql"))).scalar_one())
