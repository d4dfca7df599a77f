"""A function of the customer that lists documents, where SAP itself has no other way to: what to ask for, and how it is asked.

It is asked page by page: keys of one table, those behind the last one that it gave.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connectors.sap.errors import messages_of
from core.errors import BadAnswer
from core.text import N_

if TYPE_CHECKING:
    from connectors.sap.envelopes import Parameters
    from connectors.sap.transport import Endpoint, Session

PAGE: Final = 5000
"""Keys in one answer."""

PARAMETERS: Final = ("TABLENAME", "AFTER", "MOST", "NUMBERS", "RETURN")

ABAP: Final = """\
FUNCTION z_storno_list.
*"  IMPORTING  VALUE(TABLENAME) TYPE DD02L-TABNAME
*"  IMPORTING  VALUE(AFTER) TYPE TAB512-WA OPTIONAL
*"  IMPORTING  VALUE(MOST) TYPE I
*"  TABLES     NUMBERS STRUCTURE TAB512
*"  TABLES     RETURN STRUCTURE BAPIRET2
  DATA lv_vbeln TYPE vbak-vbeln.

  CASE tablename.
    WHEN 'VBAK'.
      lv_vbeln = after.
      SELECT vbeln FROM vbak INTO numbers-wa UP TO most ROWS
        WHERE vbtyp = 'C' AND vbeln > lv_vbeln ORDER BY vbeln.
        APPEND numbers.
      ENDSELECT.
    WHEN OTHERS.
      return-type = 'E'.
      return-id = '00'.
      return-number = '001'.
      return-message = 'No list of such documents'.
      APPEND return.
  ENDCASE.
ENDFUNCTION.
"""
"""One for sales orders, to be gone on with: a branch for each table, whose keys are joined by `/`."""


def list_keys(session: Session, endpoint: Endpoint, table: str, *, most: int = PAGE) -> list[str]:
    """Return every key of a table that the function gives. Raises its refusal, and `BadAnswer` where it goes in a circle."""
    found: dict[str, None] = {}
    after = ""
    while True:
        page = page_of(session, endpoint, table, after=after, most=most)
        if any(key in found for key in page):
            raise BadAnswer(
                N_("{system}: {function} gave the same numbers twice: it must go on behind AFTER"),
                system=session.system,
                function=endpoint.function.name,
                problem="",
            )
        found |= dict.fromkeys(page)
        if len(page) < most:
            return list(found)
        after = page[-1]


def page_of(
    session: Session, endpoint: Endpoint, table: str, *, after: str, most: int
) -> list[str]:
    """Return one page of keys. Raises the refusal of the function."""
    given: Parameters = {
        "TABLENAME": table,
        "AFTER": after,
        "MOST": most,
        "NUMBERS": [],
        "RETURN": [],
    }
    reply = session.call(endpoint, given)
    refused = session.vocabulary.error(session.system, messages_of(reply))
    if refused is not None:
        raise refused
    return [key for row in reply.rows("NUMBERS") if (key := row.get("WA", "").strip())]
