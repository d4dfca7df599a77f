"""Whether two answers say the same, with ids and names of their own."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any, Final

from tests.sandbox.odoo.recordings import Told

_NAME: Final = re.compile(
    r"\b[PS]\d{5}\b(?: \([^)]*\))?|\bR?(?:INV|BILL)/\d{4}(?:/\d{2})?/\d{4,5}\b|\bWH/\w+/\d{5}\b"
)
_NUMBER: Final = re.compile(r"\d+")
_PORT: Final = re.compile(r"port \d+")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d|%\w(?:-%\w)*|\d\d/\d\d/\d{4}")
# What a client reads in the description of a window; everything else in it is an id or for the screen.
_SAID: Final = frozenset({"type", "res_model", "view_mode", "target", "name", "xml_id"})


def names_in(text: str) -> list[str]:
    """Return the documents' names that a text tells."""
    return _NAME.findall(text)


def masked(text: str) -> str:
    """Return a text without names and numbers."""
    return _NUMBER.sub("#", _NAME.sub("<name>", _PORT.sub("port", text)))


def numbers_in(text: str) -> list[int]:
    """Return the numbers in a text, without those in names and in the address of the database."""
    plain = _NAME.sub("", _PORT.sub("", _DATE.sub("", text)))
    return [int(each) for each in _NUMBER.findall(plain)]


def differences(
    recorded: Told,
    ours: Told,
    ids: Mapping[int, int],
    names: Iterable[str],
    exact: Container[str] = (),
) -> list[str]:
    """Return what differs; nothing where both say the same. Fields in `exact` must hold the same value."""
    found = []
    if recorded.status != ours.status:
        found.append(f"status {recorded.status} is {ours.status}")
    if recorded.is_fault != ours.is_fault:
        return [*found, f"recorded {_short(recorded)}, ours {_short(ours)}"]
    if recorded.is_fault:
        return found + _faults(recorded, ours, ids, set(names))
    if recorded.has_result != ours.has_result:
        found.append("one has a result, the other has none")
    found += _exactly(recorded.value, ours.value, exact)
    return found + list(_values(recorded.value, ours.value, "", ids))


def _exactly(theirs: Any, own: Any, exact: Container[str]) -> Iterator[str]:
    if isinstance(theirs, dict) and isinstance(own, dict):
        theirs, own = [theirs], [own]
    if not (isinstance(theirs, list) and isinstance(own, list)):
        return
    for one, other in zip(theirs, own, strict=False):
        if not isinstance(one, dict) or not isinstance(other, dict):
            continue
        for key in one.keys() & other.keys():
            if key in exact and one[key] != other[key]:
                yield f"{key} {one[key]!r} is {other[key]!r}"


def _short(told: Told) -> str:
    if told.is_fault:
        return f"fault {told.code!r} {told.kind} {told.text[:160]!r}"
    return f"value {str(told.value)[:160]}"


def _faults(recorded: Told, ours: Told, ids: Mapping[int, int], names: set[str]) -> list[str]:
    found = []
    pairs = [("text", recorded.text, ours.text), ("code", recorded.code, ours.code)]
    if recorded.kind != ours.kind:
        found.append(f"class {recorded.kind} is {ours.kind}")
    for what, theirs, own in pairs:
        if not (isinstance(theirs, str) and isinstance(own, str)):
            if theirs != own:
                found.append(f"{what} {theirs!r} is {own!r}")
            continue
        if masked(theirs) != masked(own):
            found.append(f"{what} {theirs!r} is {own!r}")
            continue
        told = names_in(own)
        strangers = {each for each in told if each.partition(" ")[0] not in names}
        if strangers or len(set(told)) != len(set(names_in(theirs))):
            found.append(f"{what} names {told}, but the documents are {sorted(names)}")
        for their_number, own_number in zip(numbers_in(theirs), numbers_in(own), strict=True):
            if ids.get(their_number, own_number) != own_number:
                found.append(f"{what} tells {own_number}, not {ids[their_number]}: {own!r}")
    return found


def _values(theirs: Any, own: Any, where: str, ids: Mapping[int, int]) -> Iterable[str]:
    if isinstance(theirs, dict) and isinstance(own, dict):
        yield from _dicts(theirs, own, where, ids)
    elif isinstance(theirs, list) and isinstance(own, list):
        if bool(theirs) != bool(own) and where.count(".") < 2:
            yield f"{where or 'answer'} {theirs} is {own}"
        for number, (one, other) in enumerate(zip(theirs, own, strict=False)):
            yield from _values(one, other, f"{where}[{number}]", ids)
    elif theirs is False or own is False:
        # False is empty in any field; elsewhere it is an answer.
        if not where and theirs is not own:
            yield f"answer {theirs!r} is {own!r}"
    elif type(theirs) is not type(own):
        yield f"{where or 'answer'} {theirs!r} is {own!r}"
    elif (isinstance(theirs, bool) or theirs is None) and not where and theirs != own:
        yield f"answer {theirs!r} is {own!r}"
    elif where.endswith((".id", ".res_id")) and ids.get(theirs, own) != own:
        yield f"{where} is {own}, not {ids[theirs]}"


def _dicts(theirs: Any, own: Any, where: str, ids: Mapping[int, int]) -> Iterable[str]:
    if where.endswith(".infos") or _are_numbers(theirs):
        if {str(ids.get(int(key), key)) for key in theirs} != set(own):
            yield f"{where} tells of {sorted(own)}"
        return
    missing, more = sorted(theirs.keys() - own.keys()), sorted(own.keys() - theirs.keys())
    if missing or more:
        yield f"{where or 'answer'} lacks {missing}, has besides {more}"
    for key in theirs.keys() & own.keys():
        if key in _SAID and "res_model" in theirs and theirs[key] != own[key]:
            yield f"{where}.{key} {theirs[key]!r} is {own[key]!r}"
        yield from _values(theirs[key], own[key], f"{where}.{key}", ids)


def _are_numbers(told: Mapping[str, Any]) -> bool:
    return bool(told) and all(key.isdigit() for key in told)
