"""The throw-away MariaDB server."""

from __future__ import annotations

import pytest

from sandbox import mariadb


@pytest.mark.odbc
def test_a_server_leaves_nothing_behind() -> None:
    """It answers, on loopback alone, and its folder is gone when it has stopped."""
    with mariadb.start_server() as server:
        assert server.run("select @@bind_address").strip() == "127.0.0.1"
        assert (server.folder / "data").is_dir()

    assert not server.folder.exists()
