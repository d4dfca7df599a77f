"""Names on the wire: ABAP's own, and the mixed-case style that SAP's service wizard offers."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

RFC_NAMESPACE: Final = "urn:sap-com:document:sap:rfc:functions"
MC_NAMESPACE: Final = "urn:sap-com:document:sap:soap:functions:mc-style"


class Style(StrEnum):
    """How a service spells its names."""

    RFC = "rfc"
    MC = "mc"

    @property
    def namespace(self) -> str:
        """The namespace of requests, answers and structures."""
        return RFC_NAMESPACE if self is Style.RFC else MC_NAMESPACE

    def spell(self, abap: str) -> str:
        """Return how this style spells an ABAP name."""
        return abap if self is Style.RFC else mixed_case(abap)

    def table_type(self, structure: str) -> str:
        """Return the name of the type of a table of `structure`."""
        return f"TABLE_OF_{structure}" if self is Style.RFC else f"TableOf{mixed_case(structure)}"


def mixed_case(abap: str) -> str:
    """Return `BapiPoChange` for BAPI_PO_CHANGE and `_-cwm_-x` for /CWM/X."""
    if abap.startswith("/"):
        return abap.replace("/", "_-").lower()
    return "".join(part[:1].upper() + part[1:].lower() for part in abap.split("_"))
