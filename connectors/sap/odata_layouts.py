"""Which entity sets hold the records of a kind, and which of their properties are which fields of the BAPIs.

A document reads alike over both channels: models, keys and fields have the names of the BAPI that reads them. A
property that no field of the BAPI stands for keeps its own name. Maintenance orders have no other channel, so their
model and fields are those of their service.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from connectors.sap.layouts import (
    MAINTENANCE_ORDERS,
    PRODUCTION_ORDERS,
    PURCHASE_ORDERS,
    SALES_ORDERS,
)


@dataclass(frozen=True, slots=True)
class PartMap:
    """Where the records of one model come from.

    `sets` are the names of the entity set in the versions of the service; `keys` the properties of its key, that of the
    document first; `width` that to which a position is filled up; `names` has the fields that have another name in SAP's
    BAPI. `words` are properties that stand for a word each in the field `status`. With `has_rest` every other property
    is a field too.
    """

    model: str
    sets: tuple[str, ...]
    keys: tuple[str, ...]
    names: Mapping[str, str]
    width: int = 0
    words: Mapping[str, str] = field(default_factory=dict)
    status: str = ""
    has_rest: bool = True


_STATUS_WORDS: Final = {
    "OrderIsCreated": "CRTD", "OrderIsPartiallyReleased": "PREL", "OrderIsReleased": "REL",
    "OrderIsPartiallyConfirmed": "PCNF", "OrderIsConfirmed": "CNF", "OrderIsPartiallyDelivered": "PDLV",
    "OrderIsDelivered": "DLV", "OrderIsLocked": "LKD", "OrderIsTechnicallyCompleted": "TECO", "OrderIsClosed": "CLSD",
    "OrderIsMarkedForDeletion": "DLFL",
}  # fmt: skip

_SALES_HEAD: Final = ("A_SalesOrder", "SalesOrder")
_SALES_ITEM: Final = ("A_SalesOrderItem", "SalesOrderItem")

PARTS: Final[Mapping[str, tuple[PartMap, ...]]] = {
    PURCHASE_ORDERS.root.model: (
        PartMap(
            "POHEADER",
            ("A_PurchaseOrder", "PurchaseOrder"),
            ("PurchaseOrder",),
            {
                "PO_NUMBER": "PurchaseOrder", "COMP_CODE": "CompanyCode", "DOC_TYPE": "PurchaseOrderType",
                "DELETE_IND": "PurchasingDocumentDeletionCode", "CREATED_BY": "CreatedByUser",
                "CREAT_DATE": "CreationDate", "VENDOR": "Supplier", "PMNTTRMS": "PaymentTerms",
                "PURCH_ORG": "PurchasingOrganization", "PUR_GROUP": "PurchasingGroup",
                "DOC_DATE": "PurchaseOrderDate", "CURRENCY": "DocumentCurrency", "EXCH_RATE": "ExchangeRate",
                "OUR_REF": "CorrespncInternalReference",
            },
        ),
        PartMap(
            "POITEM",
            ("A_PurchaseOrderItem", "PurchaseOrderItem"),
            ("PurchaseOrder", "PurchaseOrderItem"),
            {
                "PO_ITEM": "PurchaseOrderItem", "DELETE_IND": "PurchasingDocumentDeletionCode",
                "SHORT_TEXT": "PurchaseOrderItemText", "MATERIAL": "Material", "PLANT": "Plant",
                "STGE_LOC": "StorageLocation", "MATL_GROUP": "MaterialGroup", "QUANTITY": "OrderQuantity",
                "PO_UNIT": "PurchaseOrderQuantityUnit", "ORDERPR_UN": "OrderPriceUnit",
                "CONV_NUM1": "OrderPriceUnitToOrderUnitNmrtr", "CONV_DEN1": "OrdPriceUnitToOrderUnitDnmntr",
                "NET_PRICE": "NetPriceAmount", "PRICE_UNIT": "NetPriceQuantity", "TAX_CODE": "TaxCode",
                "NO_MORE_GR": "IsCompletelyDelivered", "FINAL_INV": "IsFinallyInvoiced",
                "GR_IND": "GoodsReceiptIsExpected", "IR_IND": "InvoiceIsExpected", "RET_ITEM": "IsReturnsItem",
            },
            width=5,
        ),
    ),
    SALES_ORDERS.root.model: (
        PartMap(
            "ORDER_HEADERS_OUT",
            _SALES_HEAD,
            ("SalesOrder",),
            {
                "DOC_NUMBER": "SalesOrder", "DOC_TYPE": "SalesOrderType", "SALES_ORG": "SalesOrganization",
                "DISTR_CHAN": "DistributionChannel", "DIVISION": "OrganizationDivision", "SOLD_TO": "SoldToParty",
                "CREATED_BY": "CreatedByUser", "CH_ON": "LastChangeDate", "PURCH_NO": "PurchaseOrderByCustomer",
                "DOC_DATE": "SalesOrderDate", "NET_VAL_HD": "TotalNetAmount", "CURRENCY": "TransactionCurrency",
                "REQ_DATE_H": "RequestedDeliveryDate", "BILL_BLOCK": "HeaderBillingBlockReason",
                "DLV_BLOCK": "DeliveryBlockReason",
            },
        ),
        PartMap(
            "ORDER_ITEMS_OUT",
            _SALES_ITEM,
            ("SalesOrder", "SalesOrderItem"),
            {
                "ITM_NUMBER": "SalesOrderItem", "MATERIAL": "Material", "SHORT_TEXT": "SalesOrderItemText",
                "REQ_QTY": "RequestedQuantity", "SALES_UNIT": "RequestedQuantityUnit", "NET_VALUE": "NetAmount",
                "CURRENCY": "TransactionCurrency", "REA_FOR_RE": "SalesDocumentRjcnReason",
            },
            width=6,
        ),
        PartMap(
            "ORDER_STATUSHEADERS_OUT",
            _SALES_HEAD,
            ("SalesOrder",),
            {
                "PRC_STAT_H": "OverallSDProcessStatus", "DELIV_STAT": "OverallTotalDeliveryStatus",
                "OVERALLREJ": "OverallSDDocumentRejectionSts",
            },
            has_rest=False,
        ),
        PartMap(
            "ORDER_STATUSITEMS_OUT",
            _SALES_ITEM,
            ("SalesOrder", "SalesOrderItem"),
            {"OVRPROCSTA": "SDProcessStatus", "DELIV_STAT": "DeliveryStatus"},
            width=6,
            has_rest=False,
        ),
    ),
    PRODUCTION_ORDERS.root.model: (
        PartMap(
            "HEADER",
            ("A_ProductionOrder_2", "ProductionOrder"),
            ("ManufacturingOrder",),
            {
                "ORDER_NUMBER": "ManufacturingOrder", "ORDER_TYPE": "ManufacturingOrderType", "MATERIAL": "Material",
                "PRODUCTION_PLANT": "ProductionPlant", "MRP_CONTROLLER": "MRPController",
                "ENTER_DATE": "MfgOrderCreationDate", "START_DATE": "MfgOrderPlannedStartDate",
                "FINISH_DATE": "MfgOrderPlannedEndDate", "UNIT": "ProductionUnit",
                "TARGET_QUANTITY": "TotalQuantity", "CONFIRMED_QUANTITY": "MfgOrderConfirmedYieldQty",
            },
            words=_STATUS_WORDS,
            status="SYSTEM_STATUS",
        ),
        PartMap(
            "POSITION",
            ("A_ProductionOrderItem_2", "ProductionOrderItem"),
            ("ManufacturingOrder", "ManufacturingOrderItem"),
            {
                "ORDER_NUMBER": "ManufacturingOrder", "ORDER_ITEM_NUMBER": "ManufacturingOrderItem",
                "ORDER_TYPE": "ManufacturingOrderType", "MATERIAL": "Material", "PROD_PLANT": "ProductionPlant",
                "PLAN_PLANT": "Plant", "STORAGE_LOCATION": "StorageLocation", "BATCH": "Batch", "MRP_AREA": "MRPArea",
                "BASE_UNIT": "ProductionUnit", "QUANTITY": "MfgOrderItemPlannedTotalQty",
                "SCRAP": "MfgOrderItemPlannedScrapQty", "DELIVERED_QUANTITY": "MfgOrderItemGoodsReceiptQty",
                "PLANNED_DELIVERY_DATE": "MfgOrderItemPlndDeliveryDate",
                "ACTUAL_DELIVERY_DATE": "MfgOrderItemActualDeliveryDate", "DELIVERY_COMPL": "IsCompletelyDelivered",
            },
            width=4,
        ),
    ),
    MAINTENANCE_ORDERS.root.model: (
        PartMap("MaintenanceOrder", ("MaintenanceOrder",), ("MaintenanceOrder",), {}),
    ),
}  # fmt: skip
"""By the model of the document."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a service itself sorts out: documents of which a row of `model` meets a condition on some properties.

    `when_open` and `when_closed` give every document that is so, and perhaps others: each is still looked at. An
    empty one has no such condition.
    """

    model: str
    properties: tuple[str, ...]
    when_open: str
    when_closed: str = ""


_ENDED: Final = ("OrderIsTechnicallyCompleted", "OrderIsClosed", "OrderIsMarkedForDeletion")

PUSHED: Final[Mapping[str, Pushed]] = {
    "POHEADER": Pushed(
        "POITEM",
        ("IsCompletelyDelivered", "PurchasingDocumentDeletionCode"),
        "IsCompletelyDelivered eq false and PurchasingDocumentDeletionCode eq ''",
    ),
    "ORDER_HEADERS_OUT": Pushed(
        "ORDER_STATUSHEADERS_OUT", ("OverallSDProcessStatus",), "OverallSDProcessStatus ne 'C'"
    ),
    "HEADER": Pushed(
        "HEADER",
        _ENDED,
        " and ".join(f"{name} eq ''" for name in _ENDED),
        " or ".join(f"{name} eq 'X'" for name in _ENDED),
    ),
}
"""By the model of the document."""

LAYOUTS: Final = (PURCHASE_ORDERS, SALES_ORDERS, PRODUCTION_ORDERS, MAINTENANCE_ORDERS)
"""What can be read over OData."""

STAMPS: Final = frozenset(
    {"LastChangeDateTime", "LastChangeDate", "LastChangedByUser", "LastChangeByUser", "LastChangeTime"}
)  # fmt: skip
"""Properties that SAP sets anew with every change, the way back included."""
