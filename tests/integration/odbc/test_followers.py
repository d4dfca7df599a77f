"""A server that follows another one is no copy, and two nodes of one cluster are one place: proving would write to the live one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, Final

import pytest

from closing.proving import require_comparable
from config.systems import OdbcOptions
from connectors.odbc import facts
from connectors.odbc.connection import Database
from connectors.proving import ProofSubject
from core.errors import BadInput
from sandbox import mariadb, postgres

Options = Callable[..., OdbcOptions]

PLACE: Final = "tests of one node"


@pytest.fixture
def standby() -> Iterator[postgres.Cluster]:
    """A PostgreSQL that waits for what a primary writes, and lets itself be read."""
    with postgres.start_cluster() as cluster:
        data = cluster.folder / "data"
        (data / "standby.signal").touch()
        options = f"-p {cluster.port} -c unix_socket_directories= -c listen_addresses=127.0.0.1"
        log = cluster.folder / "data" / "standby.log"
        postgres.control(cluster, "-w", "-m", "fast", "-l", str(log), "-o", options, "restart")
        yield cluster


def test_a_standby_follows(standby: postgres.Cluster, postgresql_options: Options) -> None:
    """PostgreSQL says so itself; a primary and a promoted copy do not."""
    with closing(Database("erp", postgresql_options(port=standby.port))) as database:
        assert facts.follows(database)
    with closing(Database("erp", postgresql_options())) as database:
        assert not facts.follows(database)


@pytest.mark.skipif(mariadb.galera() is None, reason="MariaDB's Galera library is not installed")
def test_nodes_of_one_cluster_are_one_place() -> None:
    """A node of Galera is called by its cluster, whatever host and port it has; other servers by those."""
    with mariadb.start_server(cluster="gcomm://") as server:
        server.run("create database storno")
        options = OdbcOptions.model_validate(
            {
                "driver": "MariaDB Unicode",
                "server": "127.0.0.1",
                "port": server.port,
                "database": "storno",
                "user": mariadb.USER,
                "password": mariadb.PASSWORD,
            }
        )
        cluster = server.run("show status like 'wsrep_cluster_state_uuid'").split()[-1]
        with closing(Database("erp", options)) as database:
            assert f"MariaDB: {cluster}/storno" == facts.place_of(database)
            assert not facts.follows(database)


def test_a_server_alone_is_called_by_its_host(mariadb_options: Options) -> None:
    """Without a cluster, host, port and folder tell one server from another."""
    options = mariadb_options()
    with closing(Database("erp", options)) as database:
        assert f":{options.port}" in facts.place_of(database)
        assert not facts.follows(database)


class _Provable:
    """A system that says only what it is."""

    kind = "odbc"

    def __init__(self, name: str, subject: ProofSubject) -> None:
        self.name = name
        self._subject = subject

    def proof_subject(self) -> ProofSubject:
        return self._subject

    trust = trust_as_copy = capture_whole = forward_only = census = look_again = lambda *_: None


@pytest.mark.parametrize("followers", [("live",), ("copy",), ("live", "copy")])
def test_nothing_is_proved_on_a_follower(followers: tuple[str, ...]) -> None:
    """Neither where the live system is one, for its copy may be whom it follows, nor where the copy is."""
    plain = ProofSubject("a", {}, ("purchase_order.close",))
    found: list[Any] = [
        _Provable(name, dataclasses.replace(plain, place=name, is_follower=name in followers))
        for name in ("live", "copy")
    ]

    with pytest.raises(BadInput, match=f"{followers[0]} follows another server"):
        require_comparable(*found)
