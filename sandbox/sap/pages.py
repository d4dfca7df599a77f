"""Answers on HTTP, and the HTML pages of SAP's web server: what a caller gets where it hoped for XML."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

HTML: Final = "text/html; charset=utf-8"
XML: Final = "text/xml; charset=utf-8"
JSON: Final = "application/json"

_HEADINGS: Final = {
    400: ("Session not found", "会话不存在"),
    401: ("Logon failed", "登录失败"),
    403: ("Forbidden", "禁止访问"),
    404: ("Service cannot be reached", "无法访问服务"),
    405: ("Method not allowed", "不允许该方法"),
    500: ("Internal server error", "服务器内部错误"),
    502: ("Bad gateway", "网关错误"),
    503: ("Service unavailable", "服务不可用"),
}


@dataclass(slots=True)
class Answer:
    """What goes back."""

    status: int
    content_type: str
    body: bytes
    headers: list[tuple[str, str]] = field(default_factory=list)


def page(status: int, language: str, said: str = "") -> Answer:
    """Return the page that the web server shows for `status`."""
    texts = _HEADINGS.get(status, ("Error", "错误"))
    heading = texts[1 if language == "ZH" else 0]
    headers = []
    if status == 401:
        headers = [("WWW-Authenticate", 'Basic realm="SAP NetWeaver Application Server [STO/100]"')]
    # No well-formed XML, as SAP's pages are none: who parses it as XML meets that first.
    body = (
        '<!DOCTYPE html><html><head><meta charset="utf-8"><title>'
        f"{heading}</title></head><body><h1>{status} {heading}</h1><p>{said}</p>"
        f"<p>STO_00, 100</p></body></html>"
    )
    return Answer(status, HTML, body.encode(), headers)
