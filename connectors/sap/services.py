"""Which service offers which function, and whether a change made there becomes permanent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from connectors.sap.offers import offer_of
from connectors.sap.shapes import Function, Offer
from connectors.sap.transport import Endpoint
from connectors.sap.wrapper import parameters_of
from connectors.sap.wsdl import Bundle, Shelf
from core.errors import BadInput, NotFound
from core.text import N_, Text

if TYPE_CHECKING:
    from config.sap import SapOptions, SapService
    from connectors.http import HttpClient

COMMIT: Final = "BAPI_TRANSACTION_COMMIT"
ROLLBACK: Final = "BAPI_TRANSACTION_ROLLBACK"
WRAPPER_PREFIX: Final = "Z_STORNO_"


class Mode(StrEnum):
    """How changes of a service become permanent."""

    STATELESS = "stateless"  # never: reading only
    STATEFUL = "stateful"
    WRAPPED = "wrapped"


@dataclass(frozen=True, slots=True)
class Service:
    """One service as it was described."""

    name: str
    mode: Mode
    offer: Offer
    path: str

    def endpoint(self, function: str) -> Endpoint | None:
        """Return where a function is called; None where the service has it not."""
        found = self.offer.functions.get(function)
        return None if found is None else Endpoint(found, self.path)


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A customer function that changes and commits in one call."""

    service: str
    change: Endpoint


@dataclass(frozen=True, slots=True)
class Stateful:
    """A BAPI and the functions that end its unit of work, in one service that keeps its session."""

    service: str
    change: Endpoint
    commit: Endpoint
    rollback: Endpoint


@dataclass(frozen=True, slots=True)
class Refused:
    """No service makes the change permanent: nothing is sent, and why."""

    reason: Text
    function: Function | None  # as far as some service describes it


class Verb(StrEnum):
    """What a change over OData is."""

    PATCH = "PATCH"
    DELETE = "DELETE"
    FUNCTION = "POST"


@dataclass(frozen=True, slots=True)
class ByOData:
    """Requests to an OData service: each, or each changeset, commits by itself."""

    service: str
    verb: Verb
    name: str  # of what is changed or called
    has_version: bool  # SAP compares the version of the record (ETag) with the one that was read


BapiWay = Wrapped | Stateful | Refused
Way = BapiWay | ByOData


class Services:
    """Every service of one system. Descriptions are read when first asked for, each once."""

    def __init__(self, system: str, options: SapOptions, http: HttpClient) -> None:
        self.system = system
        self._options = options
        self._shelf = Shelf(system, options.descriptions, http, options.url)

    @cached_property
    def all(self) -> tuple[Service, ...]:
        """Return the services in the order of storno.yaml."""
        return tuple(
            self._service(name, options) for name, options in self._options.services.items()
        )

    def reading(self, function: str) -> Endpoint:
        """Return where a function is called to read. Raises `NotFound` where no service offers it."""
        found = self.reader(function)
        if found is None:
            raise NotFound(
                N_("No service in storno.yaml offers the function {name}."),
                what="function",
                name=function,
            )
        return found

    def reader(self, function: str) -> Endpoint | None:
        """Return where a function is called to read, a service for reading before others; None for nowhere."""
        order = sorted(self.all, key=lambda service: list(Mode).index(service.mode))
        return next(
            (found for service in order if (found := service.endpoint(function)) is not None), None
        )

    def changing(self, function: str) -> BapiWay:
        """Return how a change becomes permanent: by a wrapper, else in a session that is kept."""
        wrapper = self.wrapper_of(function)
        for service in self.all:
            change = service.endpoint(wrapper)
            if service.mode is Mode.WRAPPED and change is not None:
                return Wrapped(service.name, change)
        for service in self.all:
            change = service.endpoint(function)
            ends = (service.endpoint(COMMIT), service.endpoint(ROLLBACK))
            if service.mode is Mode.STATEFUL and change and ends[0] and ends[1]:
                return Stateful(service.name, change, ends[0], ends[1])
        return self._refused(function, wrapper)

    def wrapper_of(self, function: str) -> str:
        """Return the name of the customer function that stands for a BAPI."""
        default = WRAPPER_PREFIX + function.removeprefix("BAPI_")
        return self._options.wrappers.get(function, default).upper()

    def lister_of(self, kind: str) -> str | None:
        """Return the name of the customer's function that lists documents of a kind; None where there is none."""
        found = self._options.lists.get(kind)
        return None if found is None else found.upper()

    def changed(self) -> Iterator[tuple[str, str, str]]:
        """Yield name, known hash and present hash of every service that the system describes otherwise now."""
        for service in self.all:
            options = self._options.services[service.name]
            if options.wsdl.startswith("/sap/"):
                now = self._shelf.bundle(options.wsdl).digest
                if now != service.offer.digest:
                    yield service.name, service.offer.digest, now

    def _refused(self, function: str, wrapper: str) -> Refused:
        here = [service for service in self.all if service.endpoint(function) is not None]
        described = next((service.offer.functions[function] for service in here), None)
        if not here:
            reason = Text(
                N_("no service offers {function} or {wrapper}"),
                {"function": function, "wrapper": wrapper},
            )
        elif any(service.mode is Mode.STATEFUL for service in here):
            reason = Text(
                N_(
                    "the service with {function} lacks {commit} or {rollback}: they must be of one service, or the"
                    " change is lost"
                ),
                {"function": function, "commit": COMMIT, "rollback": ROLLBACK},
            )
        else:
            reason = Text(
                N_(
                    "{function} is offered without a session: SAP forgets the change before any COMMIT. Ask the SAP"
                    " team for {wrapper} with the parameters {parameters}, which calls {function} and commits or"
                    " rolls back in the same call (its source: python -m connectors.sap.wrapper {function}), or for a stateful service"
                ),
                {
                    "function": function,
                    "wrapper": wrapper,
                    "parameters": ", ".join(parameters_of(function)),
                },
            )
        return Refused(reason, described)

    def _service(self, name: str, options: SapService) -> Service:
        bundle = self._bundle(name, options)
        if options.sha256 is not None and options.sha256.lower() != bundle.digest:
            raise BadInput(
                N_(
                    "{source}: the description of service {name} is not the one that was checked (its hash is"
                    " {hash}): look at what changed, then correct sha256 in storno.yaml"
                ),
                source=self.system,
                name=name,
                hash=bundle.digest,
            )
        offer = offer_of(bundle)
        return Service(name, Mode(options.mode), offer, options.path or offer.path)

    def _bundle(self, name: str, options: SapService) -> Bundle:
        kept = self._kept(name)
        if not options.wsdl.startswith("/sap/") or kept is None:
            return self._shelf.bundle(options.wsdl)
        if not kept.is_file():
            _keep(self._shelf.bundle(options.wsdl), kept)
        return self._shelf.bundle(f"{FETCHED}/{name}/{kept.name}")

    def _kept(self, name: str) -> Path | None:
        folder = self._options.descriptions
        return None if folder is None else Path(folder) / FETCHED / name / "part-0.xml"


FETCHED: Final = "fetched"
"""Folder for what the system described itself: fetched once, and used until somebody deletes it."""


def _keep(bundle: Bundle, first: Path) -> None:
    first.parent.mkdir(parents=True, exist_ok=True)
    # The first part last: where it is, all are.
    for name, content in reversed(list(bundle.kept.items())):
        path = first.parent / name
        part = path.with_suffix(".part")
        part.write_bytes(content)
        part.replace(path)


def names_of(services: Iterable[Service]) -> Mapping[str, str]:
    """Return per service its mode and what it offers: what a proof rests on, the same on a system and its copy."""
    return {
        f"service {service.name}": f"{service.mode} {service.offer.interface()[:16]}"
        for service in services
    }
