"""Where the practice SAP keeps what the connector's models show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sandbox.sap.purchase import HEADER, ITEM

# Where the connector's models show what stands in SAP's tables.
MODELS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "EKKO": {c: ("POHEADER", name) for name, c in HEADER.items() if c != "AEDAT"},
    "EKPO": {c: ("POITEM", name) for name, c in ITEM.items()},
    "VBAK": {
        "NETWR": ("ORDER_HEADERS_OUT", "NET_VAL_HD"),
        "GBSTK": ("ORDER_STATUSHEADERS_OUT", "PRC_STAT_H"),
        "LFSTK": ("ORDER_STATUSHEADERS_OUT", "DELIV_STAT"),
        "ABSTK": ("ORDER_STATUSHEADERS_OUT", "OVERALLREJ"),
    },
    "VBAP": {
        "ABGRU": ("ORDER_ITEMS_OUT", "REA_FOR_RE"),
        "GBSTA": ("ORDER_STATUSITEMS_OUT", "OVRPROCSTA"),
        "LFSTA": ("ORDER_STATUSITEMS_OUT", "DELIV_STAT"),
        "ABSTA": ("ORDER_STATUSITEMS_OUT", "REJSTATIT"),
    },
    "RBKP": {
        "STBLG": ("HEADERDATA", "REVERSED_BY"),
        "STJAH": ("HEADERDATA", "REVERSED_YEAR"),
    },
    "IKPF": {"BUDAT": ("HEAD", "PSTNG_DATE"), "DSTAT": ("HEAD", "ADJUST_STATUS")},
    "ISEG": {
        "XDIFF": ("ITEMS", "DIFF_POSTED"),
        "MBLNR": ("ITEMS", "MAT_DOC"),
        "MJAHR": ("ITEMS", "DOC_YEAR"),
    },
}
TABLES: Final = {
    "purchase_order": ("EKKO", "EKPO"),
    "sales_order": ("VBAK", "VBAP"),
    "production_order": ("AUFK", "AFKO", "AFPO"),
    "goods_receipt": ("MKPF", "MSEG"),
    "supplier_invoice": ("RBKP", "RSEG"),
    "stock_count": ("IKPF", "ISEG"),
    "journal_entry": ("BKPF", "BSEG"),
    "project": ("PROJ",),
    "wbs_element": ("PRPS",),
    "network": ("NETW",),
}
ROOTS: Final = {
    "purchase_order": "POHEADER",
    "sales_order": "ORDER_HEADERS_OUT",
    "production_order": "HEADER",
    "goods_receipt": "GOODSMVT_HEADER",
    "goods_issue": "GOODSMVT_HEADER",
    "supplier_invoice": "HEADERDATA",
    "stock_count": "HEAD",
    "journal_entry": "BKPF",
    "project": "PROJECT_DEFINITION",
    "wbs_element": "WBS_ELEMENT",
    "network": "NETWORK",
}


OBJECTS: Final = {"project": "PD", "wbs_element": "PR", "network": "OR"}
"""What the number of a status object begins with."""

BEFORE: Final = {
    "complete": "REL", "revoke_completion": "TECO", "close": "TECO", "reopen": "CLSD", "lock": "REL", "unlock": "LKD",
}  # fmt: skip
