"""Documents of the ledger: reversed by another one, each naming the other; a period that is closed is a person's.

Read as the database has them (BKPF, BSEG), because no BAPI of SAP's reads a posted document.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, ClassVar, Final

from connectors.contract import Image, Instruction, Kind, Problem, Step
from connectors.judging import MISSING, fields_of, root_of
from connectors.sap.layouts import LEDGER_DOCUMENTS, SEPARATOR
from connectors.sap.posted_actions import PostedAction
from core.errors import StateRefused
from core.text import N_, Text

if TYPE_CHECKING:
    from connectors.contract import Call
    from connectors.sap.actions import SapAction
    from connectors.sap.envelopes import Parameters
    from core.encoding import Value

REVERSED: Final = ("STBLG", "STJAH", "STGRD")
"""Columns in which a document and its reversal name each other."""

OWN_ORIGIN: Final = "BKPFF"
"""Source (AWTYP) of what was posted through the accounting interface: the BAPI reverses nothing else."""

_WHERE: Final[Mapping[str, str]] = {
    "BKPF": "FB08",
    "RMRP": "MR8M",
    "MKPF": "MBST",
    "VBRK": "VF11",
}
"""Per source the transaction that reverses."""


class _ReverseEntry(PostedAction):
    """Reverses a document with another one, on its own posting date unless another day is given."""

    name = "journal_entry.reverse"
    kind = Kind.JOURNAL_ENTRY
    model = "BKPF"
    layout = LEDGER_DOCUMENTS
    function = "BAPI_ACC_DOCUMENT_REV_POST"
    check_function = "BAPI_ACC_DOCUMENT_REV_CHECK"
    title = N_("Reverse the document")
    to_check = N_(
        "its fields are known from public descriptions alone; ask the SAP team whether RFC_READ_TABLE may read BKPF and"
        " BSEG, and on a copy whether a reversal that was checked (BAPI_ACC_DOCUMENT_REV_CHECK) can be posted"
    )
    reversibility_note = N_(
        "a reversed document does not come back; a person posts it again (FB01), under a new number"
    )
    wanted: ClassVar[Mapping[str, frozenset[str]]] = {
        part.model: frozenset(part.columns) for part in LEDGER_DOCUMENTS.all_parts
    }
    ours: ClassVar[Mapping[str, frozenset[str]]] = {
        "BKPF": frozenset({*REVERSED, "*"}),
        "BSEG": frozenset({"AUGBL", "AUGDT"}),
    }
    derived: ClassVar[Mapping[str, frozenset[str]]] = {"BSEG": frozenset({"AUGBL", "AUGDT"})}
    trace: ClassVar[Mapping[str, frozenset[str]]] = {"BSEG": frozenset({"*"})}
    creates: ClassVar[Mapping[str, str]] = {"BKPF": N_("reversal document")}

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        head = root_of(step, image)
        if not head:
            return (MISSING,)
        if head.get("STBLG"):
            other = {"number": SEPARATOR.join(str(head.get(name)) for name in ("STBLG", "STJAH"))}
            text = N_("it is reversed already, or is a reversal itself: the other one is {number}")
            return (Problem("reversed", Text(text, other)),)
        origin = str(head.get("AWTYP"))
        if origin != OWN_ORIGIN:
            text = N_("it was posted by another application ({origin}): {transaction} reverses it")
            shown = {"origin": origin, "transaction": _WHERE.get(origin, "FB08")}
            return (Problem("origin", Text(text, shown)),)
        cleared = sorted(
            str(line.get("BUZEI"))
            for line in map(fields_of, image.of_model("BSEG"))
            if line.get("AUGBL")
        )
        if cleared:
            text = N_("lines {items} are cleared: their clearing is reset first (FBRA)")
            return (Problem("cleared", Text(text, {"items": ", ".join(cleared)})),)
        if _day(step, head) is None:
            text = N_("the posting date {date} of the reversal is no day")
            return (Problem("date", Text(text, {"date": str(step.arguments["date"])})),)
        return ()

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        head = root_of(step, after)
        company = step.ref.key.partition(SEPARATOR)[0]
        other = SEPARATOR.join([company, str(head.get("STBLG")), str(head.get("STJAH"))])
        return bool(head.get("STBLG")) and any(
            record.exists and record.ref.key == other for record in after.of_model("BKPF")
        )

    def parameters(self, call: Call) -> Parameters:
        head = root_of(call.step, call.before)
        day = _day(call.step, head)
        if day is None:
            raise StateRefused(system=self.target.system, said=N_("its posting date is no day"))
        reversal: dict[str, Value] = {
            "OBJ_TYPE": head.get("AWTYP"),
            "OBJ_KEY": head.get("AWKEY"),
            "OBJ_SYS": head.get("AWSYS"),
            "OBJ_KEY_R": head.get("AWKEY"),
            "PSTNG_DATE": day,
            "COMP_CODE": head.get("BUKRS"),
            "REASON_REV": self._reason(call.step),
            "AC_DOC_NO": head.get("BELNR"),
        }
        return {"REVERSAL": reversal, "BUS_ACT": head.get("GLVOR"), "RETURN": []}

    def _reason(self, step: Step) -> Value:
        return step.arguments.get("reason", self.target.reversal_reason)

    def instruction(self, step: Step, image: Image) -> Instruction:
        company, number, year = step.ref.key.split(SEPARATOR)
        shown = {"number": number.lstrip("0"), "company": company, "year": year}
        return Instruction(
            screen=Text(
                N_("transaction FB08, document {number} of company code {company}, {year}"), shown
            ),
            press=Text(self.title),
            reason=Text(
                N_("reversal reason {reason}, posting date {date}"),
                {
                    "reason": str(self._reason(step)),
                    "date": str(_day(step, root_of(step, image)) or ""),
                },
            ),
        )


def _day(step: Step, head: Mapping[str, Value]) -> date | None:
    """Return the posting date of the reversal; None for an argument that is no day."""
    asked = step.arguments.get("date", head.get("BUDAT"))
    if isinstance(asked, date):
        return asked
    try:
        return date.fromisoformat(str(asked))
    except ValueError:
        return None


def ledger_actions() -> tuple[type[SapAction], ...]:
    """Return every action on documents of the ledger."""
    return (_ReverseEntry,)
