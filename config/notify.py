"""Who is told at once when something must not wait, where, of what, and in which language; where the audit key is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator

from config.fields import FilePath, Secret, Section, wrong
from core.text import N_

Item = TypeVar("Item")


def _some(given: tuple[Item, ...]) -> tuple[Item, ...]:
    if not given:
        raise wrong(N_("names nothing"))
    return given


def _listed(given: object) -> object:
    """Take one for a list of one."""
    return (given,) if isinstance(given, str | Path) else given


Told = Literal["frozen", "thawed", "in_doubt", "needs_person", "run_stopped", "breaker_opened"]
"""What a person can be told of. `recovery.stopping.alarms` has the same words; a test compares the two."""

EVERYTHING: tuple[Told, ...] = (
    "frozen",
    "thawed",
    "in_doubt",
    "needs_person",
    "run_stopped",
    "breaker_opened",
)


class PersonSettings(Section):
    """One person who is told, under the name that stands before it."""

    addresses: Annotated[tuple[Secret, ...], AfterValidator(_some)]
    """Where, as Apprise writes it: `mailtos://...`, `slack://...`, `dingtalk://...`, `wecombot://...`,
    `feishu://...`, `workflows://...` (Teams), `jsons://...` (any program). Each holds a secret, so it stands in a
    variable or a file. The person has been told when one of them took the message."""
    alarms: Annotated[tuple[Told, ...], AfterValidator(_some)] = EVERYTHING
    """Of what: `frozen`, `thawed`, `in_doubt` (an answer was lost; Storno reads to find out), `needs_person`
    (reading could not settle it), `run_stopped` (a stop rule), `breaker_opened` (a system that keeps failing)."""
    language: Literal["auto", "en", "zh_CN"] = "auto"
    """Language of the messages; `auto` is that of this file."""


class AuditSettings(Section):
    """What signs checkpoints and evidence, and what checks them."""

    signing_key: Secret | None = None
    """The private key that `storno audit key` made, as `${file:secrets/audit.pem}`. Never kept in the journal."""
    public_key: Annotated[tuple[FilePath, ...], BeforeValidator(_listed)] = ()
    """The public key, or a list: after a change of keys also the older ones, whose checkpoints stay in the file. Without
    it the one that belongs to `signing_key`. Whoever only verifies needs no other."""
    checkpoints: FilePath | None = None
    """A file to which `storno audit checkpoint` adds, and that `storno audit verify` reads. It belongs on another
    machine or medium than the journal. `storno audit checkpoint --begin` makes it; once named here it must be there,
    or both commands say that it is gone."""
