"""A changeset is answered as a whole; an answer that is cut or mixed up is never read as a success."""

from __future__ import annotations

from email import message_from_bytes

import pytest

from connectors.http import HttpAnswer
from connectors.sap.odata_batch import NoBatchError, Request, answers_of, batch_of

DONE = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"
HEAD = b"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
NO = (
    b'HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n\r\n{"error":{"code":"06/020"}}'
)


def batch(inner: bytes) -> HttpAnswer:
    body = b"--B\r\n" + inner + b"\r\n--B--\r\n"
    return HttpAnswer(202, {"content-type": "multipart/mixed; boundary=B"}, body)


def changeset(*answers: bytes) -> bytes:
    parts = b"".join(b"--C\r\n" + HEAD + each + b"\r\n" for each in answers)
    return b"Content-Type: multipart/mixed; boundary=C\r\n\r\n" + parts + b"--C--\r\n"


def test_a_batch_is_one_changeset() -> None:
    """Other readers of multipart find the same requests, in their order, in one changeset."""
    requests = [
        Request(
            "PATCH",
            "A(Id='1')",
            b'{"a":true}',
            {"If-Match": 'W/"1"', "Content-Type": "application/json"},
        ),
        Request("DELETE", "A(Id='2')"),
    ]
    content_type, body = batch_of(requests)
    whole = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    types = [each.get_content_type() for each in whole.walk()]
    parts = [
        str(each.get_payload()).replace("\r\n", "\n")
        for each in whole.walk()
        if each.get_content_type() == "application/http"
    ]
    assert [*["multipart/mixed"] * 2, *["application/http"] * 2] == types
    assert ["PATCH A(Id='1') HTTP/1.1", "DELETE A(Id='2') HTTP/1.1"] == [
        p.split("\n")[0] for p in parts
    ]
    assert 'If-Match: W/"1"' in parts[0]
    assert parts[0].endswith('\n\n{"a":true}')
    assert "Content-Length: 0" in parts[1]


def test_each_change_has_its_answer() -> None:
    """All were done: an answer for each."""
    assert [204, 204] == [each.status for each in answers_of(batch(changeset(DONE, DONE)), count=2)]


def test_a_refused_changeset_has_one_answer() -> None:
    """One was refused, so all were: its refusal alone comes, with SAP's words."""
    (refusal,) = answers_of(batch(HEAD + NO), count=2)
    assert (400, b'{"error":{"code":"06/020"}}') == (refusal.status, refusal.body)


@pytest.mark.parametrize(
    "answer",
    [
        HttpAnswer(200, {"content-type": "text/html"}, b"<html/>"),
        HttpAnswer(202, {"content-type": "multipart/mixed; boundary=B"}, b""),
        batch(changeset(DONE)),  # one of two is missing
        batch(changeset(DONE, DONE, DONE)),
        batch(changeset(DONE, NO)),  # half of a changeset cannot be done
        batch(HEAD + DONE),  # no changeset at all
        batch(HEAD + b"nonsense"),
        batch(b"Content-Type: text/plain\r\n\r\nhello"),
        HttpAnswer(
            202,
            {"content-type": "multipart/mixed; boundary=B"},
            batch(changeset(DONE, DONE)).body.removesuffix(b"--B--\r\n"),
        ),
    ],
)
def test_what_is_no_answer_to_a_changeset_is_told(answer: HttpAnswer) -> None:
    """Nothing of it is taken for a success."""
    with pytest.raises(NoBatchError):
        answers_of(answer, count=2)
