"""What holds for every test; fixtures for one kind of test stand in that folder's conftest.py."""

from __future__ import annotations

import os
import sys
import time

import pytest
from hypothesis import HealthCheck, settings

# Settings of the person who runs the tests must not reach them, nor the processes that they start;
# but for those that name a real Odoo to test on, which nothing else reads.
for _name in [
    name
    for name in os.environ
    if name.upper().startswith("STORNO_") and not name.startswith("STORNO_ODOO_")
]:
    del os.environ[_name]

# Far from UTC and without summer time, so that a local date taken for a UTC date shows at once.
# `make test-fast TEST_ZONE=America/New_York` looks from the other side.
os.environ["TZ"] = os.environ.get("TEST_ZONE") or "Asia/Taipei"
if sys.platform != "win32":
    time.tzset()

# A busy machine is no failed promise, so no example has a time limit: pytest's own limit is enough. A change is judged by
# the same examples on every machine; new ones are looked for with HYPOTHESIS_PROFILE=thorough.
settings.register_profile("default", deadline=None, derandomize=True)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile(
    "thorough",
    deadline=None,
    max_examples=2000,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "default"),
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Benchmarks run only when `-m` asks for them; another `-m` must not call them in."""
    if "benchmark" in config.option.markexpr:
        return
    benchmarks = [item for item in items if item.get_closest_marker("benchmark")]
    if benchmarks:
        config.hook.pytest_deselected(items=benchmarks)
        items[:] = [item for item in items if item not in benchmarks]
