"""A real legacy ERP that nobody here wrote: SQL-Ledger 3.2 on PostgreSQL, as Debian packages it.

SQL-Ledger is GPL-2.0-or-later; Storno neither imports nor ships it. It is fetched into the cache and runs as other processes.
"""

from __future__ import annotations

__all__: list[str] = []
