"""A person at SQL-Ledger's web pages: posts its forms and reads what its own pages say."""

from __future__ import annotations

import http.client
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Final
from urllib.parse import quote_plus, urlencode

from sandbox.sql_ledger.package import SQLLedgerError

TIMEOUT_SECONDS: Final = 60.0
PATH: Final = "bin/mozilla"


class Browser:
    """One person's session; cookies are kept."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookies: dict[str, str] = {}

    def post(self, script: str, fields: Mapping[str, str]) -> str:
        """Send a form and give back the page; a page that only says an error raises."""
        body = urlencode({"path": PATH, **fields}, quote_via=quote_plus)
        return self._ask("POST", f"/{script}", body)

    def get(self, script: str, fields: Mapping[str, str]) -> str:
        return self._ask("GET", f"/{script}?" + urlencode({"path": PATH, **fields}), None)

    def _ask(self, method: str, target: str, body: str | None) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        try:
            headers = {"User-Agent": "Mozilla/5.0"}
            if body is not None:
                headers["Content-Type"] = "application/x-www-form-urlencoded"
            if self.cookies:
                headers["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            page = answer.read().decode("utf-8", "replace")
            for name, value in answer.getheaders():
                if name.lower() == "set-cookie":
                    key, _, cookie = value.split(";")[0].partition("=")
                    self.cookies[key] = cookie
        finally:
            connection.close()
        if answer.status >= 400:
            raise SQLLedgerError(f"{method} {target[:80]}: {answer.status}\n{page[-500:]}")
        error = re.search(r"<h2 class=error>.*?</h2>\s*(.*?)(</body>|$)", page, re.DOTALL)
        if error:
            raise SQLLedgerError(f"SQL-Ledger says: {plain(error.group(1))}")
        return page


class Form(HTMLParser):
    """The fields of a page as a browser would send them back, and its cells as a person reads them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.cells: list[str] = []
        self.text: list[str] = []
        self._area: str | None = None
        self._select: str | None = None
        self._cell: list[str] | None = None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "input" and name:
            kind = (given.get("type") or "text").lower()
            if kind in {"checkbox", "radio"} and "checked" not in given:
                return
            if kind not in {"submit", "button"}:
                self.fields[name] = given.get("value") or ("1" if kind == "checkbox" else "")
        elif tag == "textarea":
            self._area = name
            self.fields[name] = ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select is not None:
            if "selected" in given or self._select not in self.fields:
                self.fields[self._select] = given.get("value") or ""
        elif tag in {"td", "th"}:
            self._end_cell()
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = None
        elif tag == "select":
            self._select = None
        elif tag in {"td", "th", "tr", "table"}:
            self._end_cell()

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self.fields[self._area] += data
        if self._cell is not None:
            self._cell.append(data)
        self.text.append(data)

    def _end_cell(self) -> None:
        if self._cell is not None:
            self.cells.append(" ".join("".join(self._cell).split()))
        self._cell = None


def plain(page: str) -> str:
    return " ".join(" ".join(Form(page).text).split())
