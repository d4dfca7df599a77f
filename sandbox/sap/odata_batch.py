"""$batch: parts one by one, a changeset all or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message as Mail
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sandbox.sap import failing
from sandbox.sap.arrival import Arrival
from sandbox.sap.faults import Fault
from sandbox.sap.ledger import LedgerLine
from sandbox.sap.odata import one, problem
from sandbox.sap.odata_model import ODataService
from sandbox.sap.odata_values import ODataError
from sandbox.sap.pages import Answer

if TYPE_CHECKING:
    from sandbox.sap.instance import SAP, User

_END = "\r\n"


@dataclass(slots=True)
class _Batch:
    sap: SAP
    arrival: Arrival
    service: ODataService
    user: User
    language: str


def answer_batch(
    sap: SAP, line: LedgerLine, arrival: Arrival, service: ODataService, user: User, language: str
) -> Answer:
    """Answer a batch; each part has a line of its own in the ledger."""
    batch = _Batch(sap, arrival, service, user, language)
    mail = _mail(arrival.header("content-type").encode(), arrival.body)
    if mail is None:
        line.outcome = "refused"
        return problem(service, ODataError(400, "BATCH", "Malformed batch"), language)
    parts = []
    for part in mail:
        inner = _mail((part.get("Content-Type") or "").encode(), _payload(part))
        if part.get_content_maintype() == "multipart" and inner is not None:
            parts.append(_changeset(batch, inner))
        else:
            parts.append(_http(_single(batch, part)))
    boundary = f"BATCH{line.number:06d}"
    body = _wrapped(parts, boundary)
    status = 202 if service.version == 2 else 200
    return Answer(status, f"multipart/mixed; boundary={boundary}", body)


def _changeset(batch: _Batch, parts: list[Mail]) -> bytes:
    """Do all parts in one unit of work; the first that is refused takes all of them back, and answers alone."""
    sap = batch.sap
    answers, lines, met = [], [], list[Fault]()
    refused: Answer | None = None
    with sap.mutex:
        work = sap.work(batch.user, batch.language)
        try:
            for part in parts:
                asked = _request(batch.arrival, part)
                line = sap.ledger.open_line(asked.verb, asked.path)
                line.user, line.service = batch.user.name, batch.service.namespace
                lines.append(line)
                made = one(sap, line, asked, batch.service, batch.user, batch.language, work, met)
                line.status = made.status
                if made.status >= 400:
                    refused = made
                    break
                answers.append(_http(made, part.get("Content-ID")))
            if refused is None and not work.commit(is_waiting=True):
                failed = ODataError(500, "S&/101", "The posting could not be carried out")
                refused = problem(batch.service, failed, batch.language)
        finally:
            work.roll_back()
        for line in lines:
            if refused is not None and line.outcome == "done":
                line.outcome = "rolled back"
            sap.ledger.close_line(line)
    if refused is not None:
        return _http(refused)
    boundary = f"CHANGESET{lines[0].number:06d}"
    head = f"Content-Type: multipart/mixed; boundary={boundary}{_END}{_END}".encode()
    body = head + _wrapped(answers, boundary)
    failing.after(tuple(met), Answer(200, "", body))
    return body


def _single(batch: _Batch, part: Mail) -> Answer:
    asked = _request(batch.arrival, part)
    line = batch.sap.ledger.open_line(asked.verb, asked.path)
    line.user, line.service = batch.user.name, batch.service.namespace
    if batch.service.version == 2 and asked.verb not in {"GET", "HEAD"}:
        line.outcome = "refused"
        error = ODataError(400, "BATCH", "Changes belong in a changeset")
        made = problem(batch.service, error, batch.language)
    else:
        made = one(batch.sap, line, asked, batch.service, batch.user, batch.language)
    line.status = made.status
    batch.sap.ledger.close_line(line)
    return made


def _request(arrival: Arrival, part: Mail) -> Arrival:
    """Return the request that a part holds: its address may be whole, absolute or relative to the service."""
    head, _, body = _payload(part).replace(b"\r\n", b"\n").partition(b"\n\n")
    first, *rest = head.decode().strip().split("\n")
    verb, address, *_ = first.split(" ")
    found = urlsplit(address)
    base = arrival.path.removesuffix("/$batch")
    path = found.path if found.path.startswith("/") else f"{base}/{found.path}"
    headers = {"host": arrival.header("host"), "authorization": arrival.header("authorization")}
    for each in rest:
        name, _, value = each.partition(":")
        headers[name.strip().lower()] = value.strip()
    return Arrival(verb, path, found.query, headers, body.strip())


def _mail(content_type: bytes, body: bytes) -> list[Mail] | None:
    mail = message_from_bytes(b"Content-Type: " + content_type + b"\r\n\r\n" + body)
    if not mail.is_multipart():
        return None
    return [part for part in mail.get_payload() if isinstance(part, Mail)]


def _payload(part: Mail) -> bytes:
    if part.is_multipart():
        whole = part.as_bytes()
        return whole.partition(b"\n\n")[2]
    found = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


def _http(made: Answer, content_id: str | None = None) -> bytes:
    reasons = {200: "OK", 204: "No Content"}
    lines = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    lines += [f"Content-ID: {content_id}"] if content_id else []
    lines += ["", f"HTTP/1.1 {made.status} {reasons.get(made.status, 'Error')}"]
    lines += [f"Content-Type: {made.content_type}"] if made.content_type else []
    lines += [f"{name}: {value}" for name, value in made.headers]
    lines += [f"Content-Length: {len(made.body)}", "", ""]
    return _END.join(lines).encode() + made.body


def _wrapped(parts: list[bytes], boundary: str) -> bytes:
    opened = f"--{boundary}{_END}".encode()
    whole = b"".join(opened + part + _END.encode() for part in parts)
    return whole + f"--{boundary}--{_END}".encode()
