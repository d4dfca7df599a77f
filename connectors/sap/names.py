"""Names: ABAP's own in upper case, and the mixed case in which a service wizard may write them instead."""

from __future__ import annotations

import re
from typing import Final

RFC_NAMESPACE: Final = "urn:sap-com:document:sap:rfc:functions"
MC_NAMESPACE: Final = "urn:sap-com:document:sap:soap:functions:mc-style"

_PART: Final = re.compile(r"[A-Z][a-z0-9]*")


def mixed_case(abap: str) -> str:
    """Return `BapiPoChange` for BAPI_PO_CHANGE and `_-cwm_-x` for /CWM/X."""
    if "/" in abap:
        return abap.replace("/", "_-").lower()
    return "".join(part.capitalize() for part in abap.split("_"))


def abap_name(written: str) -> str:
    """Return the ABAP name of one in either style; of an odd one its upper case."""
    if written.startswith("_-"):
        return written.replace("_-", "/").upper()
    if written.upper() == written or "_" in written:
        return written.upper()
    parts = _PART.findall(written)
    # What is no sequence of capitalised words (`item`, `iFlag`) has no underscores to give back.
    return "_".join(parts).upper() if "".join(parts) == written else written.upper()
