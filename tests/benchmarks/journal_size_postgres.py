"""`python -m tests.benchmarks.journal_size_postgres SIZE`: what the same journal takes in a database of PostgreSQL.

No promise is made for it: a row there has 24 bytes of its own and nothing of the file is shared between tables. Writes
one line of JSON.
"""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Final

from core.encoding import dumps
from recovery.journal import Journal
from sandbox.postgres import Cluster, start_cluster
from tests.benchmarks.journal_size_run import KEYS, fill
from tests.benchmarks.report import only_warnings

LARGEST_SHOWN: Final = 6


@dataclass(frozen=True, slots=True)
class PostgresSizes:
    """Bytes with indexes, as the server left them; `tables` are the largest."""

    size: int
    image_bytes: int
    journal_bytes: int  # all tables of the journal
    tables: dict[str, int]


def measure(size: int) -> PostgresSizes:
    """Fill a journal on a server of its own."""
    with start_cluster() as cluster, closing(_opened(cluster)) as journal:
        fill(journal, size)
        with journal.reading() as connection:
            rows = connection.exec_driver_sql(
                "SELECT relname, pg_total_relation_size(oid) FROM pg_class"
                " WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace ORDER BY 2 DESC"
            ).all()
    sizes = {str(name): int(size) for name, size in rows}
    shown = dict(list(sizes.items())[:LARGEST_SHOWN])
    return PostgresSizes(size, sizes["image"], sum(sizes.values()), shown)


def _opened(cluster: Cluster) -> Journal:
    url = cluster.dsn.replace("postgresql://", "postgresql+psycopg://", 1)
    return Journal.open(url, keys=KEYS)


def main(size: str) -> int:
    """Measure once and write the result."""
    only_warnings()
    print(dumps(asdict(measure(int(size)))).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
