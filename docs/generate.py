"""Writes docs/reference/errors.md, events.md, columns.md and recipes.md from the code: `python docs/generate.py`.

A test compares the files with what this script would write.
"""

# ruff: noqa: INP001 - a script beside the pages that it writes, no package of the product

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from inspect import cleandoc
from pathlib import Path
from typing import Final

import pyarrow as pa

from config.recipe_reference import recipes_page
from connectors.columns import DOCUMENT_COLUMNS, LINE_COLUMNS
from core import errors
from core.errors import StornoError
from core.events import Event
from service.problems import EXIT_CODES

ROOT: Final = Path(__file__).resolve().parents[1]
REFERENCE: Final = ROOT / "docs" / "reference"
PRODUCT: Final = ("closing", "config", "connectors", "core", "recovery", "service")

_WRITTEN: Final = "<!-- Written by `python docs/generate.py` from {sources}; do not edit. -->"

# --- errors ---------------------------------------------------------------------------------------

NEXT: Final[Mapping[type[StornoError], str]] = {
    errors.UsageError: "The caller asked wrongly and nothing was done. Mend what the message names, then try again.",
    errors.TransientError: (
        "Not reached, or busy, and certain that nothing was changed. Storno tries again by itself until "
        "`run.retry_deadline_seconds` is over; then the change set is paused, and `storno changes resume` goes on."
    ),
    errors.RefusedError: (
        "The ERP said no and nothing was changed. That document becomes an exception with the ERP's own words, and "
        "the others go on. A failed log-in and a missing right stop the run, because every other document would "
        "meet them too."
    ),
    errors.OutcomeUnknown: (
        "A write was sent and no trustworthy answer came. It is never sent again blindly: Storno reads what became "
        "of it, and where reading cannot tell, a person does. See "
        "[Settle an operation in doubt](../howto/settle-an-operation-in-doubt.md)."
    ),
    errors.Bug: (
        "A promise of Storno's own is broken. It stops and keeps the evidence. Report it, with what stands on "
        "standard error."
    ),
}
"""What to do next, family by family."""

_ERRORS_HEAD: Final = """\
# Errors

{written}

Every error has a code that stays the same in every language and every version.
Scripts go by the code; texts are translated and may change.
With `--json` an error is `{{"error": {{"code": ..., "message": ..., "details": {{...}}}}}}` on standard output.
The families are cut by what to do next, and the family decides the [exit code](cli.md#exit-codes).
In the messages, `{{name}}` is a place that is filled in; `details` hold the same names.

A command that was stopped from the keyboard ends with exit code 130 and the code `STO-0130`.
"""


def _families() -> tuple[type[StornoError], ...]:
    return tuple(EXIT_CODES)


def _members(family: type[StornoError]) -> list[type[StornoError]]:
    found = [each for each in vars(errors).values() if isinstance(each, type)]
    return sorted((e for e in found if issubclass(e, family)), key=lambda each: each.code)


def _cell(written: str) -> str:
    return re.sub(r"\s+", " ", written).strip().replace("|", "\\|")


def errors_page() -> str:
    """Return the page of errors."""
    parts = [_ERRORS_HEAD.format(written=_WRITTEN.format(sources="core/errors.py"))]
    for family in _families():
        parts += [
            f"## {family.__name__}: exit code {int(EXIT_CODES[family])}\n",
            *(f"{sentence}" for sentence in _sentences(NEXT[family])),
            "",
            "| code | name | meaning | message |",
            "| --- | --- | --- | --- |",
        ]
        for member in _members(family):
            meaning = cleandoc(member.__doc__ or "").split("\n\n")[0]
            message = f"`{_cell(member.template)}`"
            parts.append(f"| {member.code} | `{member.__name__}` | {_cell(meaning)} | {message} |")
        parts.append("")
    parts += [
        "## Details",
        "",
        "What the places of the messages stand for.",
        "",
        "| place | meaning |",
        "| --- | --- |",
        *(f"| `{name}` | {_cell(meaning)} |" for name, meaning in sorted(errors.PLACES.items())),
    ]
    return "\n".join(parts) + "\n"


def _sentences(written: str) -> list[str]:
    """One sentence a line, as in every page."""
    return re.split(r"(?<=[.]) (?=[A-Z])", written)


# --- events ---------------------------------------------------------------------------------------

MEANINGS: Final[Mapping[Event, str]] = {
    Event.CHANGE_SET_PLANNED: "A plan was stored and hashed; nothing was sent.",
    Event.CHANGE_SET_APPROVED: "A person, or the policy, let a plan run.",
    Event.CHANGE_SET_REJECTED: "A person said that a plan shall never run.",
    Event.CHANGE_SET_EXPIRED: "A plan's evidence became too old to act on.",
    Event.CHANGE_SET_STARTED: "A run began: the records are locked in the journal.",
    Event.CHANGE_SET_PAUSED: "A run stopped before its end; the reason says whom it waits for.",
    Event.CHANGE_SET_RESUMED: "A run that was paused, or whose process died, goes on.",
    Event.CHANGE_SET_FINISHED: "Every operation of a run is settled.",
    Event.CHANGE_SET_ROLLED_BACK: "Another change set took it back.",
    Event.CHANGE_SET_QUEUED: "A change set waits for a worker.",
    Event.CHANGE_SET_TAKEN_OVER: "Whoever carried it out is dead, or gave no sign of life for its lease; another one goes on.",
    Event.CHANGE_SET_HANDED_ON: "A worker was asked to end and gave its change set back between two batches.",
    Event.CLAIM_LOST: "A process found that another one took its change set over; it stored and sent nothing more.",
    Event.LEASE_UNRENEWED: "A lease could not be renewed now; it is tried again soon.",
    Event.QUEUE_MIGRATED: "The tables of the queue were made or brought up to date.",
    Event.QUEUE_UNREADABLE: "The journal could not be asked what waits; it is asked again soon.",
    Event.WORKER_STARTED: "A worker began to look for work.",
    Event.WORKER_STOPPED: "A worker ended.",
    Event.WORKER_FAILED: "A bug ended a run of a worker; its change set is tried again after a while.",
    Event.SYSTEM_UNSEEN: "A system did not tell who changed documents, or what its users are called; what was asked goes on without it.",
    Event.SYSTEM_STATE_UNTOLD: "How a call went could not be written for other workers; what the call did is not touched by that.",
    Event.SYSTEM_HELD_OFF: "So many calls to a system failed in a row that it is left alone for a while.",
    Event.BATCH_SENT: "The intents of a batch were stored, and the call was made.",
    Event.BATCH_CONFIRMED: "A batch was read back and holds.",
    Event.BATCH_HALVED: "The ERP refused a batch as a whole; it is cut until the offender stands alone.",
    Event.OPERATION_DROPPED: "An operation was left out; the reason is stored.",
    Event.OPERATION_REFUSED: "The ERP refused an operation.",
    Event.OPERATION_DOUBTED: "A write was sent and its answer was lost.",
    Event.OPERATION_SETTLED: "Reading, or a person, found what became of an operation in doubt.",
    Event.OPERATION_HANDED_OUT: "Operations were put on the worklist of a person.",
    Event.CALL_RETRIED: "A call that certainly changed nothing is tried again.",
    Event.SESSION_RENEWED: "The ERP had ended our session; Storno logged in again.",
    Event.SYSTEM_CHECKED: "A system was checked.",
    Event.SYSTEM_STOPPED: "A system cannot go on in a run over several: what depends on it waits, the others go on.",
    Event.SYSTEM_PROVED: "A system's actions were tried on a copy, and the proof was stored.",
    Event.LIST_DECODED: "A list of numbers was not UTF-8 and was read as GBK.",
    Event.CACHE_MISSED: "What was kept to make a start quicker could not be written or read; nothing but time is lost.",
    Event.JOURNAL_OPENED: "The journal was opened.",
    Event.JOURNAL_MIGRATED: "The journal's tables were brought to the revision of this version.",
    Event.JOURNAL_PRUNED: "Retention took old images away.",
    Event.JOURNAL_ROTATED: "Everything was sealed anew with the active key.",
    Event.JOURNAL_COMPACTED: "Free space was given back.",
    Event.JOURNAL_BACKED_UP: "A backup was written and verified.",
    Event.JOURNAL_DOUBTED: "The end of the journal does not fit, or guards are missing: see `storno journal check`.",
    Event.CHANGE_SET_HELD: "The images of a change set stay whatever their age.",
    Event.CHANGE_SET_RELEASED: "A hold was lifted.",
    Event.AUDIT_VERIFIED: "The whole journal was verified.",
    Event.CHECKPOINT_SIGNED: "The newest audit line was signed, to be kept elsewhere.",
    Event.EVIDENCE_EXPORTED: "An evidence pack of one change set was written.",
    Event.SCOPE_FROZEN: "A person stopped every write of Storno in a scope.",
    Event.SCOPE_THAWED: "A person lifted a freeze.",
    Event.ALARM_RAISED: "Something that people must be told at once was put into the outbox.",
    Event.ALARM_DELIVERED: "A person was told.",
    Event.ALARM_FAILED: "A message did not reach a person; it is tried again.",
    Event.COMMAND_FAILED: "A command ended with an error.",
}

_EVENTS_HEAD: Final = """\
# Events

{written}

A log line is one event with its facts.
The names are English, stable and a closed list; they are the only ones that Storno writes.
What is logged, and where to, is set under [`log`](settings.md#log) in `storno.yaml`; `-v` shows everything on standard error.
Every line of a run carries the id of its change set.

| event | what happened | written by |
| --- | --- | --- |
"""


def _writers() -> dict[Event, list[str]]:
    """Return, per event, the rooms of the house that log it."""
    found: dict[Event, set[str]] = {event: set() for event in Event}
    for room in PRODUCT:
        for path in (ROOT / room).rglob("*.py"):
            for name in re.findall(r"\bEvent\.([A-Z_]+)\b", path.read_text(encoding="utf-8")):
                found[Event[name]].add(room)
    return {event: sorted(rooms) for event, rooms in found.items()}


def events_page() -> str:
    """Return the page of events."""
    writers = _writers()
    rows = [
        f"| `{event}` | {_cell(MEANINGS[event])} | {', '.join(writers[event]) or 'nothing yet'} |"
        for event in Event
    ]
    return (
        _EVENTS_HEAD.format(written=_WRITTEN.format(sources="core/events.py"))
        + "\n".join(rows)
        + "\n"
    )


# --- columns --------------------------------------------------------------------------------------

_COLUMNS_HEAD: Final = """\
# Columns

{written}

Every system shows its documents in these columns, so that one rule fits every ERP.
`storno documents` shows them, and the conditions of closings are written over them.
Quantities and amounts are exact decimals, moments are UTC, dates are the ERP's own dates.
A column that a system cannot fill is null, never a guess.
A column of the ERP itself is written `native.name`; it is text.
"""

_TYPES: Final = {
    pa.string(): "text",
    pa.bool_(): "true or false",
    pa.int64(): "whole number",
    pa.date32(): "date",
}


def _type_name(kind: pa.DataType) -> str:
    if pa.types.is_decimal(kind):
        return f"decimal, {kind.scale} places"
    return "moment, UTC" if pa.types.is_timestamp(kind) else _TYPES[kind]


def columns_page() -> str:
    """Return the page of canonical columns."""
    parts = [_COLUMNS_HEAD.format(written=_WRITTEN.format(sources="connectors/columns.py"))]
    for title, columns in (("Documents", DOCUMENT_COLUMNS), ("Lines", LINE_COLUMNS)):
        parts += [f"## {title}", "", "| column | type | meaning |", "| --- | --- | --- |"]
        parts += [
            f"| `{name}` | {_type_name(kind)} | {_cell(told)} |" for name, kind, told in columns
        ]
        parts.append("")
    parts.append("In a condition, the lines of the document are the table `lines`.")
    parts.append("[Write a closing](../howto/write-a-closing.md) shows how.")
    return "\n".join(parts) + "\n"


# --- all of them ----------------------------------------------------------------------------------


def pages() -> Iterator[tuple[Path, str]]:
    """Yield each page with its path."""
    yield REFERENCE / "errors.md", errors_page()
    yield REFERENCE / "events.md", events_page()
    yield REFERENCE / "columns.md", columns_page()
    yield REFERENCE / "recipes.md", recipes_page()


def main() -> None:
    """Write every page and say which."""
    for path, page in pages():
        path.write_text(page, encoding="utf-8", newline="\n")
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
