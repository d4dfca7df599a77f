"""A server that cannot prove who it is gets nothing of us, not even who we are."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from config.systems import OdooOptions
from connectors.odoo.connector import open_system
from core import clock
from core.errors import Unreachable
from sandbox.odoo.instance import Odoo
from sandbox.odoo.server import OdooServer

HOST: Final = "127.0.0.1"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate that the server made for itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = clock.now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(HOST))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.fixture
def server(certificate: Path) -> Iterator[OdooServer]:
    """The stand-in behind TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = OdooServer(Odoo(18))
    listener = server._listener
    assert listener is not None
    listener.socket = context.wrap_socket(listener.socket, server_side=True)
    with server:
        yield server


def test_unknown_certificate(server: OdooServer) -> None:
    """Nothing is sent to a server whose certificate nobody vouches for."""
    system = open_system("practice", _options(server))
    with closing(system), pytest.raises(Unreachable):
        system.check()
    assert [] == server.odoo.ledger.lines()


def test_certificate_that_is_named(server: OdooServer, certificate: Path) -> None:
    """One that the operator names is trusted."""
    with closing(open_system("practice", _options(server, ca_file=certificate))) as system:
        assert system.check().acting_as == "Storno (storno)"


def _options(server: OdooServer, **more: object) -> OdooOptions:
    given = {"url": f"https://{HOST}:{server.port}", "database": server.odoo.db.name}
    return OdooOptions.model_validate(given | {"user": "storno", "password": "storno"} | more)
