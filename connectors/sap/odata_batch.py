"""Several changes that hold together or not at all: one changeset in one batch, in both versions the same multipart."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from connectors.http import HttpAnswer
from core.ids import new_id

MOST_PARTS: Final = 2000

_BOUNDARY: Final = re.compile(r'boundary="?([A-Za-z0-9\'()+_,./:=?-]{1,70})"?')
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})(?: [^\r\n]*)?")


@dataclass(frozen=True, slots=True)
class Request:
    """One change: what is asked of which address below the service."""

    method: str
    address: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class NoBatchError(Exception):
    """The answer is not the one to a batch with one changeset."""


def batch_of(requests: Sequence[Request]) -> tuple[str, bytes]:
    """Return the content type and the body of a batch whose only part is a changeset."""
    outer, inner = f"batch_{new_id()}", f"changeset_{new_id()}"
    parts = [f"--{outer}", f"Content-Type: multipart/mixed; boundary={inner}", ""]
    written = b""
    for place, request in enumerate(requests, start=1):
        head = [
            f"--{inner}",
            "Content-Type: application/http",
            "Content-Transfer-Encoding: binary",
            f"Content-ID: {place}",
            "",
            f"{request.method} {request.address} HTTP/1.1",
            *(f"{name}: {value}" for name, value in request.headers.items()),
            f"Content-Length: {len(request.body)}",
            "",
            "",
        ]
        written += "\r\n".join(head).encode() + request.body + b"\r\n"
    body = "\r\n".join([*parts, ""]).encode() + written
    body += f"--{inner}--\r\n\r\n--{outer}--\r\n".encode()
    return f"multipart/mixed; boundary={outer}", body


def answers_of(answer: HttpAnswer, *, count: int) -> list[HttpAnswer]:
    """Return the answers of a changeset: one for each of its changes, or its one refusal. Raises `NoBatchError`."""
    parts = _parts(answer.headers.get("content-type", ""), answer.body)
    if len(parts) != 1:
        raise NoBatchError
    headers, body = parts[0]
    if headers.get("content-type", "").startswith("multipart/mixed"):
        found = [_http(each) for each in _parts(headers["content-type"], body)]
        if len(found) != count or any(each.status >= 300 for each in found):
            raise NoBatchError
        return found
    refusal = _http((headers, body))
    if refusal.status < 400:
        raise NoBatchError
    return [refusal]


def _parts(content_type: str, body: bytes) -> list[tuple[dict[str, str], bytes]]:
    """Split a multipart. It must have its end: a cut one may lack a refusal."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise NoBatchError
    line = b"--" + found[1].encode()
    pieces = re.split(rb"(?:^|\r?\n)" + re.escape(line) + rb"(--)?[ \t]*(?=\r?\n|$)", body)
    # Text, mark, text, mark ...: a mark is None in front of a part and `--` behind the last.
    texts, marks = pieces[::2], pieces[1::2]
    if not marks or marks[-1] != b"--" or b"--" in marks[:-1] or len(marks) > MOST_PARTS:
        raise NoBatchError
    return [_headers(text.removeprefix(b"\r").removeprefix(b"\n")) for text in texts[1:-1]]


def _headers(text: bytes) -> tuple[dict[str, str], bytes]:
    head, gap, body = text.partition(b"\r\n\r\n")
    if not gap:
        head, gap, body = text.partition(b"\n\n")
    if not gap and not text.endswith(b"\n"):
        raise NoBatchError
    headers = {}
    for line in head.decode("latin-1").splitlines():
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return headers, body


def _http(part: tuple[Mapping[str, str], bytes]) -> HttpAnswer:
    headers, body = part
    if not headers.get("content-type", "").startswith("application/http"):
        raise NoBatchError
    line, _, rest = body.lstrip(b"\r\n").partition(b"\n")
    found = _STATUS.fullmatch(line.rstrip(b"\r"))
    if found is None:
        raise NoBatchError
    if rest.startswith((b"\r\n", b"\n")):
        return HttpAnswer(int(found[1]), {}, rest.strip())
    inner, content = _headers(rest)
    return HttpAnswer(int(found[1]), inner, content.rstrip(b"\r\n"))
