"""Descriptions of services (WSDL): where they may come from, what they may take in, and their hash.

A description is a program for whoever reads it: it names files and hosts to read. So everything that it takes in is
collected here first, by our own rules and through our own parser; zeep gets what was collected and reaches nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin, urlsplit

from connectors.xml import Element, parse, serialise
from core.errors import BadAnswer, BadInput, NotFound, RefusedError
from core.text import N_

if TYPE_CHECKING:
    from connectors.http import HttpClient

WSDL: Final = "{http://schemas.xmlsoap.org/wsdl/}"
XSD: Final = "{http://www.w3.org/2001/XMLSchema}"

LARGEST_BYTES: Final = 16 * 1024 * 1024
"""Of one document; a service with every BAPI there is stays far below."""

MOST_PARTS: Final = 100

_LOCATIONS: Final[Mapping[str, str]] = {
    f"{WSDL}import": "location",
    f"{WSDL}include": "location",
    f"{XSD}import": "schemaLocation",
    f"{XSD}include": "schemaLocation",
    f"{XSD}redefine": "schemaLocation",
}


@dataclass(frozen=True, slots=True)
class Bundle:
    """One description with everything that it takes in; the first part is the WSDL itself.

    In the parts, locations are the names of other parts. `digest` is the SHA-256 of one document alone as it was
    read, as every tool shows it; of several that of their parts. `kept` are files that give the same bundle again.
    """

    source: str
    parts: Mapping[str, bytes]
    kept: Mapping[str, bytes]
    trees: tuple[Element, ...]
    digest: str


class Shelf:
    """Where descriptions may be read: files below one folder, and what the system itself serves."""

    def __init__(
        self, system: str, folder: Path | None, http: HttpClient | None, base_url: str
    ) -> None:
        self._system = system
        self._folder = folder.resolve() if folder is not None else None
        self._http = http
        self._base = urlsplit(base_url)

    def bundle(self, source: str) -> Bundle:
        """Read a description and all that it takes in. Raises `BadInput` for what it may not, `BadAnswer`."""
        return _collect(self, self.first(source))

    def first(self, source: str) -> str:
        """Return where a description lies: `/sap/...` is served by the system, everything else is a file."""
        if source.startswith("/sap/"):
            return urljoin(self._base.geturl(), source)
        return source

    def load(self, location: str) -> bytes:
        """Return one document. Raises `BadInput` for a place that is not ours to read."""
        parts = urlsplit(location)
        if parts.scheme in ("http", "https"):
            return self._fetch(location)
        # A drive letter looks like a scheme; every other one names something that is no file of the folder.
        if self._folder is None or len(parts.scheme) > 1 or location.startswith(("//", "\\\\")):
            raise self._forbidden(location)
        path = (self._folder / location).resolve()
        if not path.is_relative_to(self._folder):
            raise self._forbidden(location)
        try:
            if path.stat().st_size > LARGEST_BYTES:
                raise BadInput(source=str(path), problem=N_("the file is too large"))
            return path.read_bytes()
        except OSError as error:
            raise BadInput(source=str(path), problem=N_("it cannot be read")) from error

    def _fetch(self, location: str) -> bytes:
        parts = urlsplit(location)
        if self._http is None or _origin(parts) != _origin(self._base):
            raise self._forbidden(location)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        answer = self._http.request("GET", path, is_write=False)
        if answer.status == 200:
            return answer.body
        from connectors.sap.errors import from_answer

        if answer.status == 404:
            raise NotFound(
                N_(
                    "{system} describes nothing at {path}: the address is another one, or the service is not active (SICF,"
                    " SOAMANAGER, /IWFND/MAINT_SERVICE)"
                ),
                what="service",
                name=self._system,
                system=self._system,
                path=parts.path,
            )
        error = from_answer(self._system, "", answer, is_write=False)
        if isinstance(error, RefusedError):
            raise error
        raise BadAnswer(system=self._system, problem=f"HTTP {answer.status}")

    def parse(self, location: str, content: bytes) -> Element:
        """Return the root of one document. Raises `BadInput` for a file that is hostile or broken."""
        try:
            return parse(content, system=self._system, max_bytes=LARGEST_BYTES)
        except BadAnswer as error:
            if urlsplit(location).scheme in ("http", "https"):
                raise
            raise BadInput(source=location, problem=error.details["problem"]) from error

    def _forbidden(self, location: str) -> BadInput:
        return BadInput(
            source=location,
            problem=N_(
                "a service is described by files of its folder and by the system's own host, by nothing else"
            ),
        )


def _collect(shelf: Shelf, first: str) -> Bundle:
    names = {first: _name(0)}
    waiting = [first]
    parts: dict[str, bytes] = {}
    trees: list[Element] = []
    content = b""
    while waiting:
        location = waiting.pop(0)
        content = shelf.load(location)
        root = shelf.parse(location, content)
        for element, attribute in _imports(root):
            target = _resolve(location, element.attrib[attribute])
            if target not in names:
                if len(names) >= MOST_PARTS:
                    raise BadInput(source=first, problem=N_("it takes in too many documents"))
                names[target] = _name(len(names))
                waiting.append(target)
            element.attrib[attribute] = names[target]
        trees.append(root)
        parts[names[location]] = serialise(root)
    kept = {_name(0): content} if len(parts) == 1 else parts
    digest = hashlib.sha256(b"\n".join(kept[name] for name in sorted(kept))).hexdigest()
    return Bundle(first, parts, kept, tuple(trees), digest)


def _name(place: int) -> str:
    return f"part-{place}.xml"


def _imports(root: Element) -> Iterator[tuple[Element, str]]:
    for tag, attribute in _LOCATIONS.items():
        for element in root.iter(tag):
            if element.get(attribute):
                yield element, attribute


def _resolve(base: str, location: str) -> str:
    if urlsplit(base).scheme in ("http", "https") or len(urlsplit(location).scheme) > 1:
        return urljoin(base, location)
    return str(PurePosixPath(base).parent / location)


def _origin(parts: Any) -> tuple[str, str, int]:
    ports = {"http": 80, "https": 443}
    return (parts.scheme, parts.hostname or "", parts.port or ports.get(parts.scheme, 0))


class _Collected:
    """What zeep takes for its transport: it hands out what was collected, and sends nothing."""

    def __init__(self, bundle: Bundle) -> None:
        self._parts = bundle.parts

    def load(self, url: str) -> bytes:
        """Return a collected part, whatever path zeep made of its name."""
        return self._parts[PurePosixPath(url.replace("\\", "/")).name]


def load_document(bundle: Bundle) -> Any:
    """Return zeep's document of a description. Raises `BadInput` for one that it cannot follow."""
    import zeep
    from zeep.exceptions import Error
    from zeep.wsdl import Document

    settings = zeep.Settings(
        strict=True,
        forbid_dtd=True,
        forbid_entities=True,
        forbid_external=True,
        xml_huge_tree=False,
    )
    try:
        transport: Any = _Collected(bundle)
        return Document(
            BytesIO(bundle.parts[_name(0)]), transport, base=_name(0), settings=settings
        )
    except (
        Error, ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, SyntaxError, TypeError,
        ValueError,
    ) as error:  # fmt: skip  # zeep lets through whatever a crooked document makes fail inside it
        raise BadInput(
            source=bundle.source,
            problem=N_("it is no description of a service that can be followed"),
        ) from error
