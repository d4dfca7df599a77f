"""What the OData services offer: entity sets, their properties as real services describe them, and the columns behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from sandbox.sap import maintenance


@dataclass(frozen=True, slots=True)
class Property:
    """One property: its name, type without `Edm.`, length or precision and scale, column, whether it may be changed."""

    name: str
    kind: str
    size: str
    column: str
    is_updatable: bool


@dataclass(frozen=True, slots=True)
class EntitySet:
    """One entity set over one table."""

    name: str
    type: str
    table: str
    keys: tuple[str, ...]
    properties: tuple[Property, ...]
    version: str = ""  # the column that the ETag is made of; none: the set has no ETag
    many: tuple[tuple[str, str], ...] = ()  # navigation property and the set that it leads to
    can_be_deleted: bool = False

    def property(self, name: str) -> Property | None:
        """Return a property, or None."""
        return next((each for each in self.properties if each.name == name), None)


@dataclass(frozen=True, slots=True)
class ODataService:
    """One service: where it is, which version of the protocol it speaks, its sets and function imports."""

    path: str
    namespace: str
    version: int
    sets: tuple[EntitySet, ...]
    functions: tuple[str, ...] = ()
    function_key: str = ""  # the parameter that names the document
    function_type: str = ""  # what a function import tells
    by_name: dict[str, EntitySet] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Keep the sets by name, too."""
        object.__setattr__(self, "by_name", {each.name: each for each in self.sets})

    def url(self, *, base: str, tail: str = "") -> str:
        """Return an address in this service."""
        return f"{base}{self.path}/{tail}"


def _properties(said: str) -> tuple[Property, ...]:
    """Read `Name Type size COLUMN` with `!` behind a column that may be changed."""
    made = []
    for part in said.split(","):
        name, kind, size, column = part.split()
        made.append(Property(name, kind, size, column.rstrip("!"), column.endswith("!")))
    return tuple(made)


_ORDER: Final = _properties("""
    PurchaseOrder String 10 EBELN, CompanyCode String 4 BUKRS, PurchaseOrderType String 4 BSART,
    PurchasingDocumentDeletionCode String 1 LOEKZ, CreatedByUser String 12 ERNAM, CreationDate DateTime 0 AEDAT,
    LastChangeDateTime DateTimeOffset 7 CHANGED, Supplier String 10 LIFNR, PaymentTerms String 4 ZTERM!,
    PurchasingOrganization String 4 EKORG, PurchasingGroup String 3 EKGRP!, PurchaseOrderDate DateTime 0 BEDAT,
    DocumentCurrency String 5 WAERS
""")
_ORDER_ITEM: Final = _properties("""
    PurchaseOrder String 10 EBELN, PurchaseOrderItem String 5 EBELP,
    PurchasingDocumentDeletionCode String 1 LOEKZ, PurchaseOrderItemText String 40 TXZ01!,
    Plant String 4 WERKS, StorageLocation String 4 LGORT!, MaterialGroup String 9 MATKL,
    OrderQuantity Decimal 13.3 MENGE!, PurchaseOrderQuantityUnit String 3 MEINS,
    NetPriceAmount Decimal 12.3 NETPR!, NetPriceQuantity Decimal 5.0 PEINH, TaxCode String 2 MWSKZ!,
    OverdelivTolrtdLmtRatioInPct Decimal 3.1 UEBTO!, UnderdelivTolrtdLmtRatioInPct Decimal 3.1 UNTTO!,
    IsCompletelyDelivered Boolean 0 ELIKZ!, IsFinallyInvoiced Boolean 0 EREKZ!,
    PurchaseOrderItemCategory String 1 PSTYP, AccountAssignmentCategory String 1 KNTTP,
    GoodsReceiptIsExpected Boolean 0 WEPOS!, InvoiceIsExpected Boolean 0 REPOS!,
    RequisitionerName String 12 AFNAM!, Material String 40 MATNR
""")
_SALES: Final = _properties("""
    SalesOrder String 10 VBELN, SalesOrderType String 4 AUART, SalesOrganization String 4 VKORG,
    DistributionChannel String 2 VTWEG, OrganizationDivision String 2 SPART, SoldToParty String 10 KUNNR,
    CreationDate DateTime 0 ERDAT, CreatedByUser String 12 ERNAM, LastChangeDate DateTime 0 AEDAT,
    LastChangeDateTime DateTimeOffset 7 CHANGED, PurchaseOrderByCustomer String 35 BSTNK,
    SalesOrderDate DateTime 0 AUDAT, TotalNetAmount Decimal 16.3 NETWR, TransactionCurrency String 5 WAERK,
    RequestedDeliveryDate DateTime 0 VDATU, HeaderBillingBlockReason String 2 FAKSK!,
    DeliveryBlockReason String 2 LIFSK!, OverallSDProcessStatus String 1 GBSTK,
    OverallTotalDeliveryStatus String 1 LFSTK, OverallSDDocumentRejectionSts String 1 ABSTK
""")
_SALES_ITEM: Final = _properties("""
    SalesOrder String 10 VBELN, SalesOrderItem String 6 POSNR, SalesOrderItemCategory String 4 PSTYV,
    SalesOrderItemText String 40 ARKTX!, Material String 40 MATNR, RequestedQuantity Decimal 15.3 KWMENG!,
    RequestedQuantityUnit String 3 VRKME, TransactionCurrency String 5 WAERK, NetAmount Decimal 16.3 NETWR,
    ProductionPlant String 4 WERKS, SalesDocumentRjcnReason String 2 ABGRU!,
    ItemBillingBlockReason String 2 FAKSP!, SDProcessStatus String 1 GBSTA, DeliveryStatus String 1 LFSTA
""")
# Its statuses are not columns: `@` names a status of the order, told as X or nothing.
_PRODUCTION: Final = _properties("""
    ManufacturingOrder String 12 AUFNR, ManufacturingOrderType String 4 AUART,
    OrderIsCreated String 1 @I0001, OrderIsReleased String 1 @I0002,
    OrderIsTechnicallyCompleted String 1 @I0045, OrderIsClosed String 1 @I0046,
    OrderIsMarkedForDeletion String 1 @I0076,
    MfgOrderCreationDate DateTime 0 ERDAT, LastChangeDateTime String 14 CHANGED, Material String 40 PLNBEZ,
    ProductionPlant String 4 WERKS, MRPController String 3 DISPO, ProductionSupervisor String 3 FEVOR,
    ManufacturingObject String 22 OBJNR, MfgOrderPlannedStartDate DateTime 0 GSTRP,
    MfgOrderPlannedEndDate DateTime 0 GLTRP, ProductionUnit String 3 GMEIN, TotalQuantity Decimal 13.3 GAMNG
""")
_PRODUCTION_ITEM: Final = _properties("""
    ManufacturingOrder String 12 AUFNR, ManufacturingOrderItem String 4 POSNR, ManufacturingOrderType String 4 AUART,
    IsCompletelyDelivered Boolean 0 ELIKZ, Material String 40 MATNR, ProductionPlant String 4 WERKS,
    MfgOrderItemPlndDeliveryDate DateTime 0 GLTRP, ProductionUnit String 3 AMEIN,
    MfgOrderItemPlannedTotalQty Decimal 13.3 PSMNG, MfgOrderItemGoodsReceiptQty Decimal 13.3 WEMNG
""")

# Here the two are made of the statuses.
_MAINTENANCE: Final = _properties("""
    MaintenanceOrder String 12 AUFNR, MaintenanceOrderType String 4 AUART, MaintenanceOrderDesc String 40 KTEXT!,
    MaintOrdBasicStartDate DateTime 0 GSTRP, MaintenancePlant String 4 IWERK, Equipment String 18 EQUNR,
    MaintenanceOrderInternalID String 22 OBJNR, MaintOrdProcessPhaseCode String 2 @PHASE,
    SystemStatusText String 40 @TEXT, LastChangeByUser String 12 AENAM,
    LastChangeDateTime DateTimeOffset 0 CHANGED, CreatedByUser String 12 ERNAM
""")

_ITEM_KEYS: Final = ("PurchaseOrder", "PurchaseOrderItem")

SERVICES: Final = (
    ODataService(
        "/sap/opu/odata/sap/API_PURCHASEORDER_PROCESS_SRV",
        "API_PURCHASEORDER_PROCESS_SRV",
        2,
        (
            EntitySet(
                "A_PurchaseOrder",
                "A_PurchaseOrderType",
                "EKKO",
                ("PurchaseOrder",),
                _ORDER,
                many=(("to_PurchaseOrderItem", "A_PurchaseOrderItem"),),
            ),
            EntitySet(
                "A_PurchaseOrderItem",
                "A_PurchaseOrderItemType",
                "EKPO",
                _ITEM_KEYS,
                _ORDER_ITEM,
                can_be_deleted=True,
            ),
        ),
    ),
    ODataService(
        "/sap/opu/odata/sap/API_SALES_ORDER_SRV",
        "API_SALES_ORDER_SRV",
        2,
        (
            EntitySet(
                "A_SalesOrder",
                "A_SalesOrderType",
                "VBAK",
                ("SalesOrder",),
                _SALES,
                version="CHANGED",
                many=(("to_Item", "A_SalesOrderItem"),),
            ),
            EntitySet(
                "A_SalesOrderItem",
                "A_SalesOrderItemType",
                "VBAP",
                ("SalesOrder", "SalesOrderItem"),
                _SALES_ITEM,
            ),
        ),
    ),
    ODataService(
        "/sap/opu/odata/sap/API_PRODUCTION_ORDER_2_SRV",
        "API_PRODUCTION_ORDER_2_SRV",
        2,
        (
            EntitySet(
                "A_ProductionOrder_2",
                "A_ProductionOrder_2Type",
                "AUFK",
                ("ManufacturingOrder",),
                _PRODUCTION,
                version="CHANGED",
                many=(("to_ProductionOrderItem", "A_ProductionOrderItem_2"),),
            ),
            EntitySet(
                "A_ProductionOrderItem_2",
                "A_ProductionOrderItem_2Type",
                "AFPO",
                ("ManufacturingOrder", "ManufacturingOrderItem"),
                _PRODUCTION_ITEM,
            ),
        ),
        functions=("TechlyCmpltOrder", "CloseOrder"),
        function_key="ManufacturingOrder",
        function_type="FunctionMessage",
    ),
    ODataService(
        "/sap/opu/odata/sap/API_MAINTENANCEORDER;v=0002",
        "cds_api_maintenanceorder_2",
        2,
        (
            EntitySet(
                "MaintenanceOrder",
                "MaintenanceOrderType",
                "AFIH",
                ("MaintenanceOrder",),
                _MAINTENANCE,
            ),
        ),
        functions=maintenance.FUNCTIONS,
        function_key="MaintenanceOrder",
        function_type="DummyFunctionImportResult",
    ),
    ODataService(
        "/sap/opu/odata4/sap/api_purchaseorder_2/srvd_a2x/sap/purchaseorder/0001",
        "com.sap.gateway.srvd_a2x.api_purchaseorder_2.v0001",
        4,
        (
            EntitySet(
                "PurchaseOrder",
                "PurchaseOrder_Type",
                "EKKO",
                ("PurchaseOrder",),
                _ORDER,
                version="CHANGED",
                many=(("_PurchaseOrderItem", "PurchaseOrderItem"),),
            ),
            EntitySet(
                "PurchaseOrderItem",
                "PurchaseOrderItem_Type",
                "EKPO",
                _ITEM_KEYS,
                _ORDER_ITEM,
                version="CHANGED",
                can_be_deleted=True,
            ),
        ),
    ),
)
