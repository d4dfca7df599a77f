"""What descriptions offer, kept between starts: zeep reads a big one in a second, and the shapes that it gave in no time.

A kept offer is found by the hash of the description, so it can never belong to another one. It lies in the cache
folder of whoever runs Storno, not beside the descriptions: what checks a description's hash must not be led astray
by a file that somebody else may write.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog
from platformdirs import user_cache_path

from connectors.sap.shapes import Function, Member, Offer, Structure, Table
from connectors.sap.values import Scalar, Sort
from core import encoding
from core.events import Event

if TYPE_CHECKING:
    from connectors.sap.wsdl import Bundle

log = structlog.get_logger(__name__)

VERSION: Final = 1
"""Of the form below; another one is not read."""

_SCALAR, _STRUCTURE, _TABLE = 0, 1, 2

_read: dict[str, Offer] = {}


def offer_of(bundle: Bundle) -> Offer:
    """Return what a description offers. Raises `BadInput` for one that offers nothing that can be called.

    Read by zeep once; after that from what was kept, once a process.
    """
    if bundle.digest not in _read:
        _read[bundle.digest] = _kept(bundle) or _described(bundle)
    return _read[bundle.digest]


def forget() -> None:
    """Forget what this process read; what is kept on disk stays."""
    _read.clear()


def folder() -> Path:
    """Return where offers are kept."""
    return user_cache_path("storno", appauthor=False) / "sap"


def _described(bundle: Bundle) -> Offer:
    from connectors.sap.describing import described

    offer = described(bundle)
    path = _path(bundle)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = path.with_suffix(".part")
        part.write_bytes(encoding.encode_json(to_json(offer)))
        part.replace(path)
    except OSError as error:
        # Only the next start is slower.
        log.debug(Event.CACHE_MISSED, file=path.name, error=str(error))
    return offer


def _kept(bundle: Bundle) -> Offer | None:
    path = _path(bundle)
    try:
        offer = from_json(encoding.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError) as error:
        log.debug(Event.CACHE_MISSED, file=path.name, error=str(error))
        return None
    return offer if offer.digest == bundle.digest else None


def _path(bundle: Bundle) -> Path:
    return folder() / f"{bundle.digest}-{VERSION}.json"


# --- the form on disk -----------------------------------------------------------------------------


def to_json(offer: Offer) -> dict[str, Any]:
    """Return an offer as plain lists: every structure and every type once, referred to by its place."""
    scalars: dict[Scalar, int] = {}
    places: dict[int, int] = {}
    structures: list[list[Any]] = []

    def told(kind: Scalar | Structure | Table) -> list[Any]:
        if isinstance(kind, Scalar):
            return [_SCALAR, scalars.setdefault(kind, len(scalars))]
        if isinstance(kind, Table):
            return [_TABLE, kind.item, told(kind.row)]
        if id(kind) not in places:
            places[id(kind)] = len(structures)
            row: list[Any] = [kind.name, []]
            structures.append(row)
            row[1] = [
                [name, member.name, member.tag, int(member.is_required), told(member.type)]
                for name, member in kind.members.items()
            ]
        return [_STRUCTURE, places[id(kind)]]

    functions = [
        [
            f.name,
            f.operation,
            f.action,
            told(f.request),
            f.request_tag,
            told(f.answer),
            f.answer_tag,
        ]
        for f in offer.functions.values()
    ]
    return {
        "path": offer.path,
        "digest": offer.digest,
        "says_session": offer.says_session,
        "functions": functions,
        "structures": structures,
        "scalars": [[str(s.sort), s.longest, s.pattern, s.digits, s.places] for s in scalars],
    }


def from_json(found: Mapping[str, Any]) -> Offer:
    """Return the offer again. Raises `ValueError`, `LookupError` or `TypeError` for what `to_json` did not write."""
    scalars = [Scalar(Sort(sort), *limits) for sort, *limits in found["scalars"]]
    members: list[dict[str, Member]] = [{} for _ in found["structures"]]
    # Structures before their members: a crooked one may hold itself.
    structures = [
        Structure(name, mine) for (name, _), mine in zip(found["structures"], members, strict=True)
    ]

    def kind(told: list[Any]) -> Scalar | Structure | Table:
        sort, at = told[0], told[1]
        if sort == _TABLE:
            row = kind(told[2])
            if isinstance(row, Table):
                raise TypeError(at)
            return Table(row, at)
        return scalars[int(at)] if sort == _SCALAR else structures[int(at)]

    for (_, rows), mine in zip(found["structures"], members, strict=True):
        for key, name, tag, is_required, told in rows:
            mine[key] = Member(name, tag, kind(told), bool(is_required))

    def structure(told: list[Any]) -> Structure:
        made = kind(told)
        if not isinstance(made, Structure):
            raise TypeError(told)
        return made

    functions = {
        name: Function(name, operation, action, structure(asked), tag, structure(said), said_tag)
        for name, operation, action, asked, tag, said, said_tag in found["functions"]
    }
    return Offer(functions, found["path"], found["digest"], found["says_session"])
