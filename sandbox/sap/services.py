"""The services that are switched on: their paths, functions, spelling and whether they keep a session."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from sandbox.sap.names import Style
from sandbox.sap.wsdl import Contract

_UNITS: Final = ("BAPI_TRANSACTION_COMMIT", "BAPI_TRANSACTION_ROLLBACK")
_FUNCTIONS: Final = {
    "zstorno_po": (
        "BAPI_PO_CHANGE",
        "BAPI_PO_GETDETAIL1",
        "BAPI_PO_GETITEMS",
        "Z_STORNO_PO_CHANGE",
    ),
    "zstorno_so": (
        "BAPI_SALESORDER_CHANGE",
        "BAPI_SALESORDER_GETLIST",
        "BAPI_SALESORDER_GETSTATUS",
        "BAPISDORDER_GETDETAILEDLIST",
        "Z_STORNO_SALESORDER_CHANGE",
    ),
    "zstorno_pp": (
        "BAPI_PRODORD_COMPLETE_TECH",
        "BAPI_PRODORD_CLOSE",
        "BAPI_PRODORD_GET_DETAIL",
        "BAPI_PRODORD_GET_LIST",
        "Z_STORNO_PRODORD_COMPLETE_TECH",
        "Z_STORNO_PRODORD_CLOSE",
    ),
    "zstorno_mm": (
        "BAPI_GOODSMVT_CANCEL",
        "BAPI_GOODSMVT_GETDETAIL",
        "BAPI_GOODSMVT_GETITEMS",
        "Z_STORNO_GOODSMVT_CANCEL",
    ),
    "zstorno_iv": (
        "BAPI_INCOMINGINVOICE_CANCEL",
        "BAPI_INCOMINGINVOICE_GETDETAIL",
        "BAPI_INCOMINGINVOICE_GETLIST",
        "Z_STORNO_INCOMINGINVOICE_CANCEL",
    ),
    "zstorno_fi": (
        "BAPI_ACC_DOCUMENT_REV_CHECK",
        "BAPI_ACC_DOCUMENT_REV_POST",
        "RFC_READ_TABLE",
        "Z_STORNO_ACC_DOCUMENT_REV_POST",
    ),
    "zstorno_pi": (
        "BAPI_MATPHYSINV_GETDETAIL",
        "BAPI_MATPHYSINV_COUNT",
        "BAPI_MATPHYSINV_CHANGECOUNT",
        "BAPI_MATPHYSINV_POSTDIFF",
        "Z_STORNO_MATPHYSINV_COUNT",
        "Z_STORNO_MATPHYSINV_CHANGECOUNT",
        "Z_STORNO_MATPHYSINV_POSTDIFF",
    ),
    "zstorno_ps": (
        "BAPI_PS_INITIALIZATION",
        "BAPI_PS_PRECOMMIT",
        "BAPI_BUS2001_GET_STATUS",
        "BAPI_BUS2001_SET_STATUS",
        "BAPI_BUS2002_GET_STATUS",
        "BAPI_BUS2002_SET_STATUS",
        "BAPI_BUS2054_GET_STATUS",
        "BAPI_BUS2054_SET_STATUS",
        "Z_STORNO_BUS2001_SET_STATUS",
        "Z_STORNO_BUS2002_SET_STATUS",
        "Z_STORNO_BUS2054_SET_STATUS",
    ),
    "zstorno_read": ("RFC_READ_TABLE",),
    "zstorno_list": ("Z_STORNO_LIST",),
}


@dataclass(frozen=True, slots=True)
class Service:
    """One service at one address."""

    name: str
    functions: tuple[str, ...]
    style: Style = Style.RFC
    is_stateful: bool = False
    client: str = "100"

    @property
    def path(self) -> str:
        """Where it is called; a session's cookie goes with this path and no other."""
        return f"/sap/bc/srt/rfc/sap/{self.name}/{self.client}/{self.name}/{self.name}"

    @property
    def wsdl_path(self) -> str:
        """Where its WSDL is."""
        return f"/sap/bc/srt/wsdl/flv_10002A111AD1/bndg_url{self.path}"

    @property
    def contract(self) -> Contract:
        """What the WSDL says."""
        return Contract(self.name.upper(), self.functions, self.style, self.is_stateful)


def default_services(stateful: frozenset[str] | bool = frozenset()) -> dict[str, Service]:
    """Return the services by name: each area in ABAP's spelling, and with `_mc` behind its name in the mixed one.

    `stateful` names those that keep a session; True: all of them.
    """
    made = {}
    for name, functions in _FUNCTIONS.items():
        service = Service(name, (*functions, *_UNITS))
        mixed = replace(service, name=f"{name}_mc", style=Style.MC)
        for each in (service, mixed):
            is_stateful = stateful is True or (stateful is not False and each.name in stateful)
            made[each.name] = replace(each, is_stateful=is_stateful)
    return made
