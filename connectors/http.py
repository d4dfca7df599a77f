"""The one way out over HTTP. A request is sent at most once, whatever happens to it.

What makes that true, read in httpx2 / httpcore2 2.16 and held by tests that count requests on the wire:

* `retries=0`: not even a connection is tried twice. httpcore2's pool loops only on `ConnectionNotAvailable`,
  which HTTP/1.1 connections raise before the first byte is written.
* Redirects are not followed: a 307 would repeat the body.
* Writes never travel on a kept-alive connection. One that the server closed meanwhile would lose the answer of
  a request that was never read, and every such accident would be a document in doubt.
* Cookies are kept by nobody: what a server sets stands in its answer, and only a caller that sends it back does.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, NoReturn, Self

import httpx2

from core import clock
from core.errors import BadAnswer, BadInput, OutcomeUnknown, StornoError, Timeout, Unreachable
from core.text import N_

if TYPE_CHECKING:
    from config.web import WebSection

DEFAULT_MAX_ANSWER_BYTES: Final = 256 * 1024 * 1024
LONGEST_ANSWER_FACTOR: Final = 10
"""The time limit holds for each silence; the whole answer may take this many times as long."""

_GZIP_MAGIC: Final = b"\x1f\x8b"
_USERINFO: Final = re.compile(r"(?<=://)[^/@\s]*@")

_NOTHING_SENT: Final = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One answer, whatever its status; `headers` have lower-case names, `body` is unpacked."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cookies: Mapping[str, str] = field(default_factory=dict)  # that it sets, as they were written


class _AnswerTooLargeError(Exception):
    """The answer is larger than the limit."""


class _AnswerCutError(Exception):
    """The answer ended too early or cannot be unpacked."""


class _AnswerTooSlowError(Exception):
    """The answer came in drops and did not end in time."""


class HttpClient:
    """Requests to one system below one address. Used by up to `parallel_calls` threads at a time.

    Errors say what is certain. Not connected: `Unreachable`, nothing was sent. Everything that goes wrong
    later is `OutcomeUnknown` for a write; for a read it is `Timeout` or `BadAnswer`.
    No header, no body and no password in the address is ever part of an error.
    """

    def __init__(
        self,
        system: str,
        base_url: str,
        *,
        read_timeout_seconds: float = 60.0,
        write_timeout_seconds: float = 300.0,
        connect_timeout_seconds: float = 10.0,
        verify: bool | Path = True,
        max_answer_bytes: int = DEFAULT_MAX_ANSWER_BYTES,
        headers: Mapping[str, str] | None = None,
        trust_env: bool = False,
        allow_plain_http: bool = False,
        parallel_calls: int = 4,
    ) -> None:
        """Raise `BadInput` for an address that is none, or that would send secrets in clear over a network.

        `verify` may name a file or folder with the certificates to trust. Proxies of the environment are
        used only with `trust_env`. Plain http is for loopback unless `allow_plain_http` says otherwise.
        """
        self.system = system
        self._base = _checked_url(system, base_url, allow_plain_http=allow_plain_http)
        self._read_timeout_seconds = read_timeout_seconds
        self._write_timeout_seconds = write_timeout_seconds
        self._connect_timeout_seconds = connect_timeout_seconds
        self._max_answer_bytes = max_answer_bytes
        self._headers = dict(headers or {})
        context = _ssl_context(verify) if self._base.scheme == "https" else False
        self._readers = _client(
            context, trust_env=trust_env, connections=parallel_calls, keepalive=parallel_calls
        )
        self._writers = _client(
            context, trust_env=trust_env, connections=parallel_calls, keepalive=0
        )

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        is_write: bool,
    ) -> HttpAnswer:
        """Send one request once and return the answer, of any status.

        Raises `Unreachable` (nothing was sent), `Timeout` or `BadAnswer` (a read may be repeated),
        `OutcomeUnknown` (a write may or may not have happened).
        """
        seconds = self._write_timeout_seconds if is_write else self._read_timeout_seconds
        client = self._writers if is_write else self._readers
        sent_headers = {**self._headers, **(headers or {}), "Accept-Encoding": "gzip"}
        try:
            with client.stream(
                method,
                self._base.join(path),
                content=body,
                headers=sent_headers,
                timeout=httpx2.Timeout(
                    seconds, connect=min(self._connect_timeout_seconds, seconds)
                ),
            ) as response:
                deadline = clock.monotonic() + seconds * LONGEST_ANSWER_FACTOR
                packed = self._collect(response.iter_raw(65536), deadline)
                return HttpAnswer(
                    response.status_code,
                    {name.lower(): value for name, value in response.headers.items()},
                    self._unpack(packed),
                    _cookies(response.headers.get_list("set-cookie")),
                )
        except _NOTHING_SENT as error:
            raise Unreachable(system=self.system, problem=_problem(error)) from error
        except (httpx2.TimeoutException, _AnswerTooSlowError) as error:
            self._fail_after_sending(error, seconds=seconds, is_write=is_write)
        except (
            httpx2.HTTPError,
            httpx2.StreamError,
            _AnswerTooLargeError,
            _AnswerCutError,
            OSError,
        ) as error:
            self._fail_after_sending(error, seconds=None, is_write=is_write)

    def close(self) -> None:
        """Free the connections."""
        self._readers.close()
        self._writers.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _fail_after_sending(
        self, error: Exception, *, seconds: float | None, is_write: bool
    ) -> NoReturn:
        mapped: StornoError
        if is_write:
            problem = N_("no answer in time") if seconds is not None else _problem(error)
            mapped = OutcomeUnknown(system=self.system, problem=problem)
        elif seconds is not None:
            mapped = Timeout(system=self.system, seconds=f"{seconds:g}")
        else:
            mapped = BadAnswer(system=self.system, problem=_problem(error))
        raise mapped from error

    def _collect(self, chunks: Iterable[bytes], deadline: float) -> bytes:
        collected = bytearray()
        for chunk in chunks:
            collected += chunk
            if len(collected) > self._max_answer_bytes:
                raise _AnswerTooLargeError
            if clock.monotonic() > deadline:
                raise _AnswerTooSlowError
        return bytes(collected)

    def _unpack(self, packed: bytes) -> bytes:
        """Unpack by what the bytes are: Tryton labels plain answers as gzip, proxies drop the label."""
        if not packed.startswith(_GZIP_MAGIC):
            return packed
        inflater = zlib.decompressobj(wbits=31)
        try:
            plain = inflater.decompress(packed, self._max_answer_bytes + 1)
        except zlib.error as error:
            raise _AnswerCutError from error
        if len(plain) > self._max_answer_bytes:
            raise _AnswerTooLargeError
        if not inflater.eof:
            raise _AnswerCutError
        return plain


def is_loopback(host: str) -> bool:
    """Return whether a host name means this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def client_for(
    system: str,
    options: WebSection,
    *,
    parallel_calls: int = 4,
    max_answer_bytes: int = DEFAULT_MAX_ANSWER_BYTES,
    headers: Mapping[str, str] | None = None,
) -> HttpClient:
    """Return the client for a system as its options say it is reached. Raises as `HttpClient`."""
    return HttpClient(
        system,
        options.url,
        read_timeout_seconds=options.timeout_seconds.read,
        write_timeout_seconds=options.timeout_seconds.write,
        verify=options.ca_file if options.ca_file is not None else options.verify_tls,
        allow_plain_http=options.allow_plain_http,
        parallel_calls=parallel_calls,
        max_answer_bytes=max_answer_bytes,
        headers=headers,
    )


def _checked_url(system: str, base_url: str, *, allow_plain_http: bool) -> httpx2.URL:
    try:
        url = httpx2.URL(base_url)
    except (httpx2.InvalidURL, ValueError) as error:
        raise BadInput(source=system, problem=N_("the address is not a URL")) from error
    if url.scheme not in ("http", "https") or not url.host:
        raise BadInput(source=system, problem=N_("the address must begin with https:// or http://"))
    if url.userinfo:
        raise BadInput(
            source=system, problem=N_("user and password do not belong into the address")
        )
    if url.scheme == "http" and not allow_plain_http and not is_loopback(url.host):
        raise BadInput(
            source=system,
            problem=N_(
                "plain http would send the password readable over the network; use https, "
                "or allow it with allow_plain_http: true"
            ),
        )
    return url if url.path.endswith("/") else url.copy_with(path=url.path + "/")


def _ssl_context(verify: bool | Path) -> ssl.SSLContext:
    if verify is True:
        # The certificates that this machine trusts: company CAs are installed there.
        return ssl.create_default_context()
    if verify is False:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    try:
        if verify.is_dir():
            return ssl.create_default_context(capath=str(verify))
        return ssl.create_default_context(cafile=str(verify))
    except (OSError, ssl.SSLError) as error:
        raise BadInput(
            source=str(verify), problem=N_("no certificates can be read from it")
        ) from error


def _client(
    context: ssl.SSLContext | bool, *, trust_env: bool, connections: int, keepalive: int
) -> httpx2.Client:
    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=keepalive)
    transport = None
    if not trust_env:
        transport = httpx2.HTTPTransport(
            verify=context, trust_env=False, retries=0, limits=limits, http2=False
        )
    # With `trust_env` httpx2 builds the transports itself, to put the proxies in: also with no retries.
    return httpx2.Client(
        verify=context,
        trust_env=trust_env,
        follow_redirects=False,
        limits=limits,
        http2=False,
        transport=transport,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # lets nothing in
    )


def _cookies(written: Iterable[str]) -> dict[str, str]:
    """Return what an answer sets; an emptied cookie is the server's way to take one back."""
    found: dict[str, str] = {}
    for line in written:
        try:
            # Quotes and escapes stay as they are: the value goes back as it came.
            found |= {name: morsel.coded_value for name, morsel in SimpleCookie(line).items()}
        except CookieError:
            continue
    return found


def _problem(error: Exception) -> str:
    """Return what went wrong without anything that was sent."""
    match error:
        case _AnswerTooLargeError():
            return N_("the answer is too large")
        case _AnswerCutError():
            return N_("the answer was cut short")
        case _AnswerTooSlowError() | httpx2.TimeoutException():
            return N_("no answer in time")
        case httpx2.LocalProtocolError():
            # h11 quotes the header that it refuses, and a header may hold a session.
            return N_("the request is not valid HTTP")
        case httpx2.RemoteProtocolError():
            return N_("the connection ended before the answer was complete")
        case _:
            return _USERINFO.sub("", str(error)) or type(error).__name__
