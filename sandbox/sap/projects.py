"""Projects, WBS elements and networks: statuses set and undone, in a unit of work with rules of its own.

INITIALIZATION opens it, changes of one project gather in a buffer, PRECOMMIT checks and hands over, COMMIT saves. A
commit without PRECOMMIT saves nothing of it; a commit after a PRECOMMIT that failed ends the program.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from sandbox.sap.call import Call, Handler
from sandbox.sap.database import Update
from sandbox.sap.messages import Message
from sandbox.sap.work import Work

STATUSES: Final = {
    "CRTD": "I0001",
    "REL": "I0002",
    "TECO": "I0045",
    "CLSD": "I0046",
    "LKD": "I0043",
}
_FLAGS: Final = frozenset({"LKD"})  # these stand beside the others
_FOLLOWS: Final = {"REL": ("CRTD",), "TECO": ("REL",), "CLSD": ("TECO", "REL")}
_BEFORE: Final = {"TECO": "REL", "CLSD": "TECO"}


@dataclass(slots=True)
class ProjectWork:
    """The project buffer of one session."""

    project: str = ""
    updates: list[Update] = field(default_factory=list)
    has_failed: bool = False


@dataclass(frozen=True, slots=True)
class Thing:
    """What carries a status: its table, number, status object and project."""

    table: str
    number: str
    object: str
    project: str


def find(work: Work, table: str, number: str) -> Thing | None:
    """Return a project, WBS element or network, or None."""
    row = work.sap.db.get(table, number)
    if row is None:
        return None
    project = row.get("PSPID", number)
    return Thing(table, number, str(row["OBJNR"]), str(project))


def active(work: Work, thing: Thing) -> set[str]:
    """Return the statuses as they are with what the buffer holds."""
    rows = {r["STAT"]: r["INACT"] for r in work.sap.db.rows("JEST", OBJNR=thing.object)}
    if work.projects is not None:
        for update in work.projects.updates:
            if update.table == "JEST" and update.key[0] == thing.object:
                rows[update.key[1]] = update.values["INACT"]
    names = {code: name for name, code in STATUSES.items()}
    return {names[code] for code, inactive in rows.items() if inactive != "X" and code in names}


def set_status(work: Work, thing: Thing | None, number: str, wanted: str, undone: str) -> Message:
    """Put a change of status into the buffer; return what is said."""
    if thing is None:
        return _said("E", "CNIF_STATUS", "002", number)
    if work.projects is None:
        return _said("E", "CNIF_PI", "032")
    if work.projects.project not in {"", thing.project}:
        return _said("E", "CNIF_PI", "015", work.projects.project)
    if "PS" not in work.user.rights:
        return _said("E", "CNIF_STATUS", "008", number)
    lock = work.lock("PROJ", thing.project)
    if lock is not None:
        return _said("E", "CNIF_STATUS", "004", number, lock.user)
    now = active(work, thing)
    switched = _switch(now, wanted, undone)
    if switched is None:
        return _said("E", "CNIF_STATUS", "005", number, wanted or undone, " ".join(sorted(now)))
    work.projects.project = thing.project
    for name, is_on in switched.items():
        key = (thing.object, STATUSES[name])
        work.projects.updates.append(Update("JEST", key, {"INACT": "" if is_on else "X"}))
    return _said("S", "CNIF_STATUS", "007", number, wanted or undone)


def _switch(now: set[str], wanted: str, undone: str) -> dict[str, bool] | None:
    """Return which statuses go on and off, or None where that is not allowed."""
    if wanted in _FLAGS and wanted not in now:
        return {wanted: True}
    if undone in _FLAGS and undone in now:
        return {undone: False}
    if wanted in _FOLLOWS and not _FLAGS & now:
        left = [name for name in _FOLLOWS[wanted] if name in now]
        return {wanted: True, **dict.fromkeys(left, False)} if left else None
    # Released is not undone.
    if undone in _BEFORE and undone in now:
        return {undone: False, _BEFORE[undone]: True}
    return None


def _said(kind: str, id_: str, number: str, *values: object) -> Message:
    return Message(kind, id_, number, tuple(str(value) for value in values))


# ------------------------------------------------------------------------------------------- BAPIs


def initialize(call: Call) -> None:
    """BAPI_PS_INITIALIZATION: an empty buffer."""
    call.work.projects = ProjectWork()


def precommit(call: Call) -> None:
    """BAPI_PS_PRECOMMIT: check the buffer and hand it to the unit of work."""
    work = call.work
    buffer = work.projects
    if buffer is None:
        call.say("E", "CNIF_PI", "032")
        return
    if buffer.has_failed:
        call.say("E", "CNIF_PI", "056")
        return
    work.updates += buffer.updates
    work.projects = None


def _one(call: Call, table: str, parameter: str) -> None:
    number = call.text(parameter)
    thing = find(call.work, table, number)
    wanted, undone = call.text("SET_SYSTEM_STATUS"), call.text("UNDO_SYSTEM_STATUS")
    _tell(call, number, set_status(call.work, thing, number, wanted, undone))


def _tell(call: Call, number: str, message: Message) -> None:
    call.messages.append(message)
    row = {"OBJECT": number, "MESSAGE_TYPE": message.kind, "MESSAGE_ID": message.id}
    text = message.text(call.work.language)
    call.add("E_RESULT", {**row, "MESSAGE_NUMBER": message.number, "MESSAGE_TEXT": text})
    if message.is_error and call.work.projects is not None:
        call.work.projects.has_failed = True


def project_status(call: Call) -> None:
    """BAPI_BUS2001_SET_STATUS."""
    _one(call, "PROJ", "PROJECT_DEFINITION")


def network_status(call: Call) -> None:
    """BAPI_BUS2002_SET_STATUS, for the header."""
    _one(call, "NETW", "NUMBER")


def wbs_status(call: Call) -> None:
    """BAPI_BUS2054_SET_STATUS: each element by itself; some may be done and others not."""
    for row in call.rows("I_WBS_SYSTEM_STATUS"):
        number = row["WBS_ELEMENT"]
        thing = find(call.work, "PRPS", number)
        wanted, undone = row["SET_SYSTEM_STATUS"], row["UNDO_SYSTEM_STATUS"]
        _tell(call, number, set_status(call.work, thing, number, wanted, undone))


def _get(table: str, parameter: str) -> Handler:
    def run(call: Call) -> None:
        number = call.text(parameter)
        thing = find(call.work, table, number)
        if thing is None:
            call.say("E", "CNIF_STATUS", "002", number)
            return
        stored = {r["STAT"] for r in call.sap.db.rows("JEST", OBJNR=thing.object, INACT="")}
        for name, code in STATUSES.items():
            if code in stored:
                call.add("E_SYSTEM_STATUS", {"SYSTEM_STATUS": name})

    return run


def in_one_call(inner: Handler) -> Handler:
    """Return the customer's function's inside: the buffer opened, the change, the check."""

    def run(call: Call) -> None:
        initialize(call)
        inner(call)
        if not call.has_errors:
            precommit(call)

    return run


_SETTERS: Final[dict[str, Handler]] = {
    "BAPI_BUS2001_SET_STATUS": project_status,
    "BAPI_BUS2002_SET_STATUS": network_status,
    "BAPI_BUS2054_SET_STATUS": wbs_status,
}
WRAPPED: Final[dict[str, Handler]] = {name: in_one_call(do) for name, do in _SETTERS.items()}
FUNCTIONS: Final[dict[str, Handler]] = {
    "BAPI_PS_INITIALIZATION": initialize,
    "BAPI_PS_PRECOMMIT": precommit,
    **_SETTERS,
    "BAPI_BUS2001_GET_STATUS": _get("PROJ", "PROJECT_DEFINITION"),
    "BAPI_BUS2002_GET_STATUS": _get("NETW", "NUMBER"),
    "BAPI_BUS2054_GET_STATUS": _get("PRPS", "WBS_ELEMENT"),
}
