"""Every error of Storno, cut by what to do next.

StornoError                never raised itself
├─ UsageError              the caller asked wrongly: say so, exit 2
├─ TransientError          not reached, or busy; certain that nothing happened: try again
├─ RefusedError            the ERP said no; nothing happened: that document becomes an exception
├─ OutcomeUnknown          sent, and no trustworthy answer: never resent blindly, settled by reading
└─ Bug                     a promise of ours is broken: stop, keep the evidence

A connector turns each driver error into exactly one of these in its `errors.py`, with
`raise ... from error`. Codes are stable and public; texts are translated and never matched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from core.text import N_, Text, text

PLACES: Final[Mapping[str, str]] = {
    "change_set": "id of a change set",
    "command": "what a person types to go on",
    "count": "how many",
    "expired_at": "moment, UTC",
    "file": "path of a file",
    "freeze": "id of a freeze",
    "journal": "path or address of the journal, without its password",
    "key": "key of a record, as the ERP gives it; in settings the dotted path (systems.erp.url)",
    "line": "line in a file, from 1",
    "model": "native model or table of an ERP",
    "name": "what a person called it: a name, a number, an id",
    "package": "name of a Python package",
    "problem": "what is wrong; a text of ours or a library's words",
    "pruned_at": "day on which the images were pruned",
    "reason": "why",
    "person": "who acts or acted",
    "revision": "revision of the journal's schema",
    "said": "the ERP's own words, or a person's",
    "scope": "what a freeze stops, as it is typed: system:NAME kind:KIND ...",
    "seconds": "a duration",
    "source": "where it was read: a file with its line, an option, an expression",
    "state": "state of a change set or operation",
    "system": "name of a system in storno.yaml",
    "to": "state that was asked for",
    "total": "of how many",
    "until": "moment, UTC",
    "user": "name of the user in the ERP",
    "what": "sort of thing: document, change set, closing, system",
}
"""What each `{place}` of the templates below stands for; `details` hold the same names."""


class StornoError(Exception):
    """The root: `template` is English with `{name}` places, `details` fill them, never a secret."""

    code: ClassVar[str] = "STO-0000"
    template: ClassVar[str] = N_("Something went wrong.")

    def __init__(self, template: str | None = None, /, **details: Any) -> None:
        self.text = Text(template if template is not None else type(self).template, details)
        self.details: dict[str, Any] = details
        super().__init__(self.text.template)

    def __str__(self) -> str:
        return str(self.text)

    def as_dict(self) -> dict[str, Any]:
        """Return code, message and details, as `--json`, the API and the journal show them."""
        return {"code": self.code, "message": str(self), "details": dict(self.details)}


# --- the caller asked wrongly -------------------------------------------------------------------


class UsageError(StornoError):
    """The caller asked wrongly; nothing was done."""

    code = "STO-0100"
    template = N_("This cannot be done as asked.")


class ConfigError(UsageError):
    """A setting is missing, unknown or of the wrong type: names file, line and key, no value.

    `problems` holds one line of text for each wrong setting, in the order of the file: all are
    told at once. The details are those of the first.
    """

    code = "STO-0101"
    template = N_("{file}, line {line}: {key}: {problem}")

    def __init__(self, template: str | None = None, /, **details: Any) -> None:
        super().__init__(template, **details)
        self.problems: tuple[Text, ...] = (self.text,)

    @classmethod
    def of(cls, found: Iterable[Mapping[str, Any]]) -> ConfigError:
        """Make one error of several problems, each with file, line, key and problem."""
        several = [dict(each) for each in found]
        error = cls(**several[0])
        error.problems = tuple(text(cls.template, **each) for each in several)
        return error

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)

    def as_dict(self) -> dict[str, Any]:
        """Return the same as every error, and all problems."""
        details = {"problems": [dict(problem.values) for problem in self.problems]}
        return {**super().as_dict(), "details": details}


class NotFound(UsageError):
    """What was named does not exist."""

    code = "STO-0102"
    template = N_("{what} {name!r} was not found.")


class IllegalMove(UsageError):
    """A state cannot be left that way, or another process moved it first."""

    code = "STO-0103"
    template = N_("{what} {name} cannot become {to}: it is {state}.")


class NotAllowed(UsageError):
    """The policy in force does not allow it to this person."""

    code = "STO-0104"
    template = N_("This is not allowed: {reason}")


class Frozen(NotAllowed):
    """A person froze what was about to be written; nothing of this call was sent."""

    code = "STO-0120"
    template = N_(
        "{person} froze {scope}: {said}. Nothing more was sent."
        " To lift it: storno thaw {freeze} --reason TEXT"
    )


class PlanExpired(UsageError):
    """A plan is older than the time for which its evidence is trusted."""

    code = "STO-0105"
    template = N_(
        "Plan {name} expired at {expired_at}: the ERP may have moved on. Make a new plan."
    )


class RecordLocked(UsageError):
    """Another change set works on one of these records."""

    code = "STO-0106"
    template = N_(
        "{model} {key} is locked by change set {change_set}."
        " Finish that one first: storno changes resume {change_set}"
    )


class BadInput(UsageError):
    """A list, a file or an expression given by a person cannot be read; names the place."""

    code = "STO-0107"
    template = N_("{source}: {problem}")


class PackageMissing(UsageError):
    """This Python lacks a package."""

    code = "STO-0108"
    template = N_("The Python package {package!r} is missing. Install it: {command}")


class JournalNewer(UsageError):
    """The journal was written by a newer Storno."""

    code = "STO-0109"
    template = N_(
        "The journal {journal} was written by a newer Storno (revision {revision})."
        " Update Storno first."
    )


class SettingsMissing(UsageError):
    """There is no file with settings."""

    code = "STO-0110"
    template = N_("There is no file {file}. Write one with: storno init")


class FenceLost(IllegalMove):
    """Another process took the change set over before a write was made permanent; nothing of it was written."""

    code = "STO-0111"
    template = N_(
        "Change set {name} is not held by this process any more ({problem}); nothing of this batch was"
        " written. See where it stands: storno changes show {name}"
    )


class JournalKeyMissing(UsageError):
    """What is asked for was sealed with a key that the settings do not have."""

    code = "STO-0140"
    template = N_(
        "The journal was sealed with the key {name!r}, which is not in storno.yaml."
        " Put it back under journal.keys: what was sealed with it cannot be read without it."
    )


class JournalKeyWrong(UsageError):
    """A key of this name is known to the journal, and it is another one."""

    code = "STO-0141"
    template = N_(
        "The key {name!r} in storno.yaml is not the key of that name with which the journal was sealed."
        " Put the right one back, and give a new key a new name."
    )


class ImagesPruned(UsageError):
    """Retention removed the images: what is left says what was done, and nothing can be taken back."""

    code = "STO-0142"
    template = N_(
        "Change set {name} cannot be taken back any more: its images were pruned on {pruned_at} by {person}."
    )


# --- nothing happened, try again ----------------------------------------------------------------


class TransientError(StornoError):
    """Not reached, or busy; certain that nothing was changed.

    `retry_after` is in seconds, when the system names it.
    """

    code = "STO-0200"
    template = N_("{system} could not do it now: {problem}")

    @property
    def retry_after(self) -> float | None:
        """Seconds that the system asked us to wait, or None."""
        value = self.details.get("retry_after")
        return None if value is None else float(value)


class Unreachable(TransientError):
    """No connection; nothing was sent."""

    code = "STO-0201"
    template = N_("{system} cannot be reached: {problem}")


class Timeout(TransientError):
    """A read took too long. A write that takes too long is `OutcomeUnknown` instead."""

    code = "STO-0202"
    template = N_("{system} did not answer within {seconds} s.")


class Busy(TransientError):
    """The system answered that it is busy or in maintenance; nothing was changed."""

    code = "STO-0203"
    template = N_("{system} is busy: {problem}")


class RateLimited(TransientError):
    """The system wants fewer requests."""

    code = "STO-0204"
    template = N_("{system} wants fewer requests: {problem}")


class BadAnswer(TransientError):
    """A read got an answer that cannot be trusted (cut, not the protocol, too large)."""

    code = "STO-0205"
    template = N_("{system} sent an answer that cannot be read: {problem}")


class JournalFull(TransientError):
    """The journal cannot be written (disk full, read only); nothing was sent after that."""

    code = "STO-0206"
    template = N_(
        "The journal {journal} cannot be written: {problem}. Nothing more was sent."
        " Mend that (a full disk wants room), then: storno changes resume"
    )


class JournalUnreachable(JournalFull):
    """The journal's server does not answer; nothing was sent after that."""

    code = "STO-0209"
    template = N_(
        "The journal {journal} cannot be reached: {problem}. Nothing more is sent."
        " When its server is back: storno changes resume"
    )


class JournalBusy(TransientError):
    """Another process has been writing to the journal all the time that we waited."""

    code = "STO-0207"
    template = N_(
        "The journal {journal} is being written by another process. Nothing more was sent."
        " Wait until that one is done, then: storno changes resume"
    )


class HeldOff(TransientError):
    """A system is left alone for a while, out of politeness; nothing was sent. `until` is a moment in UTC.

    The change set waits and goes on by itself where a worker is running.
    """

    code = "STO-0208"
    template = N_("{system} is left alone until {until}: {reason}")


# --- the ERP said no ----------------------------------------------------------------------------


class RefusedError(StornoError):
    """The ERP said no; nothing was changed. `said` keeps the ERP's own words.

    `offenders` names the operations that caused the refusal of a whole batch; it is empty where the
    ERP does not tell.
    """

    code = "STO-0300"
    template = N_("{system} refused: {said}")

    @property
    def offenders(self) -> tuple[str, ...]:
        """Ids of the operations at fault, as far as the ERP names them."""
        return tuple(self.details.get("offenders") or ())


class Rejected(RefusedError):
    """A rule of the ERP forbids it."""

    code = "STO-0301"


class StateRefused(RefusedError):
    """The document's state does not allow it."""

    code = "STO-0302"


class PeriodLocked(RefusedError):
    """The accounting period is closed or locked."""

    code = "STO-0303"


class StaleRecord(RefusedError):
    """Somebody changed the record since it was read."""

    code = "STO-0304"


class NoEffect(RefusedError):
    """The ERP said yes and changed nothing."""

    code = "STO-0305"
    template = N_("{system} answered yes, but nothing changed: {said}")


class RecordMissing(RefusedError):
    """The record does not exist (any more)."""

    code = "STO-0306"


class LoginFailed(RefusedError):
    """User, password or key are wrong; the run stops, because every other call would fail too."""

    code = "STO-0310"
    template = N_("{system}: log-in failed for user {user!r}: {said}")


class AccessDenied(RefusedError):
    """The user lacks a right; the run stops."""

    code = "STO-0311"


class StopRuleMet(RefusedError):
    """Too many operations of a run ended otherwise than planned; what is done is done, the rest was not sent."""

    code = "STO-0312"
    template = N_(
        "{count} of the {total} operations so far ended otherwise than planned, so the run stopped. The last"
        " one: {said}"
    )


class AnswersLost(StopRuleMet):
    """A system lost the answers to several batches in a row that had no effect: who looks finds out why."""

    code = "STO-0313"
    template = N_("{system} lost the answer {count} times in a row; nothing happened there")


# --- sent, and no trustworthy answer ------------------------------------------------------------


class OutcomeUnknown(StornoError):
    """A write was sent and it may or may not have happened; only reading can tell."""

    code = "STO-0400"
    template = N_(
        "{system}: the answer was lost ({problem})."
        " It may or may not have happened; Storno reads to find out."
    )


# --- a promise of ours is broken ----------------------------------------------------------------


class Bug(StornoError):
    """A promise of Storno is broken."""

    code = "STO-0500"
    template = N_("Storno broke a promise of its own: {problem}")


class JournalBroken(Bug):
    """The journal contradicts itself."""

    code = "STO-0501"
    template = N_(
        "The journal is damaged: {problem}. Nothing was sent."
        " Keep the file, restore a backup: {journal}"
    )


class ContractBroken(Bug):
    """A connector did not keep its contract."""

    code = "STO-0502"
    template = N_("The connector broke its contract: {problem}")


STOPS_THE_RUN: tuple[type[RefusedError], ...] = (LoginFailed, AccessDenied)
"""Refusals that every other document would meet too."""
