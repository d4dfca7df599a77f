"""Promises of the one way out over HTTP, counted on the wire."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from connectors.http import HttpClient, is_loopback
from core.errors import (
    BadAnswer,
    BadInput,
    OutcomeUnknown,
    StornoError,
    Timeout,
    Unreachable,
)


class Wire:
    """A server that sends given bytes and then hangs up; counts the requests that it read whole."""

    def __init__(self, answer: Callable[[int], bytes | None]) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._address = self._socket.getsockname()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._address[1]}"

    def close(self) -> None:
        self._done.set()
        # An accept that waits is woken by a call; closing its socket would leave it waiting.
        with suppress(OSError):
            socket.create_connection(self._address).close()
        self._thread.join(5)

    def _serve(self) -> None:
        while not self._done.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            if self._done.is_set():
                connection.close()
                break
            self.connections += 1
            with connection:
                connection.settimeout(0.2)
                self._talk(connection)
        self._socket.close()

    def _talk(self, connection: socket.socket) -> None:
        while (request := _read_request(connection)) is not None:
            self.requests.append(request)
            answer = self._answer(len(self.requests))
            if answer is None:
                self._done.wait(5)
                return
            connection.sendall(answer)
            if b"Content-Length: 2\r\n" not in answer or b"close" in answer:
                return


def _read_request(connection: socket.socket) -> bytes | None:
    read = b""
    while b"\r\n\r\n" not in read or not read.endswith(b"END"):
        try:
            chunk = connection.recv(65536)
        except OSError:
            return None
        if not chunk:
            return None
        read += chunk
    return read


@contextmanager
def wire(answer: Callable[[int], bytes | None]) -> Iterator[Wire]:
    served = Wire(answer)
    try:
        yield served
    finally:
        served.close()


def answer_of(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def send(url: str, *, is_write: bool, seconds: float = 5.0, limit: int = 10_000) -> bytes:
    with HttpClient(
        "erp",
        url,
        read_timeout_seconds=seconds,
        write_timeout_seconds=seconds,
        max_answer_bytes=limit,
    ) as client:
        return client.request("POST", "rpc/", body=b"bodyEND", is_write=is_write).body


HTTP_START = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it"
BROKEN_ANSWERS: dict[str, bytes] = {
    "hung up without a word": b"",
    "hung up in the headers": b"HTTP/1.1 200 OK\r\nContent-Le",
    "hung up in the body": HTTP_START,
    "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "gzip cut": answer_of(gzip.compress(b"x" * 999)[:-9], "Content-Encoding: gzip"),
    "gzip damaged": answer_of(b"\x1f\x8b" + b"\x00" * 40, "Content-Encoding: gzip"),
    "too large": answer_of(b"x" * 10_001),
    "too large when unpacked": answer_of(gzip.compress(b"x" * 10_001)),
}


@pytest.mark.parametrize("name", BROKEN_ANSWERS)
@pytest.mark.parametrize("is_write", [False, True])
def test_broken_answer(name: str, *, is_write: bool) -> None:
    """A read with a broken answer may be repeated, a write is in doubt, and neither is sent twice by itself."""
    expected = OutcomeUnknown if is_write else BadAnswer
    with wire(lambda _: BROKEN_ANSWERS[name]) as served:
        with pytest.raises(StornoError) as raised:
            send(served.url, is_write=is_write)
        assert (expected, 1) == (type(raised.value), len(served.requests))


@pytest.mark.parametrize("is_write", [False, True])
def test_silence(*, is_write: bool) -> None:
    """A read without an answer is a time-out, a write without one is in doubt; each was sent once."""
    expected = OutcomeUnknown if is_write else Timeout
    with wire(lambda _: None) as served:
        with pytest.raises(StornoError) as raised:
            send(served.url, is_write=is_write, seconds=0.05)
        assert (expected, 1) == (type(raised.value), len(served.requests))


@pytest.mark.parametrize("is_write", [False, True])
def test_nobody_there(*, is_write: bool) -> None:
    """Without a connection nothing was sent, so even a write may be tried again."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(Unreachable):
        send(url, is_write=is_write)


def test_no_tls() -> None:
    """A server that does not speak TLS was sent no request."""
    with wire(lambda _: b"nonsense") as served:
        with pytest.raises(Unreachable):
            send(served.url.replace("http:", "https:"), is_write=True)
        assert served.requests == []


def test_writes_use_fresh_connections() -> None:
    """A kept connection may be dead without anybody knowing: writes never use one, reads may."""
    with wire(lambda _: answer_of(b"ok")) as served:
        with HttpClient("erp", served.url) as client:
            for is_write in (False, False, True, True):
                client.request("POST", "rpc/", body=b"END", is_write=is_write)
        assert (len(served.requests), served.connections) == (4, 3)


def test_kept_connection_that_died() -> None:
    """A read over a kept connection that the server closed is answered with an error, not silently sent again."""

    def answer(number: int) -> bytes:
        return answer_of(b"ok") if number == 1 else b""

    with wire(answer) as served, HttpClient("erp", served.url) as client:
        client.request("POST", "rpc/", body=b"END", is_write=False)
        with pytest.raises(BadAnswer):
            client.request("POST", "rpc/", body=b"END", is_write=False)
        assert len(served.requests) == 2


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(httpserver: HTTPServer, status: int) -> None:
    """A redirect would repeat the body somewhere else: it is an answer like any other."""
    httpserver.expect_request("/rpc/").respond_with_data(
        "", status=status, headers={"Location": httpserver.url_for("/other/")}
    )
    with HttpClient("erp", httpserver.url_for("/")) as client:
        answer = client.request("POST", "rpc/", body=b"x", is_write=True)
    assert (status, 1) == (answer.status, len(httpserver.log))


@pytest.mark.parametrize("label", ["gzip", None])
@pytest.mark.parametrize("is_packed", [True, False])
def test_gzip_by_its_bytes(httpserver: HTTPServer, label: str | None, *, is_packed: bool) -> None:
    """Bytes say whether an answer is packed: Tryton labels plain ones as gzip."""
    body = gzip.compress(b"plain") if is_packed else b"plain"
    headers = {"Content-Encoding": label} if label else {}
    httpserver.expect_request("/rpc/").respond_with_data(body, headers=headers)
    assert send(httpserver.url_for("/"), is_write=False) == b"plain"


def test_gzip_is_asked_for(httpserver: HTTPServer) -> None:
    """Every request asks for gzip, because a Tryton that is not asked mislabels its answer."""

    def asked(request: Request) -> Response:
        return Response(request.headers["Accept-Encoding"])

    httpserver.expect_request("/rpc/").respond_with_handler(asked)
    assert send(httpserver.url_for("/"), is_write=True) == b"gzip"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://erp.example",
        "erp.example",
        "http://",
        "https://user:secret@erp.example",
        "http://erp.example",
        "http://[::1",
    ],
)
def test_bad_address(url: str) -> None:
    """An address that is none, holds a password or would send one in clear is refused, without repeating it."""
    with pytest.raises(BadInput) as raised:
        HttpClient("erp", url)
    assert "secret" not in str(raised.value)


def test_plain_http_when_allowed() -> None:
    """Old ERPs speak plain http on a trusted network; the operator says so."""
    HttpClient("erp", "http://erp.example", allow_plain_http=True).close()


def test_no_secret_in_errors(httpserver: HTTPServer) -> None:
    """A header that cannot be sent is not quoted in the error: it may hold a session."""
    headers = {"Authorization": "secret\r\nX: y"}
    with HttpClient("erp", httpserver.url_for("/")) as client, pytest.raises(StornoError) as raised:
        client.request("POST", "rpc/", headers=headers, is_write=False)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "host, expected",
    [
        ("localhost", True),
        ("127.0.0.9", True),
        ("[::1]", True),
        ("10.0.0.1", False),
        ("erp", False),
    ],
)
def test_is_loopback(host: str, *, expected: bool) -> None:
    """This machine is known by its names and addresses."""
    assert expected == is_loopback(host)
