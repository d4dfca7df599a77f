"""What to ask the SAP team for: a function that calls a BAPI and commits it, or rolls it back, in one call.

Only what Storno sends stands in its interface, with the names and types of the BAPI: so a wrapper is short, and what
it lets through is what somebody allowed.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Interface:
    """The parameters of a BAPI that its wrapper takes over: name and type in ABAP's own words."""

    importing: Mapping[str, str]
    tables: Mapping[str, str]
    exporting: Mapping[str, str]  # of these, only RETURN is ever read
    is_project: bool = (
        False  # the project system's unit of work is opened before, and checked behind
    )


_STATUS: Final = {
    "SET_SYSTEM_STATUS": "BAPI_SYSTEM_STATUS-SYSTEM_STATUS",
    "UNDO_SYSTEM_STATUS": "BAPI_SYSTEM_STATUS-SYSTEM_STATUS",
}

INTERFACES: Final[Mapping[str, Interface]] = {
    "BAPI_PO_CHANGE": Interface(
        {"PURCHASEORDER": "BAPIMEPOHEADER-PO_NUMBER", "TESTRUN": "BAPIFLAG-BAPIFLAG"},
        {"RETURN": "BAPIRET2", "POITEM": "BAPIMEPOITEM", "POITEMX": "BAPIMEPOITEMX"},
        {},
    ),
    "BAPI_SALESORDER_CHANGE": Interface(
        {
            "SALESDOCUMENT": "BAPIVBELN-VBELN",
            "ORDER_HEADER_INX": "BAPISDH1X",
            "SIMULATION": "BAPIFLAG-BAPIFLAG",
        },
        {"RETURN": "BAPIRET2", "ORDER_ITEM_IN": "BAPISDITM", "ORDER_ITEM_INX": "BAPISDITMX"},
        {},
    ),
    "BAPI_PRODORD_COMPLETE_TECH": Interface(
        {},
        {"ORDERS": "BAPI_ORDER_KEY", "DETAIL_RETURN": "BAPI_ORDER_RETURN"},
        {"RETURN": "BAPIRET2"},
    ),
    "BAPI_PRODORD_CLOSE": Interface(
        {},
        {"ORDERS": "BAPI_ORDER_KEY", "DETAIL_RETURN": "BAPI_ORDER_RETURN"},
        {"RETURN": "BAPIRET2"},
    ),
    "BAPI_GOODSMVT_CANCEL": Interface(
        {
            "MATERIALDOCUMENT": "BAPI2017_GM_HEAD_02-MAT_DOC",
            "MATDOCUMENTYEAR": "BAPI2017_GM_HEAD_02-DOC_YEAR",
        },
        {"RETURN": "BAPIRET2", "GOODSMVT_MATDOCITEM": "BAPI2017_GM_ITEM_04"},
        {"GOODSMVT_HEADRET": "BAPI2017_GM_HEAD_RET"},
    ),
    "BAPI_INCOMINGINVOICE_CANCEL": Interface(
        {
            "INVOICEDOCNUMBER": "BAPI_INCINV_FLD-INV_DOC_NO",
            "FISCALYEAR": "BAPI_INCINV_FLD-FISC_YEAR",
            "REASONREVERSAL": "BAPI_INCINV_FLD-REASON_REV",
        },
        {"RETURN": "BAPIRET2"},
        {
            "INVOICEDOCNUMBER_REVERSAL": "BAPI_INCINV_FLD-INV_DOC_NO",
            "FISCALYEAR_REVERSAL": "BAPI_INCINV_FLD-FISC_YEAR",
        },
    ),
    "BAPI_MATPHYSINV_POSTDIFF": Interface(
        {
            "PHYSINVENTORY": "BAPI_PHYSINV_HEAD-PHYSINVENTORY",
            "FISCALYEAR": "BAPI_PHYSINV_HEAD-FISCALYEAR",
        },
        {"RETURN": "BAPIRET2", "ITEMS": "BAPI_PHYSINV_POST_ITEMS"},
        {},
    ),
    "BAPI_ACC_DOCUMENT_REV_POST": Interface(
        {"REVERSAL": "BAPIACREV", "BUS_ACT": "BAPIACHE09-BUS_ACT"},
        {"RETURN": "BAPIRET2"},
        {
            "OBJ_TYPE": "BAPIACREV-OBJ_TYPE",
            "OBJ_KEY": "BAPIACREV-OBJ_KEY",
            "OBJ_SYS": "BAPIACREV-OBJ_SYS",
        },
    ),
    "BAPI_BUS2001_SET_STATUS": Interface(
        {"PROJECT_DEFINITION": "BAPI_BUS2001_NEW-PROJECT_DEFINITION", **_STATUS},
        {"E_RESULT": "BAPI_STATUS_RESULT"},
        {"RETURN": "BAPIRETURN1"},
        is_project=True,
    ),
    "BAPI_BUS2002_SET_STATUS": Interface(
        {"NUMBER": "BAPI_NETWORK_LIST-NETWORK", **_STATUS},
        {"E_RESULT": "BAPI_STATUS_RESULT"},
        {"RETURN": "BAPIRETURN1"},
        is_project=True,
    ),
    "BAPI_BUS2054_SET_STATUS": Interface(
        {},
        {"I_WBS_SYSTEM_STATUS": "BAPI_WBS_MNT_SYSTEM_STATUS", "E_RESULT": "BAPI_STATUS_RESULT"},
        {"RETURN": "BAPIRETURN1"},
        is_project=True,
    ),
}


def parameters_of(function: str) -> tuple[str, ...]:
    """Return the parameters that the wrapper of a BAPI needs; none for a BAPI that has no interface here."""
    found = INTERFACES.get(function)
    return () if found is None else (*found.importing, *found.exporting, *found.tables)


def abap_source(function: str, wrapper: str) -> str:
    """Return the wrapper of a BAPI as ABAP, for the SAP team to read, change and answer for."""
    known = INTERFACES[function]
    lines = [f"FUNCTION {wrapper.lower()}."]
    lines += [
        f'*"  IMPORTING  VALUE({name}) TYPE {kind} OPTIONAL'
        for name, kind in known.importing.items()
    ]
    lines += [f'*"  EXPORTING  VALUE({name}) TYPE {kind}' for name, kind in known.exporting.items()]
    lines += [f'*"  TABLES     {name} STRUCTURE {kind}' for name, kind in known.tables.items()]
    lines += ["  DATA ls_commit TYPE bapiret2.", "  DATA lv_failed TYPE abap_bool."]
    if known.is_project:
        lines += ["  DATA lt_checked TYPE STANDARD TABLE OF bapiret2.", ""]
        lines += ["  CALL FUNCTION 'BAPI_PS_INITIALIZATION'."]
    lines += [""]
    lines += [f"  CALL FUNCTION '{function}'"]
    lines += _passed("EXPORTING", known.importing)
    lines += _passed("IMPORTING", known.exporting)
    lines += _passed("TABLES", known.tables)
    lines[-1] += "."
    lines += ["", *_judged(known)]
    if known.is_project:
        lines += _CHECKED
    test = next((name for name in known.importing if name in ("TESTRUN", "SIMULATION")), None)
    condition = "lv_failed = abap_true" + (f" OR {test.lower()} = 'X'" if test else "")
    lines += [
        f"  IF {condition}.",
        "    CALL FUNCTION 'BAPI_TRANSACTION_ROLLBACK'.",
        "  ELSE.",
        "    CALL FUNCTION 'BAPI_TRANSACTION_COMMIT'",
        "      EXPORTING wait = 'X' IMPORTING return = ls_commit.",
        "    IF ls_commit-type CA 'EA'.",
        "      APPEND ls_commit TO return."
        if "RETURN" in known.tables
        else "      MOVE-CORRESPONDING ls_commit TO return.",
        "    ENDIF.",
        "  ENDIF.",
        "ENDFUNCTION.",
    ]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the wrapper of a BAPI to standard output: `python -m connectors.sap.wrapper BAPI [NAME]`."""
    function, *names = [*(each.upper() for each in arguments), ""]
    if function not in INTERFACES:
        sys.stderr.write(f"BAPI [NAME], one of: {', '.join(INTERFACES)}\n")
        return 2
    name = names[0] if len(names) > 1 else f"Z_STORNO_{function.removeprefix('BAPI_')}"
    sys.stdout.write(abap_source(function, name))
    return 0


def _passed(word: str, parameters: Mapping[str, str]) -> list[str]:
    if not parameters:
        return []
    return [f"    {word}", *(f"      {name.lower()} = {name.lower()}" for name in parameters)]


def _judged(known: Interface) -> list[str]:
    """Return the lines that look for an error in every parameter with messages."""
    found = []
    if "RETURN" in known.exporting:
        found += ["  IF return-type CA 'EA'.", "    lv_failed = abap_true.", "  ENDIF."]
    for name in ("RETURN", "DETAIL_RETURN"):
        if name in known.tables:
            found += [
                f"  LOOP AT {name.lower()} TRANSPORTING NO FIELDS WHERE type = 'E' OR type = 'A'.",
                "    lv_failed = abap_true.",
                "  ENDLOOP.",
            ]
    if "E_RESULT" in known.tables:
        found += [
            "  LOOP AT e_result TRANSPORTING NO FIELDS WHERE message_type = 'E' OR message_type = 'A'.",
            "    lv_failed = abap_true.",
            "  ENDLOOP.",
        ]
    return found


# A COMMIT behind a check that failed ends the program: so none is made.
_CHECKED: Final = (
    "  IF lv_failed = abap_false.",
    "    CALL FUNCTION 'BAPI_PS_PRECOMMIT' TABLES et_return = lt_checked.",
    "    LOOP AT lt_checked INTO ls_commit WHERE type = 'E' OR type = 'A'.",
    "      lv_failed = abap_true.",
    "      MOVE-CORRESPONDING ls_commit TO return.",
    "    ENDLOOP.",
    "  ENDIF.",
)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
