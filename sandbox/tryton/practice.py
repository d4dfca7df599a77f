"""The practice ERP: a real Tryton with a practice company, made once, kept, and started from a copy in about a second.

>>> ready = prepare(default_cache())
>>> with start(ready, Path("practice")) as erp:
...     print(erp.url, erp.database, erp.user, erp.password)
"""

from __future__ import annotations

from sandbox.tryton.build import (
    MODULES,
    PASSWORDS,
    SERVICE_USER,
    Progress,
    Ready,
    list_databases,
    prepare,
)
from sandbox.tryton.oracle import Difference, compare, dump, load
from sandbox.tryton.server import Running, start, stop
from sandbox.tryton.venv import PracticeError, default_cache

__all__ = [
    "MODULES",
    "PASSWORDS",
    "SERVICE_USER",
    "Difference",
    "PracticeError",
    "Progress",
    "Ready",
    "Running",
    "compare",
    "default_cache",
    "dump",
    "list_databases",
    "load",
    "prepare",
    "start",
    "stop",
]
